"""The real scheduler in virtual time, against a provider that keeps both limits in its own books.

Invocations run one after the other at their virtual time (interleavings inside one are the property
test's business, tests/property). Hops, clock skew and crashes are drawn from a seeded generator.
The provider accepts everything and writes down arrivals and ends; whether a limit was broken is
read from those books afterwards.
"""

import heapq
import random
from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any
from unittest import mock

from benchmarks import schedule
from cutout import jobs
from cutout.models import (
    Announce,
    AttemptEnded,
    Job,
    JobState,
    LineEntry,
    Outcome,
    Pending,
    Place,
    Submission,
    Succeeded,
    Wake,
)
from cutout.services.dispatch import LONGEST_SLEEP_MS
from cutout.services.moves import Mover
from cutout.services.reconcile import Reconciler
from tests import world as worlds
from tests.fakes import InMemoryJobStore, InMemoryLine, VirtualClock
from tests.world import World

START_MS = 1_793_448_000_000  # 2026-10-31T12:00:00Z: the month turns during a long run
REDELIVERY_MS = 360_000  # the queues' visibility timeout


class CrashError(BaseException):
    """The execution environment disappears; nothing in the application may catch it."""


@dataclass(frozen=True)
class Weather:
    """What the world does to the scheduler; milliseconds.

    `hop_ms` is the whole way from a prediction's end to the next create's arrival, half of it
    before and half of it after the gate; `jitter` spreads each hop by that share.
    """

    hop_ms: float = 0
    jitter: float = 0
    skew_ms: float = 0
    crash_rate: float = 0
    seed: int = 1


