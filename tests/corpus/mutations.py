"""Files as chance changes them: bytes turned over, numbers made extreme, parts lost or repeated."""

import random
from collections.abc import Iterator

_EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutations(seeds: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Yield changed files, the same ones for the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        body = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
            chance.choice(_CHANGES)(body, chance)
        yield bytes(body)


def _place(body: bytearray, chance: random.Random) -> int:
    """Return a place, more often near the beginning, where files say what they are."""
    most = len(body) if chance.random() < 0.5 else min(len(body), 512)
    return chance.randrange(max(1, most))


def _turn_over(body: bytearray, chance: random.Random) -> None:
    """Change a byte."""
    if body:
        body[_place(body, chance) % len(body)] ^= 1 << chance.randrange(8)


def _make_extreme(body: bytearray, chance: random.Random) -> None:
    """Put an extreme number somewhere."""
    at, size = _place(body, chance), chance.choice((1, 2, 4))
    number = chance.choice(_EXTREMES) & (256**size - 1)
    body[at : at + size] = number.to_bytes(size, chance.choice(("big", "little")))


def _cut(body: bytearray, chance: random.Random) -> None:
    """Lose the end."""
    del body[_place(body, chance) :]


def _lose(body: bytearray, chance: random.Random) -> None:
    """Lose a part."""
    at = _place(body, chance)
    del body[at : at + chance.choice((1, 2, 4, 12, 100))]


def _repeat(body: bytearray, chance: random.Random) -> None:
    """Have a part twice."""
    at = _place(body, chance)
    body[at:at] = body[at : at + chance.choice((1, 4, 12, 100))]


def _blank(body: bytearray, chance: random.Random) -> None:
    """Fill a part up."""
    at, size = _place(body, chance), chance.choice((4, 16, 200, 5_000))
    size = min(size, len(body) - at)
    body[at : at + size] = bytes([chance.choice((0, 0xFF))]) * size


def _scramble(body: bytearray, chance: random.Random) -> None:
    """Replace a part by chance."""
    at, size = _place(body, chance), chance.choice((1, 4, 16))
    body[at : at + size] = chance.randbytes(size)


_CHANGES = (_turn_over, _make_extreme, _cut, _lose, _repeat, _blank, _scramble)
