"""Download results from where the provider put them."""

import tempfile
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx

from cutout.adapters.work import S3WorkStore
from cutout.errors import ResultError

_TIMEOUT = httpx.Timeout(5, read=20)
_SPOOL_BYTES = 8 * 2**20  # above it the file is on /tmp and not in memory
WORK_SCHEME = "s3://"  # bytes that a provider answered with, staged in the WorkBucket
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class HttpResultSource:
    """Fetches result URLs: https only, except from the host of a provider that is on loopback."""

    def __init__(
        self, http: httpx.Client, base_urls: tuple[str, ...], max_bytes: int, work: S3WorkStore
    ) -> None:
        """Keep the client, the providers' base URLs, the cap in bytes and the WorkBucket."""
        self._http = http
        self._plain_hosts = {urlsplit(url).hostname for url in base_urls} & _LOOPBACK
        self._max_bytes = max_bytes
        self._work = work

    def fetch(self, url: str) -> BinaryIO:
        """Return the whole body as a temporary file at its start.

        Raises:
            ResultError: `result_unavailable`; no part of the URL is in the message.
        """
        if url.startswith(WORK_SCHEME):
            return self._work.open(url)
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise _unavailable("its URL is malformed") from error
        if parts.scheme != "https" and parts.hostname not in self._plain_hosts:
            raise _unavailable("its URL is not https")
        file = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 the caller closes it
        try:
            self._download(url, file)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file  # type: ignore[return-value]  # typeshed: not a BinaryIO, in all but name

    def _download(self, url: str, file: "tempfile.SpooledTemporaryFile[bytes]") -> None:
        """Stream the body into the file; a short one is as bad as none."""
        try:
            with self._http.stream("GET", url, timeout=_TIMEOUT) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise _unavailable(f"its URL answered {answer.status_code}")
                for chunk in answer.iter_bytes():
                    file.write(chunk)
                    if file.tell() > self._max_bytes:
                        code, message = (
                            "result_too_large",
                            f"The result is over {self._max_bytes} bytes.",
                        )
                        raise ResultError(code, message)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unavailable(f"the download failed ({type(error).__name__})") from error


def _unavailable(why: str) -> ResultError:
    """Return the error for a result that could not be downloaded."""
    return ResultError("result_unavailable", f"The provider's result could not be fetched: {why}.")
