"""Requests that a provider sends out: fetching the image, posting the webhook."""

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

import httpx

WEBHOOK_TIMEOUT_SECONDS = 30
"""A webhook has to be answered within this time (seed 000)."""

FETCH_TIMEOUT_SECONDS = 30

_EXECUTE_API = re.compile(r"(?P<api_id>[a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com")


class UndeliverableError(Exception):
    """A request could not be made or was not answered; the message names no URL."""


def is_loopback(url: str) -> bool:
    """Tell whether a URL's host is this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_web_url(value: object) -> bool:
    """Tell whether something is a URL with http or https and a host."""
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        return bool(parts and parts.scheme in {"http", "https"} and parts.hostname)
    except ValueError:
        return False


class Delivery:
    """Makes those requests, on loopback only.

    Args:
        aws_endpoint_url: The local AWS, which stands in for API Gateway's hosts.
    """

    def __init__(self, aws_endpoint_url: str) -> None:
        if not is_loopback(aws_endpoint_url):
            message = "the local AWS has to be on loopback"
            raise ValueError(message)
        self._endpoint = aws_endpoint_url.rstrip("/")
        # A proxy from the environment would take loopback requests off this machine, and a kept
        # connection that the other end closes would lose a webhook that nobody ordered lost.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._client = httpx.Client(trust_env=False, limits=limits)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def resolve(self, url: str) -> str:
        """Find the local address of a URL, as DNS would.

        `https://{api_id}.execute-api.{region}.amazonaws.com/{stage}/...` is the local AWS's
        `/_aws/execute-api/{api_id}/{stage}/...`; loopback URLs are themselves.

        Raises:
            UndeliverableError: The host is neither.
        """
        parts = urlsplit(url)
        api = _EXECUTE_API.fullmatch(parts.hostname or "")
        if api:
            query = f"?{parts.query}" if parts.query else ""
            return f"{self._endpoint}/_aws/execute-api/{api['api_id']}{parts.path}{query}"
        if not is_loopback(url):
            message = f"{parts.hostname} is not on loopback"
            raise UndeliverableError(message)
        return url

    def fetch(self, url: str) -> bytes:
        """Download an image.

        Raises:
            UndeliverableError: It is elsewhere, there is no answer, or the answer is not 200.
        """
        response = self._send("GET", url, None, FETCH_TIMEOUT_SECONDS)
        if response.status_code != httpx.codes.OK:
            message = f"HTTP status {response.status_code}"
            raise UndeliverableError(message)
        return response.content

    def post(self, url: str, payload: dict[str, Any]) -> int:
        """Post a webhook once (seed 000 names no retries) and return the answer's status.

        Raises:
            UndeliverableError: The host is elsewhere, or there is no answer.
        """
        return self._send("POST", url, payload, WEBHOOK_TIMEOUT_SECONDS).status_code

    def _send(
        self, method: str, url: str, payload: dict[str, Any] | None, timeout: float
    ) -> httpx.Response:
        try:
            return self._client.request(method, self.resolve(url), json=payload, timeout=timeout)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # Its text may contain the URL, and that a signature or a token.
            raise UndeliverableError(type(error).__name__) from None
