"""The WorkBucket keeps provider results that came as bytes, and gives back nothing else."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from cutout.adapters.work import S3WorkStore
from cutout.errors import ConfigurationError, ResultError, StorageError
from cutout.ports import PreparedImage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.integration

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
HEX = "0123456789abcdef" * 2


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator["S3Client"]:
    """S3 with the store's bucket and somebody else's."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="staging")
        client.create_bucket(Bucket="images")
        yield client


@pytest.fixture
def store(s3: "S3Client") -> S3WorkStore:
    """The store over that S3."""
    return S3WorkStore(s3, "staging")


@pytest.mark.parametrize(
    ("content_type", "extension"),
    [("image/png", "png"), ("image/webp", "webp"), ("image/jpeg", "jpg"), ("image/avif", "bin")],
)
def test_kept_bytes_come_back(
    store: S3WorkStore, s3: "S3Client", content_type: str, extension: str
) -> None:
    """A reference names an object below results/ with its type, and opens at its start."""
    reference = store.put(PNG, content_type)

    with store.open(reference) as file:
        content = file.read()

    key = reference.removeprefix("s3://staging/")
    assert content == PNG
    assert key.startswith("results/")
    assert key.endswith(f".{extension}")
    assert s3.head_object(Bucket="staging", Key=key)["ContentType"] == content_type


def test_large_result_comes_back_whole(store: S3WorkStore) -> None:
    """A result that does not fit into memory's share and arrives in chunks is the same."""
    image = PNG + bytes(range(256)) * 40_000

    with store.open(store.put(image, "image/png")) as file:
        content = file.read()

    assert content == image


@pytest.mark.parametrize(
    ("content_type", "extension"), [("image/jpeg", "jpg"), ("image/png", "png")]
)
def test_a_staged_copy_has_its_jobs_name(
    store: S3WorkStore, s3: "S3Client", content_type: str, extension: str
) -> None:
    """Made again, it takes the place of the earlier one."""
    for content in (b"first", b"second"):
        file = io.BytesIO(content)
        file.seek(0, io.SEEK_END)
        key = store.stage(HEX, PreparedImage(file, 4, 3, content_type))

    assert key == f"staged/{HEX}.{extension}"
    answer = s3.get_object(Bucket="staging", Key=key)
    assert (answer["Body"].read(), answer["ContentType"]) == (b"second", content_type)


def test_references_are_unique(store: S3WorkStore) -> None:
    """The same bytes twice are two objects."""
    assert store.put(PNG, "image/png") != store.put(PNG, "image/png")


def test_unknown_type_is_kept_as_bytes(store: S3WorkStore, s3: "S3Client") -> None:
    """An image that says no type is stored all the same."""
    key = store.put(PNG, "").removeprefix("s3://staging/")

    assert s3.head_object(Bucket="staging", Key=key)["ContentType"] == "application/octet-stream"


@pytest.mark.parametrize(
    "reference",
    [
        f"s3://images/results/{HEX}.png",
        f"s3://staging/staged/{HEX}.png",
        f"s3://staging/results/../{HEX}.png",
        f"s3://staging/results/{HEX}.png/results/{HEX}.png",
        "s3://staging/results/",
        "s3://staging/results/name.png",
        f"results/{HEX}.png",
        f"/results/{HEX}.png",
        f"https://staging/results/{HEX}.png",
        "",
    ],
)
def test_foreign_reference_is_not_read(store: S3WorkStore, s3: "S3Client", reference: str) -> None:
    """Only what `put` can have returned is opened, even where an object is there."""
    for bucket in ("staging", "images"):
        for key in (f"results/{HEX}.png", f"staged/{HEX}.png", "results/name.png"):
            s3.put_object(Bucket=bucket, Key=key, Body=PNG)

    with pytest.raises(ResultError) as caught:
        store.open(reference)

    assert caught.value.code == "result_unavailable"


def test_expired_result_is_unavailable(store: S3WorkStore) -> None:
    """A result that the lifecycle rule removed is reported as such."""
    with pytest.raises(ResultError) as caught:
        store.open(f"s3://staging/results/{HEX}.png")

    assert caught.value.code == "result_unavailable"


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [("AccessDenied", 403, ResultError), ("SlowDown", 503, StorageError)],
)
def test_failures_of_reading(
    s3: "S3Client", code: str, status: int, expected: type[Exception]
) -> None:
    """Forbidden may mean missing without s3:ListBucket; a busy S3 is a passing fault."""
    with Stubber(s3) as stub:
        stub.add_client_error("get_object", code, http_status_code=status)

        with pytest.raises(expected):
            S3WorkStore(s3, "staging").open(f"s3://staging/results/{HEX}.png")


@pytest.mark.parametrize(
    ("code", "expected"), [("AccessDenied", ConfigurationError), ("SlowDown", StorageError)]
)
def test_failures_of_writing(s3: "S3Client", code: str, expected: type[Exception]) -> None:
    """A missing permission is told from a passing fault."""
    with Stubber(s3) as stub:
        stub.add_client_error("put_object", code)

        with pytest.raises(expected):
            S3WorkStore(s3, "staging").put(PNG, "image/png")
