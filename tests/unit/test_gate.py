"""The gate lets through what the limits allow, to the millisecond and the micro-dollar."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutout import gate as gates
from cutout.adapters.gate_store import pack, unpack
from cutout.gate import (
    ARRIVAL_GUARD_MS,
    BUDGET,
    CIRCUIT_PAUSE_MAX_MS,
    CIRCUIT_PAUSE_MS,
    CONCURRENCY,
    PAUSED,
    RATE,
    RATE_LIMITED,
    STRIKES_TO_PAUSE,
    WAKE_VOID_MS,
    WINDOW_MS,
    Gate,
    Limits,
    ProviderSide,
    Room,
    Slot,
)
from tests.fakes import NOON_MS

NAME = "eachlabs"
PRICE = 17_000
LIMITS = Limits(max_concurrent=10, max_per_minute=100, price_microusd=PRICE, lease_ms=120_000)
FEBRUARY_MS = 1_769_904_000_000  # 2026-02-01T00:00:00Z


def a_gate(month: str = "2026-01", spent: int = 0, **side: object) -> Gate:
    """Return a gate with one provider's side."""
    provider = replace(ProviderSide(), **side)  # type: ignore[arg-type]  # fields of ProviderSide
    return Gate(month=month, spent_microusd=spent, providers={NAME: provider})


def held(count: int) -> dict[str, Slot]:
    """Return so many slots in flight."""
    return {f"job{n}.1": Slot(NOON_MS + 1, NOON_MS - 1, PRICE) for n in range(count)}


def room(gate: Gate, budget: int = 0, now_ms: int = NOON_MS, **limits: int) -> Room:
    """Return the room of the settled gate."""
    allowed = replace(LIMITS, **limits)
    return gates.room(gates.settle_time(gate, now_ms), NAME, allowed, budget, now_ms)


@pytest.mark.parametrize(
    ("in_flight", "expected"),
    [(0, Room(10)), (9, Room(1)), (10, Room(0, CONCURRENCY)), (11, Room(0, CONCURRENCY))],
)
def test_room_counts_free_slots(in_flight: int, expected: Room) -> None:
    """Ten in flight are the limit; more (after a lower setting) are no negative room."""
    assert room(a_gate(slots=held(in_flight))) == expected


@pytest.mark.parametrize(("age_ms", "blocked"), [(60_999, True), (61_000, False)])
def test_room_opens_when_a_stamp_leaves_the_window(age_ms: int, *, blocked: bool) -> None:
    """The window is 60 s and the guard; one millisecond earlier it is closed."""
    stamps = (NOON_MS - age_ms, *[NOON_MS - 5] * 99)

    found = room(a_gate(stamps=stamps))

    opens_ms = NOON_MS - age_ms + WINDOW_MS + ARRIVAL_GUARD_MS
    assert found == (Room(0, RATE, opens_ms) if blocked else Room(1))


def test_room_names_the_moment_it_opens() -> None:
    """At `opens_ms` there is room, a millisecond before there is none."""
    gate = a_gate(stamps=tuple(NOON_MS - 30_000 + n for n in range(100)))
    opens_ms = room(gate).opens_ms
    assert opens_ms is not None

    assert room(gate, now_ms=opens_ms - 1).count == 0
    assert room(gate, now_ms=opens_ms).count == 1


def test_room_opens_late_after_a_lower_limit() -> None:
    """With more stamps than allowed, enough of them must leave."""
    stamps = (NOON_MS - 50_000, NOON_MS - 40_000, NOON_MS - 30_000)

    found = room(a_gate(stamps=stamps), max_per_minute=2)

    assert found == Room(0, RATE, NOON_MS - 40_000 + WINDOW_MS + ARRIVAL_GUARD_MS)


@pytest.mark.parametrize(
    ("budget", "spent", "expected"),
    [
        (3 * PRICE, PRICE, Room(2)),
        (3 * PRICE, 2 * PRICE, Room(1)),
        (3 * PRICE, 2 * PRICE + 1, Room(0, BUDGET)),
        (3 * PRICE, 3 * PRICE, Room(0, BUDGET)),
        (3 * PRICE, 9 * PRICE, Room(0, BUDGET)),
        (PRICE - 1, 0, Room(0, BUDGET)),
        (0, 10**12, Room(10)),
    ],
)
def test_room_keeps_the_budget_to_the_micro_dollar(budget: int, spent: int, expected: Room) -> None:
    """A create that would pass the cap by a micro-dollar waits; 0 is no cap."""
    assert room(a_gate(spent=spent), budget) == expected


