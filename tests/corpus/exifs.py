"""EXIF by code, sound and damaged."""

import struct

ORIENTATION = 0x0112
SHORT, LONG, RATIONAL, SLONG, ASCII = 3, 4, 5, 9, 2
Tag = tuple[int, int, int, bytes]


def exif(*tags: Tag, order: str = "<", count: int | None = None, cut: int = 0) -> bytes:
    """Return EXIF without its prefix.

    Args:
        tags: number, type, count, and the four bytes that are the value, or lead to it.
        order: of bytes.
        count: what the directory says of itself; by default the truth.
        cut: how many bytes are missing at the end.
    """
    name = b"II" if order == "<" else b"MM"
    body = name + struct.pack(f"{order}HIH", 42, 8, len(tags) if count is None else count)
    for number, kind, values, value in tags:
        body += struct.pack(f"{order}HHI", number, kind, values) + value
    body += bytes(4)
    return body[: len(body) - cut]


def turn(orientation: int, order: str = "<") -> Tag:
    """Return the tag of an orientation, as it should be."""
    return (ORIENTATION, SHORT, 1, struct.pack(f"{order}HH", orientation, 0))


def odd_turns() -> dict[str, bytes]:
    """Return EXIF by its name that says 6 in ways that writers found."""
    rational = exif((ORIENTATION, RATIONAL, 1, struct.pack("<I", 26))) + struct.pack("<II", 6, 1)
    return {
        "with text where numbers belong": exif(turn(6), (0x011A, ASCII, 3, b"72\0\0")),
        "with text for a unit": exif(turn(6), (0x0128, ASCII, 2, b"2\0\0\0")),
        "with text before": exif((0x010F, 200, 1, b"\xff" * 4), turn(6)),
        "big-endian": exif(turn(6, ">"), order=">"),
        "as a long": exif((ORIENTATION, LONG, 1, struct.pack("<I", 6))),
        "as a signed long": exif((ORIENTATION, SLONG, 1, struct.pack("<i", 6))),
        "as a byte": exif((ORIENTATION, 1, 1, b"\x06\0\0\0")),
        "as a fraction": rational,
        "twice, first 6": exif(turn(6), turn(1)),
        "in a directory that breaks off": exif(turn(6), turn(1), cut=11),
        "in a directory that says it is longer": exif(turn(6), count=40),
        "with a value that leads nowhere": exif(turn(6), (0x010E, ASCII, 900, b"\xff" * 4)),
    }


UNREADABLE = {
    "no TIFF": b"hello, I am no TIFF",
    "nothing": b"",
    "a directory that is elsewhere": b"II*\0\xff\xff\xff\xff",
    "orientation as text": exif((ORIENTATION, ASCII, 2, b"6\0\0\0")),
    "cut before its first entry": exif(turn(6), cut=10),
}
UPRIGHT = {
    "nothing said": exif((0x0128, SHORT, 1, b"\x02\0\0\0")),
    "orientation 1": exif(turn(1)),
    "orientation 0": exif(turn(0)),
    "orientation 9": exif(turn(9)),
}
