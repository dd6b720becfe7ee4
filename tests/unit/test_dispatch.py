"""The dispatcher fills what is free, wakes itself once, and loses no job to a race."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from cutout.errors import ConflictError, StorageError
from cutout.gate import ARRIVAL_GUARD_MS, WAKE_VOID_MS, WINDOW_MS, Gate
from cutout.models import JobState, Lane, LineEntry, ProviderPaused
from cutout.services.moves import Release
from cutout.services.planning import WAKE_AHEAD_MS, Start
from tests.bench import LIMITS, Bench
from tests.examples import an_attempt
from tests.fakes import (
    NOON_MS,
    InMemoryGateStore,
    InMemoryJobStore,
    InMemoryLine,
)

OPENS_MS = NOON_MS + WINDOW_MS + ARRIVAL_GUARD_MS


@pytest.fixture
def bench() -> Bench:
    """Return an empty bench."""
    return Bench()


def test_starts_the_oldest_until_the_slots_are_full(bench: Bench) -> None:
    """Ten of twelve start, and no wake-up is sent: a release will look again."""
    bench.crowd(12)

    bench.dispatcher().dispatch()

    assert bench.started() == [f"{number:03}.jpg" for number in range(10)]
    assert len(bench.gate.gate.provider("eachlabs").slots) == 10
    assert bench.messages.wakes == []


def test_starts_lanes_in_their_order(bench: Bench) -> None:
    """`api` before `upload` before `backfill`."""
    for lane in (Lane.BACKFILL, Lane.UPLOAD, Lane.API):
        bench.join(f"{lane}.jpg", lane=lane)

    bench.dispatcher(eachlabs=replace(LIMITS, max_concurrent=2)).dispatch()

    assert bench.started() == ["api.jpg", "upload.jpg"]


def test_a_freed_slot_is_refilled_at_once(bench: Bench) -> None:
    """The invocation that frees it starts the next job."""
    bench.crowd(11)
    dispatcher = bench.dispatcher()
    dispatcher.dispatch()

    dispatcher.dispatch([bench.release()])

    assert bench.started()[10:] == ["010.jpg"]


def test_an_ending_said_twice_frees_one_slot(bench: Bench) -> None:
    """A duplicate opens no eleventh slot."""
    bench.crowd(13)
    dispatcher = bench.dispatcher()
    dispatcher.dispatch()

    dispatcher.dispatch([bench.release(), bench.release()])
    dispatcher.dispatch([bench.release()])

    assert len(bench.starts) == 11


def test_the_rate_stops_a_burst_and_one_wake_up_is_sent(bench: Bench) -> None:
    """With free slots, time alone opens the gate: one message for the moment it does."""
    bench.crowd(40)
    dispatcher = bench.dispatcher(eachlabs=replace(LIMITS, max_concurrent=99, max_per_minute=25))

    for _ in range(3):
        dispatcher.dispatch()

    assert len(bench.starts) == 25
    assert [(at - NOON_MS, wake.due_ms) for at, wake in bench.messages.wakes] == [
        (60_000, OPENS_MS)
    ]


def test_endings_behind_a_closed_gate_send_no_more_wake_ups(bench: Bench) -> None:
    """Every release moves the gate; the one wake-up under way is enough for all of them."""
    bench.crowd(40)
    dispatcher = bench.dispatcher(eachlabs=replace(LIMITS, max_concurrent=99, max_per_minute=25))
    dispatcher.dispatch()

    for number in range(5):
        bench.clock.advance(1_000)
        dispatcher.dispatch([bench.release(number)])

    assert len(bench.messages.wakes) == 1


def test_an_early_wake_up_waits_for_its_moment(bench: Bench) -> None:
    """The queue delays by whole seconds; the rest is slept, not sent around in messages."""
    bench.crowd(40)
    dispatcher = bench.dispatcher(eachlabs=replace(LIMITS, max_concurrent=99, max_per_minute=25))
    dispatcher.dispatch()
    bench.clock.advance(OPENS_MS - NOON_MS - 900)

    bench.messages.wakes.clear()
    dispatcher.dispatch(woken_for_ms=OPENS_MS)

    assert bench.clock.now_ms() == OPENS_MS
    assert len(bench.starts) == 40
    assert bench.messages.wakes == []


def test_what_comes_with_an_early_wake_up_does_not_wait_for_it(bench: Bench) -> None:
    """A slot that was freed meanwhile is refilled before the sleep."""
    bench.crowd(12)
    dispatcher = bench.dispatcher()
    dispatcher.dispatch()

    dispatcher.dispatch([bench.release(0)], woken_for_ms=NOON_MS + 1_900)

    assert [start.stamped_ms for start in bench.starts] == [NOON_MS] * 11
    assert bench.clock.now_ms() == NOON_MS + 1_900


def test_a_lost_wake_up_does_not_stop_the_line(bench: Bench) -> None:
    """Two seconds after it was due, whoever looks next sends another."""
    bench.crowd(60)
    dispatcher = bench.dispatcher(eachlabs=replace(LIMITS, max_concurrent=99, max_per_minute=25))
    dispatcher.dispatch()
    bench.messages.wakes.clear()
    bench.clock.advance(OPENS_MS + WAKE_VOID_MS - NOON_MS)

    dispatcher.dispatch()

    assert len(bench.starts) == 50
    assert len(bench.messages.wakes) == 1


def test_a_retry_that_comes_due_is_woken_for(bench: Bench) -> None:
    """A job that waits for its own time needs no other traffic."""
    bench.join("retry.jpg", available_ms=NOON_MS + 4_000)
    dispatcher = bench.dispatcher()
    dispatcher.dispatch()
    bench.clock.advance(4_000)

    delivered = bench.messages.deliver_wakes(
        lambda wake: dispatcher.dispatch(woken_for_ms=wake.due_ms)
    )

    assert delivered == 1
    assert bench.started() == ["retry.jpg"]


@pytest.mark.parametrize(("ahead_ms", "sent"), [(WAKE_AHEAD_MS, 1), (WAKE_AHEAD_MS + 1, 0)])
def test_what_is_far_ahead_needs_no_wake_up(bench: Bench, ahead_ms: int, sent: int) -> None:
    """Every minute's look at the line leads to it in time."""
    bench.join("shoe.jpg")
    pause = Release("eachlabs", pause=("setup", NOON_MS + ahead_ms))

    bench.dispatcher().dispatch([pause])

    assert len(bench.messages.wakes) == sent


