"""TIFFs written by code, of samples that Pillow cannot write, for every order of bytes."""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
OFFSETS, SAMPLES, ROWS, BYTES, PLANES = 273, 277, 278, 279, 284
PREDICTOR, COLOUR_MAP, EXTRA, FORMAT, ICC = 317, 320, 338, 339, 34675
DEFLATE = 8
_CODES = {1: "B", 2: "B", 3: "H", 4: "I", 5: "I", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 16: "Q"}
_SHORT, _LONG, _UNDEFINED = 3, 4, 7


@dataclass
class Tiff:
    """A picture's bytes and tags; each plane is one strip."""

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

    def file(self) -> bytes:
        """Return the file: a header, the pixels and the directory, or these the other way round."""
        packed = [zlib.compress(p) if self.compression == DEFLATE else p for p in self.planes]
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
            OFFSETS: (_LONG, places),
            SAMPLES: (_SHORT, [len(self.bits)]),
            ROWS: (_LONG, [height]),
            BYTES: (_LONG, [len(plane) for plane in packed]),
            PLANES: (_SHORT, [2 if len(packed) > 1 else 1]),
            FORMAT: (_SHORT, [self.format] * len(self.bits)),
        }
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
