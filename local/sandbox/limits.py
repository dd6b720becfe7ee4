"""The two limits of one API key, enforced strictly."""

from collections import deque

from local.sandbox.predictions import RejectedError, Settings

WINDOW_SECONDS = 60
"""Length of the rate window: "100 creates / min" (seed 000), read as any 60 s."""


class KeyLimits:
    """Counts what one key has running and when its creates arrived.

    Not thread-safe: the registry calls it under its own lock.
    """

    def __init__(self) -> None:
        self.running = 0
        self._arrivals: deque[float] = deque()

    def take(self, now: float, settings: Settings) -> None:
        """Count one create that arrived at `now`, in seconds of a monotonic clock.

        Raises:
            RejectedError: A limit is reached (429); the create is not counted.
        """
        while self._arrivals and now - self._arrivals[0] >= WINDOW_SECONDS:
            self._arrivals.popleft()
        if len(self._arrivals) >= settings.max_per_minute:
            raise RejectedError(429, "Rate limit", f"{settings.max_per_minute} creates / min")
        if self.running >= settings.max_concurrent:
            raise RejectedError(429, "Rate limit", f"{settings.max_concurrent} concurrent per key")
        self._arrivals.append(now)
        self.running += 1

    def release(self) -> None:
        """Free the slot of a prediction that has ended."""
        self.running -= 1
