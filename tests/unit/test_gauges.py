"""The gauges are sent while something goes on, fall to zero once, and are silent then."""

from collections import Counter
from dataclasses import replace

import pytest

from cutout.gate import ProviderSide, settle_time
from cutout.services.gauges import Gauges
from tests.world import PRICE, World

MINUTE_MS = 60_000
NAMES = {
    *("JobsWaiting", "OldestWaitingSeconds", "SpentUsd", "BudgetParked"),
    *("InFlight", "CreatesLastMinute", "ProviderPaused"),
}


class Watched:
    """The gauges of a world, and what each round sent."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.gauges = self.new_environment()

    def new_environment(self) -> Gauges:
        """Return gauges that have seen no round."""
        self.gauges = Gauges(
            gate=self.world.gate,
            line=self.world.line,
            providers=["eachlabs"],
            clock=self.world.clock,
            metrics=self.world.metrics,
        )
        return self.gauges

    def round(self) -> dict[str, float]:
        """Return what one round sends; nothing: it is silent."""
        self.world.metrics.values.clear()
        self.gauges.measure()
        return {name: value for name, value, _ in self.world.metrics.values}

    def move(self, **changes: object) -> None:
        """Change the gate as a move of somebody else's does."""
        gate = settle_time(self.world.gate.read(), self.world.clock.now_ms())
        assert self.world.gate.write(replace(gate, **changes)) is not None  # type: ignore[arg-type]  # a test's own

    def next_minute(self) -> dict[str, float]:
        """Return what the next minute's round sends."""
        self.world.clock.advance(MINUTE_MS)
        return self.round()


@pytest.fixture
def watched(world: World) -> Watched:
    """Return the gauges of the world."""
    return Watched(world)


def test_the_gauges_say_how_it_stands() -> None:
    """Waiting, oldest, spend, in flight, rate, pause, parked."""
    world = World(eachlabs_max_concurrent=1)
    world.submitted("a.jpg")
    world.upload("b.jpg")
    world.clock.advance(5_000)

    sent = Watched(world).round()

    assert sent == {
        "JobsWaiting": 1,
        "OldestWaitingSeconds": 5,
        "SpentUsd": PRICE / 1e6,
        "BudgetParked": 0,
        "InFlight": 1,
        "CreatesLastMinute": 1,
        "ProviderPaused": 0,
    }


def test_an_idle_stack_sends_nothing(watched: Watched) -> None:
    """Each gauge would cost money in every hour."""
    assert watched.round() == {}
    assert watched.next_minute() == {}


def test_the_gauges_fall_to_zero_once(watched: Watched) -> None:
    """After the last image every graph ends at zero, but for the money, and then all are silent."""
    job = watched.world.submitted("a.jpg")
    assert watched.round()["InFlight"] == 1
    watched.world.dispatcher.dispatch([watched.world.endings.settle(watched.world.ended(job))])

    last = [watched.next_minute() for _ in range(4)]

    counts = Counter(bool(sent) for sent in last)
    assert counts[False] >= 2
    assert set(last[0]) == NAMES
    ended = next(sent for sent in reversed(last) if sent)
    assert ended.pop("SpentUsd") > 0
    assert set(ended.values()) == {0}
    assert last[-1] == {}


def test_a_pause_is_sent_as_long_as_it_lasts(watched: Watched) -> None:
    """Its alarm must not take silence for the end of it."""
    watched.move(providers={"eachlabs": ProviderSide(pause_reason="setup", paused_until_ms=1)})

    assert [watched.next_minute()["ProviderPaused"] for _ in range(90)] == [1] * 90


def test_money_that_moves_is_sent(watched: Watched) -> None:
    """A refund, or a month that turns, is seen once."""
    watched.move(spent_microusd=PRICE)
    watched.round()
    watched.move(spent_microusd=2 * PRICE)

    assert watched.next_minute()["SpentUsd"] == 2 * PRICE / 1e6
    assert watched.next_minute() == {}


def test_a_new_environment_says_only_what_goes_on(watched: Watched) -> None:
    """Every start of one would else cost an hour of every gauge."""
    watched.move(spent_microusd=PRICE)
    watched.new_environment()
    assert watched.round() == {}

    watched.world.submitted("a.jpg")
    watched.new_environment()
    assert watched.round()["InFlight"] == 1


@pytest.mark.parametrize(("waits", "parked"), [(True, 1), (False, 0)])
def test_nobody_is_parked_where_nobody_waits(watched: Watched, *, waits: bool, parked: int) -> None:
    """The last one may have been cancelled; the gate does not hear of that."""
    watched.world.submitted("a.jpg")
    watched.move(parked=True)
    if waits:
        watched.world.upload("b.jpg")

    assert watched.round()["BudgetParked"] == parked
