"""A stack on a bucket that was there before: versioned, and encrypted with a KMS key.

What the local AWS does not do: it encrypts nothing and asks KMS for nothing when S3 is called, so
no upload fails there for want of a right. It applies the bucket's default encryption, and its IAM
answers what a role may do with a key, which is what the doctor asks.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local import deploy, parameters
from tests.e2e.consumer import Consumer
from tests.e2e.shop import Shop, deployed, picture, until
from tools.doctor import __main__ as doctor

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

BUCKET = "older-than-the-stack"
IN_FLIGHT_S = 20  # enough for a busy machine to change six objects meanwhile


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stack is."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def keyless(directory: Path) -> Iterator[Shop]:
    """A stack that was not told of the bucket's key."""
    with deployed({"BucketName": BUCKET}, directory) as shop:
        shop.s3.create_bucket(Bucket=BUCKET)
        shop.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        default = {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": shop.stack.client("kms").create_key()["KeyMetadata"]["Arn"],
        }
        rule: Any = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
        shop.s3.put_bucket_encryption(
            Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]}
        )
        shop.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        yield shop


@pytest.fixture(scope="module")
def shop(keyless: Shop, directory: Path) -> Shop:
    """The same stack, deployed again with the key."""
    params = {"BucketName": BUCKET, "KmsKeyArn": key_of(keyless)}
    known = parameters.declared(deploy.TEMPLATE)
    overrides = parameters.resolve(known, keyless.stack.sandbox_url, params)
    outputs = deploy.build_and_deploy(keyless.stack, directory, overrides)
    return Shop(replace(keyless.stack, outputs=outputs))


@pytest.fixture(scope="module")
def consumer(shop: Shop) -> Consumer:
    """Somebody who listens to the stack's events."""
    return Consumer(shop)


def test_doctor_names_the_parameter_that_is_missing(
    keyless: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every role that reads or writes images lacks the key; the others do not need it."""
    code, found = look(keyless, capsys)

    lacking = found["bucket.kms_denied"]
    assert (code, [*found]) == (1, ["bucket.kms_denied"])
    assert f"KmsKeyArn={key_of(keyless)}" in lacking
    assert sorted(
        word.removesuffix("Function")
        for word in lacking.replace(",", " ").split()
        if word.endswith("Function")
    ) == [*("Api", "Api", "Backfill", "Prepare", "Store", "Store", "Submit")]


def test_doctor_is_content_with_the_key(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """What it asked for is enough."""
    assert look(shop, capsys) == (0, {})


def test_a_result_names_its_version_and_is_encrypted(shop: Shop, consumer: Consumer) -> None:
    """By the bucket's default, and the metadata is that of any other bucket."""
    version = put(shop, "plain/shoe.jpg", seed=1)

    until(lambda: consumer.keys("plain/") == ["plain/shoe.jpg"], "its event")

    (event,) = consumer.seen.values()
    head = shop.s3.head_object(Bucket=BUCKET, Key="plain/shoe.cutout.png")
    source = shop.s3.head_object(Bucket=BUCKET, Key="plain/shoe.jpg", VersionId=version)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key_of(shop))
    assert head["Metadata"]["cutout-source-version"] == version == event["version_id"]
    assert head["Metadata"]["cutout-source-etag"] == source["ETag"].strip('"') == event["etag"]
    assert head["ETag"].strip('"') == event["result"]["etag"]
    assert shop.jobs("plain/")[0]["version_id"] == version


def test_versions_that_change_in_flight_end_as_they_should(shop: Shop, consumer: Consumer) -> None:
    """Replaced, deleted, deleted and restored, replaced and rolled back: side by side."""
    shop.settings(seconds=IN_FLIGHT_S)
    names = ("replaced", "deleted", "restored", "rolled-back")
    first = {name: put(shop, f"flight/{name}.jpg", seed=n) for n, name in enumerate(names)}
    until(lambda: states(shop) == ["submitted"] * 4, "all in flight")
    second = {name: put(shop, f"flight/{name}.jpg", seed=9) for name in (names[0], names[3])}
    markers = {name: delete(shop, f"flight/{name}.jpg") for name in (names[1], names[2])}
    delete(shop, "flight/restored.jpg", markers["restored"])
    until(lambda: len(states(shop)) == 6, "the records of the second versions")
    delete(shop, "flight/rolled-back.jpg", second["rolled-back"])
    shop.settings(seconds=0.5)

    until(lambda: len(consumer.keys("flight/")) == 6, "six events")

    flights = [e for e in consumer.seen.values() if e["key"].startswith("flight/")]
    ends = {e["version_id"]: (e["reason"] or {}).get("code") for e in flights}
    assert ends == {
        first["replaced"]: "source_replaced",
        second["replaced"]: None,
        first["deleted"]: "source_deleted",
        first["restored"]: None,
        first["rolled-back"]: None,
        second["rolled-back"]: "source_replaced",
    }
    assert {
        job["version_id"]: (job.get("reason") or {}).get("code") for job in shop.jobs("flight/")
    } == ends
    results = {
        name: shop.s3.head_object(Bucket=BUCKET, Key=name)["Metadata"]
        for name in shop.names("flight/")
        if ".cutout." in name
    }
    assert {name: marks["cutout-source-version"] for name, marks in results.items()} == {
        "flight/replaced.cutout.png": second["replaced"],
        "flight/restored.cutout.png": first["restored"],
        "flight/rolled-back.cutout.png": first["rolled-back"],
    }


def test_an_older_version_copied_back_is_cut_out_again(shop: Shop, consumer: Consumer) -> None:
    """Restoring makes a new version, and the result follows it."""
    first = put(shop, "back/shoe.jpg", seed=1)
    until(lambda: len(consumer.keys("back/")) == 1, "the end of the first")
    put(shop, "back/shoe.jpg", seed=2)
    until(lambda: len(consumer.keys("back/")) == 2, "the end of the second")

    source: Any = {"Bucket": BUCKET, "Key": "back/shoe.jpg", "VersionId": first}
    third = shop.s3.copy_object(Bucket=BUCKET, Key="back/shoe.jpg", CopySource=source)["VersionId"]

    until(lambda: len(consumer.keys("back/")) == 3, "the end of the restored one")
    marks = shop.s3.head_object(Bucket=BUCKET, Key="back/shoe.cutout.png")["Metadata"]
    assert marks["cutout-source-version"] == third


def put(shop: Shop, key: str, seed: int) -> str:
    """Upload a picture and return its version."""
    answer = shop.s3.put_object(Bucket=BUCKET, Key=key, Body=picture(seed=seed))
    return answer["VersionId"]


def delete(shop: Shop, key: str, version: str | None = None) -> str:
    """Delete an object, or one version of it, and return the version that this made or took."""
    which: Any = {"VersionId": version} if version else {}
    return shop.s3.delete_object(Bucket=BUCKET, Key=key, **which)["VersionId"]


def states(shop: Shop) -> list[str]:
    """Return the states of the jobs in flight."""
    return [job["state"] for job in shop.jobs("flight/")]


def key_of(shop: Shop) -> str:
    """Return the bucket's KMS key."""
    found = shop.s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]
    return found["Rules"][0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]


def look(shop: Shop, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    """Return the doctor's exit code and what is not as it should be."""
    capsys.readouterr()
    code = doctor.main([shop.stack.stack_name, "--json", "--endpoint-url", shop.stack.endpoint_url])
    findings = json.loads(capsys.readouterr().out)["findings"]
    return code, {f["code"]: f["message"] for f in findings if f["status"] != "ok"}
