"""Once an hour somebody looks whether the bucket still tells EventBridge of uploads."""

import pytest

from cutout.services.delivery import DeliveryWatch
from tests.fake_outside import FakeDelivery
from tests.fakes import NOON_MS
from tests.world import World

MINUTE_MS = 60_000


class Day:
    """A day of minutes, and what each hour sends."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.delivery = FakeDelivery()
        self.watch = DeliveryWatch(self.delivery, world.clock, world.metrics)

    def hour(self) -> list[tuple[str, float]]:
        """Look every minute of an hour; return what was sent."""
        self.world.metrics.values.clear()
        for _ in range(60):
            self.watch.look()
            self.world.clock.advance(MINUTE_MS)
        return [(name, value) for name, value, _ in self.world.metrics.values]


@pytest.fixture
def day(world: World) -> Day:
    """Return a day that begins at noon."""
    assert NOON_MS % (60 * MINUTE_MS) == 0
    return Day(world)


def test_the_bucket_is_looked_at_once_an_hour(day: Day) -> None:
    """And nothing is sent while all is well."""
    assert day.hour() == []
    assert day.hour() == []
    assert day.delivery.looks == 2


def test_delivery_that_is_off_is_said_every_hour(day: Day) -> None:
    """Its alarm takes silence for good; when it is on again, that is said once."""
    day.delivery.answer = False
    assert [day.hour(), day.hour()] == [[("DeliveryOff", 1)]] * 2

    day.delivery.answer = True
    assert [day.hour(), day.hour()] == [[("DeliveryOff", 0)], []]


def test_what_may_not_be_read_is_not_off(day: Day, caplog: pytest.LogCaptureFixture) -> None:
    """A policy of the bucket may deny it, and delivery may be on all the same."""
    day.delivery.answer = None

    assert day.hour() == []
    assert "delivery unknown" in caplog.text
