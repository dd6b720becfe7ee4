"""What libraries log on their own stays out of the log, whatever its level."""

import logging

import httpx
import pytest

from cutout.adapters.aws import s3_client
from cutout.providers.http import new_client
from tests.e2e.leaks import leaks


def test_libraries_tell_no_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """With `LogLevel` DEBUG Lambda sets the root logger to it, and so boto's and httpx's."""
    caplog.set_level(logging.DEBUG)
    params = {"Bucket": "images", "Key": "shoe.jpg"}

    url = s3_client().generate_presigned_url("get_object", Params=params)
    with new_client(httpx.MockTransport(lambda _: httpx.Response(200))) as http:
        http.get(url, headers={"X-API-Key": "key-of-a-provider"})

    secrets = {"key": "key-of-a-provider", "query": url.partition("?")[2]}
    assert logging.getLogger().level == logging.DEBUG
    assert list(leaks(caplog.text, secrets, set())) == []
