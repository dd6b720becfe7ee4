"""Move the gate: free slots, fill them from the line, keep one wake-up for when time opens it.

Everyone writes first and then reads (DESIGN 5): who freed a slot looks at the line after that
write, who joined the line looks at the gate after that one, so the two can't miss each other.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from cutout import gate as gates
from cutout.errors import ConflictError
from cutout.gate import Gate, Limits, Room
from cutout.models import LineEntry, Wake, attempt_id
from cutout.observability import logger
from cutout.ports import Clock, GateStore, Line, Messages

BATCH = 10  # creates started by one move of the gate
MAX_WAKE_DELAY_S = 900  # SQS: DelaySeconds is at most 15 minutes
_TRIES = 30
_BACKOFF_S = 0.01
_LONGEST_SLEEP_S = 2.0


@dataclass(frozen=True, slots=True)
class Start:
    """A waiting job that was given a slot."""

    entry: LineEntry
    provider: str
    stamped_ms: int

    @property
    def attempt(self) -> str:
        """Return the attempt id the slot is held under."""
        return attempt_id(self.entry.job_id, self.entry.number)


@dataclass(frozen=True, slots=True)
class Release:
    """A slot to free; `refund`: nothing was created; `pause`: reason and until when."""

    provider: str
    attempt: str
    refund: bool = False
    pause: tuple[str, int] | None = None


type RunAll = Callable[
    [Callable[[Start], Release | None], Iterable[Start]], Iterable[Release | None]
]


class Dispatcher:
    """Starts as many waiting jobs as the gate allows, in batches of one write each."""

    def __init__(  # noqa: PLR0913 the composition root names every one
        self,
        *,
        gate: GateStore,
        line: Line,
        messages: Messages,
        clock: Clock,
        limits: Mapping[str, Limits],
        budget_microusd: int,
        attempt: Callable[[Start], Release | None],
        run_all: RunAll = map,
    ) -> None:
        """Keep the collaborators.

        Args:
            gate: the gate.
            line: the line.
            messages: for the wake-up.
            clock: time.
            limits: of each provider, in the order of preference.
            budget_microusd: the month's cap; 0: none.
            attempt: runs one attempt and returns its slot when it is free again.
            run_all: runs the attempts of one batch, at once or in turn.
        """
        self._gate = gate
        self._line = line
        self._messages = messages
        self._clock = clock
        self._limits = limits
        self._budget_microusd = budget_microusd
        self._attempt = attempt
        self._run_all = run_all

    def wake(self, due_ms: int) -> None:
        """Handle a wake-up: wait out what the queue's whole seconds left over, then dispatch."""
        left_s = (due_ms - self._clock.now_ms()) / 1000
        if 0 < left_s <= _LONGEST_SLEEP_S:
            self._clock.sleep(left_s)
        self.dispatch(woken_for_ms=due_ms)

    def dispatch(self, releases: Sequence[Release] = (), *, woken_for_ms: int = 0) -> None:
        """Free these slots, then start waiting jobs until the gate or the line says stop."""
        tried: set[LineEntry] = set()
        while True:
            starts, moved = self._move(releases, woken_for_ms, tried)
            if not moved:
                return
            tried.update(start.entry for start in starts)
            releases = [r for r in self._run_all(self._attempt, starts) if r is not None]

    def _move(
        self, releases: Sequence[Release], woken_for_ms: int, tried: AbstractSet[LineEntry]
    ) -> tuple[list[Start], bool]:
        """Write one move of the gate; return what it started and whether anything moved.

        What was tried in this invocation is not started again: if its record can't be written, the
        next invocation may have more luck, and this one ends.

        Raises:
            ConflictError: other invocations moved first every time.
        """
        for attempt in range(_TRIES):
            now_ms = self._clock.now_ms()
            before = gates.settle_time(self._gate.read(), now_ms)
            after = _apply(before, releases, woken_for_ms)
            after, starts, due_ms = self._fill(after, now_ms, tried)
            if after == before:
                return [], False
            if self._gate.write(after) is not None:
                if due_ms is not None:
                    self._send_wake(due_ms, now_ms)
                return starts, True
            self._clock.sleep(_BACKOFF_S * random.uniform(1, 2 + attempt))  # noqa: S311
        message = "the gate was moved by others every time"
        raise ConflictError(message)

    def _fill(
        self, gate: Gate, now_ms: int, tried: AbstractSet[LineEntry]
    ) -> tuple[Gate, list[Start], int | None]:
        """Take slots for the first waiting jobs; plan a wake-up when only time blocks the rest."""
        rooms = self._rooms(gate, now_ms)
        opens = [r.opens_ms for r in rooms.values() if r.opens_ms is not None]
        if not any(r.count for r in rooms.values()) and not opens:
            return gate, [], None
        entries = [
            entry
            for entry in self._line.first(2 * BATCH, now_ms)
            if entry not in tried and not gate.holds(entry.job_id)
        ]
        starts: list[Start] = []
        for entry in entries:
            name = self._choose(entry, rooms)
            if entry.available_ms > now_ms or name is None or len(starts) == BATCH:
                continue
            start = Start(entry, name, now_ms)
            gate = gates.take(gate, name, start.attempt, self._limits[name], now_ms)
            rooms = self._rooms(gate, now_ms)
            starts.append(start)
        started = {start.entry for start in starts}
        waiting = [entry for entry in entries if entry not in started]
        return self._plan_wake(gate, waiting, starts, now_ms)

    def _plan_wake(
        self, gate: Gate, waiting: Sequence[LineEntry], starts: list[Start], now_ms: int
    ) -> tuple[Gate, list[Start], int | None]:
        """Set the one wake-up for the moment the first waiting job could start, if time decides."""
        if not waiting or len(starts) == BATCH:
            return gate, starts, None
        opens = [r.opens_ms for r in self._rooms(gate, now_ms).values() if r.opens_ms is not None]
        later = [e.available_ms for e in waiting if e.available_ms > now_ms]
        due_ms = min(opens + later, default=None)
        if due_ms is None or (gates.wake_outstanding(gate, now_ms) and gate.wake_ms <= due_ms):
            return gate, starts, None
        return gates.set_wake(gate, due_ms), starts, due_ms

    def _rooms(self, gate: Gate, now_ms: int) -> dict[str, Room]:
        """Return the room at each provider."""
        return {
            name: gates.room(gate, name, limits, self._budget_microusd, now_ms)
            for name, limits in self._limits.items()
        }

    def _choose(self, entry: LineEntry, rooms: Mapping[str, Room]) -> str | None:
        """Return the provider for a job: the first allowed that is not paused, if it has room."""
        for name, free in rooms.items():
            if name in entry.excluded or free.blocked_by == "paused":
                continue
            return name if free.count else None
        return None

    def _send_wake(self, due_ms: int, now_ms: int) -> None:
        """Send the wake-up a little early: the queue delays by whole seconds only."""
        delay_s = min(max(0, (due_ms - now_ms) // 1000), MAX_WAKE_DELAY_S)
        self._messages.wake(Wake(due_ms=due_ms), delay_s)
        logger.debug("wake-up sent", extra={"delay_s": delay_s})


def _apply(gate: Gate, releases: Sequence[Release], woken_for_ms: int) -> Gate:
    """Return the gate with these slots freed, these pauses set and this wake-up done."""
    for one in releases:
        gate = gates.release(gate, one.provider, one.attempt, refund=one.refund)
        if one.pause is not None:
            gate = gates.pause(gate, one.provider, *one.pause)
    if woken_for_ms and gate.wake_ms == woken_for_ms:
        gate = replace(gate, wake_ms=0)
    return gate
