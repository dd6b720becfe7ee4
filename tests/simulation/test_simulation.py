"""10,000 jobs in virtual time: at the ceiling, never over a limit, paid exactly (DESIGN 5)."""

import random
from collections.abc import Callable, Iterator
from itertools import repeat

import pytest

from benchmarks.schedule import greedy_makespan_ms
from cutout.models import JobState
from tests.simulation.engine import START_MS, Engine, Weather

JOBS = 10_000
CONCURRENT, PER_MINUTE, PRICE = 10, 100, 17_000


def heavy_tail(seed: int) -> Iterator[int]:
    """Yield durations around 7 s, one in a hundred above 40 s, at most 100 s; milliseconds."""
    generator = random.Random(seed)
    while True:
        yield min(100_000, round(1000 * generator.lognormvariate(1.6, 0.9)))


REGIMES: dict[str, Callable[[], Iterator[int]]] = {
    "concurrency-bound": lambda: repeat(9_000),
    "rate-bound": lambda: repeat(3_000),
    "heavy-tailed": lambda: heavy_tail(7),
}


def efficiency(engine: Engine, regime: str) -> float:
    """Return the greedy makespan of the same durations over the one measured at the provider."""
    durations = [duration for duration, _ in zip(REGIMES[regime](), range(JOBS), strict=False)]
    ceiling = greedy_makespan_ms(durations, CONCURRENT, PER_MINUTE)
    return ceiling / (max(engine.provider.books.ends) - START_MS)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(("hop_ms", "least"), [(0, 0.98), (250, 0.95)])
def test_keeps_to_the_ceiling_and_under_both_limits(regime: str, hop_ms: int, least: float) -> None:
    """The line moves at the greedy ceiling's pace, and the provider never counts too many."""
    engine = Engine(REGIMES[regime](), Weather(hop_ms=hop_ms, jitter=0.5))

    engine.run(JOBS)

    books = engine.provider.books
    assert books.most_in_flight <= CONCURRENT
    assert books.most_in_window() <= PER_MINUTE
    assert len(books.arrivals) == JOBS
    assert {JobState.SUCCEEDED} == set(engine.world.states())
    assert efficiency(engine, regime) >= least


@pytest.mark.parametrize("regime", REGIMES)
def test_survives_skewed_clocks_and_crashes(regime: str) -> None:
    """With clocks 100 ms off and crashes anywhere nothing is lost and every cent is explained."""
    weather = Weather(hop_ms=250, jitter=0.5, skew_ms=100, crash_rate=0.002, seed=3)
    engine = Engine(REGIMES[regime](), weather)

    engine.run(JOBS)

    books, world = engine.provider.books, engine.world
    lines = world.ledger.lines.values()
    lost = [line for line in lines if line.why == "maybe_created"]
    assert engine.crashes > 0
    assert books.most_in_flight <= CONCURRENT
    assert books.most_in_window() <= PER_MINUTE
    assert {JobState.SUCCEEDED} == set(world.states())
    assert all(not side.slots for side in world.gate.gate.providers.values())
    assert len(books.arrivals) <= len(lines)
    assert len(lines) == JOBS + len(lost)
    assert sum(line.microusd for line in lines) == PRICE * len(lines)


def test_serves_in_the_order_of_arrival() -> None:
    """No job is started more than one batch and one set of slots before an older one."""
    engine = Engine(REGIMES["heavy-tailed"](), Weather(hop_ms=250, jitter=0.5))

    engine.run(2_000)

    uploaded = sorted(engine.world.jobs.records.values(), key=lambda job: job.created_ms)
    place = {job.job_id: number for number, job in enumerate(uploaded)}
    started = [place[job_id] for job_id in engine.provider.books.order]
    assert max(abs(place - number) for number, place in enumerate(started)) <= 2 * CONCURRENT


def test_counts_the_spend_of_the_month_to_the_micro_dollar() -> None:
    """The gate's sum is the sum of the month's ledger lines, also after crashes."""
    weather = Weather(hop_ms=250, jitter=0.5, crash_rate=0.01, seed=5)
    engine = Engine(repeat(9_000), weather)

    engine.run(2_000)

    gate, ledger = engine.world.gate.gate, engine.world.ledger
    month = [line.microusd for line in ledger.lines.values() if line.month == gate.month]
    assert gate.spent_microusd == sum(month)
    assert gate.spent_microusd >= 2_000 * PRICE
