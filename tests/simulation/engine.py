"""The real scheduler in virtual time, against a provider that keeps both limits in its own books.

Invocations stand still only where time passes: in a create, in a sleep, while they wait for their
creates (interleavings in between are the property test's business, tests/property). Hops, clock
skew and crashes are drawn from a seeded generator.

The provider accepts everything and writes down arrivals and ends; whether a limit was broken is
read from those books afterwards.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

from cutout.models import Announce, AttemptEnded, Wake
from cutout.services.moves import Release
from tests import world as worlds
from tests.simulation.processes import CrashError, Process, Timeline, VirtualCrew
from tests.simulation.providers import StrictProvider
from tests.simulation.queues import End, Letter, Source
from tests.simulation.stores import EveryResult, Index, IndexedJobStore, IndexedLine
from tests.world import World

START_MS = 1_793_448_000_000  # 2026-10-31T12:00:00Z: the month turns during a long run


@dataclass(frozen=True)
class Weather:
    """What the world does to the scheduler; milliseconds.

    `hop_ms` is the whole way from a prediction's end to the next create's arrival, half of it
    before and half of it after the gate; a message in a queue takes half of it, too. `jitter`
    spreads each hop by that share. `brake`: Lambda stops chains, as it does by default.
    """

    hop_ms: float = 0
    jitter: float = 0
    skew_ms: float = 0
    crash_rate: float = 0
    brake: bool = False
    seed: int = 1


class Engine:
    """Events in virtual time, each an invocation of the real use cases."""

    def __init__(
        self,
        durations_ms: Iterator[int],
        weather: Weather,
        provider: type[StrictProvider] = StrictProvider,
        **settings: Any,
    ) -> None:
        self.weather = weather
        self.random = random.Random(weather.seed)
        self.provider = provider(self, durations_ms)
        with (
            mock.patch.object(worlds, "InMemoryJobStore", IndexedJobStore),
            mock.patch.object(worlds, "InMemoryLine", IndexedLine),
            mock.patch.object(worlds, "FakeProvider", return_value=self.provider),
        ):
            self.world = World(monthly_budget_usd=0, **settings)
        self.world.results.bodies = EveryResult()
        self.timeline = Timeline(self.world.clock, START_MS)
        self.timeline.on_pause = lambda process: self._deliver(process.depth)
        self.crashes = 0
        source = partial(Source, self.timeline, self._invoke, brake=weather.brake)
        self.submit = source(self._submit, visibility_ms=360_000, batch=10, most_at_once=4)
        self.store = source(self._store, visibility_ms=90_000, batch=1, most_at_once=10)
        self.reconciler = self.world.new_reconciler(index=Index(self.world.jobs))

    @property
    def now_ms(self) -> int:
        """Return the true time."""
        return self.timeline.now_ms

    @property
    def dead_letters(self) -> int:
        """Return how many messages were given up."""
        return len(self.submit.dead) + len(self.store.dead)

    def hop_ms(self) -> int:
        """Draw half a hop."""
        spread = self.random.uniform(1 - self.weather.jitter, 1 + self.weather.jitter)
        return round(self.weather.hop_ms / 2 * spread)

    def may_crash(self) -> None:
        """Crash, sometimes."""
        if self.weather.crash_rate and self.random.random() < self.weather.crash_rate:
            self.crashes += 1
            raise CrashError

    def _invoke(self, work: Callable[[], None], depth: int, end: End) -> None:
        """Run one invocation on a machine whose clock is a little off."""
        skew_ms = round(self.random.uniform(-self.weather.skew_ms, self.weather.skew_ms))

        def ended(process: Process) -> None:
            if process.error is not None and not isinstance(process.error, CrashError):
                raise process.error
            end(process.error)

        self.timeline.begin(work, ended, skew_ms, depth)

    def webhook(self, job_id: str, token: str, body: bytes) -> None:
        """The provider posts a webhook, whose hop is over; API Gateway begins a chain."""
        self.world.webhooks.receive("eachlabs", job_id, token, body)
        self._deliver(1, hop=False)

    def _deliver(self, depth: int, *, hop: bool = True) -> None:
        """Take what an invocation of this depth has sent out of the fakes, and have it delivered.

        Results have no hop: how fast they are stored moves no gate.
        """
        messages, at = self.world.messages, self.timeline.at
        while messages.dispatch:
            letter = Letter(messages.dispatch.popleft(), depth)
            at(self.now_ms + (self.hop_ms() if hop else 0), partial(self.submit.put, letter))
        while messages.completions:
            letter = Letter(messages.completions.popleft(), depth)
            at(self.now_ms, partial(self.store.put, letter))
        wakes, messages.wakes = messages.wakes, []
        for visible_ms, wake in wakes:
            time_ms = max(visible_ms, self.now_ms) + self.hop_ms()
            at(time_ms, partial(self.submit.put, Letter(wake, depth)))

    def _submit(self, messages: list[AttemptEnded | Wake]) -> None:
        """What the function `submit` does with a batch."""
        endings = [message for message in messages if isinstance(message, AttemptEnded)]
        due_ms = max((m.due_ms for m in messages if isinstance(m, Wake)), default=0)
        releases = [self.world.endings.settle(ended) for ended in endings]
        self.may_crash()
        dispatcher = self.world.new_dispatcher(crew=VirtualCrew[Release | None](self.timeline))
        dispatcher.dispatch(releases, woken_for_ms=due_ms)

    def _store(self, messages: list[Any]) -> None:
        """What the function `store` does; the bytes are not what is simulated here."""
        for message in messages:
            if isinstance(message, AttemptEnded):
                self.world.storing.store(message, last_try=False)
            elif isinstance(message, Announce):
                self.world.storing.announce(message)

    def _tick(self) -> None:
        """The minute's reconcile, as long as anything is unfinished or holds a slot."""
        self._invoke(self.reconciler.run, 1, lambda _: None)
        held = any(side.slots for side in self.world.gate.gate.providers.values())
        if self.unfinished() or held:
            self.timeline.at(self.now_ms + 60_000, self._tick)

    def unfinished(self) -> int:
        """Return how many jobs have no end state yet."""
        return len(self.world.jobs.records) - self.world.metrics.sums["JobSucceeded"]

    def run(self, uploads: int) -> None:
        """Upload this many objects at once, then let everything happen."""
        for number in range(uploads):
            self.timeline.now_ms = START_MS - uploads + number
            self.timeline.set_clock()
            self.world.upload(f"{number:05d}.jpg")
        self.timeline.at(START_MS, partial(self.submit.put, Letter(Wake(), 0)))
        self.timeline.at(START_MS + 60_000, self._tick)
        self.timeline.run()