def test_room_of_a_free_provider_knows_no_budget() -> None:
    """What costs nothing is not stopped by money."""
    assert room(a_gate(spent=9), budget=1, price_microusd=0) == Room(10)


@pytest.mark.parametrize(("reason", "after"), [("", Room(10)), ("setup", Room(1))])
def test_room_after_a_pause(reason: str, after: Room) -> None:
    """A rate limit's pause ends by itself; any other ends in one probe."""
    gate = a_gate(paused_until_ms=NOON_MS, pause_reason=reason)

    blocked_by = PAUSED if reason else RATE_LIMITED
    assert room(gate, now_ms=NOON_MS - 1) == Room(0, blocked_by, NOON_MS)
    assert room(gate, now_ms=NOON_MS) == after


def test_a_probe_is_alone() -> None:
    """While a create after the pause is in flight, no second one starts."""
    gate = a_gate(paused_until_ms=NOON_MS, pause_reason="setup", slots=held(3))

    probing = gates.take(gate, NAME, "probe.1", LIMITS, NOON_MS)

    assert room(gate) == Room(1)
    assert room(probing) == Room(0, PAUSED)


def test_take_holds_slot_stamp_and_price() -> None:
    """One move takes all three."""
    gate = gates.take(a_gate(), NAME, "job.1", LIMITS, NOON_MS)

    side = gate.provider(NAME)
    assert side.slots == {"job.1": Slot(NOON_MS + 120_000, NOON_MS, PRICE)}
    assert side.stamps == (NOON_MS,)
    assert gate.spent_microusd == PRICE
    assert gate.holds("job")
    assert not gate.holds("jo")


def test_take_keeps_stamps_in_order() -> None:
    """Another machine's clock may be behind."""
    gate = gates.take(a_gate(stamps=(NOON_MS + 5,)), NAME, "job.1", LIMITS, NOON_MS)

    assert gate.provider(NAME).stamps == (NOON_MS, NOON_MS + 5)


@pytest.mark.parametrize(("refund", "spent"), [(True, 0), (False, PRICE)])
def test_release_frees_the_slot_and_keeps_the_stamp(spent: int, *, refund: bool) -> None:
    """The price comes back only when nothing was created; releasing twice is releasing once."""
    gate = gates.take(a_gate(), NAME, "job.1", LIMITS, NOON_MS)

    once = gates.release(gate, NAME, "job.1", refund=refund)
    twice = gates.release(once, NAME, "job.1", refund=refund)

    assert once.provider(NAME).slots == {}
    assert once.provider(NAME).stamps == (NOON_MS,)
    assert once.spent_microusd == spent
    assert twice == once


def test_release_after_the_month_turned_does_not_lower_the_new_sum() -> None:
    """A price reserved in January went away with January's sum."""
    gate = gates.take(a_gate(), NAME, "job.1", LIMITS, FEBRUARY_MS - 1)
    gate = gates.take(gates.settle_time(gate, FEBRUARY_MS), NAME, "job2.1", LIMITS, FEBRUARY_MS)

    gate = gates.release(gate, NAME, "job.1", refund=True)

    assert gate.spent_microusd == PRICE


@pytest.mark.parametrize(
    ("now_ms", "month", "spent"),
    [
        (FEBRUARY_MS - 1, "2026-01", 5),
        (FEBRUARY_MS, "2026-02", 0),
    ],
)
def test_the_sum_begins_anew_with_the_utc_month(now_ms: int, month: str, spent: int) -> None:
    """At midnight UTC, not a millisecond before."""
    settled = gates.settle_time(a_gate(spent=5), now_ms)

    assert (settled.month, settled.spent_microusd) == (month, spent)


@pytest.mark.parametrize(("until_ms", "stays"), [(NOON_MS + 1, True), (NOON_MS, False)])
def test_a_lease_ends(until_ms: int, *, stays: bool) -> None:
    """A slot whose time is over is free; its price stays spent."""
    gate = a_gate(spent=PRICE, slots={"job.1": Slot(until_ms, NOON_MS - 9, PRICE)})

    settled = gates.settle_time(gate, NOON_MS)

    assert settled.holds("job") is stays
    assert settled.spent_microusd == PRICE


@pytest.mark.parametrize(
    ("until_ms", "expected"), [(NOON_MS, NOON_MS + 1), (NOON_MS + 9, NOON_MS + 9)]
)
def test_extend_only_lengthens(until_ms: int, expected: int) -> None:
    """A lease is never shortened."""
    gate = gates.extend(a_gate(slots=held(1)), NAME, "job0.1", until_ms)

    assert gate.provider(NAME).slots["job0.1"].until_ms == expected


