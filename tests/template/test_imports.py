import pytest

from tests.stack import TEMPLATE
from tests.template.imports import modules, problems, public_names

ROOT = TEMPLATE.parent
MODULES = dict(modules(ROOT))
APPS = {path: code for path, code in MODULES.items() if path.startswith("functions/")}


@pytest.mark.parametrize("path", MODULES)
def test_module_imports_only_inwards(path: str) -> None:
    """A module imports what STYLE 5 lets its part import; nobody asserts or prints."""
    assert list(problems(path, MODULES[path])) == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("functions/submit/app.py", "from cutout.adapters import s3"),
        ("functions/submit/app.py", "from cutout import keys"),
        ("functions/submit/app.py", "import boto3"),
        ("functions/submit/app.py", "from functions.store import app"),
        ("functions/submit/app.py", "from . import app"),
        ("services/storing.py", "from cutout.adapters.s3 import S3ImageStore"),
        ("services/storing.py", "from cutout import bootstrap"),
        ("services/storing.py", "def f():\n    import httpx"),
        ("services/storing.py", "from os import environ"),
        ("services/storing.py", "assert True"),
        ("services/storing.py", "print('x')"),
        ("adapters/s3.py", "from cutout.services import storing"),
        ("adapters/s3.py", "import httpx"),
        ("adapters/s3.py", "from PIL import Image"),
        ("adapters/imaging.py", "import os.path"),
        ("providers/eachlabs.py", "from cutout.adapters.work import S3WorkStore"),
        ("providers/eachlabs.py", "import botocore.config"),
        ("providers/eachlabs.py", "from cutout.settings import Settings"),
        ("keys.py", "from cutout.settings import Settings"),
        ("models.py", "from cutout.observability import logger"),
        ("new.py", "from cutout.services.storing import Storing"),
        ("bootstrap.py", "import functions.submit.app"),
        ("bootstrap.py", "from local import deploy"),
    ],
)
def test_outward_import_is_found(path: str, code: str) -> None:
    """The check above fails on each kind of import that leads outwards."""
    assert list(problems(path, code))


@pytest.mark.parametrize("path", APPS)
def test_function_is_thin(path: str) -> None:
    """A function's file has at most 40 lines, and one public name."""
    assert len(APPS[path].splitlines()) <= 40
    assert public_names(APPS[path]) == {"lambda_handler"}


def test_other_public_names_are_found() -> None:
    """The check above sees functions, classes, constants and type aliases; a _name is private."""
    code = "A = 1\nB: int = 2\nclass C: ...\ndef d(): ...\nasync def e(): ...\ntype F = int\n_g = 0"

    assert public_names(code) == {"A", "B", "C", "d", "e", "F"}
