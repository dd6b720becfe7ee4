"""Dispatchers on one gate and one line, without the rest of the application."""

from collections.abc import Callable

from cutout import jobs
from cutout.gate import Limits
from cutout.ports import Crew
from cutout.services.dispatch import Dispatcher
from cutout.services.moves import Mover, Release
from cutout.services.planning import Planner, Start
from tests.examples import TOKEN_SHA256, a_job
from tests.fakes import (
    NOON_MS,
    InlineCrew,
    InMemoryGateStore,
    InMemoryJobStore,
    InMemoryLine,
    InMemoryMessages,
    VirtualClock,
)

LIMITS = Limits(max_concurrent=10, max_per_minute=100, price_microusd=17_000, lease_ms=120_000)


class Bench:
    """Dispatchers on one gate and one line; attempts are recorded and stay in flight."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.store = InMemoryJobStore()
        self.line = InMemoryLine(self.store)
        self.gate = InMemoryGateStore()
        self.messages = InMemoryMessages(self.clock)
        self.starts: list[Start] = []

    def join(self, *keys: str, **changes: object) -> None:
        """Put queued jobs into the line, each a millisecond younger than the one before."""
        for age, key in enumerate(keys):
            self.store.create(
                a_job(key, available_ms=NOON_MS - 1000 + age).model_copy(update=changes)
            )

    def crowd(self, count: int) -> None:
        """Put so many jobs into the line."""
        self.join(*(f"{number:03}.jpg" for number in range(count)))

    def begin(self, start: Start) -> None:
        """Take a job out of the line as an attempt does."""
        self.starts.append(start)
        job = self.store.get(start.entry.job_id)
        begun = job and jobs.start(job, start.entry.number, start.provider, TOKEN_SHA256, 0)
        assert job is not None
        assert begun is not None
        self.store.replace(job, begun)

    def dispatcher(
        self,
        attempt: Callable[[Start], Release | None] | None = None,
        budget: int = 0,
        line: InMemoryLine | None = None,
        gate: InMemoryGateStore | None = None,
        crew: Crew[Release | None] | None = None,
        **limits: Limits,
    ) -> Dispatcher:
        """Return a dispatcher."""
        return Dispatcher(
            mover=Mover(gate or self.gate, self.messages, self.clock),
            planner=Planner(line or self.line, limits or {"eachlabs": LIMITS}, budget),
            messages=self.messages,
            clock=self.clock,
            attempt=attempt or self.begin,
            crew=InlineCrew(self.clock) if crew is None else crew,
        )

    def started(self) -> list[str]:
        """Return the keys of what was started, in order."""
        return [self.store.records[start.entry.job_id].key for start in self.starts]

    def release(self, number: int = 0) -> Release:
        """Return the ending of a started attempt."""
        start = self.starts[number]
        return Release(start.provider, start.attempt)
