import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import deploy, parameters
from local.processes import locked
from tests.stack import TEMPLATE, template
from tests.template.views import names_in

pytestmark = pytest.mark.integration

BUILD = TEMPLATE.parent / ".aws-sam" / "local"
# boto3 comes with the runtime; all of them cost time, and are loaded when an event needs them, but
# for the parser's models, which nothing needs.
LATE = [
    *("boto3", "botocore", "httpx", "cutout.settings", "PIL", "pillow_heif"),
    "aws_lambda_powertools.utilities.parser.models",
]
PROGRAM = """
import json, sys
sys.path[:0] = sys.argv[2:]
import app
late = [name for name in json.loads(sys.argv[1]) if name in sys.modules]
print(json.dumps({"callable": callable(app.lambda_handler), "late": late, "file": app.__file__}))
"""


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Path]:
    """Return the build of the sources as they are, which nobody changes meanwhile."""
    architecture = parameters.architecture()
    stamp = BUILD / "fingerprint"
    with locked(BUILD.parent / "local.lock"):
        current = deploy.fingerprint(architecture)
        if not (stamp.exists() and stamp.read_text("ascii") == current):
            deploy._build(tmp_path, architecture)  # noqa: SLF001 the build that `make up` uses
            stamp.write_text(current, "ascii")
        yield BUILD


FUNCTIONS = {
    name: resource["Properties"]
    for name, resource in template()["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}


def places(build: Path, function: str) -> list[str]:
    """Return where Lambda looks for a function's modules: its folder, then its layers."""
    common = template()["Globals"]["Function"]["Layers"]
    layers = names_in([*common, *FUNCTIONS[function].get("Layers", [])])
    return [str(build / function), *(str(build / layer / "python") for layer in sorted(layers))]


def load(paths: list[str]) -> "subprocess.CompletedProcess[str]":
    """Import app where nothing is installed but the paths."""
    command = [sys.executable, "-I", "-S", "-c", PROGRAM, json.dumps(LATE), *paths]
    return subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 our own


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_is_complete(function: str, build: Path) -> None:
    """A built function with its layers imports, and loads nothing that can wait."""
    done = load(places(build, function))

    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer == {
        "callable": True,
        "late": [],
        "file": str(build / function / "app.py"),
    }


def test_incomplete_function_is_found(build: Path) -> None:
    """The check above fails when the layer is missing."""
    done = load([str(build / "SubmitFunction")])

    assert done.returncode != 0
    assert "ModuleNotFoundError" in done.stderr


def test_early_import_is_found(build: Path, tmp_path: Path) -> None:
    """The check above sees what an app loads too early."""
    (tmp_path / "app.py").write_text("import httpx\ndef lambda_handler(): ...\n", "utf-8")

    done = load([str(tmp_path), str(build / "CoreLayer" / "python")])

    assert json.loads(done.stdout)["late"] == ["httpx"]


def test_imaging_layer_is_complete(build: Path) -> None:
    """The imaging layer reads and writes every format that is taken, without anything else."""
    program = """
import sys
sys.path[:0] = sys.argv[1:]
import pillow_heif
from PIL import features
print(all(features.check(name) for name in ("jpg", "zlib", "webp")))
"""
    layer = str(build / "ImagingLayer" / "python")
    command = [sys.executable, "-I", "-S", "-c", program, layer]

    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 our own

    assert done.stdout.strip() == "True", done.stderr
