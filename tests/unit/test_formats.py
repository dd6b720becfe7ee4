"""The tools of the readers: two ends of a file, and what fills it up."""

import random

import pytest

from cutout.formats import filler
from cutout.formats.glimpse import Glimpse

BODY = bytes(range(100))
NOISE = random.Random(3).randbytes(500)


@pytest.mark.parametrize(
    ("head", "tail", "whole"),
    [
        (100, 0, True),
        (60, 40, True),
        (60, 60, True),
        (100, 100, True),
        (60, 39, False),
        (9, 9, False),
    ],
)
def test_two_ends_that_touch_are_the_whole_file(head: int, tail: int, *, whole: bool) -> None:
    """However far they overlap."""
    seen = Glimpse(BODY[:head], BODY[100 - tail :], 100)

    assert seen.is_whole is whole
    assert seen.size == 100
    assert (seen.head == BODY) is whole


@pytest.mark.parametrize(
    ("start", "stop", "read"),
    [
        (0, 60, True),
        (59, 60, True),
        (60, 60, True),
        (59, 61, False),
        (60, 80, False),
        (79, 81, False),
        (80, 100, True),
        (99, 101, False),
        (80, 79, False),
        (-1, 2, False),
    ],
)
def test_a_part_is_there_if_all_of_it_was_read(start: int, stop: int, *, read: bool) -> None:
    """In one of the ends."""
    seen = Glimpse(BODY[:60], BODY[80:], 100)

    assert seen.part(start, stop) == (BODY[start:stop] if read else None)


@pytest.mark.parametrize(
    ("data", "suspected"),
    [
        (NOISE, False),
        (b"", False),
        (NOISE + bytes(31), False),
        (NOISE + bytes(32), True),
        (NOISE + b"\xff" * 40, True),
        (NOISE + NOISE[-64:], True),
        (NOISE + NOISE[-63:] * 5, False),
        (NOISE + b"\x28\xa2\x80\x0a" * 90, False),
        (NOISE + bytes(63) + NOISE[::-1], False),
        (NOISE + bytes(64) + NOISE[::-1], True),
    ],
    ids=[
        *("chance", "nothing", "short", "zeros", "ones", "block", "short block", "even"),
        *("small hole", "hole"),
    ],
)
def test_a_filler_is_suspected(data: bytes, *, suspected: bool) -> None:
    """What repeats itself at once, or only far away; an even picture does so in between."""
    assert filler.is_suspected(data) is suspected


@pytest.mark.parametrize("fill", [b"\0", b"\xff", b"abcd", NOISE[100:200]])
@pytest.mark.parametrize("count", [128, 1_000, 1_001])
def test_the_start_of_a_filler_is_found(fill: bytes, count: int) -> None:
    """To the byte, as the noise before it does not end as the filler does."""
    data = NOISE + (fill * count)[:count]

    assert filler.start(data) == (500 if count > len(fill) + 64 else len(data))
    assert filler.start(NOISE) == 500
