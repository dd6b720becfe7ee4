"""Completion by polling, and both providers, on the deployed stack."""

from pathlib import Path

import pytest

from tests.e2e.shop import Shop, deployed, picture, until

pytestmark = pytest.mark.e2e

SHORT = {"EachlabsExpectedSeconds": "1", "ApiinExpectedSeconds": "1"}
FORMS = ("task", "nested_task", "task_data_uri", "direct_url", "direct_data_uri", "direct_bytes")


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


def test_fails_over_while_a_provider_is_out_of_credit(tmp_path: Path) -> None:
    """402 pauses Eachlabs once and for everybody; API in One takes the images meanwhile."""
    with deployed(SHORT | {"Providers": "eachlabs,apiin"}, tmp_path) as shop:
        shop.faults({"kind": "create_status", "status": 402, "provider": "eachlabs", "times": None})

        upload(shop, "a", "b", "c", "d")

        assert {"apiin"} == {job["provider"] for job in shop.jobs()}
        assert len(shop.creates()) == 4


def test_offers_a_refused_image_to_the_next_provider(tmp_path: Path) -> None:
    """400 excludes one provider for this image alone; refused by all, it fails with both words."""
    with deployed(SHORT | {"Providers": "eachlabs,apiin"}, tmp_path) as shop:
        refusal = {"kind": "create_status", "status": 400, "times": None}
        shop.faults(
            refusal | {"match": "picky", "provider": "eachlabs"}, refusal | {"match": "bad"}
        )
        shop.put("bad.jpg", picture(seed=9))

        upload(shop, "picky", "fine")

        until(lambda: shop.jobs("bad.jpg")[0]["state"] == "failed", "the end of the bad one")
        providers = {job["key"]: job.get("provider") for job in shop.jobs()}
        reason = shop.jobs("bad.jpg")[0]["reason"]
        assert (providers["picky.jpg"], providers["fine.jpg"]) == ("apiin", "eachlabs")
        assert reason["code"] == "provider_rejected"
        assert "eachlabs:" in reason["message"]
        assert "apiin:" in reason["message"]
