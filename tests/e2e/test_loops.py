"""Nothing that Cutout ever wrote becomes an input, whoever says that it was uploaded."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.corpus.pictures import HEIC
from tests.e2e.caller import Caller
from tests.e2e.shop import Shop, deployed, picture, until

pytestmark = pytest.mark.e2e

PARAMS = {
    "Providers": "eachlabs,apiin",
    "EachlabsExpectedSeconds": "1",
    "ApiinExpectedSeconds": "1",
}
QUEUES = ("UploadsQueueUrl", "DispatchQueueUrl")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack that has written everything it can write, in both formats."""
    with deployed(PARAMS, tmp_path_factory.mktemp("stack")) as one:
        work(one, "png")
        set_format(one, "webp")
        work(one, "webp")
        yield one


def test_has_written_one_of_each(shop: Shop) -> None:
    """Results in both formats, of uploads and of the web; staged copies; a provider's bytes."""
    images, staged = written(shop)

    for output in ("png", "webp"):
        assert {f"{output}/shoe.cutout.{output}", f"{output}/odd.cutout.{output}"} <= {*images}
        assert f"{output}/bytes.cutout.{output}" in images
        assert [name for name in images if name.startswith("cutouts/") and name.endswith(output)]
    assert len(images) == 8
    assert sorted(name.split("/")[0] for name in staged) == ["results"] * 2 + ["staged"] * 2


def test_uploading_all_of_it_again_begins_nothing(shop: Shop) -> None:
    """The same bytes under the same keys: the rule lets none of their events pass."""
    before = seen(shop)

    for name in written(shop)[0]:
        found = shop.get(name)
        shop.put(name, found["Body"])  # without the marker: the name is enough
        shop.put(name, found["Body"], Metadata=found["Metadata"])
    settle(shop, "uploaded")

    assert seen(shop) == before


@pytest.mark.parametrize("queue", QUEUES)
def test_events_that_passed_the_rule_begin_nothing(shop: Shop, queue: str) -> None:
    """S3's event of every object of both buckets, put into the queue by hand."""
    before = seen(shop)
    sqs, url = shop.stack.client("sqs"), shop.stack.outputs[queue]

    for bucket, key in everything(shop):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(object_created(bucket, key)))
    settle(shop, queue)

    assert seen(shop) == before


def test_requests_begin_nothing(shop: Shop) -> None:
    """By event and by API, for every object of both buckets."""
    before = seen(shop)
    caller, events = Caller(shop), shop.stack.client("events")

    with caller.http:
        answers = [caller.post("/jobs", {"key": key}).status_code for _, key in everything(shop)]
    for bucket, key in everything(shop):
        entry: Any = {
            "Source": "my.shop",
            "DetailType": "Cutout Requested",
            "Detail": json.dumps({"bucket": bucket, "key": key}),
        }
        events.put_events(Entries=[entry])
    settle(shop, "requested")

    assert seen(shop) == before
    assert answers == [422] * (len(answers) - 4) + [404] * 4  # a result; no such object here


def test_a_copy_of_a_result_is_not_cut_out(shop: Shop) -> None:
    """Under a user's name: its metadata says what it is."""
    before = seen(shop)

    names = written(shop)[0]
    for number, name in enumerate(names):
        source: Any = {"Bucket": shop.bucket, "Key": name}
        shop.s3.copy_object(Bucket=shop.bucket, Key=f"copies/{number}.png", CopySource=source)
    settle(shop, "copied")

    copies = {f"copies/{number}.png" for number in range(len(names))}
    assert shop.names("copies/") == copies
    assert seen(shop) | {"images": seen(shop)["images"] - copies} == before


def test_a_copy_without_its_metadata_is_an_image_like_any_other(shop: Shop) -> None:
    """Cut out and paid once; what comes of that is a result again, and the end of it."""
    before = seen(shop)
    shop.put("mine/shoe.png", shop.get("png/shoe.cutout.png")["Body"])

    until(lambda: "mine/shoe.cutout.webp" in shop.names("mine/"), "its cut-out")
    settle(shop, "mine")

    (job,) = shop.jobs("mine/")
    assert seen(shop, besides="mine/") == before
    assert job["state"] == "succeeded"
    assert len(shop.creates("/mine/")) == 1
    assert shop.names("mine/") == {"mine/shoe.png", "mine/shoe.cutout.webp"}


