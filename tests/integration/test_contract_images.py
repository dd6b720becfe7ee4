"""What every image store does: the fake, and S3 on moto."""

import base64
import hashlib
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from cutout import jobs, keys
from cutout.adapters.aws import s3_client
from cutout.adapters.s3 import HEAD_BYTES, MAX_HASHED_BYTES, S3ImageStore
from cutout.errors import ConfigurationError, ImageError, ObjectMissingError
from cutout.models import Lane, ObjectRef, ResultAttributes, UnreadableCode
from cutout.ports import ImageStore
from tests import refusals
from tests.examples import a_job
from tests.fakes import InMemoryImageStore, VirtualClock
from tests.refusals import Refusals
from tests.stack import create_bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.integration

RESULT = "photos/shoe.cutout.png"
# What makes an object unreadable, and the reason code it is known by.
LOCKS: dict[str, UnreadableCode] = {
    "GLACIER": "archived",
    "DEEP_ARCHIVE": "archived",
    "ARCHIVE_ACCESS": "archived",
    "SSE-C": "unreadable_encryption",
}
ARCHIVES = [how for how, code in LOCKS.items() if code == "archived"]
AWKWARD_KEYS = [
    "a b+c.jpg",
    "100%25 %2B.jpg",
    "line\nend\r\n.jpg",
    "gr\u00fc\u00dfe.jpg",
    "gru\u0308\u00dfe.jpg",
    "\U0001f45f/(2)'&?#.jpg",
    "x" * 1020 + ".jpg",
]
# Moto's listings are not URL-encoded, as boto asks for, so that XML swallows a carriage return.
LISTED_KEYS = [key for key in AWKWARD_KEYS if "\r" not in key]


class Owner(ABC):
    """The bucket's owner, who puts objects into it and looks at them."""

    store: ImageStore
    bucket = "images"

    @abstractmethod
    def put(self, key: str, body: bytes = b"photo", **attributes: str | dict[str, str]) -> None:
        """Write an object; attributes are those of `tests.fakes.Version`."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete an object."""

    @abstractmethod
    def lock(self, key: str, how: str) -> None:
        """Make an object unreadable: by a storage class, an archive tier, or `SSE-C`."""

    @abstractmethod
    def unlock(self, key: str) -> None:
        """Restore an archived object, whose version stays the same."""

    @abstractmethod
    def put_in_parts(self, key: str, body: bytes, part_bytes: int) -> None:
        """Write an object by a multipart upload, with CRC32 as boto3 does."""

    @abstractmethod
    def re_encrypt(self, key: str) -> None:
        """Copy an object onto itself, so that KMS encrypts it."""

    @abstractmethod
    def deny_tags(self, *names: str) -> None:
        """Have the bucket refuse new tags of these names from everybody."""

    @abstractmethod
    def hide_tags(self) -> None:
        """Have the bucket tell nobody an object's tags, but still how many there are."""

    @abstractmethod
    def body(self, key: str) -> bytes:
        """Return an object's bytes."""

    @abstractmethod
    def tags(self, key: str) -> dict[str, str]:
        """Return an object's tags."""

    @abstractmethod
    def content_type(self, key: str) -> str:
        """Return an object's Content-Type."""

    def ref(self, key: str) -> ObjectRef:
        """Name an object of the bucket."""
        return ObjectRef(bucket=self.bucket, key=key)

    def write(
        self,
        replaces: str | None = None,
        body: bytes = b"cut",
        metadata: dict[str, str] | None = None,
    ) -> str | None:
        """Write a result for photos/shoe.jpg as `store` does."""
        source = self.store.inspect(self.ref("photos/shoe.jpg"))
        attributes = ResultAttributes(
            content_type="image/png", metadata=metadata or {}, replaces=replaces
        )
        return self.store.write_result(source, RESULT, io.BytesIO(body), attributes)


