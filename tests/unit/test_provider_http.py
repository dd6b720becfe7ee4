"""What a provider's answer, or none, means for the attempt (DESIGN 4.4's table)."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from cutout.errors import (
    MaybeCreatedError,
    PredictionUnknownError,
    ProviderError,
    ProviderMisconfiguredError,
    ProviderOutOfCreditError,
    ProviderRateLimitedError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from cutout.providers.http import (
    MAX_ANSWER_BYTES,
    call,
    json_object,
    new_client,
    retry_after,
)
from cutout.providers.words import shortened

URL = "https://api.test/v1/prediction/"
SECRET_URL = "https://images.test/shoe.jpg?X-Amz-Signature=secret"


def answered(answer: httpx.Response | Exception, **options: type[ProviderError]) -> httpx.Response:
    """Send a request to a provider that answers so."""

    def handle(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    http = new_client(httpx.MockTransport(handle))
    return call(http, "POST", URL, {"X-API-Key": "key"}, {"a": 1}, **options)  # type: ignore[arg-type]  # not_found only


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_2xx_is_the_answer(status: int) -> None:
    """Whatever its number."""
    assert answered(httpx.Response(status)).status_code == status


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, ProviderMisconfiguredError),
        (307, ProviderMisconfiguredError),
        (400, ProviderRejectedError),
        (401, ProviderMisconfiguredError),
        (402, ProviderOutOfCreditError),
        (403, ProviderMisconfiguredError),
        (404, ProviderMisconfiguredError),
        (408, MaybeCreatedError),
        (413, ProviderRejectedError),
        (415, ProviderRejectedError),
        (422, ProviderRejectedError),
        (429, ProviderRateLimitedError),
        (500, ProviderUnavailableError),
        (502, MaybeCreatedError),
        (503, ProviderUnavailableError),
        (504, MaybeCreatedError),
    ],
)
def test_a_status_code_means(status: int, kind: type[ProviderError]) -> None:
    """Exactly one error, with the provider's sentence."""
    body = {"status": "error", "message": "Bad image", "details": "too small"}

    with pytest.raises(ProviderError) as caught:
        answered(httpx.Response(status, json=body))

    assert type(caught.value) is kind
    assert str(caught.value) == f"HTTP {status}: Bad image too small"


def test_a_404_may_mean_an_unknown_prediction() -> None:
    """It depends on what was asked."""
    with pytest.raises(PredictionUnknownError):
        answered(httpx.Response(404), not_found=PredictionUnknownError)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (httpx.ConnectError, ProviderUnavailableError),
        (httpx.ConnectTimeout, ProviderUnavailableError),
        (httpx.PoolTimeout, ProviderUnavailableError),
        (httpx.ReadTimeout, MaybeCreatedError),
        (httpx.WriteTimeout, MaybeCreatedError),
        (httpx.ReadError, MaybeCreatedError),
        (httpx.RemoteProtocolError, MaybeCreatedError),
    ],
)
def test_no_answer_means(fault: type[httpx.TransportError], kind: type[ProviderError]) -> None:
    """Before the connection nothing was created; after it, who knows. No URL is named."""
    with pytest.raises(ProviderError) as caught:
        answered(fault(f"failed: {SECRET_URL}"))

    assert type(caught.value) is kind
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", 1.5),
        ("1.5s", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", None),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, expected: float | None) -> None:
    """Nonsense is none; a date that is over is now."""
    answer = httpx.Response(429, headers={"Retry-After": header})

    assert retry_after(answer) == expected
    with pytest.raises(ProviderRateLimitedError) as caught:
        answered(httpx.Response(429, headers={"Retry-After": header}))
    assert caught.value.retry_after_s == expected


@pytest.mark.parametrize(
    ("header", "body", "expected"),
    [
        (None, {"retry_after": 8}, 8.0),
        (None, {"retryAfter": "2.5"}, 2.5),
        ("3", {"retry_after": 8}, 3.0),
        (None, {"retry_after": True}, None),
        (None, {"message": "slow down"}, None),
        (None, ["retry_after"], None),
    ],
)
def test_a_body_may_say_how_long(header: str | None, body: object, expected: float | None) -> None:
    """Where the header does not."""
    headers = {"Retry-After": header} if header else {}

    assert retry_after(httpx.Response(429, headers=headers, json=body)) == expected


def test_retry_after_may_be_a_date_to_come() -> None:
    """The seconds until then."""
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)

    seconds = retry_after(httpx.Response(429, headers={"Retry-After": then}))

    assert seconds is not None
    assert 85 < seconds <= 90


