"""The SAM CLI's own questions, asked against a closed endpoint."""

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from local import parameters
from tests.stack import TEMPLATE
from tools.account import Account
from tools.deploy import __main__ as tool
from tools.deploy import sam

pytestmark = pytest.mark.integration

REGION = "eu-central-1"
QUESTION = re.compile(r"\t(?:\x1b\[\d+m)?([\w ]+?)(?:\x1b\[\d+m)? \[(.*?)\]: ")
FOUND = {
    "BucketName": "photos-of-the-shop",
    "Architecture": "x86_64",
    "IncludePaths": "photos/*.jpg, other places/*.png",
    "ResultSuffix": "-cut",
    "EachlabsPriceUsd": "0.02",
    "ResultsPrefix": "",  # the template's default is not empty
    "Forgotten": "a parameter of an older version",
}


@pytest.fixture
def only_enter() -> Iterator[None]:
    """Have a person at the terminal who takes every default."""
    real = os.dup(0)
    with tempfile.TemporaryFile() as keys:
        keys.write(b"\n" * 200)
        keys.seek(0)
        os.dup2(keys.fileno(), 0)
        yield
    os.dup2(real, 0)
    os.close(real)


class Bench:
    """A deployment in which building is left out."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.built_for: list[str] = []
        self.found: dict[str, str] | None = None

    def build(self, architecture: str) -> int:
        """Leave a template where `sam build` does."""
        self.built_for.append(architecture)
        (self.directory / "template.yaml").write_text(TEMPLATE.read_text("utf-8"), "utf-8")
        return 0


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, only_enter: None) -> Bench:
    """Return a deployment to an AWS that does not answer."""
    made = Bench(tmp_path)
    session = boto3.session.Session(region_name=REGION)
    monkeypatch.setattr(tool, "connect", lambda **_: Account(session=session, region=REGION))
    monkeypatch.setattr(tool, "deployed", lambda *_: made.found)
    monkeypatch.setattr(sam, "build", made.build)
    monkeypatch.setattr(sam, "BUILT", tmp_path / "template.yaml")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return made


def asked(capfd: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return the questions and the answers that SAM offered."""
    return dict(QUESTION.findall(capfd.readouterr().out))


def test_every_question_begins_with_what_the_stack_has(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever the template says, and built for the stack's architecture."""
    shared = (TEMPLATE.parent / "samconfig.toml").read_bytes()
    bench.found = FOUND

    code = tool.main(["shop"])

    questions = asked(capfd)
    expected = parameters.declared(TEMPLATE) | FOUND
    del expected["Forgotten"]
    assert code == 1  # nobody is there to deploy to
    assert {
        f"Parameter {name}": said for name, said in expected.items()
    }.items() <= questions.items()
    assert (questions["Stack Name"], questions["AWS Region"]) == ("shop", REGION)
    assert questions["SAM configuration file"] == str(bench.directory / "samconfig.toml")
    assert bench.built_for == ["x86_64"]
    assert (TEMPLATE.parent / "samconfig.toml").read_bytes() == shared


def test_one_answer_on_the_command_line_changes_that_one(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    """The bucket stays what it is, and the build follows."""
    bench.found = FOUND

    tool.main(["shop", "--architecture", "arm64", "--params", "IncludePaths="])

    questions = asked(capfd)
    assert questions["Parameter Architecture"] == "arm64"
    assert questions["Parameter IncludePaths"] == ""
    assert questions["Parameter BucketName"] == "photos-of-the-shop"
    assert bench.built_for == ["arm64"]


def test_a_first_deployment_begins_with_the_template(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    """And says so."""
    tool.main(["shop"])

    said = capfd.readouterr().out
    questions = dict(QUESTION.findall(said))
    assert "There is no stack shop in eu-central-1 yet" in said
    assert questions["Parameter BucketName"] == ""
    assert questions["Parameter ResultsPrefix"] == "cutouts/"
    assert bench.built_for == ["arm64"]
