"""The WorkBucket: staged copies of odd sources, and provider results that came as bytes."""

import re
import tempfile
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO

from botocore.exceptions import ClientError

from cutout.adapters.aws import code_of, translated
from cutout.errors import ResultError
from cutout.ports import PreparedImage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SCHEME = "s3"

_EXTENSIONS = {"image/png": "png", "image/webp": "webp", "image/jpeg": "jpg"}
_NAME = re.compile(r"[0-9a-f]{32}\.[a-z]{3,4}")
_CHUNK_BYTES = 2**20
_SPOOL_BYTES = 8 * 2**20  # above it the file is on /tmp and not in memory
# Without s3:ListBucket S3 says AccessDenied of an object that is not there.
_GONE = frozenset({"NoSuchKey", "404", "AccessDenied", "403"})


class S3WorkStore:
    """Writes `staged/{job_id}.{ext}`, writes and reads `results/{uuid}.{ext}`; no other is read."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        """Keep the client and the WorkBucket's name."""
        self._client = client
        self._bucket = bucket

    def put(self, data: bytes, content_type: str) -> str:
        """Keep an image and return its reference."""
        key = f"results/{uuid.uuid4().hex}.{_EXTENSIONS.get(content_type, 'bin')}"
        with translated("keeping the result failed"):
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=data,
                ContentType=content_type or "application/octet-stream",
            )
        return f"{SCHEME}://{self._bucket}/{key}"

    def open(self, reference: str) -> BinaryIO:
        """Return what `put` kept, as a temporary file at its start.

        Raises:
            ResultError: `result_unavailable`, it is not one of ours or not there (any more).
        """
        place, _, name = reference.partition("/results/")
        if place != f"{SCHEME}://{self._bucket}" or not _NAME.fullmatch(name):
            raise _unavailable("it is not where results are kept")
        file = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 the caller closes it
        try:
            self._copy(f"results/{name}", file)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file  # type: ignore[return-value]  # typeshed: not a BinaryIO, in all but name

    def stage(self, job_id: str, image: PreparedImage) -> str:
        """Keep the plain copy of a job's source, replacing an earlier one, and return its key."""
        key = f"staged/{job_id}.{_EXTENSIONS[image.content_type]}"
        image.file.seek(0)
        with translated("staging the image failed"):
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=image.file, ContentType=image.content_type
            )
        return key

    def _copy(self, key: str, file: "tempfile.SpooledTemporaryFile[bytes]") -> None:
        """Stream the object into the file; botocore raises when it is cut short."""
        with translated("reading the result failed"):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if code_of(error) in _GONE:
                    raise _unavailable(f"S3 says {code_of(error)}") from error
                raise
            with closing(answer["Body"]) as body:
                for chunk in body.iter_chunks(_CHUNK_BYTES):
                    file.write(chunk)


def _unavailable(why: str) -> ResultError:
    """Return the error for a result that is not there."""
    return ResultError("result_unavailable", f"The kept result could not be read: {why}.")
