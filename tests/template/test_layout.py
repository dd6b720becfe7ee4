import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.stack import TEMPLATE
from tests.template.pins import GROUPS, drift, pins, unhashed, wanted
from tests.template.views import current

ROOT = TEMPLATE.parent
LAYERS = [name for name in GROUPS if name.startswith("layers/")]
# In brackets, so that this file does not name what it looks for.
REGISTRIES = r"p[y]pi\.(org|io)|python[h]osted\.org|np[m]js\.(org|com)|[a-z]factory\."
HOMES = r"(?<![\w.:/])/(home|root|Users|work)/\w|[A-Z]:\\Users"
OF_THIS_MACHINE = re.compile(f"{REGISTRIES}|{HOMES}")


def entries(folder: str) -> set[str]:
    """Return what is in a folder, besides Python's cache."""
    return {path.name for path in (ROOT / folder).iterdir()} - {"__pycache__"}


def test_layers_ship_nothing_else() -> None:
    """Everything in a layer's folder is shipped, so nothing else may lie there."""
    assert entries("layers") == {"core", "imaging"}
    assert entries("layers/core") == {"requirements.txt", "cutout"}
    assert entries("layers/imaging") == {"requirements.txt"}


def test_functions_are_one_file_each() -> None:
    """Each folder holds one app.py and belongs to one function of the template."""
    deployed = [
        resource["Properties"]["CodeUri"]
        for resource in current().written.values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]

    assert sorted(deployed) == sorted(f"functions/{name}" for name in entries("functions"))
    assert {name: entries(name) for name in deployed} == {name: {"app.py"} for name in deployed}


def test_all_requirements_files_are_known() -> None:
    """Each compiled file is checked below."""
    found = {str(p.relative_to(ROOT)) for p in tracked() if p.match("requirements*.txt")}

    assert found == set(GROUPS)


@pytest.mark.parametrize("file", GROUPS)
def test_requirements_are_hashed(file: str) -> None:
    """A compiled file holds pins and hashes: no index, no address, no option."""
    assert list(unhashed((ROOT / file).read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "line", ["httpx==0.28.1", "httpx==0.28.1 \\", "--index-url=https://x", "a @ https://x", "-r b"]
)
def test_unhashed_line_is_found(line: str) -> None:
    """The check above fails on anything else."""
    assert list(unhashed(line))


@pytest.mark.parametrize("file", GROUPS)
def test_requirements_follow_the_project(file: str) -> None:
    """What pyproject.toml asks for is pinned, at a version that it allows."""
    text = (ROOT / file).read_text("utf-8")

    assert list(drift(wanted(ROOT, file), pins(text))) == []


def test_drift_is_found() -> None:
    """The check above fails on a missing pin and on a version that is not allowed."""
    asked = [Requirement("httpx>=0.28"), Requirement("Pillow>=13"), Requirement("a[b]>=1,<2")]

    found = list(drift(asked, {"httpx": "0.27.0", "a": "1.5"}))

    assert found == ["httpx>=0.28 is pinned to 0.27.0", "Pillow>=13 is not pinned"]


@pytest.mark.parametrize("file", LAYERS)
def test_layers_ship_what_is_tested(file: str) -> None:
    """Each layer has the very versions that the tests run with."""
    tested = pins((ROOT / "requirements-dev.txt").read_text("utf-8"))
    shipped = pins((ROOT / file).read_text("utf-8"))

    assert shipped
    assert shipped.items() - tested.items() == set()


def test_aws_sdk_is_not_shipped() -> None:
    """Boto3 comes with the runtime (docs/decisions/0003-layers.md)."""
    shipped = set().union(*(pins((ROOT / file).read_text("utf-8")) for file in LAYERS))

    assert shipped & {"boto3", "botocore"} == set()


def test_python_is_the_same_everywhere() -> None:
    """The runtime, the layers, the tools and this test run one version of Python."""
    version = (ROOT / ".python-version").read_text("ascii").strip()

    assert current().source["Globals"]["Function"]["Runtime"] == f"python{version}"
    assert f'requires-python = "=={version}.*"' in (ROOT / "pyproject.toml").read_text("utf-8")


def tracked() -> Iterator[Path]:
    """Yield the committed files that still exist."""
    git = shutil.which("git") or "git"
    command = [git, "-C", str(ROOT), "ls-files", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 our own command
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            yield ROOT / name


def test_files_name_no_machine() -> None:
    """No committed text names a package registry or a path of the machine it was written on."""
    found = []
    for path in tracked():
        content = path.read_bytes()
        if b"\0" not in content:
            hit = OF_THIS_MACHINE.search(content.decode())
            found += [f"{path.relative_to(ROOT)}: {hit[0]}"] if hit else []

    assert found == []


@pytest.mark.parametrize(
    "text",
    ["https:--pypi,org-simple", "-home-me-x", "open('-root-x')", "=-Users-me", "C:+Users+me"],
)
def test_machine_is_found(text: str) -> None:
    """The check above fails on registries and on paths of people's machines."""
    assert OF_THIS_MACHINE.search(text.translate(str.maketrans("-,+", "/.\\")))


def test_ci_runs_the_readme_command() -> None:
    """CI runs `make test` and nothing else, as the README tells people to."""
    lines = (ROOT / ".ci/run").read_text("utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]

    assert commands == ["exec make test"]
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    assert "make test" in (ROOT / "README.md").read_text("utf-8")


def test_help_lists_every_target() -> None:
    """`make help` shows each target that has a `##` comment."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    described = re.findall(r"^([\w.-]+):[^=\n]*## ", makefile, re.MULTILINE)
    make = shutil.which("make") or "make"

    command = [make, "-s", "-C", str(ROOT), "--no-print-directory", "help"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 our own

    assert [line.split()[0] for line in shown.stdout.splitlines()] == described
