"""WebP: RFC 9649, the first picture of it.

The file is written anew before it is decoded, of the first picture's data alone: neither broken
metadata nor the other frames of an animation are looked at.
"""

import struct
from typing import Final

from PIL import Image, _webp

from cutout import headers
from cutout.adapters.decoding import directory, wholeness
from cutout.adapters.decoding.decoded import (
    Decoded,
    check_pixels,
    failing_as,
    truncated,
    turned,
    unsupported,
)

_HEADER: Final = 12  # RIFF, a size, WEBP
_FIRST: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X"})
_PICTURES: Final = frozenset({b"VP8 ", b"VP8L"})
_NEEDED: Final = _PICTURES | {b"ALPH", b"ANMF"}
_ALPHA_FLAG: Final = 0x10
_FRAME_HEADER: Final = 16  # of ANMF: place, size, duration, flags
_CANVAS: Final = 10  # bytes of VP8X


def decode(data: bytes) -> Decoded:
    """Decode a WebP, of an animation its first frame on its canvas, with nothing around it."""
    if len(data) >= _HEADER + 4 and data[_HEADER : _HEADER + 4] not in _FIRST:
        raise unsupported("The WebP begins with a chunk that is not decoded.")
    chunks = _chunks(data, _HEADER)
    canvas = _canvas(chunks.get(b"VP8X", b""))
    frame, exif = chunks.get(b"ANMF"), chunks.get(b"EXIF")
    picture = _picture(chunks, canvas) if frame is None else _on_canvas(frame, canvas)
    orientation = 1 if exif is None else directory.orientation(exif)
    return turned(picture, orientation, chunks.get(b"ICCP"))


def _chunks(data: bytes, place: int) -> dict[bytes, bytes]:
    """Return the first chunk of each type; they are padded to an even length.

    Raises:
        ImageError: `truncated_image`, a picture's data break off.
    """
    found: dict[bytes, bytes] = {}
    while place + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, place)
        body = data[place + 8 : place + 8 + size]
        if len(body) == size:
            found.setdefault(kind, body)
        elif kind in _NEEDED and kind not in found:
            raise truncated()
        place += 8 + size + size % 2
    return found


def _canvas(body: bytes) -> tuple[int, int] | None:
    """Return the size that VP8X says, if there is one."""
    if len(body) < _CANVAS:
        return None
    width, height = (int.from_bytes(body[place : place + 3], "little") + 1 for place in (4, 7))
    check_pixels(width, height)
    return width, height


def _picture(chunks: dict[bytes, bytes], size: tuple[int, int] | None) -> Image.Image:
    """Decode one picture; VP8 needs a chunk beside it for its alpha."""
    kind = next((kind for kind in (b"VP8 ", b"VP8L") if kind in chunks), None)
    if kind is None:
        raise truncated()
    parts = [_chunk(kind, chunks[kind])]
    if b"ALPH" in chunks and size is not None:
        sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
        extended = _chunk(b"VP8X", bytes([_ALPHA_FLAG, 0, 0, 0]) + sides)
        parts = [extended, _chunk(b"ALPH", chunks[b"ALPH"]), *parts]
    body = b"WEBP" + b"".join(parts)
    return _loaded(struct.pack("<4sI", b"RIFF", len(body)) + body)


def _loaded(file: bytes) -> Image.Image:
    """Decode a file of one picture.

    Pillow's own class keeps its decoder, with two canvases, as long as there is the picture: that
    is 2 GB for 100 megapixels with alpha. Here the decoder goes as soon as it has decoded.
    """
    header = headers.read(file)
    check_pixels((header and header.width) or 0, (header and header.height) or 0)
    wholeness.check_webp(file)
    with failing_as(truncated()):
        decoder = _webp.WebPAnimDecoder(file)
        size, *_, mode = decoder.get_info()
        data, _ = decoder.get_next()
        del decoder
        return Image.frombytes(mode.replace("X", ""), size, data, "raw", mode)


def _chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk."""
    return struct.pack("<4sI", kind, len(body)) + body + bytes(len(body) % 2)


def _on_canvas(frame: bytes, canvas: tuple[int, int] | None) -> Image.Image:
    """Decode a frame of an animation where it belongs."""
    if canvas is None or len(frame) < _FRAME_HEADER:
        raise truncated()
    numbers = (int.from_bytes(frame[place : place + 3], "little") for place in range(0, 12, 3))
    left, top, width, height = (next(numbers) * 2, next(numbers) * 2, *(n + 1 for n in numbers))
    piece = _picture(_chunks(frame, _FRAME_HEADER), (width, height))
    if piece.size == canvas and not left and not top:
        return piece
    picture = Image.new("RGBA", canvas)
    picture.paste(piece.convert("RGBA"), (left, top))
    return picture
