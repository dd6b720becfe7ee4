"""What the log says, what it keeps to itself, and which metrics stand in it."""

import io
import json
import logging
import re
from typing import Any

import httpx
import pytest

from cutout.adapters.aws import s3_client
from cutout.observability import ALARMED, NAMESPACE, EmfMetrics, logger
from cutout.providers.http import new_client
from tests.e2e.leaks import leaks


def test_libraries_tell_no_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """With `LogLevel` DEBUG Lambda sets the root logger to it, and so boto's and httpx's."""
    caplog.set_level(logging.DEBUG)
    params = {"Bucket": "images", "Key": "shoe.jpg"}

    url = s3_client().generate_presigned_url("get_object", Params=params)
    with new_client(httpx.MockTransport(lambda _: httpx.Response(200))) as http:
        http.get(url, headers={"X-API-Key": "key-of-a-provider"})

    secrets = {"key": "key-of-a-provider", "query": url.partition("?")[2]}
    assert logging.getLogger().level == logging.DEBUG
    assert list(leaks(caplog.text, secrets, set())) == []


def sent(metrics: EmfMetrics, capsys: pytest.CaptureFixture[str], **dimensions: str) -> list[Any]:
    """Return the documents in the Embedded Metric Format that counting one metric prints."""
    metrics.count("JobFailed", 2, **dimensions)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_metric_names_its_stack(capsys: pytest.CaptureFixture[str]) -> None:
    """Two stacks of one account are apart, in every alarm and graph."""
    (document,) = sent(EmfMetrics("shop", "full"), capsys, reason="too_large")

    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == NAMESPACE
    assert directive["Dimensions"] == [["stack", "reason"]]
    assert (document["stack"], document["reason"]) == ("shop", "too_large")
    assert document["JobFailed"] == [2]


def test_no_dimension_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    """CloudWatch drops a document with an empty value (API Reference, "Dimension")."""
    (document,) = sent(EmfMetrics("shop", "full"), capsys, provider="")

    assert document["provider"] == "none"


@pytest.mark.parametrize(("monitoring", "names"), [("alarms", ALARMED), ("none", frozenset())])
def test_only_what_is_wanted_is_sent(
    monitoring: str, names: frozenset[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A metric costs money in every hour in which it is sent."""
    metrics = EmfMetrics("shop", monitoring)

    for name in [*sorted(ALARMED), "JobFailed", "InFlight"]:
        metrics.count(name)

    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {name for name in ALARMED for document in found if name in document} == names
    assert len(found) == len(names)


def test_lambda_understands_the_time_of_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a line whose time is not RFC 3339 it takes the level for INFO ("Log-level filtering")."""
    written = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", written)

    logger.error("it failed")

    said = json.loads(written.getvalue())
    assert said["level"] == "ERROR"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+[+-]\d\d:\d\d", said["timestamp"])
