"""What a crew promises, for the threads that are deployed and for those of the tests."""

from collections.abc import Callable
from threading import Event

import pytest

from cutout.adapters.system import ThreadCrew
from cutout.ports import Crew
from tests.fakes import NOON_MS, InlineCrew, VirtualClock
from tests.simulation.processes import Timeline, VirtualCrew

MAKERS: dict[str, Callable[[], Crew[int]]] = {
    "threads": lambda: ThreadCrew(2),
    "inline": lambda: InlineCrew(VirtualClock()),
    "virtual": lambda: VirtualCrew(Timeline(VirtualClock(), NOON_MS)),
}


@pytest.fixture(params=MAKERS)
def crew(request: pytest.FixtureRequest) -> Crew[int]:
    """Return each kind of crew."""
    return MAKERS[request.param]()


def test_every_call_returns_once(crew: Crew[int]) -> None:
    """What the calls returned is handed over, each once, and nothing is under way any more."""
    for number in range(5):
        crew.begin(lambda number=number: number)  # type: ignore[misc]  # bound early
    returned: list[int] = []

    while len(crew):
        returned += crew.ended(60)

    assert sorted(returned) == list(range(5))


def test_nothing_under_way_has_no_end(crew: Crew[int]) -> None:
    """Asked for ends it waits a moment, and has none."""
    assert crew.ended(0.001) == []
    assert len(crew) == 0


def test_a_call_counts_until_its_end_was_handed_over(crew: Crew[int]) -> None:
    """Whoever fills up a crew counts on that."""
    crew.begin(lambda: 1)

    assert len(crew) == 1


def test_the_first_end_is_not_kept_waiting() -> None:
    """Threads: the other call goes on, and comes with its own end."""
    crew, goes_on = ThreadCrew[str](2), Event()
    crew.begin(lambda: "slow" if goes_on.wait(60) else "never")
    crew.begin(lambda: "quick")

    first = crew.ended(60)
    left = len(crew)
    goes_on.set()
    second = crew.ended(60)

    assert (first, left, second) == (["quick"], 1, ["slow"])


def test_a_call_that_takes_longer_is_not_waited_for() -> None:
    """Threads: after the timeout nothing has ended, and the call is still under way."""
    crew, goes_on = ThreadCrew[int](1), Event()
    crew.begin(lambda: int(goes_on.wait(60)))

    assert crew.ended(0.001) == []
    assert len(crew) == 1
    goes_on.set()
    assert crew.ended(60) == [1]
