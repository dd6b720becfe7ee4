"""Where jobs stand: lists page by page, and what one job still waits for."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from cutout import cursors, jobs, keys, pauses
from cutout.cursors import Cursor
from cutout.errors import StorageError
from cutout.estimates import Backlog, seconds
from cutout.gate import BUDGET, PAUSED, Gate, Limits, Room, room, settle_time
from cutout.models import END_STATES, UNANNOUNCED, Job, JobState, Lane, Place, Reason
from cutout.ports import Clock, GateStore, JobLists, JobStore, Line
from cutout.settings import Settings

MOST_AHEAD = 1000  # more are not counted: 1,000 stands for "1,000 or more"

# A job that is waited for is looked at after this long, then less and less often: 13 times in 20 s,
# which costs $0.000002 of reads.
FIRST_LOOK_S = 0.5
LATER_LOOK_S = 2.0
SLOWER = 1.5


@dataclass(frozen=True, slots=True)
class Standing:
    """What a waiting or running job still waits for; None: does not apply, or nobody knows.

    `reason` is what keeps it waiting besides its turn.
    """

    ahead: int | None = None
    seconds: int | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Jobs of a list, and the cursor of the next page; None: this is the last one."""

    jobs: tuple[Job, ...]
    cursor: str | None


class Overview:
    """Reads only."""

    def __init__(  # noqa: PLR0913 the composition root names every one
        self,
        *,
        store: JobStore,
        lists: JobLists,
        line: Line,
        gate: GateStore,
        limits: Mapping[str, Limits],
        settings: Settings,
        clock: Clock,
    ) -> None:
        """Keep the collaborators."""
        self._store = store
        self._lists = lists
        self._line = line
        self._gate = gate
        self._limits = limits
        self._settings = settings
        self._clock = clock

    def of_key(self, key: str, text: str | None, count: int) -> Page:
        """Return the jobs of an object, all versions, newest first."""
        query = f"key={key}"
        cursor = cursors.decode(text, query) if text is not None else Cursor()
        source_id = keys.source_id(self._settings.images_bucket, key)
        places = self._lists.of_source(source_id, count + 1, cursor.after)
        return self._page(query, cursor, places, count)

    def in_state(self, state: JobState, text: str | None, count: int) -> Page:
        """Return the jobs in a state, latest change first.

        End states that are not announced yet stand on a shelf of their own, which is read first:
        a job that is announced between two pages may be seen twice, but is never missed.
        """
        query = f"state={state}"
        start = Cursor(part=0 if state in END_STATES else 1)
        cursor = cursors.decode(text, query) if text is not None else start
        first: tuple[Job, ...] = ()
        if cursor.part == 0:
            places = self._lists.on_shelf(UNANNOUNCED, count + 1, cursor.after)
            page = self._page(query, cursor, places, count, state)
            if page.cursor is not None:
                return page
            first, cursor = page.jobs, Cursor(part=1)
        left = count - len(first)
        if left == 0:
            return Page(first, cursors.encode(cursor, query))
        places = self._lists.on_shelf(state, left + 1, cursor.after)
        rest = self._page(query, cursor, places, left, state)
        return Page(first + rest.jobs, rest.cursor)

    def _page(
        self, query: str, cursor: Cursor, places: list[Place], count: int, state: str | None = None
    ) -> Page:
        """Read the jobs of a page as they are now, without those that moved on or expired."""
        found = [self._store.get(place.job_id) for place in places[:count]]
        kept = tuple(job for job in found if job is not None and state in (None, job.state))
        if len(places) <= count:
            return Page(kept, None)
        following = cursor.model_copy(update={"after": places[count - 1]})
        return Page(kept, cursors.encode(following, query))

    def standing(self, job: Job) -> Standing:
        """Return what the job still waits for."""
        if job.is_over or job.is_foreign:
            return Standing()
        now_ms = self._clock.now_ms()
        gate = settle_time(self._gate.read(), now_ms)
        rooms = self._rooms(job, gate, now_ms)
        names = [*rooms]
        name = next((n for n in names if rooms[n].blocked_by != PAUSED), names[0])
        ahead = self._ahead(job) if job.state is JobState.QUEUED else None
        before = (ahead or 0) + (self._in_better_lanes(job) if ahead is not None else 0)
        backlog = Backlog(before, gate, self._settings.monthly_budget_usd, now_ms)
        return Standing(
            ahead,
            seconds(job, backlog, self._settings.provider(name), self._limits[name]),
            _held_up_by(gate, rooms) if ahead is not None else None,
        )

    def awaited(self, job: Job, until_ms: int) -> Job:
        """Return the job once it is over, or as it stands when the time is over.

        A job that waits for a person or a month is not waited for. A look that AWS does not answer
        is no error: who repeated the whole request might pay for a second picture.
        """
        with suppress(StorageError):
            if self._is_held_up(job):
                return job
        pause_s = FIRST_LOOK_S
        while not job.is_over and (left_s := (until_ms - self._clock.now_ms()) / 1000) > 0:
            self._clock.sleep(min(pause_s, left_s))
            pause_s = min(SLOWER * pause_s, LATER_LOOK_S)
            with suppress(StorageError):
                job = self._store.get(job.job_id) or job
        return job

    def _is_held_up(self, job: Job) -> bool:
        """Tell whether a waiting job waits for more than its turn."""
        if job.state is not JobState.QUEUED:
            return False
        now_ms = self._clock.now_ms()
        gate = settle_time(self._gate.read(), now_ms)
        return _held_up_by(gate, self._rooms(job, gate, now_ms)) is not None

    def _rooms(self, job: Job, gate: Gate, now_ms: int) -> dict[str, Room]:
        """Return the room at each provider that may still take the job, in their order."""
        budget = self._settings.monthly_budget_usd
        names = [name for name in self._limits if name not in job.excluded] or [*self._limits]
        return {name: room(gate, name, self._limits[name], budget, now_ms) for name in names}

    def _ahead(self, job: Job) -> int:
        """Return how many jobs of its lane are served before it."""
        return self._line.ahead(jobs.entry_of(job), MOST_AHEAD)

    def _in_better_lanes(self, job: Job) -> int:
        """Return how many jobs wait in the lanes that are served before its own."""
        better = list(Lane)[: list(Lane).index(job.lane)]
        last = {"available_ms": 10**13 - 1}
        entries = [jobs.entry_of(job).model_copy(update={"lane": lane, **last}) for lane in better]
        return sum(self._line.ahead(entry, MOST_AHEAD) for entry in entries)


def _held_up_by(gate: Gate, rooms: Mapping[str, Room]) -> Reason | None:
    """Return what keeps a job from every provider, as the first one has it; None: its turn does.

    A pause with a reason goes on until a create succeeds, also while one is tried.
    """
    codes = [
        gate.provider(name).pause_reason or ("budget_reached" if one.blocked_by == BUDGET else "")
        for name, one in rooms.items()
    ]
    if not all(codes):
        return None
    return Reason(code=codes[0], message=pauses.sentence(codes[0]))
