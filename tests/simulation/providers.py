"""Providers in virtual time that accept everything, or nothing, and keep true books."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks import schedule
from cutout.models import Outcome, Pending, Submission, Succeeded

if TYPE_CHECKING:
    from tests.simulation.engine import Engine


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
    """Runs every prediction for its duration and tells the engine when it ends.

    Until `broken_until_ms` every create is answered with the error that `error` makes.
    """

    def __init__(self, engine: "Engine", durations_ms: Iterator[int]) -> None:
        self._engine = engine
        self._durations = durations_ms
        self.books = Books()
        self.ends: dict[str, int] = {}
        self.broken_until_ms = 0
        self.error: Callable[[], Exception] = lambda: RuntimeError("not broken")

    def create(self, image_url: str, webhook_url: str | None, output_format: str) -> Submission:
        """Accept a prediction; it arrives after the second half of the hop."""
        engine = self._engine
        if engine.now_ms < self.broken_until_ms:
            raise self.error()
        engine.may_crash()
        arrival = engine.now_ms + engine.hop_ms()
        _, _, _, _, _, _, job_id, token = (webhook_url or "").split("/")
        name, end = self._begun(arrival, job_id)
        body = f'{{"exec_id":"{name}","status":"succeeded","output":"https://cdn.test/{name}"}}'
        engine.timeline.at(
            end + engine.hop_ms(), lambda: engine.webhook(job_id, token, body.encode())
        )
        engine.may_crash()
        return Submission(prediction_id=name)

    def _begun(self, arrival: int, job_id: str) -> tuple[str, int]:
        """Write down a prediction; return its name and when it ends."""
        end = arrival + next(self._durations)
        name = f"p{len(self.books.arrivals)}"
        self.books.arrivals.append(arrival)
        self.books.ends.append(end)
        self.books.order.append(job_id)
        self.ends[name] = end
        return name, end

    def status(self, prediction_id: str) -> Outcome:
        """Answer a poll."""
        if self.ends[prediction_id] > self._engine.now_ms:
            return Pending()
        return Succeeded(result_url=f"https://cdn.test/{prediction_id}")


class DirectProvider(StrictProvider):
    """Answers create with the result, as soon as it is there.

    The way there and back is half as long as with a webhook, which passes API Gateway, a function
    and a queue.
    """

    def create(self, image_url: str, webhook_url: str | None, output_format: str) -> Submission:
        """Run a prediction."""
        engine, sleep = self._engine, self._engine.timeline.sleep
        engine.may_crash()
        sleep(engine.hop_ms() / 2 / 1000)
        name, end = self._begun(engine.now_ms, image_url)
        sleep((end - engine.now_ms + engine.hop_ms() / 2) / 1000)
        engine.may_crash()
        return Submission(prediction_id=name, outcome=self.status(name))
