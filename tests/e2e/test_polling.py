"""Completion by polling, and both providers, on the deployed stack."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cutout.adapters.dynamodb import DynamoTable
from cutout.adapters.gate_store import DynamoGateStore
from tests.e2e.shop import Shop, deployed, picture, until

pytestmark = pytest.mark.e2e

SHORT = {"EachlabsExpectedSeconds": "1", "ApiinExpectedSeconds": "1"}
FORMS = ("task", "nested_task", "task_data_uri", "direct_url", "direct_data_uri", "direct_bytes")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack with both providers, which take as many images at once."""
    params = SHORT | {"Providers": "eachlabs,apiin", "ApiinMaxConcurrent": "10"}
    with deployed(params, tmp_path_factory.mktemp("stack")) as one:
        yield one


def upload(shop: Shop, *names: str) -> None:
    """Upload pictures and wait for their cut-outs."""
    for number, name in enumerate(names):
        shop.put(f"{name}.jpg", picture(seed=number))
    wanted = {f"{name}.cutout.png" for name in names}
    until(lambda: wanted <= shop.names(), "the cut-outs", 120)


def test_polls_eachlabs_when_told_to(tmp_path: Path) -> None:
    """Without a webhook URL the poll machine asks, and tells both queues."""
    with deployed(SHORT | {"EachlabsCompletion": "poll"}, tmp_path) as shop:
        upload(shop, "a", "b", "c")

        report = shop.report()
        assert not any(create["webhook"] for create in report["creates"])
        assert (report["created"], len(report["webhooks"])) == (3, 0)
        assert report["polls"] >= 3


def test_understands_every_answer_of_api_in_one(tmp_path: Path) -> None:
    """Tasks and direct answers, URLs, data URIs and bytes: each image is created once."""
    with deployed(SHORT | {"Providers": "apiin"}, tmp_path) as shop:
        for form in FORMS:
            shop.settings(provider="apiin", form=form)
            upload(shop, form)

        costs = {job["provider"]: job["cost_microusd"] for job in shop.jobs()}
        assert len(FORMS) == shop.report()["created"]
        assert costs == {"apiin": 10_000}


def test_offers_a_refused_image_to_the_next_provider(both: Shop) -> None:
    """400 excludes one provider for this image alone; refused by all, it fails with both words."""
    refusal = {"kind": "create_status", "status": 400, "times": None}
    both.faults(refusal | {"match": "picky", "provider": "eachlabs"}, refusal | {"match": "bad"})
    both.put("refused/bad.jpg", picture(seed=9))

    upload(both, "refused/picky", "refused/fine")

    until(lambda: both.jobs("refused/bad")[0]["state"] == "failed", "the end of the bad one")
    providers = {job["key"]: job.get("provider") for job in both.jobs("refused/")}
    reason = both.jobs("refused/bad")[0]["reason"]
    assert (providers["refused/picky.jpg"], providers["refused/fine.jpg"]) == ("apiin", "eachlabs")
    assert reason["code"] == "provider_rejected"
    assert "eachlabs:" in reason["message"]
    assert "apiin:" in reason["message"]


def test_waits_while_no_provider_can_be_used(both: Shop) -> None:
    """A wrong key here, an unknown model there: each is announced once, and no attempt is used.

    When the pauses are over a single probe finds out that all is well, and the images go through.
    """
    news = News(both)
    broken = {"kind": "create_status", "times": None}
    both.faults(
        broken | {"provider": "eachlabs", "status": 401},
        broken | {"provider": "apiin", "status": 404},
    )
    for number in range(6):
        both.put(f"waits/{number}.jpg", picture(seed=number))

    until(lambda: len(news.receive()) == 2, "the news of both")
    until(lambda: [job["state"] for job in both.jobs("waits/")] == ["queued"] * 6, "six that wait")
    assert not any(job["attempts"] for job in both.jobs("waits/"))
    assert both.creates("/waits/") == []

    both.faults()
    end_the_pauses(both)
    both.reconcile()
    until(lambda: len(both.names("waits/")) == 12, "the cut-outs", 120)

    assert len(both.creates("/waits/")) == 6
    assert sorted(news.receive()) == ["apiin", "eachlabs"]


def test_fails_over_while_a_provider_is_out_of_credit(both: Shop) -> None:
    """402 pauses Eachlabs once and for everybody; API in One takes the images meanwhile."""
    both.faults({"kind": "create_status", "status": 402, "provider": "eachlabs", "times": None})

    upload(both, "credit/a", "credit/b", "credit/c", "credit/d")

    assert {"apiin"} == {job["provider"] for job in both.jobs("credit/")}
    assert len(both.creates("/credit/")) == 4


def test_fails_over_with_a_single_image(both: Shop) -> None:
    """Eachlabs answers nothing but 500: its circuit opens while the image has attempts left."""
    end_the_pauses(both)
    both.faults({"kind": "create_status", "status": 500, "provider": "eachlabs", "times": None})

    upload(both, "alone/a")

    assert {"apiin"} == {job["provider"] for job in both.jobs("alone/")}
    assert len(both.creates("/alone/")) == 1


class News:
    """A queue that is told of paused providers."""

    def __init__(self, shop: Shop) -> None:
        self._sqs, events = shop.stack.client("sqs"), shop.stack.client("events")
        self._url = self._sqs.create_queue(QueueName="news")["QueueUrl"]
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        pattern = {"source": ["cutout"], "detail-type": ["Cutout Provider Paused"]}
        events.put_rule(Name="news", EventPattern=json.dumps(pattern))
        arn = answer["Attributes"]["QueueArn"]
        events.put_targets(Rule="news", Targets=[{"Id": "queue", "Arn": arn}])
        self._seen: list[str] = []

    def receive(self) -> list[str]:
        """Return the providers of all events so far."""
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            self._seen.append(json.loads(message["Body"])["detail"]["provider"])
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self._seen


def end_the_pauses(shop: Shop) -> None:
    """Do as if the five minutes were over."""
    table = DynamoTable(shop.stack.client("dynamodb"), shop.stack.outputs["JobsTableName"])
    store = DynamoGateStore(table)

    def ended() -> bool:
        gate, now_ms = store.read(), round(time.time() * 1000)
        sides = {name: replace(one, paused_until_ms=now_ms) for name, one in gate.providers.items()}
        return store.write(replace(gate, providers=sides)) is not None

    until(ended, "a write of the gate")
