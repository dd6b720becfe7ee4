"""Objects as S3 has them, on the deployed stack: archived, encrypted, tagged, and the same again.

The local AWS knows storage classes, restores and customer-provided keys. It knows no archive tiers
and asks nobody for the right to tag where PutObject has tags.
"""

import io
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from PIL import Image

from tests.e2e.caller import OVER, Caller
from tests.e2e.shop import Shop, picture, until

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

DEAD = ("UploadsDeadLetterQueueUrl", "DispatchDeadLetterQueueUrl", "CompletionsDeadLetterQueueUrl")
KEY = "k" * 32


def ends(shop: Shop, prefix: str) -> list[tuple[str, int, str | None]]:
    """Return state, run and reason of the announced jobs below a prefix, oldest first."""
    return [
        (job["state"], job["run"], (job.get("reason") or {}).get("code"))
        for job in sorted(shop.jobs(prefix), key=lambda job: job["created_ms"])
        if job["announced"] and job["state"] in OVER
    ]


def has_ended(shop: Shop, prefix: str, count: int) -> bool:
    """Tell whether so many jobs below a prefix are over."""
    return len(ends(shop, prefix)) == count


def nothing_is_dead(shop: Shop) -> bool:
    """Tell whether no message was given up."""
    return all(shop.waiting(queue) == 0 for queue in DEAD)


def test_an_archived_object_is_skipped_and_cut_out_once_restored(shop: Shop) -> None:
    """By S3's event alone; the original stays in its class."""
    shop.put("old/shoe.jpg", picture(seed=1), StorageClass="GLACIER")
    until(lambda: ends(shop, "old/") == [("skipped", 1, "archived")], "its end")

    shop.s3.restore_object(Bucket=shop.bucket, Key="old/shoe.jpg", RestoreRequest={"Days": 1})

    until(lambda: ends(shop, "old/") == [("succeeded", 2, None)], "its cut-out", deadline_s=120)
    assert len(shop.creates("/old/")) == 1
    assert shop.s3.head_object(Bucket=shop.bucket, Key="old/shoe.jpg")["StorageClass"] == "GLACIER"
    assert nothing_is_dead(shop)


def test_an_object_of_a_customers_key_is_skipped(shop: Shop) -> None:
    """Uploaded and asked for: neither is a dead letter, nor a 503."""
    shop.put("locked/shoe.jpg", picture(seed=2), SSECustomerAlgorithm="AES256", SSECustomerKey=KEY)
    until(lambda: ends(shop, "locked/") == [("skipped", 1, "unreadable_encryption")], "its end")

    caller = Caller(shop)
    with caller.http:
        answer = caller.post("/jobs", {"key": "locked/shoe.jpg"})
        retry = caller.post(f"/jobs/{answer.json()['job_id']}/retry")

    assert (answer.status_code, answer.json()["state"]) == (202, "skipped")
    assert answer.json()["reason"]["code"] == "unreadable_encryption"
    assert (retry.status_code, retry.json()["code"]) == (409, "unreadable_encryption")
    assert shop.creates("/locked/") == []
    assert nothing_is_dead(shop)


def test_the_same_content_is_paid_once_however_it_comes(shop: Shop) -> None:
    """7.7 MB in parts of 5 MB, in parts of 8 MB, in one; and copied onto itself."""
    noise = random.Random(1).randbytes(3 * 1600 * 1600)
    file = io.BytesIO()
    Image.frombytes("RGB", (1600, 1600), noise).save(file, "PNG", compress_level=0)
    key, body = "same/noise.png", file.getvalue()
    kms_key = shop.stack.client("kms").create_key()["KeyMetadata"]["Arn"]
    ways: list[Callable[[], object]] = [
        partial(in_parts, shop, key, body, 5 * 2**20),
        partial(in_parts, shop, key, body, 8 * 2**20),
        partial(shop.put, key, body),
        partial(copied, shop, key, MetadataDirective="REPLACE", Metadata={"sku": "42"}),
        partial(copied, shop, key, ServerSideEncryption="aws:kms", SSEKMSKeyId=kms_key),
    ]

    for number, come in enumerate(ways, 1):
        time.sleep(1.1)  # S3 tells versions apart by the second where the bucket has none
        come()
        until(partial(has_ended, shop, "same/", number), f"end {number}", deadline_s=120)

    done = ("skipped", 1, "already_done")
    assert ends(shop, "same/") == [("succeeded", 1, None), *[done] * 4]
    assert len(shop.creates("/same/")) == 1


def test_tags_of_services_stay_behind(shop: Shop) -> None:
    """GuardDuty's verdict is about other bytes."""
    tags = "GuardDutyMalwareScanStatus=NO_THREATS_FOUND&cutout=please&team=web"
    shop.put("scanned/shoe.jpg", picture(seed=4), Tagging=tags)

    until(lambda: ends(shop, "scanned/") == [("succeeded", 1, None)], "its cut-out")

    told = shop.s3.get_object_tagging(Bucket=shop.bucket, Key="scanned/shoe.cutout.png")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in told} == {"team": "web"}


def in_parts(shop: Shop, key: str, body: bytes, part_bytes: int) -> None:
    """Upload an object in parts."""
    where: Any = {"Bucket": shop.bucket, "Key": key}
    where["UploadId"] = shop.s3.create_multipart_upload(**where)["UploadId"]
    parts: list[Any] = []
    for number, first in enumerate(range(0, len(body), part_bytes), 1):
        piece = body[first : first + part_bytes]
        etag = shop.s3.upload_part(**where, PartNumber=number, Body=piece)["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
    shop.s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})


def copied(shop: Shop, key: str, **changes: Any) -> None:
    """Copy an object onto itself."""
    source: Any = {"Bucket": shop.bucket, "Key": key}
    shop.s3.copy_object(Bucket=shop.bucket, Key=key, CopySource=source, **changes)
