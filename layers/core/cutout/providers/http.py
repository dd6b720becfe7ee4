"""HTTP calls to a provider, and what their failures mean for an attempt (DESIGN 4.4's table)."""

import re
from collections.abc import Callable, Mapping
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
from cutout.ports import ApiKey
from cutout.providers.words import shortened

# A create that only starts a task answers at once; the read timeout bounds how long "maybe" can
# begin. A provider that may answer with the result itself gets the patient one.
TIMEOUT = httpx.Timeout(connect=3, read=10, write=5, pool=3)
PATIENT_TIMEOUT = httpx.Timeout(connect=3, read=30, write=5, pool=3)
MAX_ANSWER_BYTES = 1_000_000
MAX_RETRY_AFTER_S = 3600.0  # nobody stops the line for longer; it asks again then

_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{0,9})?")
_HINTS = ("retry_after", "retryAfter", "retry_after_seconds")
_MISCONFIGURED = frozenset({401, 403})
_UNAVAILABLE = frozenset({500, 503})


def new_client(
    transport: httpx.BaseTransport | None = None, timeout: httpx.Timeout = TIMEOUT
) -> httpx.Client:
    """Return a client with our timeouts; redirects are not followed."""
    return httpx.Client(
        timeout=timeout,
        transport=transport,
        follow_redirects=False,
        max_redirects=3,
        trust_env=False,
        headers={"User-Agent": "cutout/0.1"},
    )


def with_key[T](api_key: ApiKey, send: Callable[[str], T]) -> T:
    """Send with the provider's key; if it is refused and was rotated, once more with the new one.

    A refused request has created nothing, so it may be sent again.

    Raises:
        ConfigurationError, ProviderKeyUnreadableError: there is no key; nothing was sent.
        ProviderError: what `send` raises.
    """
    key = api_key.value()
    try:
        return send(key)
    except ProviderMisconfiguredError:
        renewed = api_key.renewed(key)
        if renewed == key:
            raise
    return send(renewed)


def call(  # noqa: PLR0913 one request has that many parts
    http: httpx.Client,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: object = None,
    *,
    not_found: type[ProviderError] = ProviderMisconfiguredError,
    max_bytes: int | None = None,
) -> httpx.Response:
    """Send one request and return a 2xx answer; `not_found` is what 404 means here.

    Reading stops one byte after `max_bytes`, for the caller to see; None: all is read.

    Raises:
        ProviderError: the one that says what any other answer, or none, means.
    """
    try:
        with http.stream(method, url, headers=dict(headers), json=body) as stream:
            answer = _beginning(stream, max_bytes)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise ProviderUnavailableError(_sentence(error)) from error
    except httpx.HTTPError as error:
        raise MaybeCreatedError(_sentence(error)) from error
    if not answer.is_success:
        _refuse(answer, not_found, headers)
    return answer


def json_object(answer: httpx.Response) -> dict[str, Any]:
    """Return the answer's JSON object; anything else is an empty one."""
    if len(answer.content) > MAX_ANSWER_BYTES:
        return {}
    with suppress(ValueError, RecursionError):
        data = answer.json()
        if isinstance(data, dict):
            return data
    return {}


def _beginning(answer: httpx.Response, max_bytes: int | None) -> httpx.Response:
    """Read an answer whole, or up to one byte more than `max_bytes`."""
    if max_bytes is None:
        answer.read()
        return answer
    chunks, size = [], 0
    for chunk in answer.iter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size > max_bytes:
            break
    body = b"".join(chunks)[: max_bytes + 1]
    kept = {k: v for k, v in answer.headers.items() if k in ("content-type", "retry-after")}
    return httpx.Response(answer.status_code, headers=kept, content=body)


def _refuse(
    answer: httpx.Response, not_found: type[ProviderError], headers: Mapping[str, str]
) -> NoReturn:
    """Raise what a status code means; the headers' only value is the key, perhaps as a Bearer."""
    status = answer.status_code
    data = json_object(answer)
    words = shortened(
        " ".join(str(data[k]) for k in ("message", "details", "error") if data.get(k)),
        "".join(headers.values()).removeprefix("Bearer "),
    )
    sentence = f"HTTP {status}" + (f": {words}" if words else "")
    raise refusal(status, sentence, not_found, retry_after(answer))


def refusal(
    status: int,
    sentence: str,
    not_found: type[ProviderError] = ProviderMisconfiguredError,
    retry_after_s: float | None = None,
) -> ProviderError:
    """Return what a status code means (DESIGN 4.4's table)."""
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return ProviderRateLimitedError(sentence, retry_after_s)
    kind: type[ProviderError] = ProviderRejectedError
    if status == httpx.codes.PAYMENT_REQUIRED:
        kind = ProviderOutOfCreditError
    elif status == httpx.codes.NOT_FOUND:
        kind = not_found
    elif status in _MISCONFIGURED or httpx.codes.is_redirect(status):
        kind = ProviderMisconfiguredError
    elif status in _UNAVAILABLE:
        kind = ProviderUnavailableError
    elif status == httpx.codes.REQUEST_TIMEOUT or httpx.codes.is_server_error(status):
        kind = MaybeCreatedError  # a gateway gave up waiting; what was behind it may have not
    return kind(sentence)


def retry_after(answer: httpx.Response) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3); None: none, or nonsense.

    Without the header a JSON body's own hint counts (PEERS P6). Fractions are taken, too. At most
    an hour.
    """
    data = json_object(answer)
    hints = [answer.headers.get("Retry-After"), *(data.get(name) for name in _HINTS)]
    found = (_seconds(str(hint).strip()) for hint in hints if hint is not None)
    seconds = next((value for value in found if value is not None), None)
    return None if seconds is None else min(max(0.0, seconds), MAX_RETRY_AFTER_S)


def _seconds(value: str) -> float | None:
    """Return the seconds that a number or an HTTP date means; None: it is neither."""
    if _NUMBER.fullmatch(value):
        return float(value)
    with suppress(ValueError, TypeError):
        return (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    return None


def _sentence(error: httpx.HTTPError) -> str:
    """Name a transport failure without its URL."""
    return f"no answer ({type(error).__name__})"
