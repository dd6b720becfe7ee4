"""The search for secrets in logs finds what it is meant to find."""

import pytest

from tests.e2e.leaks import digest, leaks

TOKEN = "Zm9yZ2VkLXdlYmhvb2stdG9rZW4tb2YtMzItYnl0ZXM"
URL = "https://images.s3.eu-central-1.amazonaws.com/shoe.jpg"
SECRETS = {"provider key": "key-of-a-provider"}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('{"header": "Bearer key-of-a-provider"}', "provider key"),
        (f"GET {URL}?X-Amz-Signature=0", "signature"),
        (f"GET {URL}?x-amz-security-token=0", "signature"),
        (f"GET {URL}?AWSAccessKeyId=0", "signature"),
        ("Authorization: AWS4-HMAC-SHA256 0", "signature"),
        ("made by ASIAABCDEFGHIJKLMNOP", "access key"),
        (f"POST /v1/webhooks/eachlabs/0/{TOKEN}", "webhook token"),
        (f"job-{TOKEN}-x", "webhook token"),
    ],
)
def test_a_leak_is_found(line: str, found: str) -> None:
    """By its kind, and its value is not repeated."""
    assert list(leaks(f"first\n{line}\nlast", SECRETS, {digest(TOKEN)})) == [found]


def test_a_clean_log_has_none() -> None:
    """Names of buckets, keys, jobs and predictions are no secrets, nor is another long word."""
    line = f"job {'0' * 32} of {URL} at {'A' * 43}, prediction 6ba7b810-9dad-11d1-80b4-00c04fd430c8"

    assert list(leaks(line, SECRETS, {digest(TOKEN)})) == []
