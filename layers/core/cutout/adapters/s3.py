"""The user's bucket: look at an object, presign it, write a result beside it."""

import shutil
import tempfile
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from cutout import keys
from cutout.adapters.aws import code_of, translated
from cutout.errors import ObjectMissingError
from cutout.models import Job, ObjectRef, ResultAttributes, SourceObject, StoredObject

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

# Up to the pixels of nearly every photo: EXIF, which says how it is turned, is one segment of at
# most 64 KB near the beginning.
HEAD_BYTES = 65_536
MAX_METADATA_BYTES = 2048  # S3 User Guide, "Working with object metadata": user-defined metadata

_SPOOL_BYTES = 8 * 2**20  # above it the file is on /tmp and not in memory
_CHUNK_BYTES = 2**20
_MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound", "MethodNotAllowed", "405"})
_CHECKSUMS = ("SHA256", "SHA1", "CRC64NVME", "CRC32C", "CRC32")  # the surest first
_LOST = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


class S3ImageStore:
    """Objects of the user's bucket; only results are ever written."""

    def __init__(self, client: "S3Client", presign_seconds: int, work_bucket: str = "") -> None:
        """Keep the client, how long a presigned URL may be used, and where staged copies are."""
        self._client = client
        self._presign_seconds = presign_seconds
        self._work_bucket = work_bucket

    def inspect(self, ref: ObjectRef) -> SourceObject:
        """Return the current version of an object with its first bytes and metadata.

        One ranged GET brings all of it; an empty object has no range to give, so it is asked for
        whole.

        Raises:
            ObjectMissingError: there is no such object.
        """
        answer = self._get(ref, Range=f"bytes=0-{HEAD_BYTES - 1}") or self._get(ref)
        if answer is None:
            raise _missing()
        total = str(answer.get("ContentRange", "")).rpartition("/")[2]
        changes: dict[str, object] = {"head": _read(answer["Body"])}
        if total.isdigit():
            changes["size"] = int(total)
        return _source(ref, answer).model_copy(update=changes)

    def describe(self, ref: ObjectRef) -> SourceObject:
        """Return the current version of an object without its bytes and the number of its tags.

        Raises:
            ObjectMissingError: there is no such object.
        """
        return _source(ref, self._head(ref))

    def checksum(self, source: SourceObject) -> str | None:
        """Return the checksum that S3 keeps of this version of a whole object.

        S3 computes one itself where the client sent none. That of a multipart upload may be made of
        its parts' and then ends with their number (S3 User Guide, "Checking object integrity"): it
        depends on how the parts were cut, and says nothing here.

        Raises:
            ObjectMissingError: this version is not there any more.
        """
        ref = ObjectRef(bucket=source.bucket, key=source.key)
        answer = self._head(ref, ChecksumMode="ENABLED", **_exactly(source))
        values = {name: str(answer.get(f"Checksum{name}", "-")) for name in _CHECKSUMS}
        return next((f"{n}:{value}" for n, value in values.items() if "-" not in value), None)

    def tail(self, source: SourceObject, count: int) -> bytes:
        """Return the last bytes of this version of an object.

        Raises:
            ObjectMissingError: this version is not there any more.
        """
        first = max(0, source.size - count)
        with closing(self._this(source, Range=f"bytes={first}-{source.size - 1}")["Body"]) as body:
            return bytes(body.read(count))

    def read(self, job: Job) -> BinaryIO:
        """Return the whole source as a temporary file at its start.

        Raises:
            ObjectMissingError: the job's version of it is not there any more.
        """
        body = self._this(job)["Body"]
        file = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 the caller closes it
        with closing(body), translated("reading the object failed"):
            shutil.copyfileobj(body, file, _CHUNK_BYTES)
        file.seek(0)
        return file  # type: ignore[return-value]  # typeshed: not a BinaryIO, in all but name

    def _this(self, one: SourceObject | Job, **extra: Any) -> dict[str, Any]:  # noqa: ANN401 boto's own
        """Get exactly this version: by its id, or else on the condition of its ETag.

        Raises:
            ObjectMissingError: this version is not there any more.
        """
        ref = ObjectRef(bucket=one.bucket, key=one.key)
        answer = self._get(ref, **_exactly(one), **extra)
        if answer is None:
            raise _missing()
        return answer

    def _get(self, ref: ObjectRef, **extra: Any) -> dict[str, Any] | None:  # noqa: ANN401 boto's own
        """Get an object; None: the range is outside it, so it is empty.

        Raises:
            ObjectMissingError: there is no such object.
        """
        with translated("reading the object failed"):
            try:
                return dict(self._client.get_object(Bucket=ref.bucket, Key=ref.key, **extra))
            except ClientError as error:
                if code_of(error) in _MISSING | _LOST:
                    raise _missing() from error
                if code_of(error) in ("InvalidRange", "416"):
                    return None
                raise

    def _head(self, ref: ObjectRef, **extra: Any) -> dict[str, Any]:  # noqa: ANN401 boto's own
        """Look at an object.

        Raises:
            ObjectMissingError: there is no such object.
        """
        with translated("looking at the object failed"):
            try:
                return dict(self._client.head_object(Bucket=ref.bucket, Key=ref.key, **extra))
            except ClientError as error:
                if code_of(error) in _MISSING | _LOST:
                    raise _missing() from error
                raise

    def presign(self, job: Job) -> str:
        """Return a URL that reads what the provider is given; never log it.

        That is the staged copy if the job has one, else the job's version of the source.
        """
        if job.staged_key is not None:
            params = {"Bucket": self._work_bucket, "Key": job.staged_key}
        else:
            params = {"Bucket": job.bucket, "Key": job.key, **_version(job)}
        with translated("presigning failed"):
            return self._client.generate_presigned_url(
                "get_object", Params=params, ExpiresIn=self._presign_seconds
            )

    def find_result(self, bucket: str, key: str) -> StoredObject | None:
        """Return what stands at a result's key; None: nothing."""
        try:
            answer = self._head(ObjectRef(bucket=bucket, key=key))
        except ObjectMissingError:
            return None
        return StoredObject(etag=answer["ETag"].strip('"'), metadata=answer.get("Metadata", {}))

    def write_result(
        self, source: SourceObject, key: str, image: BinaryIO, attributes: ResultAttributes
    ) -> str | None:
        """Write a result beside its source, with what is inherited from it, and return its ETag.

        Returns:
            None: somebody wrote this key since `attributes.replaces` was read.
        """
        extra: dict[str, Any] = {
            "CacheControl": source.cache_control,
            "ContentLanguage": source.content_language,
            "Tagging": urlencode(self.tags(source)) if source.tag_count else None,
            "IfMatch": attributes.replaces,
            "IfNoneMatch": None if attributes.replaces else "*",
        }
        image.seek(0)
        with translated("writing the result failed"):
            try:
                answer = self._client.put_object(
                    Bucket=source.bucket,
                    Key=key,
                    Body=image,
                    ContentType=attributes.content_type,
                    Metadata=inherited(source.metadata, attributes.metadata),
                    **{name: value for name, value in extra.items() if value},
                )
            except ClientError as error:
                if code_of(error) in _LOST:
                    return None
                raise
        return answer["ETag"].strip('"')

    def tags(self, source: SourceObject) -> dict[str, str]:
        """Return the object's tags."""
        version: dict[str, Any] = _version(source)
        with translated("reading the object's tags failed"):
            answer = self._client.get_object_tagging(
                Bucket=source.bucket, Key=source.key, **version
            )
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}


