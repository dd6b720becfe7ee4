"""Of the two doors: an authoriser can stand before the one, and the other has a worst month."""

import copy
import re
from typing import Any

import pytest

from benchmarks.open_route import SECONDS, worst_month
from tests.stack import TEMPLATE, load, template
from tests.template.views import Json, View, broken, current

ROOT = TEMPLATE.parent
PROXY = "/{proxy+}"
WEBHOOK = "/webhooks/{provider}/{job_id}/{token}"


def fragment() -> Json:
    """Return the fragment of docs/api.md."""
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    return load(text)


def merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    """Add to a template what a fragment has, as its reader is told to."""
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            merge(into[name], value)
        else:
            into[name] = value


def security(view: View, path: str) -> dict[str, set[str]]:
    """Return what each method of a path asks for."""
    (api,) = view.of("AWS::ApiGateway::RestApi").values()
    return {
        method: {name for one in said.get("security", []) for name in one}
        for method, said in api["Body"]["paths"][path].items()
        if method != "options"
    }


def test_the_key_stands_before_the_jobs_api() -> None:
    """Before each method, and before no webhook."""
    assert set(map(frozenset, security(current(), PROXY).values())) == {frozenset({"api_key"})}
    assert security(current(), WEBHOOK) == {"post": set()}


def test_an_authoriser_can_stand_before_the_jobs_api() -> None:
    """With the fragment every method asks for both, and webhooks still come through."""
    view = broken(lambda source: merge(source, fragment()))

    asked = security(view, PROXY)
    assert set(asked) == set(security(current(), PROXY))
    assert set(map(frozenset, asked.values())) == {frozenset({"api_key", "People"})}
    assert security(view, WEBHOOK) == {"post": set()}


def test_a_forgotten_method_is_found() -> None:
    """The check above sees a method without the authoriser, and an authoriser before webhooks."""
    other = copy.deepcopy(fragment())
    del other["Resources"]["ApiFunction"]["Properties"]["Events"]["Patch"]
    without = broken(lambda source: merge(source, other))
    other["Resources"]["Api"]["Properties"]["Auth"]["DefaultAuthorizer"] = "People"
    default = broken(lambda source: merge(source, other))

    assert security(without, PROXY)["patch"] == {"api_key"}
    assert security(default, WEBHOOK) == {"post": {"People"}}


def test_operations_names_the_worst_month() -> None:
    """Its parts and its sum, for the route's limit by default."""
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    limit = template()["Parameters"]["EachlabsMaxConcurrent"]["Default"]
    usd = worst_month(limit)
    rows = {
        "API Gateway": usd["api_gateway_rest_request"],
        "Lambda, 20 ms at 0.5 GB each": usd["lambda_request"] + usd["lambda_gb_second_arm64"],
        "logs, 1.5 KB each": usd["logs_gb"],
        "reads, and one metric": usd["dynamodb_read_unit"] + usd["cloudwatch_metric"],
    }

    for what, price in rows.items():
        assert f"| {what} | ${price:.2f} |" in text
    assert f"**${sum(usd.values()):.2f}**" in text
    assert f"{limit * SECONDS / 1e6:.1f} million calls at the defaults ({limit} a second)" in text


def test_the_limit_leaves_room_for_repetitions() -> None:
    """By default it is nine times what can end in a second at the expected length."""
    said = {name: one["Default"] for name, one in template()["Parameters"].items()}

    ends = min(
        said["EachlabsMaxConcurrent"] / said["EachlabsExpectedSeconds"],
        said["EachlabsMaxPerMinute"] / 60,
    )
    assert said["EachlabsMaxConcurrent"] / ends == pytest.approx(9, abs=1)
