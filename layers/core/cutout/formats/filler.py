"""What stands in a file instead of what never came: a broken download is filled up to its length.

Compressed pixels look like chance, so that a long repetition is a filler, or a very even picture.
"""

RUN_BYTES = 32
"""So many equal bytes are no chance: they come once in 2**248 places. Fewer hide hardly a pixel."""
BLOCK_BYTES = 64
"""What is repeated at this distance or a longer one is a block of some disk or protocol.

Even pictures repeat themselves at shorter ones: the codes of one block of pixels (JPEG: 4 bytes).
"""


LOOKED_AT = 4096
"""So much of a file's end is looked at before it is decoded; an even part elsewhere is no sign."""
_HOLES = (bytes(BLOCK_BYTES), b"\xff" * BLOCK_BYTES)
"""What a file keeps where a piece of it never came, if its end came first."""


def is_suspected(data: bytes) -> bool:
    """Tell whether compressed data end with what may be a filler, or have a hole."""
    distance = _distance(data)
    return distance == 1 or distance >= BLOCK_BYTES or any(hole in data for hole in _HOLES)


def start(data: bytes) -> int:
    """Return where the repetition begins that data end with; their length, if there is none."""
    distance = _distance(data)
    if not distance:
        return len(data)
    low, high = 0, len(data) - distance
    while low < high:
        middle = (low + high) // 2
        if data[middle:-distance] == data[middle + distance :]:
            high = middle
        else:
            low = middle + 1
    return low


def _distance(data: bytes) -> int:
    """Return at which distance the last bytes are repeated, in bytes; 0, if they are not."""
    run = data[-RUN_BYTES:]
    if len(run) == RUN_BYTES and run == run[:1] * RUN_BYTES:
        return 1
    block = data[-BLOCK_BYTES:]
    place = data.rfind(block, 0, -1) if len(block) == BLOCK_BYTES else -1
    return len(data) - BLOCK_BYTES - place if place >= 0 else 0
