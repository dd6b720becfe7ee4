"""What `make deploy` begins with, and what it refuses to touch."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from samcli.yamlhelper import yaml_parse

from local.console import LocalError
from tests.stack import TEMPLATE
from tools.account import Account, connect
from tools.deploy import __main__ as tool
from tools.deploy import sam
from tools.deploy.answers import answers, deployed
from tools.terminal import CannotError

REGION = "eu-central-1"
STACK = "shop"


@pytest.fixture
def account() -> Account:
    """Return an account that no call leaves."""
    session = boto3.session.Session(region_name=REGION)
    return Account(session=session, region=REGION)


@pytest.fixture
def cloudformation(account: Account) -> Iterator[Stubber]:
    """Return the script of what CloudFormation answers."""
    with Stubber(account.client("cloudformation")) as script:
        yield script


def stack(status: str, **parameters: str) -> dict[str, Any]:
    """Return a stack as CloudFormation describes it."""
    said = [{"ParameterKey": name, "ParameterValue": text} for name, text in parameters.items()]
    one = {"StackName": STACK, "CreationTime": 0, "StackStatus": status, "Parameters": said}
    return {"Stacks": [one]}


@pytest.mark.parametrize(
    "status",
    ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "CREATE_FAILED"],
)
def test_reads_what_a_stack_has(account: Account, cloudformation: Stubber, status: str) -> None:
    """Empty values as well."""
    found = stack(status, BucketName="photos", InputPrefix="")
    cloudformation.add_response("describe_stacks", found, {"StackName": STACK})

    assert deployed(account, STACK) == {"BucketName": "photos", "InputPrefix": ""}


def test_a_stack_that_is_not_there_has_nothing(account: Account, cloudformation: Stubber) -> None:
    """Nor has one whose first change set was looked at and never executed."""
    cloudformation.add_client_error("describe_stacks", "ValidationError", "does not exist")
    cloudformation.add_response("describe_stacks", stack("REVIEW_IN_PROGRESS"))

    assert deployed(account, STACK) is None
    assert deployed(account, STACK) is None


@pytest.mark.parametrize(
    ("status", "way_out"),
    [
        ("CREATE_IN_PROGRESS", "Wait until it ended"),
        ("UPDATE_IN_PROGRESS", "Wait until it ended"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "Wait until it ended"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "Wait until it ended"),
        ("DELETE_IN_PROGRESS", "Wait until it ended"),
        ("ROLLBACK_COMPLETE", "delete-stack --stack-name shop"),
        ("ROLLBACK_FAILED", "delete-stack --stack-name shop"),
        ("DELETE_FAILED", "delete-stack --stack-name shop"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name shop"),
    ],
)
def test_a_stack_that_cannot_be_updated_is_named_with_the_way_out(
    account: Account, cloudformation: Stubber, status: str, way_out: str
) -> None:
    """Before anything is built."""
    cloudformation.add_response("describe_stacks", stack(status))

    with pytest.raises(CannotError, match=way_out) as raised:
        deployed(account, STACK)

    assert f"The stack shop is {status}" in str(raised.value)


def test_the_stack_has_the_word_before_the_template() -> None:
    """And the command line before both; what the template lost is left out, what is new is there.

    An empty value of the stack is a value.
    """
    declared = {"BucketName": "", "ExcludePaths": "*.part", "Architecture": "arm64", "New": "7"}
    found = {"BucketName": "photos", "ExcludePaths": "", "Architecture": "x86_64", "Lost": "1"}

    assert answers(found, declared, {}) == {
        "BucketName": "photos",
        "ExcludePaths": "",
        "Architecture": "x86_64",
        "New": "7",
    }
    assert answers(found, declared, {"Architecture": "arm64"})["BucketName"] == "photos"
    assert answers(found, declared, {"BucketName": ""})["BucketName"] == ""
    assert answers(None, declared, {}) == declared


def test_a_mistyped_parameter_is_no_answer() -> None:
    """It would be left out in silence."""
    with pytest.raises(LocalError, match="no parameter Bucketname"):
        answers(None, {"BucketName": ""}, {"Bucketname": "photos"})


@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")  # SAM of SAM
def test_what_is_deployed_takes_no_other_architecture(tmp_path: Path) -> None:
    """The layers hold compiled code; an empty answer stays one."""
    built = tmp_path / "template.yaml"
    built.write_text(TEMPLATE.read_text("utf-8"), "utf-8")

    path = sam.told(built, {"Architecture": "x86_64", "ResultsPrefix": "", "OutputFormat": "webp"})

    before, after = (yaml_parse(one.read_text("utf-8"))["Parameters"] for one in (built, path))
    changed = {name: after[name] for name in after if after[name] != before[name]}
    assert path.parent == built.parent  # paths in it are relative to where it is
    assert changed.keys() == {"Architecture", "ResultsPrefix"}
    assert changed["Architecture"]["AllowedValues"] == ["x86_64"]
    assert changed["ResultsPrefix"]["Default"] == ""


def test_the_shared_configuration_holds_no_answers() -> None:
    """They would be somebody's, and old."""
    shared = tomllib.loads((TEMPLATE.parent / "samconfig.toml").read_text("utf-8"))["default"]
    said = {name for command in shared.values() for name in command["parameters"]}

    assert said & {"parameter_overrides", "region", "profile", "s3_bucket", "s3_prefix"} == set()


def test_without_credentials_nothing_is_deployed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the sentence says what to do."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "SECURITY_TOKEN"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")

    assert tool.main([STACK]) == 2
    assert "There are no credentials for AWS" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ExpiredToken", "does not take your credentials"),
        ("AccessDenied", "allow yourself cloudformation:DescribeStacks"),
        ("ServiceUnavailable", "could not be asked"),
    ],
)
def test_a_stack_that_cannot_be_seen_is_not_deployed(
    account: Account,
    cloudformation: Stubber,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    code: str,
    words: str,
) -> None:
    """The template's defaults would take its bucket away."""
    monkeypatch.setattr(tool, "connect", lambda **_: account)
    cloudformation.add_client_error("describe_stacks", code)

    assert tool.main([STACK]) == 2
    said = capsys.readouterr().out
    assert words in said
    assert "Nothing was deployed" in said


def test_region_of_the_environment_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the AWS CLI does it; what is said to the tool comes first."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    monkeypatch.setenv("AWS_REGION", "eu-west-2")

    assert connect().region == "eu-west-2"
    assert connect(region="eu-west-1").region == "eu-west-1"