def test_extend_of_a_freed_slot_changes_nothing() -> None:
    """Who came too late does not take the slot again."""
    assert gates.extend(a_gate(), NAME, "job.1", NOON_MS) == a_gate()


def test_a_longer_pause_is_not_shortened() -> None:
    """The later end stays, with its reason."""
    gate = gates.pause(a_gate(), NAME, "setup", NOON_MS + 300)

    assert gates.pause(gate, NAME, "out_of_credit", NOON_MS + 300) == gate
    assert gates.pause(gate, NAME, RATE_LIMITED, NOON_MS + 5) == gate


def test_a_rate_limit_does_not_mend_a_setup() -> None:
    """A longer 429 pause in between keeps the lasting reason, so the probe stays."""
    gate = gates.pause(a_gate(), NAME, "setup", NOON_MS + 300)

    gate = gates.pause(gate, NAME, RATE_LIMITED, NOON_MS + 400)

    side = gate.provider(NAME)
    assert (side.paused_until_ms, side.pause_reason) == (NOON_MS + 400, "setup")


def test_strikes_open_the_circuit() -> None:
    """The third in a row pauses; every failed probe doubles the pause up to its longest."""
    gate, pauses, now_ms = a_gate(), [], NOON_MS
    for _ in range(STRIKES_TO_PAUSE + 5):
        gate = gates.strike(gate, NAME, now_ms)
        until_ms = gate.provider(NAME).paused_until_ms
        pauses.append(max(0, until_ms - now_ms))
        now_ms = max(now_ms, until_ms)

    first = [0, 0, CIRCUIT_PAUSE_MS, 2 * CIRCUIT_PAUSE_MS, 4 * CIRCUIT_PAUSE_MS]
    last = [8 * CIRCUIT_PAUSE_MS, 16 * CIRCUIT_PAUSE_MS, CIRCUIT_PAUSE_MAX_MS]
    assert pauses == [*first, *last]
    assert gate.provider(NAME).pause_reason == "unavailable"


def test_strikes_of_one_batch_are_one_pause() -> None:
    """Ten creates that fail together pause for the first time, not for the longest."""
    gate = a_gate()

    for _ in range(10):
        gate = gates.strike(gate, NAME, NOON_MS)

    assert gate.provider(NAME).paused_until_ms == NOON_MS + CIRCUIT_PAUSE_MS


def test_a_success_forgets_strikes_and_pause() -> None:
    """After it the circuit begins anew."""
    gate = gates.recover(a_gate(strikes=2, pause_reason="unavailable"), NAME)

    assert gate.provider(NAME) == ProviderSide()


@pytest.mark.parametrize(
    ("late_ms", "outstanding"), [(WAKE_VOID_MS - 1, True), (WAKE_VOID_MS, False)]
)
def test_a_wake_up_is_void_after_a_while(late_ms: int, *, outstanding: bool) -> None:
    """Two seconds after it was due it is taken for lost."""
    gate = gates.set_wake(a_gate(), NOON_MS)

    assert gates.wake_outstanding(gate, NOON_MS + late_ms) is outstanding


@given(
    st.builds(
        Gate,
        version=st.integers(0, 10**9),
        month=st.sampled_from(["", "2026-01"]),
        spent_microusd=st.integers(0, 10**12),
        wake_ms=st.integers(0, 10**13),
        parked=st.booleans(),
        providers=st.dictionaries(
            st.sampled_from([NAME, "apiin"]),
            st.builds(
                ProviderSide,
                slots=st.dictionaries(
                    st.text("0123456789abcdef.", min_size=3, max_size=36),
                    st.builds(
                        Slot,
                        until_ms=st.integers(0, 10**13),
                        stamped_ms=st.integers(0, 10**13),
                        price_microusd=st.integers(0, 10**9),
                    ),
                    max_size=4,
                ),
                stamps=st.lists(st.integers(0, 10**13), max_size=6).map(
                    lambda stamps: tuple(sorted(stamps))
                ),
                paused_until_ms=st.integers(0, 10**13),
                pause_reason=st.sampled_from(["", "setup"]),
                strikes=st.integers(0, 99),
            ),
        ),
    )
)
def test_unpack_returns_what_was_packed(gate: Gate) -> None:
    """No slot, stamp or sum is lost on the way through the item."""
    assert unpack(pack(gate)) == gate
