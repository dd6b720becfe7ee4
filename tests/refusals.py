"""What S3 refuses, for clients of moto, which is softer.

Moto knows the storage classes of archives. It does not know the archive tiers of S3
Intelligent-Tiering, customer-provided keys (it hands their objects out to everybody), keys of KMS
that are gone, and, without its own IAM, no policy that denies tags.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# S3 User Guide, "Specifying server-side encryption with customer-provided keys".
SSE_C = ("InvalidRequest", HTTPStatus.BAD_REQUEST)
# S3 API Reference, "GetObject": the archive tiers of Intelligent-Tiering, too.
ARCHIVE_TIER = ("InvalidObjectState", HTTPStatus.FORBIDDEN)
DENIED = ("AccessDenied", HTTPStatus.FORBIDDEN)


class Refusals:
    """Refuses GET and HEAD of some keys, and some tags; HEAD of an archive tier is answered.

    A denied tag is refused as by a bucket policy that denies s3:PutObjectTagging where
    s3:RequestObjectTagKeys has it, which goes for PutObject with tags, too (S3 User Guide, "Tagging
    and access control policies").
    """

    def __init__(self, client: "S3Client") -> None:
        self._codes: dict[str, tuple[str, HTTPStatus]] = {}
        self._asked = ""
        self.denied_tags: set[str] = set()
        self.tags_are_secret = False
        checks = {
            "GetObject": self._read,
            "HeadObject": self._read,
            "PutObject": self._put,
            "PutObjectTagging": self._tag,
            "GetObjectTagging": self._tell_tags,
        }
        events: Any = client.meta.events
        for operation, check in checks.items():
            events.register(f"before-parameter-build.s3.{operation}", check)
        events.register("before-parse.s3.HeadObject", self._tell_the_tier)

    def refuse(self, key: str, code: str, status: HTTPStatus) -> None:
        """Refuse this key from now on."""
        self._codes[key] = (code, status)

    def refuses(self, key: str) -> bool:
        """Tell whether this key is refused."""
        return key in self._codes

    def allow(self, key: str) -> None:
        """Refuse this key no more."""
        del self._codes[key]

    def _read(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """Refuse to read: with S3's code to GET, with the bare status to HEAD."""
        self._asked = params["Key"]
        said = self._codes.get(self._asked)
        if said is None or (model.name == "HeadObject" and said == ARCHIVE_TIER):
            return
        code, status = said
        raise _refused(str(int(status)) if model.name == "HeadObject" else code, status)

    def _put(self, params: dict[str, Any], **_: Any) -> None:
        """Refuse a new object with a denied tag."""
        if self.denied_tags & set(parse_qs(params.get("Tagging", ""))):
            raise _refused(*DENIED)

    def _tag(self, params: dict[str, Any], **_: Any) -> None:
        """Refuse a tag set with a denied tag."""
        if self.denied_tags & {tag["Key"] for tag in params["Tagging"]["TagSet"]}:
            raise _refused(*DENIED)

    def _tell_tags(self, **_: Any) -> None:
        """Keep tags to the bucket, if they are secret."""
        if self.tags_are_secret:
            raise _refused(*DENIED)

    def _tell_the_tier(self, response_dict: dict[str, Any], **_: Any) -> None:
        """Add the header that S3's answer to HEAD has for an archive tier."""
        if self._codes.get(self._asked) == ARCHIVE_TIER:
            response_dict["headers"]["x-amz-archive-status"] = "ARCHIVE_ACCESS"


def _refused(code: str, status: HTTPStatus) -> ClientError:
    """Return S3's refusal as boto raises it."""
    said: Any = {
        "Error": {"Code": code},
        "ResponseMetadata": {"HTTPStatusCode": int(status)},
    }
    return ClientError(said, "S3")