class FakeOwner(Owner):
    """The owner of the fake bucket."""

    def __init__(self, *, versioned: bool) -> None:
        self.fake = InMemoryImageStore(VirtualClock(), versioned=versioned)
        self.store = self.fake

    def put(self, key: str, body: bytes = b"photo", **attributes: str | dict[str, str]) -> None:
        """Write an object."""
        self.fake.put(self.bucket, key, body, **attributes)

    def delete(self, key: str) -> None:
        """Delete an object."""
        del self.fake.objects[self.bucket, key]

    def lock(self, key: str, how: str) -> None:
        """Make an object unreadable."""
        found = self.fake.objects[self.bucket, key]
        self.fake.objects[self.bucket, key] = replace(found, unreadable=LOCKS[how])

    def unlock(self, key: str) -> None:
        """Restore an archived object."""
        self.fake.restore(self.bucket, key)

    def put_in_parts(self, key: str, body: bytes, part_bytes: int) -> None:
        """Write an object in parts."""
        self.fake.put(self.bucket, key, body, parts=-(-len(body) // part_bytes))

    def re_encrypt(self, key: str) -> None:
        """Copy an object onto itself."""
        self.fake.put(self.bucket, key, self.body(key), encryption="aws:kms")

    def deny_tags(self, *names: str) -> None:
        """Have the bucket refuse tags."""
        self.fake.denied_tags |= set(names)

    def hide_tags(self) -> None:
        """Have the bucket keep tags to itself."""
        self.fake.fail("tags", ConfigurationError("denied"))

    def body(self, key: str) -> bytes:
        """Return an object's bytes."""
        return self.fake.objects[self.bucket, key].body

    def tags(self, key: str) -> dict[str, str]:
        """Return an object's tags."""
        return self.fake.objects[self.bucket, key].tags

    def content_type(self, key: str) -> str:
        """Return an object's Content-Type."""
        return self.fake.objects[self.bucket, key].content_type


class MotoOwner(Owner):
    """The owner of a bucket in moto."""

    def __init__(self, *, versioned: bool) -> None:
        self.s3: S3Client = s3_client()
        self.bucket = create_bucket(self.s3, versioned=versioned)
        self.store = S3ImageStore(self.s3, presign_seconds=600, work_bucket="work")
        self.refusals = Refusals(self.s3)

    def put(self, key: str, body: bytes = b"photo", **attributes: str | dict[str, str]) -> None:
        """Write an object."""
        names = {
            "metadata": "Metadata",
            "cache_control": "CacheControl",
            "content_language": "ContentLanguage",
            "encryption": "ServerSideEncryption",
        }
        extra = {names[n]: value for n, value in attributes.items() if n in names}
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **extra)  # type: ignore[arg-type]  # names of put_object
        tags = attributes.get("tags")
        if isinstance(tags, dict):
            pairs = [{"Key": k, "Value": v} for k, v in tags.items()]
            self.s3.put_object_tagging(Bucket=self.bucket, Key=key, Tagging={"TagSet": pairs})  # type: ignore[typeddict-item]  # TagTypeDef

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def lock(self, key: str, how: str) -> None:
        """Make an object unreadable; a lifecycle rule moves objects without a new version."""
        if how == "SSE-C":
            self.refusals.refuse(key, *refusals.SSE_C)
        elif how == "ARCHIVE_ACCESS":
            self.refusals.refuse(key, *refusals.ARCHIVE_TIER)
        else:
            stored = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[self.bucket].keys[key]
            stored._storage_class = how  # noqa: SLF001 moto has no lifecycle that runs

    def unlock(self, key: str) -> None:
        """Restore an archived object."""
        if self.refusals.refuses(key):
            self.refusals.allow(key)
        else:
            self.s3.restore_object(Bucket=self.bucket, Key=key, RestoreRequest={"Days": 1})

    def put_in_parts(self, key: str, body: bytes, part_bytes: int) -> None:
        """Write an object in parts."""
        where: Any = {"Bucket": self.bucket, "Key": key}
        where["UploadId"] = self.s3.create_multipart_upload(**where, ChecksumAlgorithm="CRC32")[
            "UploadId"
        ]
        parts: list[Any] = []
        for number, first in enumerate(range(0, len(body), part_bytes), 1):
            piece = body[first : first + part_bytes]
            answer = self.s3.upload_part(
                **where, PartNumber=number, Body=piece, ChecksumAlgorithm="CRC32"
            )
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self.s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})

    def re_encrypt(self, key: str) -> None:
        """Copy an object onto itself."""
        self.s3.copy_object(
            Bucket=self.bucket,
            Key=key,
            CopySource={"Bucket": self.bucket, "Key": key},
            ServerSideEncryption="aws:kms",
        )

    def deny_tags(self, *names: str) -> None:
        """Have the bucket refuse tags."""
        self.refusals.denied_tags |= set(names)

    def hide_tags(self) -> None:
        """Have the bucket keep tags to itself."""
        self.refusals.tags_are_secret = True

    def body(self, key: str) -> bytes:
        """Return an object's bytes."""
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def tags(self, key: str) -> dict[str, str]:
        """Return an object's tags."""
        found = self.s3.get_object_tagging(Bucket=self.bucket, Key=key)
        return {tag["Key"]: tag["Value"] for tag in found["TagSet"]}

    def content_type(self, key: str) -> str:
        """Return an object's Content-Type."""
        return self.s3.head_object(Bucket=self.bucket, Key=key)["ContentType"]


