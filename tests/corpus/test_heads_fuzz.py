"""Damaged files of every kind: the header readers raise nothing, and answer what there is."""

import random
from collections.abc import Iterator

import pytest

from cutout import headers, inputs
from cutout.formats import filler, heif, jpeg, webp
from cutout.formats.glimpse import Glimpse
from cutout.models import Reason
from tests.corpus.pictures import INPUTS
from tests.corpus.test_heads_alpha import FILES as CLEAR
from tests.corpus.test_heads_ends import FILES as WHOLE
from tests.corpus.test_heads_formats import INTACT, LATER, NO_PICTURES
from tests.corpus.test_heads_orientation import ALL as LYING

CORPUS = {
    **{f"input: {name}": body for name, (body, _) in INPUTS.items()},
    **{f"clear: {name}": body for name, (body, _) in CLEAR.items()},
    **{f"lying: {name}": body for name, (body, _) in LYING.items()},
    **{f"whole: {name}": body for name, body in WHOLE.items()},
    **{f"kind: {name}": body for name, body in (INTACT | LATER | NO_PICTURES).items()},
}
HEAD, TIMES = 65_536, 4
NUMBERS = [bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1", b"\1\0\0\0"]


def mutations(body: bytes, chance: random.Random) -> Iterator[bytes]:
    """Yield damaged versions of a file, most of them damaged where its header is."""
    for _ in range(TIMES):
        near = min(len(body), chance.choice([40, 400, 4_000, len(body)])) + 1
        at, other = chance.randrange(near), chance.randrange(near)
        count = chance.choice([1, 2, 4, 30])
        piece = body[min(at, other) : max(at, other)]
        yield from (
            body[:at] + chance.randbytes(count) + body[at + count :],
            body[:at] + chance.choice(NUMBERS) + body[at + 4 :],
            body[:at] + body[at + count :],
            body[:at] + piece * 2 + body[at:],
            body[:at] + bytes([body[at - 1] ^ 1 << chance.randrange(8)]) + body[at + 1 :]
            if body
            else b"",
            body[:at],
        )


def judged(body: bytes) -> str:
    """Judge a file as `submit` does."""
    header = headers.read(body[:HEAD])
    reason = inputs.refusal(header)
    if header is None or reason is not None:
        assert isinstance(reason, Reason)
        return reason.code
    assert header.orientation in {None, *range(1, 9)}
    assert (header.width is None) == (header.height is None)
    assert header.width is None or header.width > 0
    if not inputs.is_plain(header):
        return "prepare"
    tail = body[-inputs.TAIL_BYTES :] if len(body) > HEAD else b""
    seen = Glimpse(body[:HEAD], tail, len(body))
    return "send" if inputs.is_complete(header, seen) else "prepare"


@pytest.mark.parametrize("name", sorted(CORPUS))
def test_a_damaged_file_gets_an_answer(name: str) -> None:
    """It is sent, prepared or refused, whatever happened to it."""
    chance = random.Random(name)

    answers = {judged(body) for body in mutations(CORPUS[name], chance)}

    assert answers <= {"send", "prepare", "unsupported_format", "too_many_pixels"}


@pytest.mark.parametrize("name", sorted(CORPUS))
def test_a_damaged_file_is_searched_for_its_end(name: str) -> None:
    """The readers of whole files take anything, too, and stay within it."""
    chance = random.Random(name)

    for body in mutations(CORPUS[name][:9_000], chance):
        found = jpeg.ending(body)
        assert 0 <= found.pixels_at <= max(found.stop, 2) <= max(len(body), 2)
        assert 0 <= filler.start(body) <= len(body)
        assert heif.is_filled(body) in (True, False)
        assert webp.picture(body) is None or len(body) >= 20


def test_what_is_whole_is_settled() -> None:
    """What is plain in the corpus is sent, so that there is something to be damaged."""
    sent = [name for name, body in CORPUS.items() if judged(body) == "send"]

    assert len(sent) > 50
    assert {name.split(":")[0] for name in sent} >= {"input", "clear", "lying", "whole"}
