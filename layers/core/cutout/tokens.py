"""Webhook tokens: what is stored of them."""

import hashlib


def token_hash(token: str) -> str:
    """Return what is stored of a webhook token: its SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()
