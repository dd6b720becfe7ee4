from pathlib import Path
from typing import Any

import pytest
from cfnlint import api
from samcli.commands.deploy.auth_utils import auth_per_resource
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

from tests.stack import TEMPLATE, template
from tests.template.graph import circle
from tests.template.views import Json, View, broken


def test_linter_finds_nothing() -> None:
    """Cfn-lint, which `sam validate --lint` runs, has nothing to say about template.yaml."""
    found = api.lint_file(TEMPLATE)

    assert [str(match) for match in found] == []


def test_linter_would_find_something(tmp_path: Path) -> None:
    """The check above fails on a property that does not exist."""
    text = TEMPLATE.read_text("utf-8")
    wrong = tmp_path / "template.yaml"
    wrong.write_text(text.replace("SqsManagedSseEnabled", "SqsManagedSesEnabled", 1), "utf-8")

    found = api.lint_file(wrong)

    assert [match.rule.id for match in found] == ["E3002"]


def test_translates_without_a_circle() -> None:
    """SAM accepts the template, and no two of its resources wait for each other."""
    assert circle(View(template()).resources) == []


def unprotected(path: Path) -> list[str]:
    """Return the functions of which `sam deploy --guided` asks whether they may be public."""
    stacks, _ = SamLocalStackProvider.get_stacks(str(path))
    return [name for name, protected in auth_per_resource(stacks) if not protected]


@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")  # SAM of SAM
def test_guided_deployment_asks_nothing_odd(tmp_path: Path) -> None:
    """Its default answer to that question is no, which would end the deployment."""
    text = TEMPLATE.read_text("utf-8")
    silent = tmp_path / "template.yaml"
    silent.write_text(text.replace("Auth: {ApiKeyRequired: false}", ""), "utf-8")

    assert unprotected(TEMPLATE) == []
    assert unprotected(silent) == ["WebhookFunction"]


def notify_directly(source: Json) -> None:
    """Replace EventBridge by a notification of the bucket, whose policy names the bucket."""
    direct = {
        "Type": "S3",
        "Properties": {"Bucket": {"Ref": "ImagesBucket"}, "Events": "s3:ObjectCreated:*"},
    }
    source["Resources"]["SubmitFunction"]["Properties"]["Events"] = {"Direct": direct}


def wait_for_each_other(source: Json) -> None:
    """Have the table wait for the work bucket, and the other way round."""
    source["Resources"]["JobsTable"]["DependsOn"] = "WorkBucket"
    source["Resources"]["WorkBucket"]["DependsOn"] = ["JobsTable"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (notify_directly, {"ImagesBucket"}),
        (wait_for_each_other, {"JobsTable", "WorkBucket"}),
    ],
)
def test_circle_is_found(change: Any, expected: set[str]) -> None:
    """A circle that linters let pass is found, through references and through DependsOn."""
    found = circle(broken(change).resources)

    assert set(found) >= expected
