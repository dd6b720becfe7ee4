"""Write a result into the user's bucket; tags that are refused cost the tags, not the result."""

import logging
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from cutout.adapters.aws import code_of, translated
from cutout.adapters.objects import LOST
from cutout.inheritance import inherited, inherited_cache_control
from cutout.models import ResultAttributes, SourceObject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client

logger = logging.getLogger(__name__)  # its lines go the way of the package's own (observability.py)

# Forbidden by a policy; invalid; too much for a header, which may have 8 KB. Not: lost, or later.
_REFUSED = frozenset({400, 403, 431})


class ResultWriter:
    """Puts results on the condition that their key is free, or still holds what was seen there."""

    def __init__(self, client: "S3Client") -> None:
        """Keep the client."""
        self._client = client

    def write(
        self,
        source: SourceObject,
        key: str,
        image: BinaryIO,
        attributes: ResultAttributes,
        tags: "Mapping[str, str]",
    ) -> str | None:
        """Write a result beside its source and return its ETag.

        A bucket's policy may deny one tag, and with it the whole object. Then the result is written
        without tags, and each of them is tried on its own: it was paid for.

        Returns:
            None: somebody wrote this key since `attributes.replaces` was read.
        """
        put = self._request(source, key, attributes)
        with translated("writing the result failed"):
            try:
                return self._put(image, put | {"Tagging": urlencode(tags)})
            except ClientError as error:
                if code_of(error) in LOST:
                    return None
                if not tags or _status(error) not in _REFUSED:
                    raise
            try:
                etag = self._put(image, put)
            except ClientError as error:
                if code_of(error) in LOST:
                    return None
                raise
        self._tag(source.bucket, key, tags)
        return etag

    def _request(
        self, source: SourceObject, key: str, attributes: ResultAttributes
    ) -> dict[str, Any]:
        """Return the request that writes the result, but for its bytes and tags."""
        return {
            "Bucket": source.bucket,
            "Key": key,
            "ContentType": attributes.content_type,
            "Metadata": inherited(source.metadata, attributes.metadata),
            "CacheControl": attributes.cache_control
            or inherited_cache_control(source.cache_control),
            "ContentLanguage": source.content_language,
            "IfMatch": attributes.replaces,
            "IfNoneMatch": None if attributes.replaces else "*",
        }

    def _put(self, image: BinaryIO, request: dict[str, Any]) -> str:
        """Put the object and return its ETag."""
        image.seek(0)
        given = {name: value for name, value in request.items() if value or name == "Metadata"}
        return self._client.put_object(Body=image, **given)["ETag"].strip('"')

    def _tag(self, bucket: str, key: str, tags: "Mapping[str, str]") -> None:
        """Tag the result with what is not refused; a request replaces all tags of an object."""
        kept: list[Any] = []
        for name, value in tags.items():
            tried = [*kept, {"Key": name, "Value": value}]
            try:
                self._client.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tried})
            except (ClientError, BotoCoreError):
                continue
            kept = tried
        extra = {"bucket": bucket, "key": key, "count": len(tags) - len(kept)}
        logger.warning("tags not inherited", extra=extra)


def _status(error: ClientError) -> int:
    """Return the HTTP status of S3's answer; 0 if there is none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
