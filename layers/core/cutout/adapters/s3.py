"""The user's bucket: look at an object, presign it, write a result beside it."""

from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from cutout import keys
from cutout.adapters.aws import code_of, translated
from cutout.errors import ObjectMissingError
from cutout.models import Job, ObjectRef, ResultAttributes, SourceObject, StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HEAD_BYTES = 4096  # enough for every magic number
MAX_METADATA_BYTES = 2048  # S3 User Guide, "Working with object metadata": user-defined metadata

_MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound", "MethodNotAllowed", "405"})
_LOST = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


class S3ImageStore:
    """Objects of the user's bucket; only results are ever written."""

    def __init__(self, client: "S3Client", presign_seconds: int) -> None:
        """Keep the client and how long a presigned URL may be used."""
        self._client = client
        self._presign_seconds = presign_seconds

    def inspect(self, ref: ObjectRef) -> SourceObject:
        """Return the current version of an object with its first bytes and metadata.

        One ranged GET brings all of it; an empty object has no range to give, so it is asked for
        whole.

        Raises:
            ObjectMissingError: there is no such object.
        """
        answer = self._get(ref, Range=f"bytes=0-{HEAD_BYTES - 1}") or self._get(ref)
        if answer is None:
            message = "the object is not there"
            raise ObjectMissingError(message)
        total = str(answer.get("ContentRange", "")).rpartition("/")[2]
        version_id = answer.get("VersionId")
        return SourceObject(
            bucket=ref.bucket,
            key=ref.key,
            version_id=None if version_id in (None, "null") else version_id,
            etag=answer["ETag"].strip('"'),
            last_modified_ms=round(answer["LastModified"].timestamp() * 1000),
            size=int(total) if total.isdigit() else answer["ContentLength"],
            head=answer["Body"].read(HEAD_BYTES),
            metadata=answer.get("Metadata", {}),
            tag_count=answer.get("TagCount", 0),
            cache_control=answer.get("CacheControl"),
            content_language=answer.get("ContentLanguage"),
        )

    def _get(self, ref: ObjectRef, **extra: Any) -> dict[str, Any] | None:  # noqa: ANN401 boto's own
        """Get an object; None: the range is outside it, so it is empty.

        Raises:
            ObjectMissingError: there is no such object.
        """
        with translated("reading the object failed"):
            try:
                return dict(self._client.get_object(Bucket=ref.bucket, Key=ref.key, **extra))
            except ClientError as error:
                if code_of(error) in _MISSING:
                    message = "the object is not there"
                    raise ObjectMissingError(message) from error
                if code_of(error) in ("InvalidRange", "416"):
                    return None
                raise

    def presign(self, job: Job) -> str:
        """Return a URL that reads the job's version of the source; never log it."""
        params = {"Bucket": job.bucket, "Key": job.key}
        if job.version_id is not None:
            params["VersionId"] = job.version_id
        with translated("presigning failed"):
            return self._client.generate_presigned_url(
                "get_object", Params=params, ExpiresIn=self._presign_seconds
            )

    def find_result(self, bucket: str, key: str) -> StoredObject | None:
        """Return what stands at a result's key; None: nothing."""
        with translated("looking for a result failed"):
            try:
                answer = self._client.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return None
                raise
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
            "Tagging": self._tags(source),
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

    def _tags(self, source: SourceObject) -> str:
        """Return the source's tags as a query string; asked for only when it has some."""
        if not source.tag_count:
            return ""
        version: dict[str, Any] = {"VersionId": source.version_id} if source.version_id else {}
        with translated("reading the object's tags failed"):
            answer = self._client.get_object_tagging(
                Bucket=source.bucket, Key=source.key, **version
            )
        return urlencode({tag["Key"]: tag["Value"] for tag in answer["TagSet"]})


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
