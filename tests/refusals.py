"""What S3 answers about objects that it does not hand out, for clients of moto, which is softer.

Moto knows the storage classes of archives. It does not know the archive tiers of S3
Intelligent-Tiering, customer-provided keys (it hands their objects out to everybody), keys of KMS
that are gone, or a policy that denies tags.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSResponse

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# S3 User Guide, "Specifying server-side encryption with customer-provided keys".
SSE_C = ("InvalidRequest", HTTPStatus.BAD_REQUEST)
# S3 API Reference, "GetObject": the archive tiers of Intelligent-Tiering, too.
ARCHIVE_TIER = ("InvalidObjectState", HTTPStatus.FORBIDDEN)


class _Body:
    """A response's body, as urllib3 would stream it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def stream(self, **_: Any) -> list[bytes]:
        """Return all of it."""
        return [self._text.encode()]


class Refusals:
    """Refuses GET and HEAD of some keys as S3 does; HEAD of an archive tier is answered."""

    def __init__(self, client: "S3Client") -> None:
        self._codes: dict[str, tuple[str, HTTPStatus]] = {}
        events: Any = client.meta.events  # its stubs know no handler that answers
        for method in ("GetObject", "HeadObject"):
            events.register_first(f"before-send.s3.{method}", self._send)
        events.register("before-parse.s3.HeadObject", self._tell_the_tier)
        self._asked = ""

    def refuse(self, key: str, code: str, status: HTTPStatus) -> None:
        """Refuse this key from now on."""
        self._codes[key] = (code, status)

    def refuses(self, key: str) -> bool:
        """Tell whether this key is refused."""
        return key in self._codes

    def allow(self, key: str) -> None:
        """Refuse this key no more."""
        del self._codes[key]

    def _send(self, request: Any, **_: Any) -> AWSResponse | None:
        """Answer in S3's place: an error in XML to GET, its bare status to HEAD."""
        self._asked = unquote(urlsplit(request.url).path).lstrip("/")
        said = self._codes.get(self._asked)
        if said is None or (request.method == "HEAD" and said == ARCHIVE_TIER):
            return None
        code, status = said
        body = "" if request.method == "HEAD" else f"<Error><Code>{code}</Code></Error>"
        headers: Any = {"Content-Type": "application/xml"}
        return AWSResponse(request.url, status, headers, _Body(body))

    def _tell_the_tier(self, response_dict: dict[str, Any], **_: Any) -> None:
        """Add the header that S3's answer to HEAD has for an archive tier."""
        if self._codes.get(self._asked) == ARCHIVE_TIER:
            response_dict["headers"]["x-amz-archive-status"] = "ARCHIVE_ACCESS"
