"""HTTP calls to a provider, and what their failures mean for an attempt (DESIGN 4.4's table)."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx

from cutout.errors import (
    MaybeCreatedError,
    ProviderError,
    ProviderMisconfiguredError,
    ProviderOutOfCreditError,
    ProviderRateLimitedError,
    ProviderRejectedError,
    ProviderUnavailableError,
)

# Create answers at once at both providers; the read timeout bounds how long "maybe" can begin.
TIMEOUT = httpx.Timeout(connect=3, read=10, write=5, pool=3)
MAX_ANSWER_BYTES = 1_000_000
MAX_DETAIL = 300  # characters of a provider's sentence that are kept

_MISCONFIGURED = frozenset({401, 403})
_MAYBE = frozenset({408, 502, 504})


def new_client(transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """Return a client with our timeouts; redirects are not followed."""
    return httpx.Client(
        timeout=TIMEOUT,
        transport=transport,
        follow_redirects=False,
        trust_env=False,
        headers={"User-Agent": "cutout/0.1"},
    )


def call(  # noqa: PLR0913 one request has that many parts
    http: httpx.Client,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: object = None,
    *,
    not_found: type[ProviderError] = ProviderMisconfiguredError,
) -> httpx.Response:
    """Send one request and return a 2xx answer; `not_found` is what 404 means here.

    Raises:
        ProviderError: the one that says what any other answer, or none, means.
    """
    try:
        answer = http.request(method, url, headers=dict(headers), json=body)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise ProviderUnavailableError(_sentence(error)) from error
    except httpx.HTTPError as error:
        raise MaybeCreatedError(_sentence(error)) from error
    if not answer.is_success:
        _refuse(answer, not_found)
    return answer


def json_object(answer: httpx.Response) -> dict[str, Any]:
    """Return the answer's JSON object; anything else is an empty one."""
    if len(answer.content) > MAX_ANSWER_BYTES:
        return {}
    with suppress(ValueError):
        data = answer.json()
        if isinstance(data, dict):
            return data
    return {}


def shortened(text: object) -> str:
    """Return a provider's sentence on one line, at most 300 characters."""
    return " ".join(str(text or "").split())[:MAX_DETAIL]


def _refuse(answer: httpx.Response, not_found: type[ProviderError]) -> NoReturn:
    """Raise what a status code means."""
    status = answer.status_code
    data = json_object(answer)
    words = shortened(
        " ".join(str(data[k]) for k in ("message", "details", "error") if data.get(k))
    )
    sentence = f"HTTP {status}" + (f": {words}" if words else "")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise ProviderRateLimitedError(sentence, retry_after(answer))
    if status == httpx.codes.PAYMENT_REQUIRED:
        raise ProviderOutOfCreditError(sentence)
    if status == httpx.codes.NOT_FOUND:
        raise not_found(sentence)
    if status in _MISCONFIGURED or answer.is_redirect:
        raise ProviderMisconfiguredError(sentence)
    if status in _MAYBE:
        raise MaybeCreatedError(sentence)
    kind: type[ProviderError] = (
        ProviderUnavailableError if answer.is_server_error else ProviderRejectedError
    )
    raise kind(sentence)


def retry_after(answer: httpx.Response) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3); None: none, or nonsense."""
    value = answer.headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    with suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    return None


def _sentence(error: httpx.HTTPError) -> str:
    """Name a transport failure without its URL."""
    return f"no answer ({type(error).__name__})"
