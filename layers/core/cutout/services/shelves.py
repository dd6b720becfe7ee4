"""How far one round of `reconcile` looks: at some of every shelf, and at the rest in the next."""

from collections.abc import Iterator

from cutout.models import Place
from cutout.ports import Clock, JobIndex

MOST_LOOKS = 200
"""Jobs of one shelf in a round. A look reads a record, and writes it or sends a message: with some
40 ms each they take 8 s of the 55 s that a round has."""


class Shelves:
    """Walks along the shelves of the job index, each round from where the last one stopped.

    Many jobs stay where they are when they are looked at. Who always began with the oldest would
    look at the same ones for ever. What was reached is in the memory of the execution environment;
    a new one begins with the oldest again, which costs nothing but the order.
    """

    def __init__(self, index: JobIndex, clock: Clock) -> None:
        """Keep the index and the clock; nothing was reached yet."""
        self._index = index
        self._clock = clock
        self._reached: dict[str, Place] = {}

    def some(self, shelf: str, before_ms: int, until_ms: int) -> Iterator[str]:
        """Yield the ids of the next jobs that came to this shelf before then.

        Args:
            shelf: `Job.shelf`.
            before_ms: since when they stand there at the least.
            until_ms: none is yielded after that; the first one always is, so that every round gets
                on.
        """
        places = self._index.standing(shelf, before_ms, self._reached.pop(shelf, None))
        for looks, place in enumerate(places, 1):
            self._reached[shelf] = place
            yield place.job_id
            if looks >= MOST_LOOKS or self._clock.now_ms() >= until_ms:
                return
        self._reached.pop(shelf, None)  # that was all: the next round begins with the oldest
