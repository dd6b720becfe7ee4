"""Results are downloaded whole, over https, and no larger than allowed."""

import gzip
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

import boto3
import httpx
import pytest

from cutout.adapters.guarded import GuardedTransport
from cutout.adapters.results import MOST_SECONDS, HttpResultSource, plain_hosts
from cutout.adapters.work import S3WorkStore
from cutout.errors import ResultError
from cutout.providers.http import new_client

URL = "https://cdn.test/1.png?signature=secret"


def lookup(host: str, port: int) -> list[str]:
    """Resolve every name there could be to a public address."""
    if not host.replace(".", "").replace("-", "").isalnum():
        message = "no such host"
        raise OSError(message)
    return ["93.184.215.14"]


def source(
    answer: Callable[[httpx.Request], httpx.Response],
    base: str = "https://api.test",
    most: int = 9,
    now: Callable[[], float] = time.monotonic,
) -> HttpResultSource:
    """Return a source whose network is this function."""
    work = S3WorkStore(boto3.client("s3"), "work")
    network = httpx.MockTransport(answer)
    guarded = GuardedTransport(plain_hosts([base]), network, lookup)
    return HttpResultSource(new_client(guarded), most, work, now)


def fetched(answer: httpx.Response, url: str = URL) -> BinaryIO:
    """Fetch what is answered so."""
    return source(lambda _: answer).fetch(url)


@pytest.mark.parametrize("body", [b"", b"123456789"])
def test_fetch_returns_the_whole_body_at_its_start(body: bytes) -> None:
    """Up to the limit, inclusive."""
    with fetched(httpx.Response(200, content=body)) as file:
        assert file.read() == body


def test_a_result_over_the_limit_is_refused() -> None:
    """One byte more, and the download stops."""
    sent: list[int] = []

    def body() -> Iterator[bytes]:
        for number in range(99):
            sent.append(number)
            yield b"12345"

    with pytest.raises(ResultError) as caught:
        fetched(httpx.Response(200, content=body()))

    assert caught.value.code == "result_too_large"
    assert len(sent) < 99


def test_a_small_answer_that_unpacks_to_a_large_one_is_refused() -> None:
    """What counts is what is written, not what was sent."""
    packed = gzip.compress(bytes(100_000))

    with pytest.raises(ResultError) as caught:
        fetched(httpx.Response(200, content=packed, headers={"Content-Encoding": "gzip"}))

    assert caught.value.code == "result_too_large"


@pytest.mark.parametrize(("pause_s", "whole"), [(MOST_SECONDS / 9, True), (MOST_SECONDS, False)])
def test_a_trickle_is_given_up(pause_s: float, *, whole: bool) -> None:
    """A byte now and then would outlive the function, and every try of it."""
    now = [1000.0]

    def body() -> Iterator[bytes]:
        for _ in range(8):
            now[0] += pause_s
            yield b"1"

    def fetch() -> BinaryIO:
        return source(lambda _: httpx.Response(200, content=body()), now=lambda: now[0]).fetch(URL)

    if whole:
        with fetch() as file:
            assert file.read() == b"1" * 8
        return
    with pytest.raises(ResultError) as caught:
        fetch()
    assert caught.value.code == "result_unavailable"
    assert now[0] < 1000 + 3 * MOST_SECONDS


@pytest.mark.parametrize("status", [204, 206, 302, 403, 404, 410, 500])
def test_anything_but_200_is_unavailable(status: int) -> None:
    """An expired URL, a redirect and an error page are no image; no part of the URL is told."""
    with pytest.raises(ResultError) as caught:
        fetched(httpx.Response(status, content=b"x"))

    assert caught.value.code == "result_unavailable"
    assert str(status) in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "fault", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ReadError]
)
def test_a_broken_download_is_unavailable(fault: type[httpx.TransportError]) -> None:
    """It may be had the next time."""

    def handle(_: httpx.Request) -> httpx.Response:
        raise fault(f"failed: {URL}")

    with pytest.raises(ResultError) as caught:
        source(handle).fetch(URL)

    assert caught.value.code == "result_unavailable"
    assert "secret" not in str(caught.value)


def test_a_body_that_breaks_off_is_unavailable() -> None:
    """Half a file is as bad as none."""

    def body() -> Iterator[bytes]:
        yield b"1234"
        message = "peer closed connection"
        raise httpx.RemoteProtocolError(message)

    with pytest.raises(ResultError) as caught:
        fetched(httpx.Response(200, content=body()))

    assert caught.value.code == "result_unavailable"


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.test/1.png",
        "http://127.0.0.1/1.png",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "cdn.test/1.png",
        "",
    ],
)
def test_only_https_is_fetched(url: str) -> None:
    """Nothing is sent to other addresses."""
    sent: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    with pytest.raises(ResultError) as caught:
        source(handle).fetch(url)

    assert caught.value.code == "result_unavailable"
    assert sent == []


@pytest.mark.parametrize(
    ("base", "allowed"),
    [
        ("http://127.0.0.1:9001/v1", True),
        ("http://localhost:9001", True),
        ("http://cdn.test", False),
    ],
)
def test_plain_http_is_fetched_from_a_provider_on_loopback(base: str, *, allowed: bool) -> None:
    """That is the sandbox; a plain provider elsewhere is not believed."""
    url = "http://cdn.test/1" if base == "http://cdn.test" else "http://127.0.0.1:9001/1"
    results = source(lambda _: httpx.Response(200, content=b"x"), base)

    if allowed:
        with results.fetch(url) as file:
            assert file.read() == b"x"
    else:
        with pytest.raises(ResultError):
            results.fetch(url)


@pytest.mark.parametrize("url", ["https://a/\x00", "https://" + "a" * 300])
def test_a_url_that_is_none_is_unavailable(url: str) -> None:
    """The provider's nonsense ends the job with a reason."""

    def handle(_: httpx.Request) -> httpx.Response:
        message = "no such host"
        raise httpx.ConnectError(message)

    with pytest.raises(ResultError):
        source(handle).fetch(url)


def test_a_url_with_half_an_address_is_unavailable() -> None:
    """`https://[` is not an address."""
    with pytest.raises(ResultError):
        fetched(httpx.Response(200), "https://[")
