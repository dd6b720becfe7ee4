"""Cursors of lists: opaque to the caller, checked when they come back. Pure.

A cursor holds only where a list went on, never which list: that comes from the request, so a
forged one cannot reach other items than the request names anyway. It is bound to its query by a
checksum, so that a mistake is noticed.
"""

import base64
import binascii
import hashlib
from typing import Annotated

from pydantic import Field

from cutout.errors import RequestInvalidError
from cutout.models import Model, Place

MAX_LENGTH = 300


class Cursor(Model):
    """Where a list goes on: in which of its parts, and after which job of it."""

    query: str = ""
    part: Annotated[int, Field(ge=0, le=1)] = 0
    after: Place | None = None


def encode(cursor: Cursor, query: str) -> str:
    """Return the cursor as callers get it."""
    text = cursor.model_copy(update={"query": _sum(query)}).model_dump_json()
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(text: str, query: str) -> Cursor:
    """Return what `encode` made for the same query.

    Raises:
        RequestInvalidError: it is not from there.
    """
    cursor = _read(text) if len(text) <= MAX_LENGTH else None
    if cursor is None or cursor.query != _sum(query):
        message = "The cursor is not one of this list; leave it out to begin at the start."
        raise RequestInvalidError("bad_cursor", message)
    return cursor


def _read(text: str) -> Cursor | None:
    """Return what the text holds; None: it is not a cursor."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        return Cursor.model_validate_json(base64.b64decode(padded, b"-_", validate=True))
    except (ValueError, binascii.Error):  # pydantic's error is a ValueError, too
        return None


def _sum(query: str) -> str:
    """Return the checksum of a query."""
    return hashlib.sha256(query.encode()).hexdigest()[:12]
