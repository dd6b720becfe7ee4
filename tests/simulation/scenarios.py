"""What happens to chains of invocations, with Lambda's recursive loop detection and without it.

`PYTHONPATH=.:layers/core python -m tests.simulation.scenarios` prints the figures that stand in
docs/decisions/0010-recursion.md.
"""

import logging
import math
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.schedule import greedy_makespan_ms
from cutout.errors import ProviderMisconfiguredError, ProviderUnavailableError
from cutout.models import JobState
from tests.simulation.engine import START_MS, Engine, Weather
from tests.simulation.providers import DirectProvider, StrictProvider

CONCURRENT, PER_MINUTE = 10, 100
SPREAD = 0.3  # sigma of the durations' logarithm: two thirds are within 30 % of the middle one
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Scenario:
    """Images uploaded at once, and the provider they meet.

    `mean_s` is the mean of the predictions' durations, which are lognormal: with constant ones
    all chains end in the same moment, and begin anew. For `broken_ms` every create fails so.
    """

    images: int
    mean_s: float
    provider: type[StrictProvider] = StrictProvider
    broken_ms: int = 0
    error: Callable[[], Exception] = RuntimeError
    limits: dict[str, Any] = field(default_factory=dict)

    def durations_ms(self) -> Iterator[int]:
        """Yield the predictions' durations, the same ones every time."""
        generator = random.Random(7)
        middle = math.log(self.mean_s) - SPREAD**2 / 2
        while True:
            yield round(1000 * generator.lognormvariate(middle, SPREAD))


SCENARIOS = {
    "webhooks, rate-bound (4 s)": Scenario(600, 4),
    "webhooks, both bound (9 s, 20 at once)": Scenario(
        600, 9, limits={"eachlabs_max_concurrent": 20}
    ),
    "direct answers (9 s)": Scenario(600, 9, DirectProvider),
    "direct answers, rate-bound (4 s)": Scenario(600, 4, DirectProvider),
    "a refused key, for a day": Scenario(
        20,
        9,
        broken_ms=24 * HOUR_MS,
        error=lambda: ProviderMisconfiguredError("HTTP 401"),
    ),
    "an outage of six hours": Scenario(
        200,
        9,
        broken_ms=6 * HOUR_MS,
        error=lambda: ProviderUnavailableError("HTTP 503"),
    ),
}


@dataclass(frozen=True)
class Figures:
    """What came of a scenario; `share` is the greedy ceiling's time over the time it took."""

    share: float
    deepest: int
    stopped: int
    dead_letters: int
    done: int
    most_in_flight: int
    most_in_window: int


def play(scenario: Scenario, *, brake: bool) -> Figures:
    """Let a scenario happen."""
    weather = Weather(hop_ms=250, jitter=0.5, brake=brake)
    engine = Engine(scenario.durations_ms(), weather, scenario.provider, **scenario.limits)
    engine.provider.broken_until_ms = START_MS + scenario.broken_ms
    engine.provider.error = scenario.error
    engine.run(scenario.images)
    durations = [d for d, _ in zip(scenario.durations_ms(), range(scenario.images), strict=False)]
    concurrent = scenario.limits.get("eachlabs_max_concurrent", CONCURRENT)
    ceiling_ms = greedy_makespan_ms(durations, concurrent, PER_MINUTE)
    books = engine.provider.books
    return Figures(
        share=ceiling_ms / (max(books.ends) - START_MS - scenario.broken_ms),
        deepest=max(engine.submit.deepest, engine.store.deepest),
        stopped=engine.submit.stopped + engine.store.stopped,
        dead_letters=engine.dead_letters,
        done=engine.world.states().count(JobState.SUCCEEDED),
        most_in_flight=books.most_in_flight,
        most_in_window=books.most_in_window(),
    )


def main() -> None:
    """Print the figures of all scenarios as rows of a table."""
    logging.disable(logging.ERROR)
    for brake in (False, True):
        for name, scenario in SCENARIOS.items():
            found = play(scenario, brake=brake)
            cells = name, "Terminate" if brake else "Allow", f"{found.share:.3f}"
            counts = found.deepest, found.stopped, found.dead_letters
            sys.stdout.write(f"| {' | '.join(map(str, (*cells, *counts)))} |\n")


if __name__ == "__main__":
    main()
