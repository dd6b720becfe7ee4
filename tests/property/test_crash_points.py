"""A crash or a fault at every single port call of an image's way (DESIGN 4.4)."""

import pytest

from tests.property.books import Answer
from tests.property.processes import FATES, Fate, Pilot
from tests.property.universe import Universe
from tests.property.verdict import problems

STORIES = {
    "webhook": [],
    "refused": [Answer.REJECTED],
    "wrong key": [Answer.SETUP],
    "too many": [Answer.RATE],
    "down": [Answer.DOWN],
    "never answered": [Answer.NEVER],
    "answer lost": [Answer.LOST],
    "direct answer": [Answer.AT_ONCE],
    "webhook lost": [],
    "prediction failed": [],
}


class At:
    """A pilot that gives chosen port calls a fate and counts them all."""

    def __init__(self, fates: dict[int, Fate]) -> None:
        self._fates = fates
        self.calls: list[str] = []

    def __call__(self, port: str) -> Fate:
        """Say what becomes of the next call."""
        self.calls.append(port)
        return self._fates.get(len(self.calls) - 1, Fate.GO)


def live(story: str, pilot: Pilot) -> Universe:
    """Live through one image's whole life, whatever the pilot does to it."""
    universe = Universe()
    universe.board.pilot = pilot
    universe.books.script.extend(STORIES[story])
    universe.upload("shoe.jpg")
    submit = universe.post.submit
    universe.submit(submit.receive(0, 1)).inline()
    for made in universe.books.running():
        universe.books.finish(made, good=story != "prediction failed")
    if story == "webhook lost":
        universe.books.webhooks.clear()
    universe.heal(keep_script=True)
    return universe


def points() -> list[tuple[str, int, str, Fate]]:
    """Return every port call of every story with everything that may become of it."""
    found: list[tuple[str, int, str, Fate]] = []
    for story in STORIES:
        pilot = At({})
        live(story, pilot)
        for index, port in enumerate(pilot.calls):
            conditional = port.endswith(("write", "replace"))
            fates = [fate for fate in FATES if conditional or fate is not Fate.REPEATED]
            found += [(story, index, port, fate) for fate in fates]
    return found


@pytest.mark.parametrize("story", STORIES)
def test_without_a_fault_all_is_well(story: str) -> None:
    """Each story ends well by itself."""
    assert problems(live(story, At({}))) == []


@pytest.mark.parametrize(("story", "index", "port", "fate"), points())
def test_survives_a_fault_at_any_port_call(story: str, index: int, port: str, fate: Fate) -> None:
    """One image, one fault anywhere: one end, one result, every cent explained."""
    pilot = At({index: fate})

    universe = live(story, pilot)

    assert problems(universe) == []
    assert pilot.calls[index] == port
