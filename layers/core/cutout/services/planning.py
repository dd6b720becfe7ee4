"""What one move of the gate does: which waiting jobs start, and when to look again if none may."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from cutout import gate as gates
from cutout.gate import BUDGET, PAUSED, RATE_LIMITED, WINDOW_MS, Gate, Limits, Room
from cutout.models import LineEntry, attempt_id
from cutout.ports import Line

BATCH = 10  # creates that one invocation of `submit` has under way at once
TRIED_PAUSE_MS = 1_000  # before another invocation tries what this one could not start

# An opening further away than this needs no message: `reconcile` has the line looked at every
# minute, and the look whose two minutes contain the opening sends the wake-up for it. Two, so that
# a round which comes a minute late, or not at all, delays nothing; and more than the window of the
# rate limit and the longest pause before a retry (a minute each), which are always woken for.
WAKE_AHEAD_MS = 120_000


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


@dataclass(frozen=True, slots=True)
class Means:
    """What the invocation that plans may still do.

    Attributes:
        creates: how many creates it may begin.
        tried: the jobs it has started before; it starts none of them again.
        hands_over: what it may not begin itself is left to another invocation.
    """

    creates: int = BATCH
    tried: Collection[str] = ()
    hands_over: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What a move does.

    Attributes:
        gate: the gate after it.
        starts: the attempts that were given a slot.
        wake_ms: when the wake-up that is to be sent is due; None: none is to be sent.
        spare: another job could start now that this invocation has no means for.
    """

    gate: Gate
    starts: tuple[Start, ...] = ()
    wake_ms: int | None = None
    spare: bool = False


class Planner:
    """Looks at the line through a gate, and plans one move of it."""

    def __init__(self, line: Line, limits: Mapping[str, Limits], budget_microusd: int) -> None:
        """Keep the line, the limits of each provider in the order of preference, the month's cap.

        A cap of 0 is none.
        """
        self._line = line
        self._limits = limits
        self._budget_microusd = budget_microusd

    def plan(self, gate: Gate, now_ms: int, means: Means) -> Plan:
        """Give slots to the first waiting jobs, and see to the time when the next ones may start.

        Args:
            gate: the gate after `settle_time` and after what is freed by this move.
            now_ms: the time.
            means: what this invocation may still do.
        """
        rooms = self._rooms(gate, now_ms)
        full = not any(room.count for room in rooms.values())
        broke = full and any(room.blocked_by == BUDGET for room in rooms.values())
        if full and (gate.parked or not broke) and not _opens(rooms):
            return Plan(gate)  # a release, the month or a higher cap opens it, and each looks again
        waiting = self._waiting(gate, rooms, now_ms)
        gate = replace(gate, parked=broke and (gate.parked or bool(waiting)))
        return self._fill(gate, waiting, now_ms, means)

    def _fill(self, gate: Gate, waiting: Sequence[LineEntry], now_ms: int, means: Means) -> Plan:
        """Take slots for these jobs as far as gate and means allow; plan the wake-up for others."""
        rooms = self._rooms(gate, now_ms)
        starts: list[Start] = []
        later: list[int] = []
        spare = False
        for entry in waiting:
            name = self._choose(entry, rooms, now_ms)
            if entry.available_ms > now_ms:
                later.append(entry.available_ms)
            elif name is not None and entry.job_id in means.tried:
                later.append(now_ms + TRIED_PAUSE_MS)
            elif name is not None and len(starts) < means.creates:
                start = _start(gate, entry, name, now_ms)
                gate = gates.take(gate, name, start.attempt, self._limits[name], now_ms)
                rooms = self._rooms(gate, now_ms)
                starts.append(start)
            elif name is not None:
                spare = True
        if spare and means.hands_over:
            later.append(now_ms)
        due_ms = None
        if len(starts) < len(waiting):
            due_ms = _due(gate, later + _opens(rooms), now_ms)
        gate = gate if due_ms is None else gates.set_wake(gate, due_ms)
        return Plan(gate, tuple(starts), due_ms, spare)

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


def _start(gate: Gate, entry: LineEntry, name: str, now_ms: int) -> Start:
    """Return the start of this job's attempt at this provider."""
    side = gate.provider(name)
    return Start(entry, name, now_ms, in_doubt=bool(side.pause_reason or side.strikes))


def _due(gate: Gate, times: Sequence[int], now_ms: int) -> int | None:
    """Return when a wake-up is due that is to be sent now: the first of these times.

    None: none of them is near, or a wake-up for an earlier time is under way.
    """
    due_ms = min((time for time in times if time <= now_ms + WAKE_AHEAD_MS), default=None)
    if due_ms is None or (gates.wake_outstanding(gate, now_ms) and gate.wake_ms <= due_ms):
        return None
    return due_ms


def _is_closed(room: Room, now_ms: int) -> bool:
    """Tell whether a provider is paused for so long that the next one takes over."""
    if room.blocked_by == RATE_LIMITED:
        return room.opens_ms is not None and room.opens_ms - now_ms > WINDOW_MS
    return room.blocked_by == PAUSED


def _opens(rooms: Mapping[str, Room]) -> list[int]:
    """Return the times at which time alone opens a provider."""
    return [room.opens_ms for room in rooms.values() if room.opens_ms is not None]
