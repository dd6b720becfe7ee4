"""WebP by its RIFF chunks (RFC 9649): a type, a little-endian length, that many bytes, padding."""

from collections.abc import Iterator
from typing import NamedTuple

from cutout.formats import filler
from cutout.formats.glimpse import Glimpse
from cutout.formats.header import PLAIN, Header

_FIRST = 12  # behind RIFF, the file's length, and WEBP
_EXTENDED, _LOSSY, LOSSLESS = b"VP8X", b"VP8 ", b"VP8L"
_PICTURES = frozenset({_LOSSY, LOSSLESS})
_PIXELS = _PICTURES | {b"ALPH"}
_ANIMATED, _WITH_EXIF, _WITH_ALPHA = 0x02, 0x08, 0x10  # flags of VP8X
_TURNING = frozenset({b"EXIF", b"ANIM", b"ANMF"})


class Chunk(NamedTuple):
    """A chunk that begins at `place`; its body, or as much of it as was read, is left there."""

    kind: bytes
    place: int
    length: int

    @property
    def stop(self) -> int:
        """Return the offset behind its body, without the padding to an even one."""
        return self.place + 8 + self.length


def read(head: bytes) -> Header:
    """Read the chunks as far as the first pixels."""
    size = _number(head[4:8]) + 8
    found, flags, kinds = Header(format="webp", size=size), 0, set()
    for chunk in _chunks(Glimpse(head, b"", len(head)), _FIRST, size):
        kinds.add(chunk.kind)
        body = head[chunk.place + 8 : chunk.place + 18]
        if chunk.kind == _EXTENDED and len(body) == 10:  # noqa: PLR2004 flags, and the canvas's sides less 1
            flags = body[0]
            canvas = {"width": _number(body[4:7]) + 1, "height": _number(body[7:10]) + 1}
            animated = bool(flags & _ANIMATED)
            found = found.model_copy(update=canvas | {"bits": 8, "animated": animated})
        elif chunk.kind in _PIXELS:
            turned = flags & _WITH_EXIF or _TURNING & kinds
            changes = {
                "orientation": None if turned else 1,
                "animated": bool(flags & _ANIMATED),
                "visible": None if flags & _WITH_ALPHA or _has_alpha(chunk, body) else True,
                "bits": 8,
                "data_at": chunk.place,
            }
            return _sized(found, chunk, body).model_copy(update=changes)
    return found


def _sized(found: Header, chunk: Chunk, body: bytes) -> Header:
    """Return the header with the picture's own size, which must be the canvas's."""
    size = sides(chunk.kind, body)
    canvas = (found.width, found.height)
    if chunk.kind not in _PICTURES:  # its alpha comes first, and does not tell
        return found.model_copy(update={"colour": PLAIN})
    if size is None or canvas not in (size, (None, None)):
        return found
    return found.model_copy(update={"width": size[0], "height": size[1], "colour": PLAIN})


def sides(kind: bytes, body: bytes) -> tuple[int, int] | None:
    """Return width and height of a picture by the first ten bytes of its chunk."""
    if kind == LOSSLESS and body[:1] == b"\x2f" and len(body) >= 5:  # noqa: PLR2004 two times 14 bits
        sizes = _number(body[1:5])
        return (sizes & 0x3FFF) + 1, (sizes >> 14 & 0x3FFF) + 1
    if kind == _LOSSY and body[3:6] == b"\x9d\x01\x2a" and len(body) == 10:  # noqa: PLR2004 a key frame's start
        return _number(body[6:8]) & 0x3FFF, _number(body[8:10]) & 0x3FFF
    return None


def _has_alpha(chunk: Chunk, body: bytes) -> bool:
    """Tell whether the picture is transparent somewhere; lossless ones have a bit for it."""
    if chunk.kind == LOSSLESS:
        return bool(_number(body[1:5]) >> 28 & 1)
    return chunk.kind not in _PICTURES


def _number(data: bytes) -> int:
    """Return the little-endian number that stands there."""
    return int.from_bytes(data, "little")


def _chunks(seen: Glimpse, place: int, stop: int) -> Iterator[Chunk]:
    """Yield the chunks from an offset on, as far as the file's end or what was not read."""
    while place < stop and (start := seen.part(place, place + 8)) is not None:
        yield (chunk := Chunk(start[:4], place, _number(start[4:])))
        place = chunk.stop + chunk.stop % 2


def is_settled(header: Header, seen: Glimpse) -> bool:
    """Tell whether the file is whole and says nothing new behind its pixels, as far as was read."""
    stop = _number(seen.head[4:8]) + 8
    found = list(_chunks(seen, header.data_at, stop))
    if not found or not stop - 1 <= found[-1].stop <= stop <= seen.size:
        return False
    pictures = [chunk for chunk in found if chunk.kind in _PICTURES]
    if len(pictures) != 1 or any(chunk.kind in _TURNING for chunk in found):
        return False
    begun, end = pictures[0].place + 8, pictures[0].stop
    pixels = seen.part(max(begun, end - filler.LOOKED_AT), end)
    return pixels is not None and not filler.is_suspected(pixels)


def picture(data: bytes) -> tuple[bytes, bytes] | None:
    """Return type and body of the picture's chunk in a whole file that is no animation."""
    for chunk in _chunks(Glimpse(data, b"", len(data)), _FIRST, len(data)):
        if chunk.kind in _PICTURES:
            return chunk.kind, data[chunk.place + 8 : chunk.stop]
    return None
