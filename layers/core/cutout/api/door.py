"""What happens before the routes: size, type and form of a body, and one way to write a path."""

import base64
import binascii
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.utilities.typing import LambdaContext

from cutout.api import problems

MAX_BODY_BYTES = 16_384  # the largest request is an image_url of 8,192 characters


class UnfitError(Exception):
    """The body of a request is not a small JSON object."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        """Keep what the response says."""
        super().__init__(message)
        self.status = status
        self.code = code


class Door:
    """The entrance of the jobs API."""

    def __init__(self, resolver: APIGatewayRestResolver) -> None:
        """Keep the routes."""
        self._resolver = resolver

    def answer(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Return the answer to a call of API Gateway."""
        try:
            plain = _plain(event)
        except UnfitError as error:
            response = problems.response(error.status, error.code, str(error))
            return {
                "statusCode": response.status_code,
                "multiValueHeaders": {name: [str(text)] for name, text in response.headers.items()},
                "body": response.body,
                "isBase64Encoded": False,
            }
        return self._resolver.resolve(plain, context)


def _plain(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event with its path as the routes have it and its body as checked JSON.

    The proxy's path parameter is without stage and without the base path of a custom domain.
    """
    proxy = (event.get("pathParameters") or {}).get("proxy")
    path = f"/{proxy}" if proxy is not None else str(event.get("path"))
    body = _body(event)
    headers = {str(k).lower(): v for k, v in (event.get("headers") or {}).items()}
    return {
        **event,
        "path": path,
        "body": json.dumps(body),
        "isBase64Encoded": False,
        "headers": headers | {"content-type": "application/json"},
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
    }


def _body(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON object in the body; without a body an empty one.

    Raises:
        UnfitError: 400, 413 or 415.
    """
    raw = _bytes(event)
    if len(raw) > MAX_BODY_BYTES:
        message = f"The body is larger than {MAX_BODY_BYTES} bytes; images go to POST /uploads."
        raise UnfitError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", message)
    if not raw.strip():
        return {}
    if not _is_json(event):
        message = "Send the body with Content-Type: application/json."
        raise UnfitError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_json_type", message)
    try:
        body = json.loads(raw)
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()  # half a surrogate, NaN
    except (ValueError, RecursionError):
        message = "The body is not JSON."
        raise UnfitError(HTTPStatus.BAD_REQUEST, "not_json", message) from None
    if not isinstance(body, dict):
        raise UnfitError(HTTPStatus.BAD_REQUEST, "not_an_object", "The body is no JSON object.")
    return body


def _bytes(event: Mapping[str, Any]) -> bytes:
    """Return the body as it was sent."""
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(text).encode(errors="surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b"\xff"  # API Gateway encodes; whatever this is, it is not JSON


def _is_json(event: Mapping[str, Any]) -> bool:
    """Tell whether the body is declared as JSON; not declared at all is taken for it."""
    headers = {str(k).lower(): v for k, v in (event.get("headers") or {}).items()}
    declared = str(headers.get("content-type") or "application/json")
    return declared.partition(";")[0].strip().lower() == "application/json"