class ImageStoreContract:
    """What is read is what was put, and only results are written."""

    def test_inspect_describes_an_object(self, owner: Owner) -> None:
        """First bytes, size, ETag without quotes, metadata and headers."""
        body = bytes(range(256)) * 20
        owner.put(
            "photos/shoe.jpg",
            body,
            metadata={"sku": "42"},
            cache_control="max-age=60",
            content_language="de",
        )

        source = owner.store.inspect(owner.ref("photos/shoe.jpg"))

        assert (source.size, source.head) == (len(body), body[:HEAD_BYTES])
        assert (source.metadata, source.tag_count) == ({"sku": "42"}, 0)
        assert (source.cache_control, source.content_language) == ("max-age=60", "de")
        assert len(source.etag) == 32
        assert source.version_id is None

    def test_inspect_describes_an_empty_object(self, owner: Owner) -> None:
        """No bytes are no error."""
        owner.put("empty.jpg", b"")

        source = owner.store.inspect(owner.ref("empty.jpg"))

        assert (source.size, source.head) == (0, b"")

    def test_inspect_raises_for_a_missing_object(self, owner: Owner) -> None:
        """What was never there, and what was deleted."""
        owner.put("gone.jpg")
        owner.delete("gone.jpg")

        for key in ("never.jpg", "gone.jpg"):
            with pytest.raises(ObjectMissingError):
                owner.store.inspect(owner.ref(key))

    def test_describe_names_the_same_version(self, owner: Owner) -> None:
        """What `inspect` says, but for the bytes."""
        owner.put("photos/shoe.jpg", b"photo", metadata={"sku": "42"})

        found = owner.store.describe(owner.ref("photos/shoe.jpg"))

        whole = owner.store.inspect(owner.ref("photos/shoe.jpg"))
        assert found == whole.model_copy(update={"head": b""})
        assert keys.job_id(found) == keys.job_id(whole)

    def test_describe_raises_for_a_missing_object(self, owner: Owner) -> None:
        """What was never there, and what was deleted."""
        owner.put("gone.jpg")
        owner.delete("gone.jpg")

        for key in ("never.jpg", "gone.jpg"):
            with pytest.raises(ObjectMissingError):
                owner.store.describe(owner.ref(key))

    def test_what_kms_encrypts_has_no_etag_of_its_content(self, owner: Owner) -> None:
        """Whoever looks at the object is told."""
        owner.put("plain.jpg")
        owner.put("secret.jpg", encryption="aws:kms")

        told = [owner.store.inspect(owner.ref(key)) for key in ("plain.jpg", "secret.jpg")]

        assert [one.etag_is_content for one in told] == [True, False]
        assert not owner.store.describe(owner.ref("secret.jpg")).etag_is_content

    @pytest.mark.parametrize("algorithm", ["", "MD5", "SHA256", "CRC32"])
    def test_a_checksum_follows_the_content(self, owner: Owner, algorithm: str) -> None:
        """The same for the same bytes, another one for others, whatever the ETags say."""
        for key, body in {"a.jpg": b"photo", "b.jpg": b"photo", "c.jpg": b"other"}.items():
            owner.put(key, body, encryption="aws:kms")

        first, again, other = (
            owner.store.checksum(owner.store.inspect(owner.ref(key)), algorithm)
            for key in ("a.jpg", "b.jpg", "c.jpg")
        )

        assert first is not None
        assert first == again != other
        assert first.partition(":")[0] == (algorithm or "SHA256")

    @pytest.mark.parametrize("algorithm", ["MD5", "SHA256"])
    def test_a_checksum_is_that_of_the_bytes(self, owner: Owner, algorithm: str) -> None:
        """Other programs may compare it."""
        owner.put("shoe.jpg", b"photo")
        source = owner.store.inspect(owner.ref("shoe.jpg"))
        expected = hashlib.new(algorithm, b"photo", usedforsecurity=False).digest()

        found = owner.store.checksum(source, algorithm)

        assert found == f"{algorithm}:{base64.b64encode(expected).decode()}"

    def test_one_content_has_one_checksum_however_it_came(self, owner: Owner) -> None:
        """In parts of 5 MB, in parts of 8 MB, in one, and copied onto itself under a KMS key."""
        body = bytes(range(256)) * 30_000  # 7.7 MB
        etags, marks = [], set()
        ways: list[Callable[[], None]] = [
            partial(owner.put_in_parts, "shoe.jpg", body, 5 * 2**20),
            partial(owner.put_in_parts, "shoe.jpg", body, 8 * 2**20),
            partial(owner.put, "shoe.jpg", body),
            partial(owner.re_encrypt, "shoe.jpg"),
        ]
        for come in ways:
            come()
            source = owner.store.inspect(owner.ref("shoe.jpg"))
            etags.append(source.etag)
            marks.add((owner.store.checksum(source, "MD5"), owner.store.checksum(source, "SHA256")))

        assert len(set(etags[:3])) == 3  # moto leaves the last one as it was
        assert [etag[32:] for etag in etags] == ["-2", "-1", "", ""]
        assert len(marks) == 1

    def test_an_etag_that_is_a_checksum_is_not_read_for(self, owner: Owner) -> None:
        """Most photos come in one part, and cost nothing here."""
        owner.put("shoe.jpg", b"photo")
        source = owner.store.inspect(owner.ref("shoe.jpg"))
        owner.lock("shoe.jpg", "DEEP_ARCHIVE")

        found = owner.store.checksum(source)

        assert found == f"MD5:{base64.b64encode(bytes.fromhex(source.etag)).decode()}"
        with pytest.raises(ImageError):
            owner.store.checksum(source, "SHA256")

    def test_what_s3_keeps_of_parts_is_no_checksum_of_the_whole(self, owner: Owner) -> None:
        """It depends on how they were cut; nor is one known that S3 does not keep."""
        owner.put_in_parts("shoe.jpg", bytes(6 * 2**20), 5 * 2**20)
        source = owner.store.inspect(owner.ref("shoe.jpg"))

        assert owner.store.checksum(source, "CRC32") is None
        assert owner.store.checksum(source, "XXHASH") is None

    def test_a_very_large_object_is_not_read_for_a_checksum(self, owner: Owner) -> None:
        """`submit` has a minute for ten of them."""
        owner.put("shoe.jpg", encryption="aws:kms")
        source = owner.store.inspect(owner.ref("shoe.jpg"))

        at_the_limit = source.model_copy(update={"size": MAX_HASHED_BYTES})
        over_it = source.model_copy(update={"size": MAX_HASHED_BYTES + 1})

        assert owner.store.checksum(at_the_limit) is not None
        assert owner.store.checksum(over_it) is None

    @pytest.mark.parametrize("algorithm", ["SHA256", "CRC32"])
    def test_a_replaced_version_has_no_checksum(self, owner: Owner, algorithm: str) -> None:
        """It is that of the version that was looked at, or of none."""
        owner.put("shoe.jpg", b"photo")
        source = owner.store.inspect(owner.ref("shoe.jpg"))
        owner.put("shoe.jpg", b"another photo")

        with pytest.raises(ObjectMissingError):
            owner.store.checksum(source, algorithm)

    @pytest.mark.parametrize(("how", "code"), LOCKS.items())
    def test_an_unreadable_object_is_described(self, owner: Owner, how: str, code: str) -> None:
        """It is the same version as before, without its bytes, and says why."""
        owner.put("photos/shoe.jpg", b"photo")
        before = owner.store.describe(owner.ref("photos/shoe.jpg"))
        owner.lock("photos/shoe.jpg", how)

        for found in (
            owner.store.inspect(owner.ref("photos/shoe.jpg")),
            owner.store.describe(owner.ref("photos/shoe.jpg")),
        ):
            assert (found.unreadable, found.head, found.size) == (code, b"", 5)
            assert keys.job_id(found) == keys.job_id(before)

    @pytest.mark.parametrize("how", ARCHIVES)
    def test_an_archived_object_tells_what_a_result_inherits(self, owner: Owner, how: str) -> None:
        """Its result may come back after it was archived."""
        owner.put("shoe.jpg", metadata={"sku": "42"}, cache_control="no-cache")
        owner.lock("shoe.jpg", how)

        found = owner.store.inspect(owner.ref("shoe.jpg"))

        assert (found.metadata, found.cache_control) == ({"sku": "42"}, "no-cache")

    @pytest.mark.parametrize("how", ARCHIVES)
    def test_a_restored_object_is_read(self, owner: Owner, how: str) -> None:
        """It is the same version, whatever its storage class still says."""
        owner.put("shoe.jpg", b"photo")
        owner.lock("shoe.jpg", how)
        locked = owner.store.inspect(owner.ref("shoe.jpg"))
        owner.unlock("shoe.jpg")

        found = owner.store.inspect(owner.ref("shoe.jpg"))

        assert (found.unreadable, found.head) == (None, b"photo")
        assert keys.job_id(found) == keys.job_id(locked)
        assert owner.store.describe(owner.ref("shoe.jpg")).unreadable is None

    @pytest.mark.parametrize(("how", "code"), LOCKS.items())
    def test_the_bytes_of_an_unreadable_object_are_refused(
        self, owner: Owner, how: str, code: str
    ) -> None:
        """With the reason, as it will be the same the next time."""
        owner.put("shoe.jpg", b"photo")
        source = owner.store.inspect(owner.ref("shoe.jpg"))
        owner.lock("shoe.jpg", how)

        with pytest.raises(ImageError) as tail:
            owner.store.tail(source, 3)
        with pytest.raises(ImageError) as whole:
            owner.store.read(jobs.new_job(source, Lane.UPLOAD, 0))

        assert (tail.value.code, whole.value.code) == (code, code)

    def test_an_unreadable_object_is_not_its_neighbour(self, owner: Owner) -> None:
        """Keys that begin alike; one that is gone has nothing to say."""
        for key, body in {"shoe": b"1", "shoe.jpg": b"22", "shoe.jpg.old": b"333"}.items():
            owner.put(key, body)
            owner.lock(key, "SSE-C")

        sizes = [owner.store.inspect(owner.ref(k)).size for k in ("shoe", "shoe.jpg")]
        owner.delete("shoe.jpg")

        assert sizes == [1, 2]
        with pytest.raises(ObjectMissingError):
            owner.store.inspect(owner.ref("shoe.jpg"))

    @pytest.mark.parametrize("how", ARCHIVES)
    def test_an_archived_result_is_still_known(self, owner: Owner, how: str) -> None:
        """A lifecycle rule may take results, too."""
        owner.put(RESULT, b"cut", metadata={"cutout-job": "1"})
        owner.lock(RESULT, how)

        found = owner.store.find_result(owner.bucket, RESULT)

        assert found is not None
        assert found.metadata == {"cutout-job": "1"}

    def test_an_object_nothing_is_told_of_is_somebody_elses(self, owner: Owner) -> None:
        """It stands at the name, and is not overwritten."""
        owner.put("photos/shoe.jpg")
        owner.put(RESULT, b"theirs", metadata={"cutout-job": "1"})
        owner.lock(RESULT, "SSE-C")

        found = owner.store.find_result(owner.bucket, RESULT)

        assert found is not None
        assert found.metadata == {}
        assert owner.write() is None

    @pytest.mark.parametrize("key", LISTED_KEYS, ids=range(len(LISTED_KEYS)))
    def test_an_unreadable_object_has_any_key(self, owner: Owner, key: str) -> None:
        """The listing names it as it is."""
        owner.put(key)
        owner.lock(key, "SSE-C")

        assert owner.store.inspect(owner.ref(key)).key == key

    @pytest.mark.parametrize("key", AWKWARD_KEYS, ids=range(len(AWKWARD_KEYS)))
    def test_inspect_takes_keys_as_they_are(self, owner: Owner, key: str) -> None:
        """No decoding, no normal form: the key that was put is the key that is found."""
        owner.put(key, key.encode())

        source = owner.store.inspect(owner.ref(key))

        assert (source.key, source.head) == (key, key.encode())

    def test_find_result_returns_etag_and_metadata(self, owner: Owner) -> None:
        """What stands at the name says whose it is."""
        owner.put(RESULT, b"cut", metadata={"cutout-job": "1"})

        found = owner.store.find_result(owner.bucket, RESULT)

        assert found is not None
        assert (len(found.etag), found.metadata) == (32, {"cutout-job": "1"})

    def test_find_result_returns_none_for_a_free_name(self, owner: Owner) -> None:
        """Nothing stands there."""
        assert owner.store.find_result(owner.bucket, RESULT) is None

    def test_write_result_writes_a_free_name(self, owner: Owner) -> None:
        """The ETag returned is the object's; type and metadata are ours."""
        owner.put("photos/shoe.jpg")

        etag = owner.write(metadata={"cutout-job": "1"})

        found = owner.store.find_result(owner.bucket, RESULT)
        assert found is not None
        assert (found.etag, found.metadata) == (etag, {"cutout-job": "1"})
        assert owner.body(RESULT) == b"cut"
        assert owner.content_type(RESULT) == "image/png"

    def test_write_result_inherits_from_the_source(self, owner: Owner) -> None:
        """Cache-Control, Content-Language, user metadata and tags are the original's."""
        owner.put(
            "photos/shoe.jpg",
            metadata={"sku": "42", "cutout-job": "forged"},
            tags={"team": "web = shop", "größe": "4+2"},
            cache_control="max-age=60",
            content_language="de",
        )

        owner.write(metadata={"cutout-job": "1"})

        result = owner.store.inspect(owner.ref(RESULT))
        assert result.metadata == {"sku": "42", "cutout-job": "1"}
        assert (result.cache_control, result.content_language) == ("max-age=60", "de")
        assert result.tag_count == 2
        assert owner.tags(RESULT) == {"team": "web = shop", "größe": "4+2"}

    def test_write_result_leaves_behind_what_is_about_the_source(self, owner: Owner) -> None:
        """Digests, marks, services' tags, and a promise that the result can't keep."""
        owner.put(
            "photos/shoe.jpg",
            metadata={"md5chksum": "1B2M2Y8AsgTpgAmY7PhCfg==", "mtime": "1", "sku": "42"},
            tags={"GuardDutyMalwareScanStatus": "NO_THREATS_FOUND", "cutout": "no", "team": "web"},
            cache_control="public, max-age=31536000, immutable",
        )

        owner.write()

        result = owner.store.inspect(owner.ref(RESULT))
        assert result.metadata == {"sku": "42"}
        assert result.cache_control == "public, max-age=31536000"
        assert owner.tags(RESULT) == {"team": "web"}

    def test_a_results_own_cache_control_is_not_the_sources(self, owner: Owner) -> None:
        """It is set by a parameter, and taken as it is."""
        owner.put("photos/shoe.jpg", cache_control="max-age=60")
        source = owner.store.inspect(owner.ref("photos/shoe.jpg"))
        attributes = ResultAttributes(
            content_type="image/png", metadata={}, cache_control="no-cache"
        )

        owner.store.write_result(source, RESULT, io.BytesIO(b"cut"), attributes)

        assert owner.store.inspect(owner.ref(RESULT)).cache_control == "no-cache"

    def test_a_refused_tag_costs_the_tag(self, owner: Owner) -> None:
        """Not the result, which was paid for, and not the other tags."""
        owner.put("photos/shoe.jpg", tags={"a": "1", "secret": "2", "team": "web = shop"})
        owner.deny_tags("secret")

        etag = owner.write(body=b"cut out")

        found = owner.store.find_result(owner.bucket, RESULT)
        assert found is not None
        assert found.etag == etag
        assert owner.body(RESULT) == b"cut out"
        assert owner.tags(RESULT) == {"a": "1", "team": "web = shop"}

    def test_a_bucket_that_takes_no_tags_gets_its_result(self, owner: Owner) -> None:
        """Without any; what stands there is still not overwritten."""
        owner.put("photos/shoe.jpg", tags={"a": "1", "b": "2"})
        owner.deny_tags("a", "b")

        first = owner.write(body=b"cut")

        assert first is not None
        assert owner.tags(RESULT) == {}
        assert owner.write(body=b"another") is None
        assert owner.write(replaces=first, body=b"again") is not None
        assert owner.body(RESULT) == b"again"

    def test_a_bucket_that_hides_its_tags_gets_its_result(self, owner: Owner) -> None:
        """They are not inherited."""
        owner.put("photos/shoe.jpg", tags={"team": "web"})
        source = owner.store.inspect(owner.ref("photos/shoe.jpg"))
        owner.hide_tags()
        attributes = ResultAttributes(content_type="image/png", metadata={})

        etag = owner.store.write_result(source, RESULT, io.BytesIO(b"cut"), attributes)

        assert etag is not None
        assert owner.store.inspect(owner.ref(RESULT)).tag_count == 0

    def test_write_result_refuses_an_existing_name(self, owner: Owner) -> None:
        """IfNoneMatch: somebody's object is not overwritten."""
        owner.put("photos/shoe.jpg")
        owner.put(RESULT, b"theirs")

        assert owner.write() is None
        assert owner.body(RESULT) == b"theirs"

    def test_write_result_replaces_what_it_was_told_to(self, owner: Owner) -> None:
        """IfMatch: the object that was looked at is still there."""
        owner.put("photos/shoe.jpg")
        first = owner.write(body=b"first")

        second = owner.write(replaces=first, body=b"second")

        assert second not in (None, first)
        assert owner.body(RESULT) == b"second"

    def test_write_result_loses_when_the_object_was_replaced(self, owner: Owner) -> None:
        """IfMatch: another object stands there now, and stays."""
        owner.put("photos/shoe.jpg")
        first = owner.write(body=b"first")
        owner.put(RESULT, b"theirs")

        assert owner.write(replaces=first, body=b"second") is None
        assert owner.body(RESULT) == b"theirs"

    @pytest.mark.parametrize(("count", "expected"), [(4, b"tail"), (99, b"head and tail")])
    def test_tail_returns_the_last_bytes(self, owner: Owner, count: int, expected: bytes) -> None:
        """At most the whole object."""
        owner.put("shoe.jpg", b"head and tail")
        source = owner.store.inspect(owner.ref("shoe.jpg"))

        assert owner.store.tail(source, count) == expected

    def test_tags_returns_the_objects_tags(self, owner: Owner) -> None:
        """By name."""
        owner.put("shoe.jpg", tags={"cutout": "skip"})

        source = owner.store.inspect(owner.ref("shoe.jpg"))

        assert source.tag_count == 1
        assert owner.store.tags(source) == {"cutout": "skip"}

    def test_read_returns_the_whole_object(self, owner: Owner) -> None:
        """At its start."""
        body = bytes(range(256)) * 1_000
        owner.put("shoe.jpg", body)
        job = jobs.new_job(owner.store.inspect(owner.ref("shoe.jpg")), Lane.UPLOAD, 0)

        with owner.store.read(job) as file:
            assert file.read() == body

    @pytest.mark.parametrize("replaced", [True, False])
    def test_read_raises_for_another_version(self, owner: Owner, *, replaced: bool) -> None:
        """What was replaced or deleted meanwhile is not what the job is about."""
        owner.put("shoe.jpg", b"first")
        source = owner.store.inspect(owner.ref("shoe.jpg"))
        job = jobs.new_job(source, Lane.UPLOAD, 0)
        if replaced:
            owner.put("shoe.jpg", b"second")
        else:
            owner.delete("shoe.jpg")

        with pytest.raises(ObjectMissingError):
            owner.store.read(job)
        with pytest.raises(ObjectMissingError):
            owner.store.tail(source, 5)

    def test_presign_names_the_staged_copy(self, owner: Owner) -> None:
        """The provider is given the copy, and not the source."""
        job = a_job(bucket=owner.bucket, version_id="v7", staged_key="staged/1.jpg")

        url = urlsplit(owner.store.presign(job))

        assert (url.hostname or "").startswith("work.")
        assert url.path == "/staged/1.jpg"
        assert "versionId" not in parse_qs(url.query)

    def test_presign_names_the_object(self, owner: Owner) -> None:
        """The URL's path ends in the key, encoded once, and the query is signed."""
        key = "photos/a b+c%20grüße.jpg"
        job = a_job(bucket=owner.bucket, key=key, version_id=None)

        url = urlsplit(owner.store.presign(job))

        assert unquote(url.path).removeprefix("/") == key
        assert "X-Amz-Signature" in parse_qs(url.query)
        assert "versionId" not in parse_qs(url.query)

    def test_presign_names_the_version(self, owner: Owner) -> None:
        """A replaced object does not change what the provider reads."""
        job = a_job(bucket=owner.bucket, version_id="v7")

        url = urlsplit(owner.store.presign(job))

        assert parse_qs(url.query)["versionId"] == ["v7"]


