"""How long it still takes."""

import pytest

from cutout import gate as gates
from cutout.bootstrap import _limits
from cutout.estimates import Backlog, seconds
from cutout.gate import Gate
from cutout.models import Job, JobState
from cutout.settings import Settings
from tests.examples import a_job, a_submitted_job
from tests.fakes import NOON_MS

SAID = Settings().provider("eachlabs")
LIMITS = _limits(SAID)


def estimate(job: Job, ahead: int = 0, gate: Gate | None = None, **more: int) -> int | None:
    """Return the estimate at noon, at the default limits."""
    values = {"budget_microusd": 0, "now_ms": NOON_MS} | more
    backlog = Backlog(ahead=ahead, gate=gate or Gate(month="2026-01"), **values)
    return seconds(job, backlog, SAID, LIMITS)


def full_gate() -> Gate:
    """Return a gate whose ten slots were taken just now."""
    gate = Gate(month="2026-01")
    for number in range(10):
        gate = gates.take(gate, "eachlabs", f"x.{number}", LIMITS, NOON_MS)
    return gate


@pytest.mark.parametrize(("ahead", "expected"), [(0, 10), (10, 19), (100, 100), (1000, 910)])
def test_a_waiting_job_waits_for_those_before_it(ahead: int, expected: int) -> None:
    """Ten at once, nine seconds each, then its own nine and the storing."""
    assert estimate(a_job(), ahead) == expected


def test_a_full_gate_is_waited_for() -> None:
    """The first job of the line starts when a slot is free."""
    assert estimate(a_job(), 0, full_gate()) == 19


def test_a_running_prediction_has_the_rest_of_its_time() -> None:
    """And at least a second when it is late."""
    assert estimate(a_submitted_job(), now_ms=NOON_MS + 4000) == 6
    assert estimate(a_submitted_job(), now_ms=NOON_MS + 40_000) == 2


def test_storing_takes_a_second() -> None:
    """The bytes are on their way."""
    assert estimate(a_job(state=JobState.STORING)) == 1


def test_a_pause_is_waited_out() -> None:
    """At least until it is looked at again."""
    gate = gates.pause(Gate(month="2026-01"), "eachlabs", "setup", NOON_MS + 300_000)

    assert estimate(a_job(), 0, gate) == 310


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED, JobState.SKIPPED])
def test_what_is_over_takes_no_time(state: JobState) -> None:
    """There is nothing to wait for."""
    assert estimate(a_job(state=state)) is None


def test_nobody_knows_when_the_budget_is_raised() -> None:
    """Perhaps next month."""
    gate = Gate(month="2026-01", spent_microusd=100)

    assert estimate(a_job(), 0, gate, budget_microusd=100) is None