def work(shop: Shop, output: str) -> None:
    """Have a result of each kind made in this format."""
    shop.settings(provider="apiin", form="direct_bytes")
    refusal = {"kind": "create_status", "status": 400, "provider": "eachlabs", "times": None}
    shop.faults(refusal | {"match": "/bytes"})
    shop.put(f"{output}/shoe.jpg", picture(seed=1))
    shop.put(f"{output}/odd.heic", HEIC)
    shop.put(f"{output}/bytes.jpg", picture(seed=2))
    caller = Caller(shop)
    with caller.http:
        asked = {"image_url": caller.image_url(output, picture(seed=3))}
        caller.over(caller.post("/jobs", asked).json()["job_id"])
    until(lambda: len(results(shop, output)) == 4, f"four results in {output}", 120)
    shop.s3.delete_object(Bucket=shop.bucket, Key=f"web/{output}.cutout.png")


def set_format(shop: Shop, output: str) -> None:
    """Change `OutputFormat` on the deployed functions, as a new deployment would."""
    client = shop.stack.client("lambda")
    for function in client.list_functions()["Functions"]:
        variables = function["Environment"]["Variables"]
        client.update_function_configuration(
            FunctionName=function["FunctionName"],
            Environment={"Variables": variables | {"CUTOUT_OUTPUT_FORMAT": output}},
        )


def results(shop: Shop, output: str) -> list[str]:
    """Return what was written in this format, but for the images that only stand in for the web."""
    return [n for n in shop.names() if n.endswith(f".cutout.{output}") and n[:4] != "web/"]


def written(shop: Shop) -> tuple[list[str], list[str]]:
    """Return the keys of all that Cutout wrote into the images bucket and into the work bucket."""
    found = shop.s3.list_objects_v2(Bucket=shop.stack.outputs["WorkBucketName"])["Contents"]
    ours = [n for output in ("png", "webp") for n in results(shop, output) if n[:5] != "mine/"]
    return ours, [item["Key"] for item in found]


def everything(shop: Shop) -> list[tuple[str, str]]:
    """Return bucket and key of all that Cutout wrote."""
    images, staged = written(shop)
    work_bucket = shop.stack.outputs["WorkBucketName"]
    return [(shop.bucket, key) for key in images] + [(work_bucket, key) for key in staged]


def seen(shop: Shop, besides: str = "last/") -> dict[str, Any]:
    """Return all that a new job would change, but for keys that begin so."""
    away = ("last/", besides)
    jobs = {job["job_id"]: job for job in shop.jobs() if not job["key"].startswith(away)}
    return {
        "jobs": jobs,
        "ledger": sorted(str(x) for x in shop.ledger() if x["job_id"] in jobs),
        "creates": len(
            [
                c
                for c in shop.creates()
                if "/last/" not in c["image_url"] and f"/{besides}" not in c["image_url"]
            ]
        ),
        "images": {name for name in shop.names() if not name.startswith(away)},
        "work": written(shop)[1],
    }


def settle(shop: Shop, name: str) -> None:
    """Wait until all that was sent before is handled: the queues are empty, and a last upload."""
    until(lambda: not any(backlog(shop, queue) for queue in QUEUES), "empty queues")
    shop.put(f"last/{name}.jpg", picture(seed=len(shop.names("last/"))))
    until(lambda: f"last/{name}.cutout.webp" in shop.names("last/"), "the upload after them")
    until(lambda: not any(backlog(shop, queue) for queue in QUEUES), "empty queues")


def backlog(shop: Shop, queue: str) -> int:
    """Return how many messages of a queue wait or are being handled."""
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = shop.stack.client("sqs").get_queue_attributes(
        QueueUrl=shop.stack.outputs[queue], AttributeNames=names
    )
    return sum(int(value) for value in found["Attributes"].values())


def object_created(bucket: str, key: str) -> dict[str, Any]:
    """Return the parts of S3's EventBridge event that matter."""
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key}},
    }
