"""What two limits allow at best, and what a provider's record says of them; pure."""

import heapq
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence

WINDOW_MS = 60_000


def greedy_makespan_ms(durations: Sequence[int], concurrent: int, per_minute: int) -> int:
    """Return when the last prediction ends if every create starts as soon as both limits allow."""
    running: list[int] = []
    starts: deque[int] = deque()
    now = last = 0
    for duration in durations:
        if len(running) == concurrent:
            now = max(now, heapq.heappop(running))
        if len(starts) == per_minute:
            now = max(now, starts.popleft() + WINDOW_MS)
        starts.append(now)
        heapq.heappush(running, now + duration)
        last = max(last, now + duration)
    return last


def in_flight(arrivals: Sequence[int], ends: Sequence[int]) -> list[tuple[int, int]]:
    """Return how many predictions run from each moment on; an end frees before an arrival."""
    changes = sorted([(time, -1) for time in ends] + [(time, 1) for time in arrivals])
    running, series = 0, []
    for time, change in changes:
        running += change
        series.append((time, running))
    return series


def most_in_flight(arrivals: Sequence[int], ends: Sequence[int]) -> int:
    """Return the highest number of predictions at once."""
    return max((running for _, running in in_flight(arrivals, ends)), default=0)


def windows(arrivals: Sequence[int], window_ms: int = WINDOW_MS) -> list[tuple[int, int]]:
    """Return at each arrival how many there were in the window that ends with it."""
    found = sorted(arrivals)
    return [
        (time, number + 1 - bisect_right(found, time - window_ms))
        for number, time in enumerate(found)
    ]


def most_in_window(arrivals: Sequence[int], window_ms: int = WINDOW_MS) -> int:
    """Return the highest number of arrivals in any window of that length."""
    return max((count for _, count in windows(arrivals, window_ms)), default=0)


def handovers(arrivals: Sequence[int], ends: Sequence[int], slots: int) -> list[tuple[int, int]]:
    """Return for each arrival after the first `slots` the end that made room for it.

    With all slots in use, the nth end frees the slot of arrival n + slots.

    Returns:
        Positions in `arrivals` and in `ends`, both counted in the order of time.
    """
    return [(n + slots, n) for n in range(min(len(ends), len(arrivals) - slots))]
