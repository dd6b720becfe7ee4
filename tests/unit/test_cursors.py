"""Cursors come back as they were made, or not at all."""

import base64
import json
from typing import Any

import pytest

from cutout import cursors
from cutout.cursors import Cursor
from cutout.errors import RequestInvalidError
from cutout.models import Place
from tests.fakes import NOON_MS

CURSOR = Cursor(part=1, after=Place(job_id="0" * 32, at_ms=NOON_MS))


def forged(**changes: Any) -> str:
    """Return a cursor whose inside was changed."""
    text = cursors.encode(CURSOR, "state=failed")
    inside = json.loads(base64.urlsafe_b64decode(text + "=="))
    return base64.urlsafe_b64encode(json.dumps(inside | changes).encode()).decode()


def test_a_cursor_comes_back() -> None:
    """The place and the part, for the same query."""
    text = cursors.encode(CURSOR, "state=failed")

    found = cursors.decode(text, "state=failed")

    assert (found.part, found.after) == (CURSOR.part, CURSOR.after)


def test_a_cursor_fits_into_a_url_and_its_own_limit() -> None:
    """No character of it needs encoding."""
    text = cursors.encode(CURSOR, "key=x")

    assert text.replace("-", "").replace("_", "").isalnum()
    assert len(text) < cursors.MAX_LENGTH


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "\N{SNOWMAN}",
        "e30",
        "bnVsbA",
        "%00",
        "a" * 301,
        forged(part=2),
        forged(part=-1),
        forged(pk="gate"),
        forged(query=""),
        forged(after={"job_id": "gate", "at_ms": 1}),
        forged(after={"job_id": "0" * 32, "at_ms": -1}),
        forged(after={"job_id": "0" * 32, "at_ms": 10**13}),
        forged(after={"job_id": "0" * 32, "at_ms": "now"}),
        forged(after={"job_id": "0" * 32, "at_ms": 1, "shelf": "queued"}),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """Garbage, other partitions, positions that no job has."""
    with pytest.raises(RequestInvalidError, match="leave it out"):
        cursors.decode(text, "state=failed")


def test_a_cursor_of_another_list_is_refused() -> None:
    """It belongs to its query."""
    text = cursors.encode(CURSOR, "state=failed")

    with pytest.raises(RequestInvalidError):
        cursors.decode(text, "state=queued")
