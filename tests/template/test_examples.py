"""The examples and the OpenAPI document, as far as they can be checked without a stack."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from cfnlint import api
from moto.events.models import EventPattern
from samcli.yamlhelper import yaml_parse

from cutout.adapters.messages import EVENT_SOURCE
from cutout.api.problems import Problem
from cutout.api.routes import _METHODS
from cutout.models import Lane, Requested
from local import openapi
from tests.conftest import EVENTS
from tests.stack import TEMPLATE, Loader, properties

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


def test_what_was_replaced_is_invalidated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its path as CloudFront has it, and once for an event that comes twice."""
    template: Any = yaml.load((EXAMPLES / "events-to-cloudfront.yaml").read_text("utf-8"), Loader)  # noqa: S506 it derives from SafeLoader
    code = template["Resources"]["Invalidate"]["Properties"]["Code"]["ZipFile"]
    sent: list[dict[str, Any]] = []
    client = SimpleNamespace(create_invalidation=lambda **request: sent.append(request))
    monkeypatch.setattr("boto3.client", lambda _: client)
    monkeypatch.setenv("DISTRIBUTION_ID", "E123")
    scope: dict[str, Any] = {}
    exec(compile(code, "index.py", "exec"), scope)  # noqa: S102 the example's own code
    event = json.loads((EXAMPLES.parent / "events/out/job_succeeded.json").read_text("utf-8"))
    event["detail"]["result"]["key"] = "a/gr\u00fc\u00dfe 50% *.cutout.png"

    for _ in range(2):
        scope["handler"](event, None)

    first, second = sent
    assert first == second
    assert first["DistributionId"] == "E123"
    assert first["InvalidationBatch"]["Paths"]["Items"] == [
        "/a/gr%C3%BC%C3%9Fe%2050%25%20%2A.cutout.png"
    ]


@pytest.mark.parametrize(("replaced", "told"), [(None, False), ("5d41402abc4b2a76", True)])
def test_only_what_was_replaced_is_invalidated(replaced: str | None, *, told: bool) -> None:
    """The rule is matched by moto as EventBridge matches it."""
    template: Any = yaml.load((EXAMPLES / "events-to-cloudfront.yaml").read_text("utf-8"), Loader)  # noqa: S506 the same
    pattern = template["Resources"]["ReplacedRule"]["Properties"]["EventPattern"]
    event = json.loads((EXAMPLES.parent / "events/out/job_succeeded.json").read_text("utf-8"))
    event["detail"]["result"]["replaced_etag"] = replaced

    assert EventPattern.load(json.dumps(pattern)).matches_event(event) is told


def test_the_request_is_one() -> None:
    """Its detail is what `submit` takes."""
    (entry,) = json.loads((EXAMPLES / "request.json").read_text("utf-8"))

    assert entry["DetailType"] == "Cutout Requested"
    assert Requested.model_validate_json(entry["Detail"]).lane is Lane.BACKFILL
