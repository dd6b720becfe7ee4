"""Chains of invocations as Lambda counts them: none is stopped, and none needs to be long."""

import pytest

from tests.simulation.queues import MAX_DEPTH
from tests.simulation.scenarios import SCENARIOS, play

DIRECT = [name for name in SCENARIOS if name.startswith("direct")]
WAITING = ["a refused key, for a day", "an outage of six hours"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_stopped_as_deployed(name: str) -> None:
    """With `RecursiveLoop: Allow` no message is given up, and every image is cut out."""
    scenario = SCENARIOS[name]

    found = play(scenario, brake=False)

    assert (found.stopped, found.dead_letters) == (0, 0)
    assert found.done == scenario.images


@pytest.mark.parametrize("brake", [False, True])
@pytest.mark.parametrize("name", DIRECT)
def test_direct_answers_keep_to_the_ceiling(name: str, *, brake: bool) -> None:
    """A slot is refilled when its own create has answered, and chains that are stopped cost little.

    Everybody's looks at the line are chains of their own, which take over from one that ends.
    """
    found = play(SCENARIOS[name], brake=brake)

    assert found.share >= 0.95
    assert found.done == SCENARIOS[name].images
    assert found.most_in_flight <= 10
    assert found.most_in_window <= 100


@pytest.mark.parametrize("name", WAITING)
def test_waiting_makes_no_long_chain(name: str) -> None:
    """While nothing but time passes, a chain has fewer links than Lambda lets through."""
    found = play(SCENARIOS[name], brake=True)

    assert found.deepest < MAX_DEPTH / 2
    assert (found.stopped, found.dead_letters) == (0, 0)
    assert found.share >= 0.9


def test_the_detection_is_in_the_simulation() -> None:
    """Stopped messages come back in vain and end as dead letters, as they would on AWS."""
    found = play(SCENARIOS["webhooks, both bound (9 s, 20 at once)"], brake=True)

    assert found.deepest == MAX_DEPTH
    assert found.dead_letters > 0
