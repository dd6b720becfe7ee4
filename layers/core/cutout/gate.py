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


# What can block a provider's room.
PAUSED = "paused"
CONCURRENCY = "concurrency"
BUDGET = "budget"
RATE = "rate"

RATE_LIMITED = "rate_limited"  # the pause after a 429; it ends by itself, without a probe

# The circuit (DESIGN 4.4): this many unavailable answers in a row pause the provider, first for
# this long, then twice as long with every probe that fails.
STRIKES_TO_PAUSE = 3
CIRCUIT_PAUSE_MS = 10_000
CIRCUIT_PAUSE_MAX_MS = 300_000


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
class ProviderSide:
    """One provider's side of the gate.

    `slots` are by attempt id, `stamps` ascend. A pause with a reason other than a rate limit ends
    in a probe: when its time is over, one create may start, and only its success lifts the pause.
    `strikes` counts creates in a row that found the provider unavailable.
    """

    slots: Mapping[str, Slot] = field(default_factory=dict)
    stamps: tuple[int, ...] = ()
    paused_until_ms: int = 0
    pause_reason: str = ""
    strikes: int = 0


@dataclass(frozen=True, slots=True)
class Gate:
    """The whole item. `version` is the number of moves so far.

    `parked` says that jobs wait for the budget and that this was announced.
    """

    version: int = 0
    month: str = ""
    spent_microusd: int = 0
    wake_ms: int = 0
    parked: bool = False
    providers: Mapping[str, ProviderSide] = field(default_factory=dict)

    def provider(self, name: str) -> ProviderSide:
        """Return one provider's side; an unknown one is empty."""
        return self.providers.get(name, ProviderSide())

    def with_provider(self, name: str, side: ProviderSide) -> "Gate":
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
    month = max(month_of(now_ms), gate.month)  # a clock that is late does not turn it back
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
        return Room(0, PAUSED if side.pause_reason else RATE_LIMITED, side.paused_until_ms)
    probing = side.pause_reason != ""
    if probing and any(slot.stamped_ms >= side.paused_until_ms for slot in side.slots.values()):
        return Room(0, PAUSED)
    count = limits.max_concurrent - len(side.slots)
    if count <= 0:
        return Room(0, CONCURRENCY)
    if budget_microusd and limits.price_microusd:
        count = min(count, (budget_microusd - gate.spent_microusd) // limits.price_microusd)
        if count <= 0:
            return Room(0, BUDGET)
    rate = limits.max_per_minute - len(side.stamps)
    if rate <= 0:
        opening = side.stamps[-limits.max_per_minute]
        return Room(0, RATE, opening + WINDOW_MS + ARRIVAL_GUARD_MS)
    return Room(1 if probing else min(count, rate))


def take(gate: Gate, name: str, attempt: str, limits: Limits, now_ms: int) -> Gate:
    """Give an attempt a slot, a stamp and the reserved price; the caller has asked `room`."""
    side = gate.provider(name)
    slot = Slot(now_ms + limits.lease_ms, now_ms, limits.price_microusd)
    side = replace(
        side, slots={**side.slots, attempt: slot}, stamps=tuple(sorted((*side.stamps, now_ms)))
    )
    gate = replace(gate, spent_microusd=gate.spent_microusd + limits.price_microusd)
    return gate.with_provider(name, side)


def release(  # noqa: PLR0913 the slot is three of them
    gate: Gate,
    name: str,
    attempt: str,
    *,
    stamped_ms: int | None = None,
    refund: bool,
    unsent: bool = False,
) -> Gate:
    """Free an attempt's slot; releasing what is not held changes nothing.

    Args:
        gate: the gate.
        name: the provider.
        attempt: the attempt id.
        stamped_ms: when the slot was taken, for who may have stood still so long that somebody else
            took it in between; None: whoever took it.
        refund: nothing was created, the price comes back.
        unsent: create was not even sent, so the provider can't have counted it: the stamp goes.
    """
    side = gate.provider(name)
    slot = side.slots.get(attempt)
    if slot is None or stamped_ms not in (None, slot.stamped_ms):
        return gate
    slots = {a: s for a, s in side.slots.items() if a != attempt}
    stamps = list(side.stamps)
    if unsent and slot.stamped_ms in stamps:
        stamps.remove(slot.stamped_ms)
    gate = gate.with_provider(name, replace(side, slots=slots, stamps=tuple(stamps)))
    # A price reserved last month went away with last month's sum.
    if refund and month_of(slot.stamped_ms) == gate.month:
        gate = replace(gate, spent_microusd=gate.spent_microusd - slot.price_microusd)
    return gate


def extend(gate: Gate, name: str, attempt: str, until_ms: int) -> Gate:
    """Lengthen the lease of a slot whose prediction is known to be running."""
    side = gate.provider(name)
    slot = side.slots.get(attempt)
    if slot is None or slot.until_ms >= until_ms:
        return gate
    slots = {**side.slots, attempt: replace(slot, until_ms=until_ms)}
    return gate.with_provider(name, replace(side, slots=slots))


def pause(gate: Gate, name: str, reason: str, until_ms: int) -> Gate:
    """Start nothing at this provider until then; a longer pause is never shortened."""
    side = gate.provider(name)
    if side.paused_until_ms >= until_ms:
        return gate
    # A 429 in between does not make a broken set-up whole: the first reason stays.
    lasting = "" if reason == RATE_LIMITED else reason
    paused = replace(side, paused_until_ms=until_ms, pause_reason=side.pause_reason or lasting)
    return gate.with_provider(name, paused)


def strike(gate: Gate, name: str, now_ms: int) -> Gate:
    """Count a create that found the provider unavailable; several in a row open the circuit."""
    side = gate.provider(name)
    if side.paused_until_ms > now_ms:
        return gate  # it was open already when this create, of the same batch, failed
    side = replace(side, strikes=side.strikes + 1)
    gate = gate.with_provider(name, side)
    if side.strikes < STRIKES_TO_PAUSE:
        return gate
    doubled = CIRCUIT_PAUSE_MS * 2 ** min(side.strikes - STRIKES_TO_PAUSE, 10)
    return pause(gate, name, "unavailable", now_ms + min(doubled, CIRCUIT_PAUSE_MAX_MS))


def recover(gate: Gate, name: str) -> Gate:
    """A create succeeded: lift the pause that waited for it and forget the strikes."""
    side = gate.provider(name)
    return gate.with_provider(name, replace(side, pause_reason="", strikes=0))


def wake_outstanding(gate: Gate, now_ms: int) -> bool:
    """Tell whether a wake-up is under way and not yet taken for lost."""
    return now_ms < gate.wake_ms + WAKE_VOID_MS


def set_wake(gate: Gate, due_ms: int) -> Gate:
    """Remember when the one outstanding wake-up is due; 0: none is."""
    return replace(gate, wake_ms=due_ms)
