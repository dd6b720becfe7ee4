"""The user's bucket: look at an object, presign it, write a result beside it."""

import hashlib
import logging
import shutil
import tempfile
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO

from cutout import keys, unreadable
from cutout.adapters.aws import translated
from cutout.adapters.objects import S3Objects, exactly, missing, version_of
from cutout.adapters.result_writer import ResultWriter
from cutout.errors import ConfigurationError, ImageError, ObjectMissingError
from cutout.inheritance import inherited_tags
from cutout.models import (
    Job,
    ObjectRef,
    ResultAttributes,
    SourceObject,
    StoredObject,
    UnreadableCode,
)

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

logger = logging.getLogger(__name__)  # its lines go the way of the package's own (observability.py)

# Up to the pixels of nearly every photo: EXIF, which says how it is turned, is one segment of at
# most 64 KB near the beginning.
HEAD_BYTES = 65_536
# More is not read for a checksum: `submit` has a minute for a batch of ten objects.
MAX_HASHED_BYTES = 64 * 2**20

_SPOOL_BYTES = 8 * 2**20  # above it the file is on /tmp and not in memory
_CHUNK_BYTES = 2**20
_READING = "reading the object failed"


class S3ImageStore:
    """Objects of the user's bucket; only results are ever written."""

    def __init__(self, client: "S3Client", presign_seconds: int, work_bucket: str = "") -> None:
        """Keep the client, how long a presigned URL may be used, and where staged copies are."""
        self._client = client
        self._objects = S3Objects(client)
        self._writer = ResultWriter(client)
        self._presign_seconds = presign_seconds
        self._work_bucket = work_bucket

    def inspect(self, ref: ObjectRef) -> SourceObject:
        """Return the current version of an object with its first bytes and metadata.

        One ranged GET brings all of it; an empty object has no range to give, so it is asked for
        whole. An unreadable object is described without its bytes.

        Raises:
            ObjectMissingError: there is no such object.
        """
        get = self._objects.get
        try:
            answer = get(ref, Range=f"bytes=0-{HEAD_BYTES - 1}") or get(ref)
        except ImageError as error:
            return self.describe(ref).model_copy(update={"unreadable": error.code})
        if answer is None:
            raise missing()
        total = str(answer.get("ContentRange", "")).rpartition("/")[2]
        changes: dict[str, object] = {"head": _read(answer["Body"])}
        if total.isdigit():
            changes["size"] = int(total)
        return _source(ref, answer).model_copy(update=changes)

    def describe(self, ref: ObjectRef) -> SourceObject:
        """Return the current version of an object without its bytes and the number of its tags.

        What HEAD does not describe is described by the bucket's listing, without its metadata.

        Raises:
            ObjectMissingError: there is no such object.
        """
        try:
            return _source(ref, self._objects.head(ref))
        except ImageError as error:
            listed = _source(ref, self._objects.listed(ref))
            return listed.model_copy(update={"unreadable": error.code})

    def checksum(self, source: SourceObject, algorithm: str = "") -> str | None:
        """Return the checksum of this version's content, as `keys.checksum` has it.

        The ETag is an MD5 unless the object came in parts or KMS encrypts it. Then the bytes are
        read, because what S3 keeps is in the algorithm of whoever uploaded it.

        Raises:
            ObjectMissingError: this version is not there any more.
            ImageError: it would have to be read, and is unreadable for good.
        """
        known = keys.md5_of_etag(source.etag) if source.etag_is_content else None
        if known is not None and algorithm in ("", keys.MD5):
            return known
        if algorithm not in ("", keys.MD5, keys.SHA256):
            return self._kept_checksum(source, algorithm)
        if source.size > MAX_HASHED_BYTES:
            return None
        algorithm = algorithm or keys.SHA256
        digest = hashlib.new(algorithm, usedforsecurity=False)
        with closing(self._objects.get_this(source)["Body"]) as body, translated(_READING):
            for chunk in body.iter_chunks(_CHUNK_BYTES):
                digest.update(chunk)
        return keys.checksum(algorithm, digest.digest())

    def _kept_checksum(self, source: SourceObject, algorithm: str) -> str | None:
        """Return the checksum that S3 keeps of a whole object in this algorithm, if it does.

        Results of an earlier version are marked with it. That of an upload in parts may be made of
        its parts' and says so by its type (S3 User Guide, "Checking object integrity"): it depends
        on how the parts were cut, and says nothing here.
        """
        ref = ObjectRef(bucket=source.bucket, key=source.key)
        answer = self._objects.head(ref, ChecksumMode="ENABLED", **exactly(source))
        whole = "-" not in source.etag or answer.get("ChecksumType") == "FULL_OBJECT"
        value = answer.get(f"Checksum{algorithm}") if whole else None
        return f"{algorithm}:{value}" if value else None

    def tail(self, source: SourceObject, count: int) -> bytes:
        """Return the last bytes of this version of an object.

        Raises:
            ObjectMissingError: this version is not there any more.
            ImageError: it is unreadable for good.
        """
        first = max(0, source.size - count)
        answer = self._objects.get_this(source, Range=f"bytes={first}-{source.size - 1}")
        with closing(answer["Body"]) as body:
            return bytes(body.read(count))

    def read(self, job: Job) -> BinaryIO:
        """Return the whole source as a temporary file at its start.

        Raises:
            ObjectMissingError: the job's version of it is not there any more.
            ImageError: it is unreadable for good.
        """
        body = self._objects.get_this(job)["Body"]
        file = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 the caller closes it
        with closing(body), translated(_READING):
            shutil.copyfileobj(body, file, _CHUNK_BYTES)
        file.seek(0)
        return file  # type: ignore[return-value]  # typeshed: not a BinaryIO, in all but name

    def presign(self, job: Job) -> str:
        """Return a URL that reads what the provider is given; never log it.

        That is the staged copy if the job has one, else the job's version of the source.
        """
        if job.staged_key is not None:
            params = {"Bucket": self._work_bucket, "Key": job.staged_key}
        else:
            params = {"Bucket": job.bucket, "Key": job.key, **version_of(job)}
        with translated("presigning failed"):
            return self._client.generate_presigned_url(
                "get_object", Params=params, ExpiresIn=self._presign_seconds
            )

    def find_result(self, bucket: str, key: str) -> StoredObject | None:
        """Return what stands at a result's key; None: nothing.

        An object that not even HEAD describes is somebody else's: it is returned without metadata.
        """
        try:
            answer = self._objects.head(ObjectRef(bucket=bucket, key=key))
        except ObjectMissingError:
            return None
        except ImageError:
            return StoredObject(etag="", metadata={})
        return StoredObject(etag=answer["ETag"].strip('"'), metadata=answer.get("Metadata", {}))

    def write_result(
        self, source: SourceObject, key: str, image: BinaryIO, attributes: ResultAttributes
    ) -> str | None:
        """Write a result beside its source, with what is inherited from it, and return its ETag.

        Returns:
            None: somebody wrote this key since `attributes.replaces` was read.
        """
        return self._writer.write(source, key, image, attributes, self._inherited_tags(source))

    def _inherited_tags(self, source: SourceObject) -> dict[str, str]:
        """Return the tags that a result inherits; none if the bucket keeps them to itself."""
        if not source.tag_count:
            return {}
        try:
            return inherited_tags(self.tags(source))
        except ConfigurationError:
            logger.warning("tags not read", extra={"bucket": source.bucket, "key": source.key})
            return {}

    def tags(self, source: SourceObject) -> dict[str, str]:
        """Return the object's tags."""
        version: dict[str, Any] = version_of(source)
        with translated("reading the object's tags failed"):
            answer = self._client.get_object_tagging(
                Bucket=source.bucket, Key=source.key, **version
            )
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}


