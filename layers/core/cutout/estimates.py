"""How long a job still takes, from limits and backlog. Pure, and no promise."""

import math
from dataclasses import dataclass

from cutout import gate as gates
from cutout.gate import BUDGET, Gate, Limits
from cutout.models import Job, JobState
from cutout.settings import ProviderSettings

STORING_S = 1


@dataclass(frozen=True, slots=True)
class Backlog:
    """What stands before a job: those served earlier, the settled gate, the month's cap."""

    ahead: int
    gate: Gate
    budget_microusd: int
    now_ms: int


def seconds(job: Job, backlog: Backlog, said: ProviderSettings, limits: Limits) -> int | None:
    """Return the seconds until the job's end; None: it is over, or waits for a person or a month.

    `said` and `limits` are of the provider that takes the next create.
    """
    gate, now_ms = backlog.gate, backlog.now_ms
    if job.is_over:
        return None
    if job.state is JobState.STORING:
        return STORING_S
    if job.state in (JobState.SUBMITTING, JobState.SUBMITTED):
        since_ms = job.attempts[-1].started_ms
        return max(1, math.ceil(said.expected_s - (now_ms - since_ms) / 1000)) + STORING_S
    room = gates.room(gate, said.name, limits, backlog.budget_microusd, now_ms)
    if room.blocked_by == BUDGET:
        return None
    opens_s = max(0, (room.opens_ms or 0) - now_ms, job.available_ms - now_ms) / 1000
    full_s = said.expected_s if len(gate.provider(said.name).slots) >= limits.max_concurrent else 0
    return (
        math.ceil(max(opens_s, 60 * backlog.ahead / said.per_minute, full_s) + said.expected_s)
        + STORING_S
    )