def test_a_429_without_retry_after_says_so() -> None:
    """The caller backs off by itself."""
    with pytest.raises(ProviderRateLimitedError) as caught:
        answered(httpx.Response(429))

    assert caught.value.retry_after_s is None


def test_retry_after_in_strange_digits_is_none() -> None:
    """A superscript two is nonsense, not a crash."""
    answer = httpx.Response(429, headers=[(b"Retry-After", b"\xb2")])

    assert retry_after(answer) is None


def test_retry_after_is_bounded() -> None:
    """No provider stops the line for a century."""
    answer = httpx.Response(429, headers={"Retry-After": "9" * 400})

    assert (retry_after(answer) or 0) <= 86_400


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"a"', b"\xff", b"{" * 10])
def test_json_object_of_anything_else_is_empty(body: bytes) -> None:
    """A broken answer has no fields."""
    assert json_object(httpx.Response(200, content=body)) == {}


@pytest.mark.parametrize(("extra", "expected"), [(0, {"a": ""}), (1, {})])
def test_json_object_has_a_longest_answer(extra: int, expected: dict[str, str]) -> None:
    """A byte more than a megabyte is not looked at."""
    body = b'{"a": ""}'.ljust(MAX_ANSWER_BYTES + extra)

    assert json_object(httpx.Response(200, content=body)) == expected


def test_json_object_of_a_deep_answer_is_empty() -> None:
    """A nested answer does not crash the invocation."""
    assert json_object(httpx.Response(200, content=b'{"a":' * 100_000)) == {}


def test_shortened_is_one_short_line_without_signatures() -> None:
    """A provider may quote the presigned URL it was given."""
    text = shortened(f"cannot\nread  {SECRET_URL} " + "x" * 999)

    assert text.startswith("cannot read https://images.test/shoe.jpg xxx")
    assert "secret" not in text
    assert len(text) == 300
    assert shortened(None) == ""


@pytest.mark.parametrize("header", ["a-secret-key", "Bearer a-secret-key"])
def test_a_refusal_does_not_repeat_the_key(header: str) -> None:
    """A provider may quote the key that it refuses, also where its sentence is cut off."""
    said = {"message": f"no such key: a-secret-key {'x' * 255} a-secret-key"}
    http = new_client(httpx.MockTransport(lambda _: httpx.Response(401, json=said)))

    with pytest.raises(ProviderMisconfiguredError) as caught:
        call(http, "POST", URL, {"Authorization": header})

    assert str(caught.value).startswith("HTTP 401: no such key: (key) xxx")
    assert "a-s" not in str(caught.value)


def test_a_refusal_without_words_has_its_number() -> None:
    """An empty body leaves the status code."""
    with pytest.raises(ProviderRejectedError, match=r"^HTTP 400$"):
        answered(httpx.Response(400))


def test_redirects_are_not_followed() -> None:
    """The key is not carried to another host."""
    seen: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return httpx.Response(302, headers={"Location": "https://elsewhere.test/"})

    with pytest.raises(ProviderMisconfiguredError):
        call(new_client(httpx.MockTransport(handle)), "POST", URL, {"X-API-Key": "key"})

    assert seen == ["api.test"]


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A presigned URL is not shown to a proxy nobody chose."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")

    with new_client() as client:
        assert client.trust_env is False