def _source(ref: ObjectRef, answer: dict[str, Any]) -> SourceObject:
    """Return what S3's answer to GET or HEAD, or its listing, says of an object."""
    version_id = answer.get("VersionId")
    return SourceObject(
        bucket=ref.bucket,
        key=ref.key,
        version_id=None if version_id in (None, "null") else version_id,
        etag=answer["ETag"].strip('"'),
        # By the second, as the headers have it and listings do not.
        last_modified_ms=int(answer["LastModified"].timestamp()) * 1000,
        size=answer["ContentLength"] if "ContentLength" in answer else answer["Size"],
        metadata=answer.get("Metadata", {}),
        tag_count=answer.get("TagCount", 0),
        cache_control=answer.get("CacheControl"),
        content_language=answer.get("ContentLanguage"),
        # S3 API Reference, "Object": only other encryptions leave the ETag the content's digest.
        etag_is_content=not str(answer.get("ServerSideEncryption")).startswith("aws:kms"),
        unreadable=_unreadable(answer),
    )


def _unreadable(answer: dict[str, Any]) -> UnreadableCode | None:
    """Return why the object of an answer to HEAD can't be read; None if it can be."""
    said = (str(answer.get(name) or "") for name in ("StorageClass", "ArchiveStatus", "Restore"))
    return unreadable.by_head(*said)


def _read(body: "StreamingBody") -> bytes:
    """Return the first bytes; a connection that breaks in between is a passing fault."""
    with closing(body), translated(_READING):
        return body.read(HEAD_BYTES)
