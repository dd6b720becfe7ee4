"""GIF and BMP, of which little has to be known before they are decoded."""

from cutout.formats.header import Header

_CORE = 12  # length of BITMAPCOREHEADER, whose sides have 16 bits
# What Pillow decodes: depths in bits a pixel; none, two run-length codings, and bit fields.
_DEPTHS = frozenset({1, 4, 8, 16, 24, 32})
_COMPRESSIONS = frozenset(range(4))
_SHORT = 16  # length of an OS/2 2.x header without all but the sides, which Pillow does not know


def read_gif(head: bytes) -> Header:
    """Read the logical screen."""
    width, height = (int.from_bytes(head[n : n + 2], "little") for n in (6, 8))
    return Header(format="gif", width=width, height=height)


def read_bmp(head: bytes) -> Header:
    """Read the information header, old or new; a negative height is upside down."""
    length = int.from_bytes(head[14:18], "little")
    if length == _CORE:
        width, height, _, depth = (
            int.from_bytes(head[n : n + 2], "little") for n in range(18, 26, 2)
        )
        compression = 0
    else:
        sides = (int.from_bytes(head[n : n + 4], "little", signed=True) for n in (18, 22))
        width, height = (abs(side) for side in sides)
        depth, compression = (int.from_bytes(head[n : n + 2], "little") for n in (28, 30))
    rare = length == _SHORT or depth not in _DEPTHS or compression not in _COMPRESSIONS
    whole = len(head) >= 14 + length
    return Header(format="bmp-rare" if whole and rare else "bmp", width=width, height=height)
