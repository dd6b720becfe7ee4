"""Finds secrets in a text, and says which without repeating them."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping

TOKEN_LENGTH = 43  # 32 bytes, base64url without padding
# Parts of presigned URLs and forms, in headers, queries and fields alike.
SIGNED = re.compile(
    r"x-amz-(signature|credential|security-token)|awsaccesskeyid|authorization:|aws4-hmac",
    re.IGNORECASE,
)
KEY_ID = re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b")
_BASE64URL = re.compile(rf"[A-Za-z0-9_-]{{{TOKEN_LENGTH},}}")


def leaks(text: str, secrets: Mapping[str, str], token_hashes: Collection[str]) -> Iterator[str]:
    """Yield the names of the secrets that the text holds.

    Args:
        text: what was logged.
        secrets: values that must not be in it, by name.
        token_hashes: SHA-256 in hex of webhook tokens, of which nobody keeps more.
    """
    for name, value in secrets.items():
        if value in text:
            yield name
    for name, form in {"signature": SIGNED, "access key": KEY_ID}.items():
        if form.search(text):
            yield name
    if any(digest(candidate) in token_hashes for candidate in _candidates(text)):
        yield "webhook token"


def digest(token: str) -> str:
    """Return what is stored of a webhook token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _candidates(text: str) -> Iterator[str]:
    """Yield every piece of the text that could be a token, whatever stands around it."""
    for run in set(_BASE64URL.findall(text)):
        for start in range(len(run) - TOKEN_LENGTH + 1):
            yield run[start : start + TOKEN_LENGTH]
