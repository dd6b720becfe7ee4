"""Start as many waiting jobs as the gate allows; keep one wake-up for when time opens it.

Everyone writes first and then reads (DESIGN 5): who freed a slot looks at the line after that
write, who joined the line looks at the gate after that one, so the two can't miss each other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from cutout import gate as gates
from cutout.errors import CutoutError
from cutout.gate import BUDGET, PAUSED, RATE_LIMITED, WINDOW_MS, Gate, Limits, Room
from cutout.models import LineEntry, Wake, attempt_id
from cutout.observability import logger
from cutout.ports import Clock, Line, Messages
from cutout.services.moves import Mover, Release

BATCH = 10  # creates started by one move of the gate
MAX_WAKE_DELAY_MS = 900_000  # SQS: DelaySeconds is at most 15 minutes; then it is sent anew
STOP_AFTER_MS = 10_000  # `submit` has 60 s, and a batch begun after this may need 45 of them
TRIED_PAUSE_MS = 1_000  # before another invocation tries what this one could not start
WAKE_LEAD_MS = 1_000  # a queue delays by whole seconds, and delivers a little later than it says
LONGEST_SLEEP_MS = 3_000


@dataclass(frozen=True, slots=True)
class Start:
    """A waiting job that was given a slot; `in_doubt`: its success would clear the provider."""

    entry: LineEntry
    provider: str
    stamped_ms: int
    in_doubt: bool = False

    @property
    def attempt(self) -> str:
        """Return the attempt id the slot is held under."""
        return attempt_id(self.entry.job_id, self.entry.number)


@dataclass(slots=True)
class _Plan:
    """What one computation of a move decided besides the gate itself."""

    starts: list[Start] = field(default_factory=list)
    wake_ms: int | None = None


type Attempt = Callable[[Start], Release | None]
type RunAll = Callable[[Attempt, Iterable[Start]], Iterable[Release | None]]


class Dispatcher:
    """Starts waiting jobs in batches of one gate write each."""

    def __init__(  # noqa: PLR0913 the composition root names every one
        self,
        *,
        mover: Mover,
        line: Line,
        messages: Messages,
        clock: Clock,
        limits: Mapping[str, Limits],
        budget_microusd: int,
        attempt: Attempt,
        run_all: RunAll = map,
    ) -> None:
        """Keep the collaborators.

        Args:
            mover: moves the gate.
            line: the line.
            messages: for the wake-up.
            clock: time.
            limits: of each provider, in the order of preference.
            budget_microusd: the month's cap; 0: none.
            attempt: runs one attempt and returns what its end means for the gate.
            run_all: runs the attempts of one batch, at once or in turn.
        """
        self._mover = mover
        self._line = line
        self._messages = messages
        self._clock = clock
        self._limits = limits
        self._budget_microusd = budget_microusd
        self._attempt = attempt
        self._run_all = run_all

    def dispatch(self, releases: Sequence[Release] = (), *, woken_for_ms: int = 0) -> None:
        """Free these slots, then start waiting jobs until the gate or the line says stop.

        A wake-up comes a little early, because the queue delays by whole seconds; the rest is
        waited out here, after what came with it.
        """
        began_ms = self._clock.now_ms()
        if 0 < woken_for_ms - began_ms <= LONGEST_SLEEP_MS:
            if not self._go(began_ms, releases):
                return
            releases = ()
            self._clock.sleep(max(0, woken_for_ms - self._clock.now_ms()) / 1000)
        self._go(began_ms, releases, woken_for_ms)

    def _go(self, began_ms: int, releases: Sequence[Release], woken_for_ms: int = 0) -> bool:
        """Free and start; what was tried here is not started again here.

        Returns:
            False: the time is running out, another invocation goes on.
        """
        tried: set[str] = set()
        while True:
            plan = _Plan()
            step = self._step(releases, woken_for_ms, tried, plan)
            if not self._mover.move(step):
                return True
            if plan.wake_ms is not None:
                self._send_wake(plan.wake_ms)
            tried.update(start.entry.job_id for start in plan.starts)
            releases = [r for r in self._run_all(self._attempt, plan.starts) if r is not None]
            if self._clock.now_ms() - began_ms > STOP_AFTER_MS:
                self._hand_over(releases)
                return False

    def _hand_over(self, releases: Sequence[Release]) -> None:
        """Free what is free, and let another invocation go on: this one's time is running out."""
        self._mover.move(lambda gate, now_ms: _freed(gate, releases, now_ms))
        self._messages.wake(Wake(), 0)

    def _step(
        self,
        releases: Sequence[Release],
        woken_for_ms: int,
        tried: AbstractSet[str],
        plan: _Plan,
    ) -> Callable[[Gate, int], Gate]:
        """Return the move: free, fill, plan the wake-up. It may be computed more than once."""

        def step(gate: Gate, now_ms: int) -> Gate:
            plan.starts, plan.wake_ms = [], None
            gate = _freed(gate, releases, now_ms)
            if woken_for_ms and gate.wake_ms <= woken_for_ms:
                gate = replace(gate, wake_ms=0)
            return self._fill(gate, now_ms, tried, plan)

        return step

    def _fill(self, gate: Gate, now_ms: int, tried: AbstractSet[str], plan: _Plan) -> Gate:
        """Take slots for the first waiting jobs; plan what is to happen when none may start."""
        rooms = self._rooms(gate, now_ms)
        full = not any(room.count for room in rooms.values())
        broke = full and any(room.blocked_by == BUDGET for room in rooms.values())
        if full and (gate.parked or not broke) and not _opens(rooms):
            return (
                gate  # a release, the month or a higher cap opens it, and each of them looks again
            )
        waiting = self._waiting(gate, rooms, now_ms)
        gate = replace(gate, parked=broke and (gate.parked or bool(waiting)))
        later: list[int] = []
        for entry in waiting:
            name = self._choose(entry, rooms, now_ms)
            if entry.available_ms > now_ms:
                later.append(entry.available_ms)
            elif name is not None and entry.job_id in tried:
                later.append(now_ms + TRIED_PAUSE_MS)
            elif name is not None and len(plan.starts) < BATCH:
                start = self._start(gate, entry, name, now_ms)
                gate = gates.take(gate, name, start.attempt, self._limits[name], now_ms)
                rooms = self._rooms(gate, now_ms)
                plan.starts.append(start)
        if len(plan.starts) == min(BATCH, len(waiting)):
            return gate
        return self._plan_wake(gate, later + _opens(rooms), now_ms, plan)

    def _waiting(self, gate: Gate, rooms: Mapping[str, Room], now_ms: int) -> list[LineEntry]:
        """Return the head of the line, or more of it when nobody at the head may start.

        Images that one provider refused wait for another one; when that is paused, they must not
        hide those behind them. Beyond 200 of them the line stands until the pause is over.
        """
        for count in (2 * BATCH, 20 * BATCH):
            entries = self._line.first(count, now_ms)
            waiting = [entry for entry in entries if not gate.holds(entry.job_id)]
            free = any(room.count for room in rooms.values())
            if (
                not free
                or len(entries) < count
                or any(self._choose(e, rooms, now_ms) for e in waiting)
            ):
                break
        return waiting

    def _start(self, gate: Gate, entry: LineEntry, name: str, now_ms: int) -> Start:
        """Return the start of this job's attempt at this provider."""
        side = gate.provider(name)
        return Start(entry, name, now_ms, in_doubt=bool(side.pause_reason or side.strikes))

    def _plan_wake(self, gate: Gate, times: Sequence[int], now_ms: int, plan: _Plan) -> Gate:
        """Set the one wake-up for the moment a waiting job could start, if time decides."""
        due_ms = min(times, default=None)
        if due_ms is None or (gates.wake_outstanding(gate, now_ms) and gate.wake_ms <= due_ms):
            return gate
        plan.wake_ms = min(due_ms, now_ms + MAX_WAKE_DELAY_MS)
        return gates.set_wake(gate, plan.wake_ms)

    def _rooms(self, gate: Gate, now_ms: int) -> dict[str, Room]:
        """Return the room at each provider."""
        return {
            name: gates.room(gate, name, limits, self._budget_microusd, now_ms)
            for name, limits in self._limits.items()
        }

    def _choose(self, entry: LineEntry, rooms: Mapping[str, Room], now_ms: int) -> str | None:
        """Return the provider for a job: the first allowed that is not paused, if it has room.

        A short pause after a 429 is waited for, as a full rate window is (DESIGN 4.4).
        """
        usable = [
            name
            for name, room in rooms.items()
            if name not in entry.excluded and not _is_closed(room, now_ms)
        ]
        preferred = [name for name in usable if name not in entry.avoided] or usable
        return preferred[0] if preferred and rooms[preferred[0]].count else None

    def _send_wake(self, due_ms: int) -> None:
        """Send the wake-up so that it comes a second or two before it is due.

        One that can't be sent is as good as lost, and void two seconds after it was due: no reason
        to leave the slots of this move without their attempts.
        """
        delay_s = max(0, due_ms - WAKE_LEAD_MS - self._clock.now_ms()) // 1000
        try:
            self._messages.wake(Wake(due_ms=due_ms), delay_s)
        except CutoutError:
            logger.exception("wake-up not sent")


def _freed(gate: Gate, releases: Sequence[Release], now_ms: int) -> Gate:
    """Return the gate after these ends of attempts."""
    for one in releases:
        gate = one.apply(gate, now_ms)
    return gate


def _is_closed(room: Room, now_ms: int) -> bool:
    """Tell whether a provider is paused for so long that the next one takes over."""
    if room.blocked_by == RATE_LIMITED:
        return room.opens_ms is not None and room.opens_ms - now_ms > WINDOW_MS
    return room.blocked_by == PAUSED


def _opens(rooms: Mapping[str, Room]) -> list[int]:
    """Return the times at which time alone opens a provider."""
    return [room.opens_ms for room in rooms.values() if room.opens_ms is not None]
