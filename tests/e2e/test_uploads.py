"""Upload and forget, on the deployed stack with IAM enforced."""

import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.e2e.shop import Shop, picture, until

pytestmark = pytest.mark.e2e


def test_brings_a_photo_back_beside_the_original(shop: Shop) -> None:
    """The cut-out is RGBA, of the same size, and inherits what DESIGN 4.2 lists."""
    shop.put(
        "a/b/photo.jpg",
        picture(160, 90),
        CacheControl="max-age=60",
        ContentLanguage="de",
        Metadata={"sku": "4711"},
        Tagging="team=shoes&season=winter",
    )

    until(lambda: "a/b/photo.cutout.png" in shop.names("a/b/"), "the cut-out")

    result = shop.get("a/b/photo.cutout.png")
    image = Image.open(io.BytesIO(result["Body"]))
    source = shop.get("a/b/photo.jpg")
    tags = shop.s3.get_object_tagging(Bucket=shop.bucket, Key="a/b/photo.cutout.png")["TagSet"]
    assert (image.mode, image.size) == ("RGBA", (160, 90))
    assert result["ContentType"] == "image/png"
    assert (result["CacheControl"], result["ContentLanguage"]) == ("max-age=60", "de")
    assert result["Metadata"]["sku"] == "4711"
    assert source["ETag"].strip('"') == result["Metadata"]["cutout-source-etag"]
    assert result["Metadata"]["cutout-provider"] == "eachlabs"
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "shoes", "season": "winter"}
    assert len(shop.creates("a/b/photo.jpg")) == 1
    assert shop.report()["polls"] == 0


def test_pays_once_for_an_event_delivered_five_times(shop: Shop) -> None:
    """The same S3 event again, at once or later, creates nothing."""
    shop.put("again/shoe.jpg", picture(seed=3))
    body = json.dumps(object_created(shop.bucket, "again/shoe.jpg"))
    sqs, url = shop.stack.client("sqs"), shop.stack.outputs["UploadsQueueUrl"]
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    until(lambda: "again/shoe.cutout.png" in shop.names("again/"), "the cut-out")
    for _ in range(2):
        sqs.send_message(QueueUrl=url, MessageBody=body)

    until(lambda: shop.waiting("UploadsQueueUrl") == 0, "an empty queue")
    shop.put("again/last.jpg", picture(seed=4))
    until(lambda: "again/last.cutout.png" in shop.names("again/"), "the upload after them")

    assert len(shop.creates("again/shoe.jpg")) == 1
    assert len(shop.jobs("again/shoe.jpg")) == 1


def test_keeps_two_sources_apart(shop: Shop) -> None:
    """`shoe.jpg` and `shoe.png` side by side get a result each; the second keeps its extension."""
    shop.put("pair/shoe.jpg", picture(seed=5))
    until(lambda: "pair/shoe.cutout.png" in shop.names("pair/"), "the first cut-out")
    file = io.BytesIO()
    Image.new("RGB", (50, 50), "red").save(file, "PNG")

    shop.put("pair/shoe.png", file.getvalue())

    until(lambda: "pair/shoe.png.cutout.png" in shop.names("pair/"), "the second cut-out")
    assert Image.open(io.BytesIO(shop.get("pair/shoe.cutout.png")["Body"])).size == (120, 80)


def test_never_overwrites_what_it_did_not_write(shop: Shop) -> None:
    """A user's own object under the result's name stays as it is."""
    shop.put("mine/shoe.cutout.png", b"my own file")

    shop.put("mine/shoe.jpg", picture(seed=6))

    until(lambda: "mine/shoe.jpg.cutout.png" in shop.names("mine/"), "the cut-out")
    assert shop.get("mine/shoe.cutout.png")["Body"] == b"my own file"


def test_says_why_it_skips(shop: Shop) -> None:
    """What is not an image ends `skipped` with a reason, and costs nothing."""
    shop.put("odd/notes.jpg", b"these are only words")
    shop.put("odd/empty.jpg", b"")

    until(lambda: len(shop.jobs("odd/")) == 2, "two records")

    reasons = {job["key"]: job["reason"]["code"] for job in shop.jobs("odd/")}
    assert reasons == {"odd/notes.jpg": "unsupported_format", "odd/empty.jpg": "empty_object"}
    assert shop.creates("/odd/") == []


def test_turns_forged_webhooks_away(shop: Shop) -> None:
    """Without the attempt's token the answer is 404 and the job does not move."""
    shop.settings(seconds=3)
    shop.put("forged/shoe.jpg", picture(seed=7))
    job = until(
        lambda: [j for j in shop.jobs("forged/") if j["state"] == "submitted"], "a submitted job"
    )[0]
    shop.settings(seconds=0.5)
    payload = {
        "exec_id": job["attempts"][0]["prediction_id"],
        "status": "succeeded",
        "output": "http://127.0.0.1:9/evil.png",
        "error": "",
    }
    base = f"{shop.stack.api_url}/webhooks"

    answers = [
        httpx.post(f"{base}/eachlabs/{job['job_id']}/{'A' * 43}", json=payload),
        httpx.post(f"{base}/eachlabs/{'0' * 32}/{'A' * 43}", json=payload),
        httpx.post(f"{base}/other/{job['job_id']}/{'A' * 43}", json=payload),
    ]

    until(lambda: "forged/shoe.cutout.png" in shop.names("forged/"), "the true cut-out")
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert len({answer.text for answer in answers}) == 1


def test_leaves_no_dead_letters(shop: Shop) -> None:
    """After all of that every dead-letter queue is empty."""
    queues = [name for name in shop.stack.outputs if name.endswith("DeadLetterQueueUrl")]

    assert len(queues) == 3
    assert [shop.waiting(name) for name in queues] == [0, 0, 0]


def object_created(bucket: str, key: str) -> dict[str, Any]:
    """Return the parts of S3's EventBridge event that matter."""
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key}},
    }
