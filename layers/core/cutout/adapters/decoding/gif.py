"""GIF: its first frame (Graphics Interchange Format, version 89a).

The file is written anew before it is decoded, of that frame alone.
"""

import struct
from dataclasses import dataclass
from typing import Final

from PIL import Image

from cutout.adapters.decoding.decoded import Decoded, check_pixels, load, truncated

_SCREEN: Final = 13  # bytes of the signature and the logical screen's descriptor
_EXTENSION, _IMAGE = 0x21, 0x2C
_GRAPHIC_CONTROL: Final = 0xF9
_TABLE_FLAG, _TABLE_SIZE = 0x80, 0x07


@dataclass(frozen=True, slots=True)
class _Frame:
    """The first frame: its descriptor, its palette and its data, and the extension before it."""

    descriptor: bytes
    palette: bytes
    data: bytes
    control: bytes


def decode(data: bytes) -> Decoded:
    """Decode a GIF's first frame on its canvas, with nothing around it."""
    frame = _first_frame(data)
    left, top, width, height, flags = struct.unpack_from("<4HB", frame.descriptor)
    screen_width, screen_height = struct.unpack_from("<2H", data, 6)
    canvas = max(screen_width, left + width), max(screen_height, top + height)
    check_pixels(*canvas)
    picture = load(_file(frame, width, height, flags), "GIF")
    clear = "transparency" in picture.info
    picture = picture.convert("RGBA" if clear else "RGB")
    if canvas != picture.size:
        piece, picture = picture.convert("RGBA"), Image.new("RGBA", canvas)
        picture.paste(piece, (left, top))
    return Decoded(picture)


def _first_frame(data: bytes) -> _Frame:
    """Go as far as the end of the first frame's data.

    Raises:
        ImageError: `truncated_image`, there is none, or no palette for it.
    """
    if len(data) < _SCREEN:
        raise truncated()
    palette = _table(data, _SCREEN, data[10])
    place, control = _SCREEN + len(palette), b""
    while place + 10 < len(data):  # as long as an image's descriptor
        if data[place] == _EXTENSION:
            end = _blocks_end(data, place + 2)
            if data[place + 1] == _GRAPHIC_CONTROL and end == place + 8:
                control = data[place:end]
            place = end
        elif data[place] == _IMAGE:
            descriptor = data[place + 1 : place + 10]
            place += 10
            local = _table(data, place, descriptor[8])
            if not local and not palette:
                break
            place += len(local)
            pixels = data[place : _blocks_end(data, place + 1)]
            return _Frame(descriptor, local or palette, pixels, control)
        else:
            place += 1  # nothing that means anything, as decoders have it
    raise truncated()


def _table(data: bytes, place: int, flags: int) -> bytes:
    """Return the palette that begins here, if the flags say so."""
    return data[place : place + (6 << (flags & _TABLE_SIZE))] if flags & _TABLE_FLAG else b""


def _blocks_end(data: bytes, place: int) -> int:
    """Return where the blocks that begin here end; each begins with its size, the last has none."""
    while place < len(data) and data[place]:
        place += 1 + data[place]
    return place + 1


def _file(frame: _Frame, width: int, height: int, flags: int) -> bytes:
    """Return a GIF of one frame that fills its screen."""
    size = max(0, (len(frame.palette) // 3 - 1).bit_length() - 1)
    screen = struct.pack("<6s2H3B", b"GIF89a", width, height, _TABLE_FLAG | size, 0, 0)
    image = struct.pack("<B4HB", _IMAGE, 0, 0, width, height, flags & 0x40)  # interlaced, or not
    return screen + frame.palette + frame.control + image + frame.data + b"\x3b"