@pytest.mark.parametrize("late_ms", [0, 20_000, 59_999])
@pytest.mark.parametrize("pause_ms", [300_000, 600_000, 3_600_000])
def test_an_opening_is_met_to_the_millisecond(bench: Bench, pause_ms: int, late_ms: int) -> None:
    """One message leads to it, however late reconcile is, up to a whole round."""
    bench.join("shoe.jpg")
    dispatcher = bench.dispatcher()
    dispatcher.dispatch([Release("eachlabs", pause=("rate_limited", NOON_MS + pause_ms))])
    sent: list[int] = []

    while bench.messages.wakes == []:
        bench.clock.advance(60_000)
        dispatcher.dispatch()
    bench.clock.advance(late_ms)
    dispatcher.dispatch()
    sent = [wake.due_ms for _, wake in bench.messages.wakes]
    bench.clock.advance(bench.messages.wakes[0][0] - bench.clock.now_ms())
    bench.messages.deliver_wakes(lambda wake: dispatcher.dispatch(woken_for_ms=wake.due_ms))

    assert sent == [NOON_MS + pause_ms]
    assert [start.stamped_ms for start in bench.starts] == [NOON_MS + pause_ms]


def test_a_missing_round_of_reconcile_delays_no_opening(bench: Bench) -> None:
    """The look two minutes before it is enough."""
    bench.join("shoe.jpg")
    dispatcher = bench.dispatcher()
    dispatcher.dispatch([Release("eachlabs", pause=("setup", NOON_MS + 300_000))])
    bench.clock.advance(299_999 - WAKE_AHEAD_MS)
    dispatcher.dispatch()
    assert bench.messages.wakes == []

    bench.clock.advance(60_000)
    dispatcher.dispatch()

    assert [wake.due_ms for _, wake in bench.messages.wakes] == [NOON_MS + 300_000]


def test_a_look_after_the_opening_starts_what_waits(bench: Bench) -> None:
    """Reconcile stood still for longer: its next round is late, and nothing else is lost."""
    bench.join("shoe.jpg")
    dispatcher = bench.dispatcher()
    dispatcher.dispatch([Release("eachlabs", pause=("setup", NOON_MS + 300_000))])
    bench.clock.advance(500_000)

    dispatcher.dispatch()

    assert bench.started() == ["shoe.jpg"]


