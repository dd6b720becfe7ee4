"""Where jobs stand: lists page by page, and what one job still waits for."""

from collections.abc import Mapping
from dataclasses import dataclass

from cutout import cursors, jobs, keys
from cutout.cursors import Cursor
from cutout.estimates import Backlog, seconds
from cutout.gate import PAUSED, Limits, room, settle_time
from cutout.models import END_STATES, UNANNOUNCED, Job, JobState, Lane, Place
from cutout.ports import Clock, GateStore, JobLists, JobStore, Line
from cutout.settings import Settings

MOST_AHEAD = 1000  # more are not counted: 1,000 stands for "1,000 or more"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a waiting or running job still waits for; None: does not apply, or nobody knows."""

    ahead: int | None = None
    seconds: int | None = None


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
        budget = self._settings.monthly_budget_usd
        names = [name for name in self._limits if name not in job.excluded] or [*self._limits]
        rooms = {name: room(gate, name, self._limits[name], budget, now_ms) for name in names}
        name = next((n for n in names if rooms[n].blocked_by != PAUSED), names[0])
        ahead = self._ahead(job) if job.state is JobState.QUEUED else None
        before = (ahead or 0) + (self._in_better_lanes(job) if ahead is not None else 0)
        backlog = Backlog(before, gate, budget, now_ms)
        return Standing(
            ahead, seconds(job, backlog, self._settings.provider(name), self._limits[name])
        )

    def _ahead(self, job: Job) -> int:
        """Return how many jobs of its lane are served before it."""
        return self._line.ahead(jobs.entry_of(job), MOST_AHEAD)

    def _in_better_lanes(self, job: Job) -> int:
        """Return how many jobs wait in the lanes that are served before its own."""
        better = list(Lane)[: list(Lane).index(job.lane)]
        last = {"available_ms": 10**13 - 1}
        entries = [jobs.entry_of(job).model_copy(update={"lane": lane, **last}) for lane in better]
        return sum(self._line.ahead(entry, MOST_AHEAD) for entry in entries)