class VersionedImageStoreContract:
    """In a versioned bucket every upload is told apart."""

    def test_inspect_names_the_current_version(self, versioned: Owner) -> None:
        """The same bytes put twice are two versions of one ETag."""
        seen = []
        for _ in range(2):
            versioned.put("shoe.jpg")
            seen.append(versioned.store.inspect(versioned.ref("shoe.jpg")))

        first, second = seen

        assert first.etag == second.etag
        assert first.version_id is not None
        assert first.version_id != second.version_id

    def test_inspect_raises_for_a_deleted_object(self, versioned: Owner) -> None:
        """A delete marker is not an object."""
        versioned.put("gone.jpg")
        versioned.delete("gone.jpg")

        with pytest.raises(ObjectMissingError):
            versioned.store.inspect(versioned.ref("gone.jpg"))
        assert versioned.store.find_result(versioned.bucket, "gone.jpg") is None

    @pytest.mark.parametrize("how", LOCKS)
    def test_an_unreadable_object_has_its_version(self, versioned: Owner, how: str) -> None:
        """The current one; a deleted object has none."""
        versioned.put("shoe.jpg", b"first")
        versioned.put("shoe.jpg", b"second")
        before = versioned.store.describe(versioned.ref("shoe.jpg"))
        versioned.lock("shoe.jpg", how)

        found = versioned.store.inspect(versioned.ref("shoe.jpg"))
        versioned.delete("shoe.jpg")

        assert (found.version_id, found.etag) == (before.version_id, before.etag)
        with pytest.raises(ObjectMissingError):
            versioned.store.inspect(versioned.ref("shoe.jpg"))

    def test_read_returns_the_jobs_version(self, versioned: Owner) -> None:
        """Replaced or deleted, the version is still there."""
        versioned.put("shoe.jpg", b"first")
        source = versioned.store.inspect(versioned.ref("shoe.jpg"))
        versioned.put("shoe.jpg", b"second")
        versioned.delete("shoe.jpg")

        with versioned.store.read(jobs.new_job(source, Lane.UPLOAD, 0)) as file:
            assert file.read() == b"first"
        assert versioned.store.tail(source, 3) == b"rst"

    def test_write_result_inherits_tags(self, versioned: Owner) -> None:
        """The tags are those of the version that was cut out."""
        versioned.put("photos/shoe.jpg", tags={"team": "web"})

        versioned.write()

        assert versioned.tags(RESULT) == {"team": "web"}