@pytest.mark.parametrize(
    ("excluded", "paused", "expected"),
    [
        ((), False, ["eachlabs"]),
        (("eachlabs",), False, ["apiin"]),
        ((), True, ["apiin"]),
        (("apiin",), True, []),
    ],
)
def test_the_next_provider_takes_what_the_first_may_not(
    bench: Bench, excluded: tuple[str, ...], expected: list[str], *, paused: bool
) -> None:
    """Refused images and a paused provider's go to the next one, nothing else does."""
    bench.join("shoe.jpg", excluded=excluded)
    pause = ("setup", NOON_MS + 60_000)
    releases = [Release("eachlabs", pause=pause)] if paused else []

    bench.dispatcher(eachlabs=LIMITS, apiin=LIMITS).dispatch(releases)

    assert [start.provider for start in bench.starts] == expected


@pytest.mark.parametrize(("pause_ms", "expected"), [(WINDOW_MS, []), (WINDOW_MS + 1, ["apiin"])])
def test_a_short_pause_after_a_429_is_waited_for(
    bench: Bench, pause_ms: int, expected: list[str]
) -> None:
    """Somebody else used the key: as long as a rate window is no reason to change providers."""
    bench.join("shoe.jpg")
    pause = Release("eachlabs", pause=("rate_limited", NOON_MS + pause_ms))

    bench.dispatcher(eachlabs=LIMITS, apiin=LIMITS).dispatch([pause])

    assert [start.provider for start in bench.starts] == expected
    assert len(bench.messages.wakes) == 1 - len(expected)


@pytest.mark.parametrize(
    ("tried", "paused", "expected"),
    [
        (["eachlabs"], False, ["apiin"]),
        (["eachlabs", "apiin"], False, ["eachlabs"]),
        (["eachlabs"], True, ["eachlabs"]),
    ],
)
def test_who_failed_is_asked_again_only_if_nobody_else_can_be(
    bench: Bench, tried: list[str], expected: list[str], *, paused: bool
) -> None:
    """A prediction that failed was paid; the next one goes to the next provider."""
    attempts = tuple(
        an_attempt(n, provider=name, prediction_id=f"p{n}", ended="provider_failed")
        for n, name in enumerate(tried, 1)
    )
    bench.join("shoe.jpg", attempts=attempts, last_number=len(tried))
    pause = Release("apiin", pause=("out_of_credit", NOON_MS + 60_000))

    bench.dispatcher(eachlabs=LIMITS, apiin=LIMITS).dispatch([pause] if paused else [])

    assert [start.provider for start in bench.starts] == expected


def test_a_full_provider_is_waited_for(bench: Bench) -> None:
    """The next provider is a fail-over and not a second lane."""
    bench.crowd(3)

    bench.dispatcher(eachlabs=replace(LIMITS, max_concurrent=1), apiin=LIMITS).dispatch()

    assert [start.provider for start in bench.starts] == ["eachlabs"]


def test_what_came_back_is_not_tried_again_in_the_same_invocation(bench: Bench) -> None:
    """An attempt that could not even be recorded does not make the dispatcher spin."""
    bench.crowd(1)
    tries: list[Start] = []

    def give_back(start: Start) -> Release:
        tries.append(start)
        return Release(start.provider, start.attempt, refund=True)

    bench.dispatcher(give_back).dispatch()

    assert len(tries) == 1
    assert bench.gate.gate.spent_microusd == 0


def test_the_budget_parks_jobs_and_says_so_once(bench: Bench) -> None:
    """Two are paid, the third waits; nothing fails and one announcement is made."""
    bench.crowd(3)
    dispatcher = bench.dispatcher(budget=2 * 17_000)

    for _ in range(3):
        dispatcher.dispatch()

    assert len(bench.starts) == 2
    assert list(bench.messages.completions) == [
        ProviderPaused(provider=None, reason="budget_reached")
    ]
    assert bench.line.size() == 1


def test_a_higher_budget_lets_parked_jobs_go(bench: Bench) -> None:
    """They start when somebody looks again, and a next time is announced anew."""
    bench.crowd(3)
    bench.dispatcher(budget=2 * 17_000).dispatch()

    bench.dispatcher(budget=9 * 17_000).dispatch()

    assert len(bench.starts) == 3
    assert not bench.gate.gate.parked


