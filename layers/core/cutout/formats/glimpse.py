"""The two ends of a file, which is all that is read of a large one before it is decided about."""


class Glimpse:
    """The first bytes of a file, its last ones, and its size in bytes.

    `head` is the whole file if `is_whole`.
    """

    def __init__(self, head: bytes, tail: bytes, size: int) -> None:
        """Join the two ends if they touch or overlap; one of them may be the whole file."""
        overlap = len(head) + len(tail) - size
        self.is_whole = overlap >= 0
        self.head = head + tail[overlap:] if self.is_whole else head
        self.tail = b"" if self.is_whole else tail
        self.size = max(size, len(self.head))

    def part(self, start: int, stop: int) -> bytes | None:
        """Return what stands from `start` to before `stop`; None if not all of it was read."""
        if 0 <= start <= stop <= len(self.head):
            return self.head[start:stop]
        tail_at = self.size - len(self.tail)
        if tail_at <= start <= stop <= self.size:
            return self.tail[start - tail_at : stop - tail_at]
        return None
