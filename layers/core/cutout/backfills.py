"""A backfill: a frozen list of objects, fed to Cutout batch by batch, and how it stands. Pure.

The list is made before anything is fed and never grows: nothing beyond it is ever asked for. Each
batch is looked at until none of its objects waits; whoever looks again changes nothing, because
an object's job id is frozen with it.
"""

import math
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from cutout.models import END_STATES, JobState, Stored

AT_ONCE = 10  # batches in work: MaxConcurrency in statemachines/backfill.asl.json
WINDOW_S = 180  # the batches in work are about as many images as the provider takes in this time
MOST_IN_BATCH = 50  # ten at once are a burst for `submit`, behind which freed slots wait
MOST_BATCHES = 40_000  # their numbers are the machine's input, which may have 256 KiB
RUN_MS = 90 * 86_400_000  # TimeoutSeconds in statemachines/backfill.asl.json
KEPT_MS = 2 * RUN_MS  # from its creation on; a run that begins in the first half has its list
MOST_ASKS = 6  # how often an object is asked for that is not recorded

# Looks in a window: more cost more, fewer let the line run empty before the next batch is fed.
LOOKS = 3
LEAST_PAUSE_S, MOST_PAUSE_S = 5, 60
# While nothing moves the pauses double, up to this. An execution has a history of 25,000 events
# (Step Functions quotas), nine a look: so it outlives a month in which the budget is used up.
STANDSTILL_PAUSE_S = 1800


class FrozenObject(Stored):
    """One version of one object; `job_id` names the version (`keys.job_id`)."""

    key: str
    job_id: str


class Backfill(Stored):
    """One backfill and its last run; `run` counts the times it was started.

    `version` counts the writes of the record. `stopped`: no further batch is fed. `ended_ms` is
    when the run was over and published.
    """

    backfill_id: str
    version: int = 0
    prefix: str
    total: int
    batches: int
    created_ms: int
    run: int = 1
    stopped: bool = False
    ended_ms: int | None = None


class Tally(Stored):
    """How many objects stand how.

    `changed` were deleted or replaced since the list was frozen, or are copies of results, and are
    never fed; `in_work` have a job that is not over; the rest of `count` has no job yet.
    """

    count: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    changed: int = 0
    in_work: int = 0

    @property
    def over(self) -> int:
        """Return how many need nothing more."""
        return self.succeeded + self.failed + self.skipped + self.changed


class Look(Stored):
    """What the backfill machine carries around for a batch, and what it does next.

    `asked` counts the times that objects of it were asked for; `over` is as of the last look;
    `wait_s` are the whole seconds before the next one.
    """

    type: Literal["look"] = "look"
    backfill_id: str
    run: int
    batch: Annotated[int, Field(ge=0)]
    asked: int = 0
    over: int = -1
    wait_s: int = 0
    next: Literal["wait", "done"] = "wait"


class Finish(Stored):
    """Say that a run is over."""

    type: Literal["finish"] = "finish"
    backfill_id: str
    run: int


type Message = Annotated[Look | Finish, Field(discriminator="type")]
_MESSAGE: TypeAdapter[Look | Finish] = TypeAdapter(Message)


def read_message(event: object) -> Look | Finish:
    """Return what the machine asks for."""
    return _MESSAGE.validate_python(event)


def has_time_for_a_run(backfill: Backfill, now_ms: int) -> bool:
    """Tell whether the list is kept for as long as another run may take."""
    return now_ms + RUN_MS <= backfill.created_ms + KEPT_MS


def batch_size(total: int, per_minute: float) -> int:
    """Return how many objects a batch has: those in work fill the window, at the ceiling."""
    window = per_minute * WINDOW_S / 60
    size = min(MOST_IN_BATCH, math.ceil(window / AT_ONCE))
    return max(1, size, math.ceil(total / MOST_BATCHES))


def pause_s(look: Look, over: int, count: int, per_minute: float) -> int:
    """Return the seconds before the next look at a batch of which so many of `count` are over."""
    window_s = 60 * AT_ONCE * count / per_minute
    base = round(max(LEAST_PAUSE_S, min(MOST_PAUSE_S, window_s / LOOKS)))
    if over > look.over or not look.wait_s:
        return base
    return min(2 * look.wait_s, max(base, STANDSTILL_PAUSE_S))


def tally_of(count: int, states: Iterable[JobState], changed: int) -> Tally:
    """Return the tally of a batch by the states of the jobs that are recorded."""
    found = list(states)
    ends = {str(state): found.count(state) for state in END_STATES}
    in_work = len(found) - sum(ends.values())
    return Tally(count=count, changed=changed, in_work=in_work, **ends)


def total_of(tallies: Iterable[Tally]) -> Tally:
    """Return the sum."""
    parts = list(tallies)
    return Tally(**{name: sum(getattr(p, name) for p in parts) for name in Tally.model_fields})