class TestInMemoryImageStore(ImageStoreContract, VersionedImageStoreContract):
    """The fake."""

    @pytest.fixture
    def owner(self) -> Owner:
        """Return the owner of a new bucket."""
        return FakeOwner(versioned=False)

    @pytest.fixture
    def versioned(self) -> Owner:
        """Return the owner of a new versioned bucket."""
        return FakeOwner(versioned=True)


class TestS3ImageStore(ImageStoreContract, VersionedImageStoreContract):
    """The adapter."""

    @pytest.fixture
    def owner(self, fake_account: None) -> Iterator[MotoOwner]:
        """Return the owner of a new bucket."""
        with mock_aws():
            yield MotoOwner(versioned=False)

    @pytest.fixture
    def versioned(self, fake_account: None) -> Iterator[Owner]:
        """Return the owner of a new versioned bucket."""
        with mock_aws():
            yield MotoOwner(versioned=True)

    @pytest.mark.parametrize(("kind", "known"), [("FULL_OBJECT", True), ("COMPOSITE", False)])
    def test_s3_says_whether_parts_have_a_checksum_of_the_whole(
        self, owner: MotoOwner, kind: str, *, known: bool
    ) -> None:
        """S3 API Reference, HeadObject, x-amz-checksum-type; moto has it for GET only."""
        owner.put_in_parts("shoe.jpg", bytes(6 * 2**20), 5 * 2**20)
        source = owner.store.inspect(owner.ref("shoe.jpg"))

        def tell(response_dict: dict[str, Any], **_: object) -> None:
            response_dict["headers"]["x-amz-checksum-type"] = kind

        owner.s3.meta.events.register("before-parse.s3.HeadObject", tell)

        assert (owner.store.checksum(source, "CRC32") is not None) is known

    def test_instant_retrieval_is_no_archive(self, owner: MotoOwner) -> None:
        """Nor is Intelligent-Tiering, but for its archive tiers."""
        classes: list[Any] = ["GLACIER_IR", "INTELLIGENT_TIERING"]
        for number, storage_class in enumerate(classes):
            owner.s3.put_object(
                Bucket=owner.bucket, Key=f"{number}.jpg", Body=b"photo", StorageClass=storage_class
            )
            found = owner.store.inspect(owner.ref(f"{number}.jpg"))

            assert (found.unreadable, found.head) == (None, b"photo")
            assert owner.store.describe(owner.ref(f"{number}.jpg")).unreadable is None

    def test_a_restore_that_is_under_way_is_none(self, owner: MotoOwner) -> None:
        """The header is there already, and the bytes are not."""
        owner.put("shoe.jpg")
        owner.lock("shoe.jpg", "GLACIER")

        def under_way(response_dict: dict[str, Any], **_: object) -> None:
            response_dict["headers"]["x-amz-restore"] = 'ongoing-request="true"'

        owner.s3.meta.events.register("before-parse.s3.HeadObject", under_way)

        assert owner.store.inspect(owner.ref("shoe.jpg")).unreadable == "archived"
        assert owner.store.describe(owner.ref("shoe.jpg")).unreadable == "archived"

    @pytest.mark.parametrize("code", ["KMS.DisabledException", "KMS.KMSInvalidStateException"])
    def test_a_kms_key_that_is_off_is_the_set_ups_fault(self, owner: MotoOwner, code: str) -> None:
        """Somebody may enable it again; neither GET nor the bare HEAD is taken for SSE-C."""
        owner.put("shoe.jpg")
        owner.refusals.refuse("shoe.jpg", code, HTTPStatus.BAD_REQUEST)

        for look in (owner.store.inspect, owner.store.describe):
            with pytest.raises(ConfigurationError, match=code):
                look(owner.ref("shoe.jpg"))
        with pytest.raises(ConfigurationError, match=code):
            owner.store.find_result(owner.bucket, "shoe.jpg")

    def test_a_deleted_kms_key_is_for_good(self, owner: MotoOwner) -> None:
        """Nobody can have it back."""
        owner.put("shoe.jpg", b"photo")
        owner.refusals.refuse("shoe.jpg", "KMS.NotFoundException", HTTPStatus.BAD_REQUEST)

        found = owner.store.inspect(owner.ref("shoe.jpg"))

        assert (found.unreadable, found.size) == ("unreadable_encryption", 5)

    def test_presign_uses_the_regional_endpoint(self, owner: Owner) -> None:
        """Virtual host, region and SigV4: a URL of the global endpoint would be redirected."""
        url = urlsplit(owner.store.presign(a_job(bucket=owner.bucket)))

        query = parse_qs(url.query)
        assert url.netloc == f"{owner.bucket}.s3.eu-central-1.amazonaws.com"
        assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
        assert query["X-Amz-Expires"] == ["600"]
