"""The examples and the OpenAPI document, as far as they can be checked without a stack."""

import json
from typing import Any

import pytest
from cfnlint import api
from samcli.yamlhelper import yaml_parse

from cutout.adapters.messages import EVENT_SOURCE
from cutout.api.problems import Problem
from cutout.api.routes import _METHODS
from cutout.models import Lane, Requested
from local import openapi
from tests.conftest import EVENTS
from tests.stack import TEMPLATE, properties

EXAMPLES = TEMPLATE.parent / "examples"
DOCUMENT: dict[str, Any] = openapi.document()


def test_the_document_is_what_the_routes_say() -> None:
    """After a change of a route: make openapi."""
    assert json.loads(openapi.PATH.read_text("utf-8")) == DOCUMENT


def test_the_document_has_every_route() -> None:
    """And the router's 405 knows the same methods."""
    for path, operations in DOCUMENT["paths"].items():
        plain = path.replace("{job_id}", "0")
        allowed = [said for form, said in _METHODS.items() if form.fullmatch(plain)]

        assert [", ".join(sorted(map(str.upper, operations)))] == allowed


def test_every_route_documents_its_refusals() -> None:
    """As problems, and never as a 500."""
    for operations in DOCUMENT["paths"].values():
        for operation in operations.values():
            for status, said in operation["responses"].items():
                expected = "application/json" if status < "300" else "application/problem+json"
                assert list(said["content"]) == [expected]
                assert status != "500"


def test_the_gateway_refuses_in_the_same_form() -> None:
    """What API Gateway answers itself is a problem, too."""
    for said in properties("Api")["GatewayResponses"].values():
        problem = Problem.model_validate_json(said["ResponseTemplates"]["application/json"])
        assert problem.status == said["StatusCode"]
        assert problem.type == f"urn:cutout:problem:{problem.code}"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_fragments_pass_the_linter(path: Any) -> None:
    """As they are, without a change."""
    assert [str(match) for match in api.lint_file(path)] == []


def test_the_webhook_is_told_every_end() -> None:
    """Each sample of an end, and nothing else; what it does not take is kept."""
    text = (EXAMPLES / "events-to-webhook.yaml").read_text("utf-8")
    rule = yaml_parse(text)["Resources"]["WebhookRule"]["Properties"]
    (target,) = rule["Targets"]
    samples = [json.loads(path.read_text("utf-8")) for path in (EVENTS / "out").glob("job_*.json")]

    assert set(rule["EventPattern"]["detail-type"]) == {one["detail-type"] for one in samples}
    assert rule["EventPattern"]["source"] == [EVENT_SOURCE]
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["UndeliveredEvents", "Arn"]}
    assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 86_400


def test_the_request_is_one() -> None:
    """Its detail is what `submit` takes."""
    (entry,) = json.loads((EXAMPLES / "request.json").read_text("utf-8"))

    assert entry["DetailType"] == "Cutout Requested"
    assert Requested.model_validate_json(entry["Detail"]).lane is Lane.BACKFILL