def test_parked_jobs_go_when_the_month_turns(bench: Bench) -> None:
    """The new month's sum begins at nothing."""
    bench.crowd(3)
    dispatcher = bench.dispatcher(budget=2 * 17_000)
    dispatcher.dispatch()
    bench.clock.advance(1_769_904_000_000 - NOON_MS)

    dispatcher.dispatch()

    assert len(bench.starts) == 3


class HookedLine(InMemoryLine):
    """Something happens right after the first look at the line."""

    def __init__(self, store: InMemoryJobStore, hook: Callable[[], None]) -> None:
        super().__init__(store)
        self._hooks = [hook]

    def first(self, count: int, now_ms: int) -> list[LineEntry]:
        """Look, then let the other one act."""
        seen = super().first(count, now_ms)
        if self._hooks:
            self._hooks.pop()()
        return seen


class HookedGate(InMemoryGateStore):
    """Something happens right after the first look at the gate."""

    def __init__(self, real: InMemoryGateStore, hooks: Sequence[Callable[[], None]]) -> None:
        super().__init__()
        self._real = real
        self._hooks = list(hooks)

    def read(self) -> Gate:
        """Look, then let the other one act."""
        seen = self._real.read()
        if self._hooks:
            self._hooks.pop()()
        return seen

    def write(self, gate: Gate) -> Gate | None:
        """Write if nobody moved."""
        return self._real.write(gate)


def test_a_job_that_joins_while_a_slot_is_freed_is_started(bench: Bench) -> None:
    """The freer saw no job, the joiner saw no slot; the freer looks again after its write."""
    one = replace(LIMITS, max_concurrent=1)
    bench.join("first.jpg")
    bench.dispatcher(eachlabs=one).dispatch()

    def join() -> None:
        bench.join("second.jpg")
        bench.dispatcher(eachlabs=one).dispatch()

    freer = bench.dispatcher(line=HookedLine(bench.store, join), eachlabs=one)
    freer.dispatch([bench.release()])

    assert bench.started() == ["first.jpg", "second.jpg"]


def test_a_slot_freed_while_a_job_joins_is_filled_once(bench: Bench) -> None:
    """The joiner read the full gate before the freer moved; the freer starts its job."""
    one = replace(LIMITS, max_concurrent=1)
    bench.join("first.jpg")
    bench.dispatcher(eachlabs=one).dispatch()
    bench.join("second.jpg")

    def free() -> None:
        bench.dispatcher(eachlabs=one).dispatch([bench.release()])

    bench.dispatcher(gate=HookedGate(bench.gate, [free]), eachlabs=one).dispatch()

    assert bench.started() == ["first.jpg", "second.jpg"]


def test_two_dispatchers_never_start_a_job_twice(bench: Bench) -> None:
    """Who lost the write looks again and finds the job gone, the slot taken."""
    bench.crowd(12)

    other = bench.dispatcher()
    bench.dispatcher(gate=HookedGate(bench.gate, [other.dispatch])).dispatch()

    assert len(bench.starts) == 10
    assert len(set(bench.started())) == 10


def test_gives_up_when_others_move_every_time(bench: Bench) -> None:
    """The message comes again; nothing was started."""
    bench.crowd(1)

    def interfere() -> None:
        gate = bench.gate.read()
        bench.gate.write(replace(gate, spent_microusd=gate.spent_microusd + 1, month="2026-01"))

    with pytest.raises(ConflictError):
        bench.dispatcher(gate=HookedGate(bench.gate, [interfere] * 99)).dispatch()

    assert bench.starts == []


def test_a_wake_up_that_cannot_be_sent_strands_no_slot(bench: Bench) -> None:
    """What was given a slot is started although the queue refused the message."""
    bench.crowd(5)
    bench.messages.fail("wake", StorageError("sending a message failed"))
    dispatcher = bench.dispatcher(eachlabs=replace(LIMITS, max_concurrent=99, max_per_minute=3))

    with suppress(StorageError):  # the batch may come again
        dispatcher.dispatch()

    assert len(bench.starts) == 3
    assert [job.state for job in bench.store.records.values()].count(JobState.SUBMITTING) == 3
