"""Reading objects of a bucket, with S3's refusals told apart by what happens next."""

from typing import TYPE_CHECKING, Any, NoReturn

from botocore.exceptions import ClientError

from cutout import unreadable
from cutout.adapters.aws import code_of, translated
from cutout.errors import ImageError, ObjectMissingError
from cutout.models import Job, ObjectRef, SourceObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOST = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})

_MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound", "MethodNotAllowed", "405"})
_EMPTY = frozenset({"InvalidRange", "416"})
_UNSAID = "400"  # an answer to HEAD has no body, so S3's own code is not in it


class S3Objects:
    """GET, HEAD and a look at the listing for one object."""

    def __init__(self, client: "S3Client") -> None:
        """Keep the client."""
        self._client = client

    def get(self, ref: ObjectRef, **extra: Any) -> dict[str, Any] | None:  # noqa: ANN401 boto's own
        """Return S3's answer to GET; None if the range is outside the object, so that it is empty.

        Raises:
            ObjectMissingError: there is no such object.
            ImageError: the object is unreadable for good.
        """
        with translated("reading the object failed"):
            try:
                return dict(self._client.get_object(Bucket=ref.bucket, Key=ref.key, **extra))
            except ClientError as error:
                if code_of(error) in _EMPTY:
                    return None
                _raise(error)

    def get_this(self, one: SourceObject | Job, **extra: Any) -> dict[str, Any]:  # noqa: ANN401 the same
        """Return S3's answer to GET of exactly this version: by its id, or else by its ETag.

        Raises:
            ObjectMissingError: this version is not there any more.
            ImageError: the object is unreadable for good.
        """
        answer = self.get(ObjectRef(bucket=one.bucket, key=one.key), **exactly(one), **extra)
        if answer is None:
            raise missing()
        return answer

    def head(self, ref: ObjectRef, **extra: Any) -> dict[str, Any]:  # noqa: ANN401 the same
        """Return S3's answer to HEAD; an archived object has one.

        What S3 refuses without saying why is asked for by a GET, whose refusal has a code.

        Raises:
            ObjectMissingError: there is no such object.
            ImageError: the object is unreadable for good, and HEAD does not describe it either.
        """
        with translated("looking at the object failed"):
            try:
                return dict(self._client.head_object(Bucket=ref.bucket, Key=ref.key, **extra))
            except ClientError as error:
                if code_of(error) == _UNSAID:
                    self.get(ref, Range="bytes=0-0", **extra)
                _raise(error)

    def listed(self, ref: ObjectRef) -> dict[str, Any]:
        """Return the current version of an object as a listing has it, which asks for no key.

        Of all keys that begin with this one it is the first, and of its versions the current one.

        Raises:
            ObjectMissingError: there is no such object.
        """
        with translated("listing the object failed"):
            answer = self._client.list_object_versions(Bucket=ref.bucket, Prefix=ref.key, MaxKeys=1)
        for one in answer.get("Versions", []):
            if one["Key"] == ref.key and one["IsLatest"]:
                return dict(one)
        raise missing()


def version_of(one: SourceObject | Job) -> dict[str, str]:
    """Return the parameter that names a version, where the bucket has versions."""
    return {"VersionId": one.version_id} if one.version_id is not None else {}


def exactly(one: SourceObject | Job) -> dict[str, str]:
    """Return the parameters that take this version or none: its id, and the ETag as a condition."""
    return {"IfMatch": f'"{one.etag}"', **version_of(one)}


def missing() -> ObjectMissingError:
    """Return the error for an object, or a version of one, that is not there."""
    return ObjectMissingError("the object is not there")


def _raise(error: ClientError) -> NoReturn:
    """Raise what S3's refusal means; what it does not settle stays S3's own error."""
    code = code_of(error)
    if code in _MISSING | LOST:
        raise missing() from error
    for_good = unreadable.by_error(code)
    if for_good is not None:
        reason = unreadable.reason(for_good)
        raise ImageError(reason.code, reason.message) from error
    raise error
