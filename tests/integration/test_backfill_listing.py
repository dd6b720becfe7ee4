"""The listing that a backfill is frozen from, on moto."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cutout import keys
from cutout.adapters.aws import s3_client
from cutout.adapters.s3 import S3ImageStore
from cutout.models import ObjectRef
from cutout.settings import Settings
from tools.account import Account
from tools.backfill.freeze import listed
from tools.site import Site

pytestmark = pytest.mark.integration

BUCKET = "images"
REGION = "eu-central-1"


@pytest.fixture
def site(fake_account: None) -> Iterator[Site]:
    """Return a stack that has only its bucket."""
    with mock_aws():
        account = Account(session=boto3.session.Session(region_name=REGION), region=REGION)
        account.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield Site(
            account=account,
            name="cutout",
            status="CREATE_COMPLETE",
            created_s=0.0,
            outputs={},
            resources={},
            settings=Settings(images_bucket=BUCKET),
        )


def put(site: Site, *names: str, body: bytes = b"photo") -> None:
    """Put objects."""
    for name in names:
        site.client("s3").put_object(Bucket=BUCKET, Key=name, Body=body)


def version(site: Site) -> None:
    """Have the bucket keep versions from now on."""
    site.client("s3").put_bucket_versioning(
        Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
    )


@pytest.mark.parametrize("versioned", [False, True])
def test_lists_the_versions_that_submit_will_see(site: Site, *, versioned: bool) -> None:
    """The current ones only, below the prefix, with the same job ids."""
    put(site, "photos/null.jpg")
    if versioned:
        version(site)
    put(site, "photos/a b+c.jpg", "photos/gone.jpg", "other/x.jpg")
    put(site, "photos/a b+c.jpg", body=b"another photo")
    site.client("s3").delete_object(Bucket=BUCKET, Key="photos/gone.jpg")

    found = list(listed(site, "photos/"))

    images = S3ImageStore(s3_client(), 600)
    seen = [images.inspect(ObjectRef(bucket=BUCKET, key=one.key)) for one in found]
    assert [one.key for one in found] == ["photos/a b+c.jpg", "photos/null.jpg"]
    assert [keys.job_id(one) for one in found] == [keys.job_id(one) for one in seen]
    assert [one.size for one in found] == [13, 5]


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_a_listing_tells_what_is_archived(site: Site, storage_class: str) -> None:
    """And what is not, or can be read at once."""
    for name in (storage_class, "GLACIER_IR", "STANDARD_IA", "INTELLIGENT_TIERING"):
        site.client("s3").put_object(Bucket=BUCKET, Key=name, Body=b"photo", StorageClass=name)

    found = {one.key: one.unreadable for one in listed(site, "")}

    assert found.pop(storage_class) == "archived"
    assert set(found.values()) == {None}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("<IsRestoreInProgress>true</IsRestoreInProgress>", "archived"),
        ("<RestoreExpiryDate>2026-12-21T00:00:00.000Z</RestoreExpiryDate>", None),
    ],
)
def test_a_listing_tells_what_is_restored(site: Site, status: str, expected: str | None) -> None:
    """S3 adds it where it is asked to (S3 API Reference, ListObjectVersions); moto does not."""
    site.client("s3").put_object(Bucket=BUCKET, Key="a.jpg", Body=b"1", StorageClass="GLACIER")
    asked = []

    def add(response_dict: dict[str, Any], **_: object) -> None:
        body = response_dict["body"].replace(
            b"</Version>", f"<RestoreStatus>{status}</RestoreStatus></Version>".encode()
        )
        response_dict["body"] = body

    def note(params: dict[str, Any], **_: object) -> None:
        asked.append(params["headers"].get("x-amz-optional-object-attributes"))

    events = site.client("s3").meta.events
    events.register("before-call.s3.ListObjectVersions", note)
    events.register("before-parse.s3.ListObjectVersions", add)

    (found,) = listed(site, "")

    assert found.unreadable == expected
    assert asked == ["RestoreStatus"]


def test_lists_every_page_once(site: Site) -> None:
    """More than one answer of S3's."""
    put(site, *(f"{n:04d}.jpg" for n in range(1003)))

    found = [one.key for one in listed(site, "")]

    assert found == [f"{n:04d}.jpg" for n in range(1003)]
