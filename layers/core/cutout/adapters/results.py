"""Download results from where the provider put them."""

import tempfile
import time
from collections.abc import Callable, Iterable
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx

from cutout.adapters.work import S3WorkStore
from cutout.errors import ResultError

_TIMEOUT = httpx.Timeout(5, read=10)
_SPOOL_BYTES = 8 * 2**20  # above it the file is on /tmp and not in memory
WORK_SCHEME = "s3://"  # bytes that a provider answered with, staged in the WorkBucket
MOST_SECONDS = 40.0  # for one download; with one more read it ends before the function does
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def plain_hosts(base_urls: Iterable[str]) -> frozenset[str]:
    """Return the hosts plain http may go to: this machine, if a provider is on it."""
    return LOOPBACK if LOOPBACK & {urlsplit(url).hostname for url in base_urls} else frozenset()


class HttpResultSource:
    """Fetches result URLs through a client that decides where it may go (`guarded.py`)."""

    def __init__(
        self,
        http: httpx.Client,
        max_bytes: int,
        work: S3WorkStore,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the client, the cap on a result's size, the WorkBucket and a clock in seconds."""
        self._http = http
        self._max_bytes = max_bytes
        self._work = work
        self._now = now

    def fetch(self, url: str) -> BinaryIO:
        """Return the whole body as a temporary file at its start.

        Raises:
            ResultError: `result_unavailable` or `result_too_large`; no part of the URL is in the
                message.
        """
        if url.startswith(WORK_SCHEME):
            return self._work.open(url)
        file = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 the caller closes it
        try:
            self._download(url, file)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file  # type: ignore[return-value]  # typeshed: not a BinaryIO, in all but name

    def _download(self, url: str, file: "tempfile.SpooledTemporaryFile[bytes]") -> None:
        """Stream the body into the file; a short one, or one that never ends, is as bad as none."""
        until = self._now() + MOST_SECONDS
        try:
            with self._http.stream("GET", url, timeout=_TIMEOUT, follow_redirects=True) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise _unavailable(f"its URL answered {answer.status_code}")
                for chunk in answer.iter_bytes():
                    file.write(chunk)
                    if file.tell() > self._max_bytes:
                        message = f"The result is over {self._max_bytes} bytes."
                        raise ResultError("result_too_large", message)
                    if self._now() > until:
                        raise _unavailable(f"it took longer than {MOST_SECONDS:g} seconds")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise _unavailable(f"the download failed ({type(error).__name__})") from error


def _unavailable(why: str) -> ResultError:
    """Return the error for a result that could not be downloaded."""
    return ResultError("result_unavailable", f"The provider's result could not be fetched: {why}.")