class IndexedJobStore(InMemoryJobStore):
    """The same store with its line kept sorted, because 10,000 jobs wait in it."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[int, str]] = []

    def create(self, job: Job) -> bool:
        """Write a new job; False: there is one with this id already."""
        created = super().create(job)
        if created:
            self._sort(None, job)
        return created

    def replace(self, old: Job, new: Job) -> Job | None:
        """Write the new job on the condition that the stored one is still the old one."""
        written = super().replace(old, new)
        if written is not None:
            self._sort(old, new)
        return written

    def _sort(self, old: Job | None, new: Job) -> None:
        """Keep the line in step."""
        if old is not None and old.state is JobState.QUEUED:
            self.waiting.remove((old.available_ms, old.job_id))
        if new.state is JobState.QUEUED:
            insort(self.waiting, (new.available_ms, new.job_id))


class IndexedLine(InMemoryLine):
    """The sorted line of one lane."""

    def __init__(self, store: IndexedJobStore) -> None:
        super().__init__(store)
        self._indexed = store

    def first(self, count: int, now_ms: int) -> list[LineEntry]:
        """Return the first entries."""
        found = self._indexed.waiting[:count]
        return [jobs.entry_of(self._indexed.records[job_id]) for _, job_id in found]


@dataclass
class Books:
    """What the provider saw: arrivals and ends in milliseconds, by prediction."""

    arrivals: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    order: list[str] = field(default_factory=list)

    @property
    def most_in_flight(self) -> int:
        """Return the highest number of predictions at once; an end frees before an arrival."""
        return schedule.most_in_flight(self.arrivals, self.ends)

    def most_in_window(self, window_ms: int = 60_000) -> int:
        """Return the highest number of arrivals in any 60 s."""
        return schedule.most_in_window(self.arrivals, window_ms)


class StrictProvider:
    """Runs every prediction for its duration and tells the engine when it ends."""

    def __init__(self, engine: "Engine", durations_ms: Iterator[int]) -> None:
        self._engine = engine
        self._durations = durations_ms
        self.books = Books()
        self.ends: dict[str, int] = {}

    def create(self, image_url: str, webhook_url: str | None, output_format: str) -> Submission:
        """Accept a prediction; it arrives after the second half of the hop."""
        engine = self._engine
        engine.may_crash()
        arrival = engine.now_ms + engine.hop_ms()
        end = arrival + next(self._durations)
        name = f"p{len(self.books.arrivals)}"
        self.books.arrivals.append(arrival)
        self.books.ends.append(end)
        self.ends[name] = end
        _, _, _, _, _, _, job_id, token = (webhook_url or "").split("/")
        self.books.order.append(job_id)
        body = f'{{"exec_id":"{name}","status":"succeeded","output":"https://cdn.test/{name}"}}'
        engine.at(end + engine.hop_ms(), lambda: engine.webhook(job_id, token, body.encode()))
        engine.may_crash()
        return Submission(prediction_id=name)

    def status(self, prediction_id: str) -> Outcome:
        """Answer a poll."""
        if self.ends[prediction_id] > self._engine.now_ms:
            return Pending()
        return Succeeded(result_url=f"https://cdn.test/{prediction_id}")


class EveryResult(dict[str, bytes]):
    """A result at every URL."""

    def __contains__(self, url: object) -> bool:
        return True

    def __missing__(self, url: str) -> bytes:
        return b"a cut-out"


class Engine:
    """Events in virtual time, each an invocation of the real use cases."""

    def __init__(self, durations_ms: Iterator[int], weather: Weather, **settings: Any) -> None:
        self.weather = weather
        self.random = random.Random(weather.seed)
        self.now_ms = START_MS
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._tie = count()
        self.provider = StrictProvider(self, durations_ms)
        with (
            mock.patch.object(worlds, "InMemoryJobStore", IndexedJobStore),
            mock.patch.object(worlds, "InMemoryLine", IndexedLine),
            mock.patch.object(worlds, "FakeProvider", return_value=self.provider),
        ):
            self.world = World(monthly_budget_usd=0, **settings)
        self.world.results.bodies = EveryResult()
        self.crashes = 0
        self.reconciler = Reconciler(
            index=Index(self.world.jobs),
            records=self.world.records,
            mover=Mover(self.world.gate, self.world.messages, self.world.clock),
            messages=self.world.messages,
            providers={"eachlabs": self.provider},
            settings=self.world.settings,
            clock=self.world.clock,
            metrics=self.world.metrics,
        )

    def at(self, time_ms: float, event: Callable[[], None]) -> None:
        """Let something happen at a time."""
        heapq.heappush(self._events, (round(time_ms), next(self._tie), event))

    def hop_ms(self) -> int:
        """Draw half a hop."""
        spread = self.random.uniform(1 - self.weather.jitter, 1 + self.weather.jitter)
        return round(self.weather.hop_ms / 2 * spread)

    def may_crash(self) -> None:
        """Crash, sometimes."""
        if self.weather.crash_rate and self.random.random() < self.weather.crash_rate:
            self.crashes += 1
            raise CrashError

    def invoke(self, work: Callable[[], None]) -> None:
        """Run one invocation on a machine whose clock is a little off; a crash comes again."""
        skew = self.random.uniform(-self.weather.skew_ms, self.weather.skew_ms)
        set_clock(self.world.clock, round(self.now_ms + skew))
        try:
            work()
        except CrashError:
            self.at(self.now_ms + REDELIVERY_MS, lambda: self.invoke(work))
        set_clock(self.world.clock, self.now_ms)
        self._deliver()

    def webhook(self, job_id: str, token: str, body: bytes) -> None:
        """The provider posts a webhook."""
        set_clock(self.world.clock, self.now_ms)
        self.world.webhooks.receive("eachlabs", job_id, token, body)
        self._deliver()

    def _deliver(self) -> None:
        """Take new messages out of the queues and schedule their invocations."""
        messages = self.world.messages
        while messages.dispatch:
            message = messages.dispatch.popleft()
            if isinstance(message, AttemptEnded):
                self.at(self.now_ms, partial(self.invoke, partial(self._settle, message)))
        while messages.completions:
            done = messages.completions.popleft()
            if isinstance(done, AttemptEnded):
                self.at(self.now_ms, partial(self._store, done))
            elif isinstance(done, Announce):
                self.world.storing.announce(done)
        wakes, messages.wakes = messages.wakes, []
        for due_ms, wake in wakes:
            # The invocation would sleep out what the queue's whole seconds left over.
            time = max(due_ms, wake.due_ms) if wake.due_ms - due_ms <= LONGEST_SLEEP_MS else due_ms
            self.at(max(time, self.now_ms), partial(self.invoke, partial(self._woken, wake)))

    def _settle(self, message: AttemptEnded) -> None:
        """One ending on the dispatch side."""
        release = self.world.endings.settle(message)
        self.may_crash()
        self.world.dispatcher.dispatch([release])

    def _woken(self, wake: Wake) -> None:
        """A wake-up."""
        self.world.dispatcher.dispatch(woken_for_ms=wake.due_ms)

    def _store(self, message: AttemptEnded) -> None:
        """One ending on the storing side; the bytes are not what is simulated here."""
        set_clock(self.world.clock, self.now_ms)
        self.world.storing.store(message, last_try=False)
        self._deliver()

    def _tick(self) -> None:
        """The minute's reconcile, as long as anything is unfinished or holds a slot."""
        self.invoke(self.reconciler.run)
        held = any(side.slots for side in self.world.gate.gate.providers.values())
        if self.unfinished() or held:
            self.at(self.now_ms + 60_000, self._tick)

    def unfinished(self) -> int:
        """Return how many jobs have no end state yet."""
        return len(self.world.jobs.records) - self.world.metrics.sums["JobSucceeded"]

    def run(self, uploads: int) -> None:
        """Upload this many objects at once, then let everything happen."""
        for number in range(uploads):
            set_clock(self.world.clock, START_MS - uploads + number)
            self.world.upload(f"{number:05d}.jpg")
        self.at(START_MS, partial(self.invoke, self.world.dispatcher.dispatch))
        self.at(START_MS + 60_000, self._tick)
        while self._events:
            self.now_ms, _, event = heapq.heappop(self._events)
            event()


class Index:
    """The job index over the in-memory store."""

    def __init__(self, store: InMemoryJobStore) -> None:
        self._store = store

    def standing(self, shelf: str, before_ms: int, after: Place | None = None) -> Iterator[Place]:
        """Yield the jobs that came to this shelf before then."""
        yield from self._store.standing(shelf, before_ms, after)


def set_clock(clock: VirtualClock, now_ms: int) -> None:
    """Set the time of the invocation that comes next."""
    clock.advance(now_ms - clock.now_ms())
