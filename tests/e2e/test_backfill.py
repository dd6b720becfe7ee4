"""Existing images: listed, fed behind everything else, killed, stopped, taken up again."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from cutout.adapters.backfills import DynamoBackfills
from cutout.adapters.dynamodb import DynamoTable
from cutout.backfills import Backfill
from local.deploy import ROOT
from tests.e2e.caller import Caller
from tests.e2e.shop import Shop, deployed, picture, until
from tools.backfill import __main__ as backfill

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

# Two at once and half a second each: a line that lasts, and still a quick test.
PARAMS = {
    "EachlabsMaxConcurrent": "2",
    "EachlabsMaxPerMinute": "1000",
    "EachlabsExpectedSeconds": "0.5",
}
PATIENCE_S = 300
FINISHED = "Cutout Backfill Finished"

type Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack with a short line."""
    with deployed(PARAMS, tmp_path_factory.mktemp("stack")) as one:
        yield one


@pytest.fixture
def run(shop: Shop, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command to its end: its exit code and its report."""

    def main(*options: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        url = shop.stack.endpoint_url
        name = shop.stack.stack_name
        code = backfill.main([*options, "--json", "--endpoint-url", url, name])
        return code, json.loads(capsys.readouterr().out)

    return main


@pytest.fixture(scope="module")
def ends(shop: Shop) -> Callable[[], list[dict[str, Any]]]:
    """Return all ends of backfills that were published so far, as a listener gets them."""
    sqs, events = shop.stack.client("sqs"), shop.stack.client("events")
    url = sqs.create_queue(QueueName="ends")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    pattern = json.dumps({"source": ["cutout"], "detail-type": [FINISHED]})
    rule = events.put_rule(Name="ends", EventPattern=pattern)["RuleArn"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule="ends", Targets=[{"Id": "ends", "Arn": arn}])
    seen: list[dict[str, Any]] = []

    def receive() -> list[dict[str, Any]]:
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                seen.append(json.loads(message["Body"])["detail"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return seen

    return receive


@contextmanager
def unnoticed(shop: Shop) -> Iterator[None]:
    """Have what is put meanwhile be there before Cutout looks: no event of it is delivered."""
    events = shop.stack.client("events")
    (rule,) = [r["Name"] for r in events.list_rules()["Rules"] if "UploadsRule" in r["Name"]]
    events.disable_rule(Name=rule)
    shop.put("sentinel/before.jpg", picture())
    yield
    # Events are matched in order: when the first one after it arrives, none before it will.
    events.enable_rule(Name=rule)
    number = 0

    def arrived() -> bool:
        nonlocal number
        number += 1
        shop.put(f"sentinel/{number}.jpg", picture(seed=number))
        return bool(shop.jobs("sentinel/"))

    until(arrived, "delivery again")


def store(shop: Shop) -> DynamoBackfills:
    """Return the stack's backfills."""
    table = DynamoTable(shop.stack.client("dynamodb"), shop.stack.outputs["JobsTableName"])
    return DynamoBackfills(table)


@contextmanager
def started(shop: Shop, prefix: str) -> Iterator[tuple[subprocess.Popen[str], Backfill]]:
    """Have the command running in a process of its own, with batches of two."""
    known = {one.backfill_id for one in store(shop).all()}
    options = ["--prefix", prefix, "--batch", "2", "--yes", "--json"]
    where = ["--endpoint-url", shop.stack.endpoint_url, shop.stack.stack_name]
    process = subprocess.Popen(  # noqa: S603 our own command
        [sys.executable, "-m", "tools.backfill", *options, *where],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "layers" / "core")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        found = until(
            lambda: [one for one in store(shop).all() if one.backfill_id not in known],
            "the backfill's record",
        )
        yield process, found[0]
    finally:
        process.kill()
        process.communicate()


def end_execution(shop: Shop) -> None:
    """End the machine from outside, as somebody at the console does."""
    client = shop.stack.client("stepfunctions")
    arn = shop.stack.outputs["BackfillStateMachineArn"]
    running = client.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]
    assert len(running) == 1
    client.stop_execution(executionArn=running[0]["executionArn"])


def paid(shop: Shop, prefix: str) -> Counter[str]:
    """Return how often each image was paid for, by its path."""
    return Counter(httpx.URL(c["image_url"]).path for c in shop.creates(f"/{prefix}"))


def overtaken(jobs: list[dict[str, Any]], late: dict[str, Any]) -> int:
    """Return how many jobs were recorded before another one, and begun after it."""
    begun = late["attempts"][0]["started_ms"]
    earlier = [job for job in jobs if job["created_ms"] < late["created_ms"]]
    return sum(job["attempts"][0]["started_ms"] > begun for job in earlier if job.get("attempts"))


