"""The machine: its clock, and its threads."""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Return UTC milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class ThreadCrew[T]:
    """Calls side by side, each in a thread that is kept for the next one."""

    def __init__(self, size: int) -> None:
        """Make room for so many calls at once; further ones wait for their turn."""
        self._pool = ThreadPoolExecutor(size)
        self._running: set[Future[T]] = set()

    def __len__(self) -> int:
        """Return how many calls are under way, or were when it was last asked for their ends."""
        return len(self._running)

    def begin(self, work: Callable[[], T]) -> None:
        """Begin a call."""
        self._running.add(self._pool.submit(work))

    def ended(self, timeout_s: float) -> list[T]:
        """Return what calls returned that have ended; wait for the first, for so long at most."""
        if not self._running:
            time.sleep(timeout_s)
        done, self._running = wait(self._running, timeout_s, FIRST_COMPLETED)
        return [call.result() for call in done]