def _source(ref: ObjectRef, answer: dict[str, Any]) -> SourceObject:
    """Return what S3's answer to GET or HEAD says of an object."""
    version_id = answer.get("VersionId")
    return SourceObject(
        bucket=ref.bucket,
        key=ref.key,
        version_id=None if version_id in (None, "null") else version_id,
        etag=answer["ETag"].strip('"'),
        last_modified_ms=round(answer["LastModified"].timestamp() * 1000),
        size=answer["ContentLength"],
        metadata=answer.get("Metadata", {}),
        tag_count=answer.get("TagCount", 0),
        cache_control=answer.get("CacheControl"),
        content_language=answer.get("ContentLanguage"),
        # S3 API Reference, "Object": only other encryptions leave the ETag the content's digest.
        etag_is_content=not str(answer.get("ServerSideEncryption")).startswith("aws:kms"),
    )


def _version(one: SourceObject | Job) -> dict[str, str]:
    """Return the parameter that names a version, where the bucket has versions."""
    return {"VersionId": one.version_id} if one.version_id is not None else {}


def _exactly(one: SourceObject | Job) -> dict[str, str]:
    """Return the parameters that take this version or none: its id, and the ETag as a condition."""
    return {"IfMatch": f'"{one.etag}"', **_version(one)}


def _missing() -> ObjectMissingError:
    """Return the error for an object, or a version of one, that is not there."""
    return ObjectMissingError("the object is not there")


def _read(body: "StreamingBody") -> bytes:
    """Return the first bytes; a connection that breaks in between is a passing fault."""
    with closing(body), translated("reading the object failed"):
        return body.read(HEAD_BYTES)


def inherited(theirs: dict[str, str], ours: dict[str, str]) -> dict[str, str]:
    """Return the source's user metadata and ours, trimming theirs to S3's 2 KB.

    Names and values count as UTF-8 bytes; ours always fit and win.
    """
    kept = dict(ours)
    left = MAX_METADATA_BYTES - sum(len(name) + len(value) for name, value in ours.items())
    for name, value in sorted(theirs.items()):
        text = value if value.isascii() else keys.metadata_value(value)
        left -= len(name) + len(text)
        if left < 0:
            break
        kept.setdefault(name, text)
    return kept