def test_pays_each_once_though_killed_and_lets_others_go_first(
    shop: Shop, run: Run, ends: Callable[[], list[dict[str, Any]]]
) -> None:
    """The list is what was there and not done; command and machine are killed half-way."""
    for number in range(3):
        shop.put(f"old/done{number}.jpg", picture(seed=number))
    until(
        lambda: [job["state"] for job in shop.jobs("old/")] == ["succeeded"] * 3, "three cut-outs"
    )
    with unnoticed(shop):
        for number in range(50):
            shop.put(f"old/{number:02d} größe.jpg", picture(seed=number))
        shop.put("old/notes.txt", b"no image")
        shop.put("old/empty.jpg", b"")
        shop.put("old/somebody.cutout.png", picture())

    with started(shop, "old/") as (process, frozen):
        until(lambda: len(paid(shop, "old/")) >= 15, "a part of the images", PATIENCE_S)
        process.send_signal(signal.SIGKILL)
        end_execution(shop)
    assert (frozen.total, frozen.prefix) == (51, "old/")
    assert len(shop.jobs("old/")) < 3 + 51

    caller = Caller(shop)
    with caller.http:
        asked = caller.post("/jobs", {"image_url": caller.image_url("asked", picture(seed=7))})
    shop.put("new/upload.jpg", picture(seed=8))
    code, report = run("--resume", frozen.backfill_id, "--yes")

    assert (code, report["standing"], report["run"]) == (0, "finished", 2)
    counts = [report[name] for name in ("total", "succeeded", "skipped", "failed", "waiting")]
    assert counts == [51, 50, 1, 0, 0]
    assert len(paid(shop, "old/")) == 53
    assert set(paid(shop, "old/").values()) == {1}
    olds = [job for job in shop.jobs("old/") if job["lane"] == "backfill"]
    (upload,) = shop.jobs("new/")
    assert overtaken(olds, upload) > 0
    assert overtaken(olds, job_of(shop, asked.json()["job_id"])) > 0
    until(lambda: len(ends()) == 1, "the event")
    assert ends()[0] | {"run": 2, "total": 51, "waiting": 0, "stopped": False} == ends()[0]


def test_a_stopped_one_feeds_no_more_and_is_taken_up_again(
    shop: Shop, run: Run, ends: Callable[[], list[dict[str, Any]]]
) -> None:
    """What is in line is finished; the rest waits for the next run; only one runs at a time."""
    with unnoticed(shop):
        for number in range(60):
            shop.put(f"stop/{number:02d}.jpg", picture(seed=number))

    with started(shop, "stop/") as (process, frozen):
        until(lambda: len(paid(shop, "stop/")) >= 3, "the first images", PATIENCE_S)
        assert run("--prefix", "other/", "--yes")[0] == 2
        assert run("--stop", frozen.backfill_id)[0] == 0
        out, _ = process.communicate(timeout=PATIENCE_S)

    report = json.loads(out)
    assert (process.returncode, report["standing"]) == (1, "stopped")
    until(lambda: not waiting(shop, "stop/"), "the end of what is in line", PATIENCE_S)
    assert 3 <= len(shop.jobs("stop/")) < 60
    until(lambda: [e for e in ends() if e["backfill_id"] == frozen.backfill_id], "the event")

    code, report = run("--resume", frozen.backfill_id, "--yes")

    assert (code, report["succeeded"], report["waiting"]) == (0, 60, 0)
    assert len(paid(shop, "stop/")) == 60
    assert set(paid(shop, "stop/").values()) == {1}
    until(lambda: len([e for e in ends() if e["prefix"] == "stop/"]) == 2, "the second event")
    stopped = {e["run"]: e["stopped"] for e in ends() if e["prefix"] == "stop/"}
    assert stopped == {1: True, 2: False}
    assert run("--resume", frozen.backfill_id, "--yes")[0] == 2  # nothing is left of it


def test_starts_nothing_unasked_and_nothing_twice(shop: Shop, run: Run) -> None:
    """Nobody says yes: nothing is written; what is done is not on a second list."""
    with unnoticed(shop):
        for number in range(2):
            shop.put(f"ask/{number}.jpg", picture(seed=number))
    before = len(store(shop).all())

    refused, report = run("--prefix", "ask/")
    assert (refused, report["plan"]["count"]) == (1, 2)
    assert len(store(shop).all()) == before
    assert shop.jobs("ask/") == []

    assert run("--prefix", "ask/", "--yes")[0] == 0
    code, report = run("--prefix", "ask/", "--yes")
    assert (code, report["plan"]["count"]) == (0, 0)
    assert report["left_out"] == {"own_result": 2, "recorded_succeeded": 2}
    assert len(run()[1]["backfills"]) == before + 1


def test_goes_on_when_its_watcher_leaves(shop: Shop, run: Run) -> None:
    """Ctrl-C ends the command alone; another one shows the rest."""
    with unnoticed(shop):
        for number in range(8):
            shop.put(f"watch/{number}.jpg", picture(seed=number))
    shop.settings(seconds=5)
    with started(shop, "watch/") as (process, frozen):
        until(lambda: shop.jobs("watch/"), "the first job", PATIENCE_S)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    shop.settings(seconds=0.5)

    assert process.returncode == 130
    assert json.loads(out)["standing"] == "running"
    code, report = run("--watch", frozen.backfill_id)
    assert (code, report["standing"], report["succeeded"], report["run"]) == (0, "finished", 8, 1)


def waiting(shop: Shop, prefix: str) -> list[str]:
    """Return the keys of the jobs that are not over."""
    over = ("succeeded", "failed", "skipped")
    return [job["key"] for job in shop.jobs(prefix) if job["state"] not in over]


def job_of(shop: Shop, job_id: str) -> dict[str, Any]:
    """Return a job's record."""
    (found,) = [job for job in shop.jobs() if job["job_id"] == job_id]
    return found
