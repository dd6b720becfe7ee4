"""The gate: who may create a prediction now. A pure algorithm over one small item.

One item holds, for all providers, the slots in flight (leases by attempt), the create stamps of
the last minute, the month's spend and the one outstanding wake-up (DESIGN 5). Every move reads the
item, computes the next one here, and writes it on the condition that nobody wrote in between.

Times are UTC milliseconds, money is micro-dollars.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

WINDOW_MS = 60_000  # seed 000: "100 creates / min"; counted as any 60 s window

# The provider counts arrivals, we stamp before the job is recorded and the request is sent. Two
# creates that we stamp a window apart can arrive closer together by the first one's delay, so the
# window is longer by this guard, and an attempt older than it is not sent any more (dispatch.py).
ARRIVAL_GUARD_MS = 1_000

# A wake-up that has not come this long after it was due is taken for lost (DESIGN 5).
WAKE_VOID_MS = 2_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one provider allows per key, and what one create costs and how long it may be silent."""

    max_concurrent: int
    max_per_minute: int
    price_microusd: int
    lease_ms: int


@dataclass(frozen=True, slots=True)
class Slot:
    """One prediction in flight: held until it is released or the lease ends."""

    until_ms: int
    stamped_ms: int
    price_microusd: int


@dataclass(frozen=True, slots=True)
class Lanes:
    """One provider's side of the gate: `slots` by attempt id, `stamps` ascending."""

    slots: Mapping[str, Slot] = field(default_factory=dict)
    stamps: tuple[int, ...] = ()
    paused_until_ms: int = 0
    pause_reason: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """The whole item. `version` is the number of moves so far."""

    version: int = 0
    month: str = ""
    spent_microusd: int = 0
    wake_ms: int = 0
    providers: Mapping[str, Lanes] = field(default_factory=dict)

    def provider(self, name: str) -> Lanes:
        """Return one provider's side; an unknown one is empty."""
        return self.providers.get(name, Lanes())

    def with_provider(self, name: str, side: Lanes) -> "Gate":
        """Return the gate with one provider's side replaced."""
        return replace(self, providers={**self.providers, name: side})

    def holds(self, job_id: str) -> bool:
        """Tell whether an attempt of this job has a slot (attempt ids begin with the job id)."""
        return any(
            slot.startswith(f"{job_id}.") for side in self.providers.values() for slot in side.slots
        )


@dataclass(frozen=True, slots=True)
class Room:
    """How many creates may start now, and when to look again if none.

    `opens_ms` is set only when time alone will open the gate: the rate window or a pause. When
    slots or the budget bind, somebody's release or the clock of the month does.
    """

    count: int
    blocked_by: str = ""
    opens_ms: int | None = None


def month_of(now_ms: int) -> str:
    """Return the UTC month as `YYYY-MM`."""
    return f"{datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m}"


def settle_time(gate: Gate, now_ms: int) -> Gate:
    """Drop what time has ended: leases, old stamps, last month's spend."""
    horizon = now_ms - WINDOW_MS - ARRIVAL_GUARD_MS
    providers = {
        name: replace(
            side,
            slots={a: slot for a, slot in side.slots.items() if slot.until_ms > now_ms},
            stamps=tuple(stamp for stamp in side.stamps if stamp > horizon),
        )
        for name, side in gate.providers.items()
    }
    month = month_of(now_ms)
    spent = gate.spent_microusd if gate.month == month else 0
    return replace(gate, providers=providers, month=month, spent_microusd=spent)


def room(gate: Gate, name: str, limits: Limits, budget_microusd: int, now_ms: int) -> Room:
    """Return how many creates may start at this provider now; the gate must be settled.

    Args:
        gate: the gate after `settle_time`.
        name: the provider.
        limits: its limits.
        budget_microusd: the month's cap; 0: none.
        now_ms: the time.
    """
    side = gate.provider(name)
    if side.paused_until_ms > now_ms:
        return Room(0, "paused", side.paused_until_ms)
    slots = limits.max_concurrent - len(side.slots)
    if slots <= 0:
        return Room(0, "concurrency")
    count = slots
    if budget_microusd and limits.price_microusd:
        count = min(count, (budget_microusd - gate.spent_microusd) // limits.price_microusd)
        if count <= 0:
            return Room(0, "budget")
    rate = limits.max_per_minute - len(side.stamps)
    if rate <= 0:
        opening = side.stamps[-limits.max_per_minute]
        return Room(0, "rate", opening + WINDOW_MS + ARRIVAL_GUARD_MS)
    return Room(min(count, rate))


def take(gate: Gate, name: str, attempt: str, limits: Limits, now_ms: int) -> Gate:
    """Give an attempt a slot, a stamp and the reserved price; the caller has asked `room`."""
    side = gate.provider(name)
    slot = Slot(now_ms + limits.lease_ms, now_ms, limits.price_microusd)
    side = replace(
        side, slots={**side.slots, attempt: slot}, stamps=tuple(sorted((*side.stamps, now_ms)))
    )
    gate = replace(gate, spent_microusd=gate.spent_microusd + limits.price_microusd)
    return gate.with_provider(name, side)


def release(gate: Gate, name: str, attempt: str, *, refund: bool) -> Gate:
    """Free an attempt's slot; `refund` gives the price back because nothing was created.

    Releasing what is not held changes nothing, so duplicates are harmless. The stamp stays: the
    create may have reached the provider's counter.
    """
    side = gate.provider(name)
    slot = side.slots.get(attempt)
    if slot is None:
        return gate
    slots = {a: s for a, s in side.slots.items() if a != attempt}
    gate = gate.with_provider(name, replace(side, slots=slots))
    # A price reserved last month went away with last month's sum.
    if refund and month_of(slot.stamped_ms) == gate.month:
        gate = replace(gate, spent_microusd=gate.spent_microusd - slot.price_microusd)
    return gate


def pause(gate: Gate, name: str, reason: str, until_ms: int) -> Gate:
    """Start nothing at this provider until then; a longer pause is never shortened."""
    side = gate.provider(name)
    if side.paused_until_ms >= until_ms:
        return gate
    return gate.with_provider(name, replace(side, paused_until_ms=until_ms, pause_reason=reason))


def wake_outstanding(gate: Gate, now_ms: int) -> bool:
    """Tell whether a wake-up is under way and not yet taken for lost."""
    return now_ms < gate.wake_ms + WAKE_VOID_MS


def set_wake(gate: Gate, due_ms: int) -> Gate:
    """Remember when the one outstanding wake-up is due; 0: none is."""
    return replace(gate, wake_ms=due_ms)
