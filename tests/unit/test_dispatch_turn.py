"""Creates that take their time: slots are refilled one by one, within the invocation's time."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from benchmarks.schedule import greedy_makespan_ms
from cutout.errors import StorageError
from cutout.gate import Limits
from cutout.services.dispatch import (
    CREATE_NEEDS_MS,
    HAND_OVER_AFTER_MS,
    LOOK_EVERY_MS,
    SUBMIT_TIMEOUT_MS,
)
from cutout.services.moves import Release
from cutout.services.planning import BATCH, Start
from tests.bench import LIMITS, Bench
from tests.fakes import NOON_MS
from tests.simulation.processes import Timeline, VirtualCrew

LATEST_MS = NOON_MS + SUBMIT_TIMEOUT_MS - CREATE_NEEDS_MS  # a create may begin until then


class SlowBench(Bench):
    """A bench where a create takes its image's time, and its answer is the result.

    `ends` has when each create ended; `lost` wake-ups are lost, the others come at once.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        super().__init__()
        self.timeline = Timeline(self.clock, NOON_MS)
        self.timeline.on_pause = lambda _: self._deliver()
        self._limits = limits
        self.seconds: dict[str, float] = {}
        self.ends: dict[str, int] = {}
        self.invocations = 0
        self.lost = 0

    def line_up(self, **seconds: float) -> None:
        """Put these images into the line."""
        self.seconds |= seconds
        self.join(*seconds)

    def attempt_slowly(self, start: Start) -> Release:
        """Create, and answer with the result."""
        self.begin(start)
        key = self.store.records[start.entry.job_id].key
        self.clock.sleep(self.seconds[key])
        self.ends[key] = self.clock.now_ms()
        return Release(start.provider, start.attempt)

    def invoke(self, *, woken_for_ms: int = 0, left_ms: int = SUBMIT_TIMEOUT_MS) -> None:
        """Run one invocation of `submit`."""
        self.invocations += 1
        crew = VirtualCrew[Release | None](self.timeline)
        one = self.dispatcher(self.attempt_slowly, crew=crew, eachlabs=self._limits)
        self.timeline.begin(
            lambda: one.dispatch(woken_for_ms=woken_for_ms, left_ms=left_ms), self._ended
        )

    def _ended(self, invocation: object) -> None:
        """Raise what it raised."""
        error = getattr(invocation, "error", None)
        if error is not None:
            raise error

    def _deliver(self) -> None:
        """Deliver the wake-ups that are not lost."""
        wakes, self.messages.wakes = self.messages.wakes, []
        for visible_ms, wake in wakes:
            if self.lost:
                self.lost -= 1
                continue
            again = partial(self.invoke, woken_for_ms=wake.due_ms)
            self.timeline.at(max(visible_ms, self.timeline.now_ms + 100), again)

    def run(self) -> None:
        """Begin with one invocation, and let everything happen."""
        self.timeline.at(NOON_MS, self.invoke)
        self.timeline.run()

    def started_at(self) -> dict[str, int]:
        """Return when each image's slot was taken, in milliseconds after noon."""
        return {
            self.store.records[start.entry.job_id].key: start.stamped_ms - NOON_MS
            for start in self.starts
        }


@pytest.fixture
def bench() -> SlowBench:
    """Return a bench with two slots."""
    return SlowBench(replace(LIMITS, max_concurrent=2))


def test_a_slot_is_refilled_when_its_own_create_has_answered(bench: SlowBench) -> None:
    """The slowest of those that began together keeps nobody waiting."""
    bench.line_up(slow=9, quick=2, next=3, last=1)

    bench.run()

    assert bench.started_at() == {"slow": 0, "quick": 0, "next": 2_000, "last": 5_000}
    assert bench.invocations == 1


