"""TIFFs written by code, of samples that Pillow cannot write, for every order of bytes."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
OFFSETS, SAMPLES, ROWS, BYTES, PLANES = 273, 277, 278, 279, 284
PREDICTOR, COLOUR_MAP, EXTRA, FORMAT, ICC = 317, 320, 338, 339, 34675
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 322, 323, 324, 325
DEFLATE = 8
_CODES = {1: "B", 2: "B", 3: "H", 4: "I", 5: "I", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 16: "Q"}
_SHORT, _LONG, _UNDEFINED = 3, 4, 7


@dataclass
class Tiff:
    """A picture's bytes and tags.

    Each plane is one strip, or many of `rows` rows, or many tiles of the size `tile`.
    """

    size: tuple[int, int]
    planes: list[bytes]
    bits: tuple[int, ...] = (8,)
    photometric: int = 1
    order: str = "<"
    compression: int = 1
    extra: tuple[int, ...] = ()
    format: int = 1
    predictor: int = 1
    tags: dict[int, tuple[int, Iterable[int]]] = field(default_factory=dict)
    big: bool = False
    directory_first: bool = False
    rows: int = 0
    tile: tuple[int, int] | None = None

    def file(self) -> bytes:
        """Return the file: a header, the pixels and the directory, or these the other way round."""
        pieces = [piece for plane in self.planes for piece in self._pieces(plane)]
        packed = [zlib.compress(p) if self.compression == DEFLATE else p for p in pieces]
        start = 16 if self.big else 8
        body = b"".join(plane + bytes(len(plane) % 2) for plane in packed)
        places = [start]
        for plane in packed:
            places.append(places[-1] + len(plane) + len(plane) % 2)
        shift = 0
        if self.directory_first:
            shift = len(self._directory(start, places[:-1], packed))
        places = [place + shift for place in places]
        at = start if self.directory_first else places[-1]
        directory = self._directory(at, places[:-1], packed)
        parts = (directory, body) if self.directory_first else (body, directory)
        return self._header(at) + b"".join(parts)

    def _pieces(self, plane: bytes) -> Iterator[bytes]:
        """Yield a plane's strips or tiles."""
        width, height = self.size
        row = len(plane) // height
        if self.tile is None:
            step = row * self.rows or len(plane) or 1
            yield from (plane[at : at + step] for at in range(0, max(1, len(plane)), step))
            return
        pixel = row // width
        wide, high = self.tile[0] * pixel, self.tile[1]
        for top in range(0, height, high):
            for left in range(0, row, wide):
                found = b""
                for y in range(top, top + high):
                    line = plane[y * row + left : min(y * row + left + wide, (y + 1) * row)]
                    found += line.ljust(wide, b"\0")
                yield found

    def _header(self, at: int) -> bytes:
        """Return the file's first bytes."""
        name = b"II" if self.order == "<" else b"MM"
        if self.big:
            return name + struct.pack(f"{self.order}3HQ", 43, 8, 0, at)
        return name + struct.pack(f"{self.order}HI", 42, at)

    def _directory(self, at: int, places: list[int], packed: list[bytes]) -> bytes:
        """Return the directory and the values that don't fit into it."""
        width, height = self.size
        tags: dict[int, tuple[int, Iterable[int]]] = {
            WIDTH: (_LONG, [width]),
            HEIGHT: (_LONG, [height]),
            BITS: (_SHORT, self.bits),
            COMPRESSION: (_SHORT, [self.compression]),
            PHOTOMETRIC: (_SHORT, [self.photometric]),
            SAMPLES: (_SHORT, [len(self.bits)]),
            PLANES: (_SHORT, [2 if len(self.planes) > 1 else 1]),
            FORMAT: (_SHORT, [self.format] * len(self.bits)),
        }
        sizes = [len(piece) for piece in packed]
        if self.tile is None:
            tags |= {OFFSETS: (_LONG, places), BYTES: (_LONG, sizes)}
            tags[ROWS] = (_LONG, [self.rows or height])
        else:
            tags |= {TILE_OFFSETS: (_LONG, places), TILE_BYTES: (_LONG, sizes)}
            tags |= {TILE_WIDTH: (_LONG, [self.tile[0]]), TILE_HEIGHT: (_LONG, [self.tile[1]])}
        if self.extra:
            tags[EXTRA] = (_SHORT, self.extra)
        if self.predictor > 1:
            tags[PREDICTOR] = (_SHORT, [self.predictor])
        tags |= self.tags
        counts, offsets, inline = ("Q", "Q", 8) if self.big else ("H", "I", 4)
        table = struct.pack(self.order + counts, len(tags))
        behind = at + len(table) + len(tags) * (4 + 2 * inline) + inline
        values = b""
        for tag, (kind, given) in sorted(tags.items()):
            numbers = list(given)
            value = struct.pack(f"{self.order}{len(numbers)}{_CODES[kind]}", *numbers)
            count = len(numbers) // 2 if kind == 5 else len(numbers)
            table += struct.pack(f"{self.order}HH{offsets}", tag, kind, count)
            if len(value) > inline:
                table += struct.pack(self.order + offsets, behind + len(values))
                values += value + bytes(len(value) % 2)
            else:
                table += value.ljust(inline, b"\0")
        return table + bytes(inline) + values


def with_profile(profile: bytes) -> dict[int, tuple[int, Iterable[int]]]:
    """Return the tag of an ICC profile."""
    return {ICC: (_UNDEFINED, profile)}
