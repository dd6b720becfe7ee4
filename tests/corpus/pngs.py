"""PNGs written by code, of depths and chunks that Pillow cannot write."""

import struct
import zlib

from tests.corpus.pictures import SIZE, chunk, scene

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
Part = tuple[bytes, bytes] | bytes


def png(
    rows: list[bytes],
    size: tuple[int, int],
    depth: int,
    kind: int,
    *,
    before: tuple[Part, ...] = (),
    behind: tuple[Part, ...] = (),
) -> bytes:
    """Return a PNG of unfiltered rows.

    Args:
        rows: packed as they are in the file.
        size: in pixels.
        depth: bits a sample.
        kind: colour type.
        before: chunks before the pixels, as type and body, or as they are.
        behind: the same behind them.
    """
    header = struct.pack(">II5B", *size, depth, kind, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts: list[Part] = [(b"IHDR", header), *before, (b"IDAT", data), *behind, (b"IEND", b"")]
    return SIGNATURE + b"".join(p if isinstance(p, bytes) else chunk(*p) for p in parts)


def deep_scene(*, before: tuple[Part, ...] = (), behind: tuple[Part, ...] = ()) -> bytes:
    """Return the scene in 16 bits a sample."""
    raw = scene().tobytes()
    wide = bytes(byte for value in raw for byte in (value, value))
    rows = [wide[at : at + SIZE[0] * 6] for at in range(0, len(wide), SIZE[0] * 6)]
    return png(rows, SIZE, 16, RGB, before=before, behind=behind)


def spoiled(kind: bytes, body: bytes) -> bytes:
    """Return a chunk with a wrong checksum."""
    return struct.pack(">I", len(body)) + kind + body + b"\xde\xad\xbe\xef"
