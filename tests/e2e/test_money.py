"""Money on the deployed stack: the cap, the ledger, and what a second upload costs."""

import time
from collections.abc import Iterator

import pytest

from cutout.adapters.dynamodb import from_item
from tests.e2e.shop import Shop, deployed, picture, until

pytestmark = pytest.mark.e2e

CENTS = 0.17  # ten images at $0.017


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack whose budget is used up after ten images."""
    directory = tmp_path_factory.mktemp("stack")
    with deployed({"MonthlyBudgetUsd": str(CENTS)}, directory) as one:
        yield one


def test_parks_at_the_cap_and_goes_on_when_it_is_raised(shop: Shop) -> None:
    """Ten images finish, the others wait and none fails; a higher cap frees them by itself."""
    for number in range(14):
        shop.put(f"cap/{number:02d}.jpg", picture(seed=number))

    until(lambda: len(results(shop, "cap/")) == 10, "ten cut-outs")
    until(lambda: gate(shop)["parked"], "the gate to be parked")
    until(lambda: len(shop.jobs("cap/")) == 14, "a record of each")
    waiting = [job for job in shop.jobs("cap/") if job["state"] == "queued"]

    assert len(waiting) == 4
    assert len(shop.creates("/cap/")) == 10

    raise_cap(shop)
    shop.reconcile()

    until(lambda: len(results(shop, "cap/")) == 14, "the other four", deadline_s=120)
    assert sum(line["microusd"] for line in shop.ledger()) == 14 * 17_000
    assert round(shop.report()["spent_usd"] * 1e6) == 14 * 17_000
    assert gate(shop)["spent_microusd"] == 14 * 17_000


def test_skips_content_that_was_cut_out_before(shop: Shop) -> None:
    """The same bytes again under the same key, while the result stands, cost nothing."""
    shop.put("twice/shoe.jpg", picture(seed=50))
    until(lambda: results(shop, "twice/"), "the cut-out")
    until(lambda: shop.jobs("twice/")[0]["state"] == "succeeded", "the record")

    upload_until(shop, "twice/shoe.jpg", picture(seed=50), jobs=2)

    states = {job["state"]: job.get("reason", {}).get("code") for job in shop.jobs("twice/")}
    assert states == {"succeeded": None, "skipped": "already_done"}
    assert len(shop.creates("/twice/")) == 1


def test_makes_three_jobs_of_three_uploads(shop: Shop) -> None:
    """A, B, A under one key are three versions, and the last picture's cut-out stands."""
    first, second = picture(100, 60, seed=1), picture(80, 90, seed=2)
    for number, body in enumerate((first, second, first), start=1):
        upload_until(shop, "aba/x.jpg", body, jobs=number)
        until(
            lambda: all(job["state"] in ("succeeded", "skipped") for job in shop.jobs("aba/")),
            f"the end of upload {number}",
        )

    ends = [job for job in shop.jobs("aba/") if job["state"] == "succeeded"]
    last = max(ends, key=lambda job: job["created_ms"])
    stands = shop.s3.head_object(Bucket=shop.bucket, Key="aba/x.cutout.png")
    assert len(ends) == 3
    assert last["job_id"] == stands["Metadata"]["cutout-job"]
    assert (last["result"]["width"], last["result"]["height"]) == (100, 60)


def upload_until(shop: Shop, key: str, body: bytes, jobs: int) -> None:
    """Upload until there are so many jobs: S3 dates by the second, and a job is a version."""

    def uploaded() -> bool:
        shop.put(key, body)
        time.sleep(0.5)
        return len(shop.jobs(key)) >= jobs

    until(uploaded, f"job {jobs} of {key}")


def results(shop: Shop, prefix: str) -> list[str]:
    """Return the cut-outs below a prefix."""
    return [name for name in shop.names(prefix) if name.endswith(".cutout.png")]


def gate(shop: Shop) -> dict[str, object]:
    """Return the gate item."""
    key = {"pk": {"S": "gate"}, "sk": {"S": "gate"}}
    table = shop.stack.outputs["JobsTableName"]
    return from_item(shop.stack.client("dynamodb").get_item(TableName=table, Key=key)["Item"])


def raise_cap(shop: Shop) -> None:
    """Set the cap to $100 on the deployed functions, as a new deployment would."""
    client = shop.stack.client("lambda")
    for function in client.list_functions()["Functions"]:
        variables = function["Environment"]["Variables"]
        client.update_function_configuration(
            FunctionName=function["FunctionName"],
            Environment={"Variables": variables | {"CUTOUT_MONTHLY_BUDGET_USD": "100"}},
        )