def test_nothing_begins_that_could_outlast_the_invocation(bench: SlowBench) -> None:
    """The last create of each invocation begins so early that the longest one ends in time."""
    bench.line_up(**{f"{number:02}": 7 for number in range(20)})
    begun: dict[int, list[int]] = {}
    attempt = bench.attempt_slowly

    def noted(start: Start) -> Release:
        begun.setdefault(bench.invocations, []).append(start.stamped_ms)
        return attempt(start)

    bench.attempt_slowly = noted  # type: ignore[method-assign]  # it looks on

    bench.run()

    assert len(begun) > 1
    assert all(max(stamps) - min(stamps) <= LATEST_MS - NOON_MS for stamps in begun.values())


def test_what_there_is_no_time_for_is_handed_over_once() -> None:
    """One invocation follows the other, whatever the number of creates that they leave."""
    bench = SlowBench()
    seconds = {f"{number:03}": 6 + number * 7 % 10 * 0.6 for number in range(100)}
    bench.line_up(**seconds)

    bench.run()

    ceiling_ms = greedy_makespan_ms([round(1000 * one) for one in seconds.values()], 10, 100)
    took_ms = max(bench.ends.values()) - NOON_MS
    assert ceiling_ms / took_ms >= 0.95
    assert bench.invocations <= 1.5 * took_ms / (LATEST_MS - NOON_MS)


def test_who_looks_already_takes_what_another_one_leaves(bench: SlowBench) -> None:
    """A slot that somebody else has freed is found without any message."""
    bench.line_up(mine=8)
    bench.timeline.at(NOON_MS + 1_000, lambda: bench.line_up(other=1))

    bench.run()

    waited_ms = bench.started_at()["other"] - 1_000
    assert 0 <= waited_ms <= LOOK_EVERY_MS
    assert bench.invocations == 1


def test_a_hand_over_that_gets_lost_is_made_again(bench: SlowBench) -> None:
    """As long as creates are under way, somebody is there to do it."""
    bench.line_up(first=14, second=9.5, third=9, fourth=1)
    bench.lost = 1

    bench.run()

    assert set(bench.ends) == {"first", "second", "third", "fourth"}
    assert bench.invocations == 2


def test_a_room_larger_than_the_crew_is_shared() -> None:
    """What one invocation can't run side by side is run by others, too."""
    bench = SlowBench(replace(LIMITS, max_concurrent=3 * BATCH))
    bench.line_up(**{f"{number:02}": 9 for number in range(3 * BATCH)})

    bench.run()

    assert max(bench.started_at().values()) <= 3 * (HAND_OVER_AFTER_MS + LOOK_EVERY_MS + 100)


@pytest.mark.parametrize("fault", ["read", "write"])
def test_a_fault_at_the_gate_leaves_no_create_alone(bench: SlowBench, fault: str) -> None:
    """What could not be told to it is told at the next look, and the others go on."""
    bench.line_up(slow=5, quick=2, next=1)
    fail: Callable[[], None] = lambda: bench.gate.fail(fault, StorageError("away"))  # noqa: E731
    bench.timeline.at(NOON_MS + 1_990, fail)

    bench.run()

    assert len(bench.ends) == 3
    assert bench.started_at()["next"] <= 2_000 + 2 * LOOK_EVERY_MS
    assert bench.gate.gate.provider("eachlabs").slots == {}


def test_an_error_of_our_own_is_raised_when_all_creates_have_ended(bench: SlowBench) -> None:
    """Lambda would freeze them half-way, and nobody would know of their predictions."""
    bench.line_up(slow=5, quick=2)
    bench.timeline.at(NOON_MS + 1_000, lambda: bench.gate.fail("read", RuntimeError("a bug")))

    with pytest.raises(RuntimeError):
        bench.run()

    assert set(bench.ends) == {"slow", "quick"}
    assert bench.clock.now_ms() == NOON_MS + 5_000


def test_an_invocation_without_time_begins_nothing(bench: SlowBench) -> None:
    """Its messages took too long: the next one begins what waits."""
    bench.line_up(image=1)
    bench.timeline.at(NOON_MS, partial(bench.invoke, left_ms=CREATE_NEEDS_MS - 1))

    bench.timeline.run()

    assert bench.invocations == 2
    assert bench.started_at()["image"] >= HAND_OVER_AFTER_MS
