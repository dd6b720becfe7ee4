"""How much is measured: the full run, and a reduced one for trying the harness."""

from dataclasses import dataclass
from pathlib import Path

from local.deploy import ROOT


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Counts and lengths of a run; times in seconds.

    Attributes:
        name: `full` or `quick`.
        report: Where the Markdown, the JSON and the plots go.
        images: Images of each throughput run.
        latency_images: Images that are sent one at a time.
        cost_images: Images whose requests are counted, for each way of completion.
        backlogs: How many images wait while the marginal cost is measured.
        backlog_images: Images that each of those measurements counts.
        idle_seconds: How long the stack is watched while nothing happens.
        import_runs: Interpreter starts of each function, and of boto3.
        cold_starts: Cold starts of each function under the runtime emulator.
        standard_images: Images that run through the peer's state machine.
    """

    name: str
    report: Path
    images: int
    latency_images: int
    cost_images: int
    backlogs: tuple[int, ...]
    backlog_images: int
    idle_seconds: float
    import_runs: int
    cold_starts: int
    standard_images: int


FULL = Plan(
    name="full",
    report=ROOT / "docs",
    images=300,
    latency_images=25,
    cost_images=60,
    backlogs=(10, 1_000, 10_000),
    backlog_images=40,
    idle_seconds=65,
    import_runs=11,
    cold_starts=5,
    standard_images=20,
)
QUICK = Plan(
    name="quick",
    report=ROOT / "out" / "bench",
    images=24,
    latency_images=5,
    cost_images=12,
    backlogs=(10, 300),
    backlog_images=12,
    idle_seconds=65,
    import_runs=3,
    cold_starts=1,
    standard_images=4,
)
