"""One look at a batch, and the end of a run."""

import heapq
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cutout import keys
from cutout.backfills import (
    AT_ONCE,
    LEAST_PAUSE_S,
    MOST_ASKS,
    MOST_BATCHES,
    MOST_IN_BATCH,
    MOST_PAUSE_S,
    RUN_MS,
    STANDSTILL_PAUSE_S,
    Backfill,
    Finish,
    FrozenObject,
    Look,
    batch_size,
    has_time_for_a_run,
    pause_s,
)
from cutout.errors import ConflictError, StorageError
from cutout.models import JobState, Lane, ObjectRef, UnreadableCode
from cutout.services.backfilling import Backfilling
from tests.fake_backfills import InMemoryBackfills, RecordingRequests
from tests.fakes import NOON_MS
from tests.world import BUCKET, JPEG, World

NAME = "20260115T120000-1a2b"
MACHINE = Path(__file__).parents[2] / "statemachines" / "backfill.asl.json"
LOOK = Look(backfill_id=NAME, run=1, batch=0)


class Shelf:
    """A backfill of the objects of a world, in batches of two."""

    def __init__(self, *names: str, world: World | None = None) -> None:
        self.world = world or World()
        self.backfills = InMemoryBackfills()
        self.requests = RecordingRequests()
        for name in names:
            self.world.images.put(BUCKET, name, JPEG)
        frozen = [self.frozen(name) for name in names]
        batches = [frozen[n : n + 2] for n in range(0, len(frozen), 2)]
        self.backfills.freeze(NAME, batches)
        backfill = Backfill(
            backfill_id=NAME,
            prefix="photos/",
            total=len(frozen),
            batches=len(batches),
            created_ms=NOON_MS,
        )
        self.backfills.write(backfill)
        self.service = Backfilling(
            backfills=self.backfills,
            jobs=self.world.jobs,
            images=self.world.images,
            requests=self.requests,
            announcer=self.world.announcer,
            settings=self.world.settings,
            clock=self.world.clock,
        )

    def frozen(self, name: str) -> FrozenObject:
        """Freeze an object as it is now."""
        source = self.world.images.describe(ObjectRef(bucket=BUCKET, key=name))
        return FrozenObject(key=name, job_id=keys.job_id(source))

    def accept(self) -> None:
        """Have `submit` record what was asked for."""
        for ref in self.requests.asked:
            self.world.intake.accept(ref, Lane.BACKFILL)

    def end(self, state: JobState) -> None:
        """Have all recorded jobs end so."""
        for job_id, job in self.world.jobs.records.items():
            self.world.jobs.records[job_id] = job.model_copy(update={"state": state})

    def change(self, **changes: object) -> None:
        """Change the backfill's record as a command does."""
        assert self.backfills.write(self.backfills.records[NAME].model_copy(update=changes))

    def asked(self) -> list[str]:
        """Return the keys that were asked for."""
        return [ref.key for ref in self.requests.asked]


def test_asks_for_its_batch_and_for_nothing_else() -> None:
    """The next batch is another look's."""
    shelf = Shelf("a.jpg", "b.jpg", "c.jpg")

    look = shelf.service.look(LOOK)

    assert shelf.asked() == ["a.jpg", "b.jpg"]
    assert (look.next, look.asked) == ("wait", 1)
    assert look.wait_s >= LEAST_PAUSE_S


def test_does_not_ask_again_for_what_is_recorded() -> None:
    """And waits until it is over."""
    shelf = Shelf("a.jpg", "b.jpg")
    first = shelf.service.look(LOOK)
    shelf.accept()

    second = shelf.service.look(first)
    shelf.end(JobState.SUCCEEDED)
    third = shelf.service.look(second)

    assert shelf.asked() == ["a.jpg", "b.jpg"]
    assert [look.next for look in (first, second, third)] == ["wait", "wait", "done"]
    assert shelf.backfills.noted[NAME][0].succeeded == 2


@pytest.mark.parametrize("code", ["archived", "unreadable_encryption"])
@pytest.mark.parametrize("versioned", [True, False])
def test_unreadable_objects_are_asked_for_and_skipped(
    code: UnreadableCode, *, versioned: bool
) -> None:
    """The list can't tell them all: `submit` records them under the very job that was frozen."""
    world = World(versioned=versioned)
    shelf = Shelf("a.jpg", "b.jpg", world=world)
    locked = replace(world.images.objects[BUCKET, "a.jpg"], unreadable=code)
    world.images.objects[BUCKET, "a.jpg"] = locked

    first = shelf.service.look(LOOK)
    shelf.accept()
    shelf.world.dispatcher.dispatch()
    second = shelf.service.look(first)

    assert shelf.asked() == ["a.jpg", "b.jpg"]
    assert (second.next, second.asked) == ("wait", 1)
    noted = shelf.backfills.noted[NAME][0]
    assert (noted.skipped, noted.in_work, noted.changed) == (1, 1, 0)


def test_a_repeated_look_makes_no_second_job() -> None:
    """The machine may lose an answer: the same is asked for twice, and is one job each."""
    shelf = Shelf("a.jpg", "b.jpg")

    shelf.service.look(LOOK)
    shelf.service.look(LOOK)
    shelf.accept()

    assert len(shelf.asked()) == 4
    assert len(shelf.world.jobs.records) == 2


@pytest.mark.parametrize("change", ["replaced", "deleted", "copied"])
def test_never_asks_for_what_changed_since(change: str) -> None:
    """Another version is another upload's; a copy of a result would never be recorded."""
    shelf = Shelf("a.jpg", "b.jpg")
    if change == "replaced":
        shelf.world.clock.advance(1000)
        shelf.world.images.put(BUCKET, "a.jpg", JPEG + b"new")
    elif change == "deleted":
        del shelf.world.images.objects[BUCKET, "a.jpg"]
    else:
        shelf.world.images.put(BUCKET, "a.jpg", JPEG, metadata={keys.JOB_METADATA: "x"})

    look = shelf.service.look(LOOK)
    shelf.accept()
    shelf.end(JobState.SUCCEEDED)

    assert shelf.asked() == ["b.jpg"]
    assert shelf.service.look(look).next == "done"
    assert (shelf.backfills.noted[NAME][0].changed, shelf.backfills.noted[NAME][0].over) == (1, 2)


@pytest.mark.parametrize("changes", [{"stopped": True}, {"run": 2}])
def test_a_stopped_or_superseded_run_feeds_nothing(changes: dict[str, object]) -> None:
    """It is done at once."""
    shelf = Shelf("a.jpg")
    shelf.change(**changes)

    assert shelf.service.look(LOOK).next == "done"
    assert shelf.asked() == []


def test_a_backfill_that_expired_feeds_nothing() -> None:
    """Its list is gone with it."""
    assert Shelf().service.look(LOOK.model_copy(update={"backfill_id": "x"})).next == "done"


def test_gives_up_what_is_never_recorded() -> None:
    """Requests that end in a dead-letter queue are not repeated for ever."""
    shelf = Shelf("a.jpg")
    look = LOOK
    for _ in range(MOST_ASKS):
        look = shelf.service.look(look)
        assert look.next == "wait"

    assert shelf.service.look(look).next == "done"
    assert len(shelf.asked()) == MOST_ASKS
    assert shelf.backfills.noted[NAME][0].over == 0


def test_a_refused_put_is_another_looks() -> None:
    """The machine repeats the look; nothing is lost."""
    shelf = Shelf("a.jpg")
    shelf.requests.fail("ask", StorageError("2 of 10 entries"))
    with pytest.raises(StorageError):
        shelf.service.look(LOOK)

    shelf.service.look(LOOK)

    assert shelf.asked() == ["a.jpg"]


def test_the_end_is_published_once() -> None:
    """With the sum of the batches; what has no tally waits."""
    shelf = Shelf("a.jpg", "b.jpg", "c.jpg")
    look = shelf.service.look(LOOK)
    shelf.accept()
    shelf.end(JobState.SKIPPED)
    shelf.service.look(look)

    shelf.service.finish(Finish(backfill_id=NAME, run=1))
    shelf.service.finish(Finish(backfill_id=NAME, run=1))

    ((kind, detail),) = shelf.world.announcer.events
    assert kind == "Cutout Backfill Finished"
    assert (detail["total"], detail["skipped"], detail["waiting"]) == (3, 2, 1)
    assert shelf.backfills.records[NAME].ended_ms == NOON_MS


def test_the_end_of_another_run_is_not_published() -> None:
    """A machine that was ended from outside and goes on says nothing of the present run."""
    shelf = Shelf("a.jpg")
    shelf.change(run=2)

    shelf.service.finish(Finish(backfill_id=NAME, run=1))

    assert shelf.world.announcer.events == []
    assert shelf.backfills.records[NAME].ended_ms is None


def test_the_end_is_noted_by_the_next_try_when_somebody_stops_it_just_then() -> None:
    """A second event has the same run, so that consumers know it."""
    shelf = Shelf("a.jpg")
    finish = Finish(backfill_id=NAME, run=1)
    published = shelf.world.announcer.publish_backfill

    def stop_meanwhile(*said: Any) -> None:
        published(*said)
        if len(shelf.world.announcer.events) == 1:
            shelf.change(stopped=True)

    shelf.world.announcer.publish_backfill = stop_meanwhile  # type: ignore[assignment, method-assign]
    with pytest.raises(ConflictError):
        shelf.service.finish(finish)

    shelf.service.finish(finish)

    ends = [(detail["run"], detail["stopped"]) for _, detail in shelf.world.announcer.events]
    assert ends == [(1, False), (1, True)]
    assert shelf.backfills.records[NAME].ended_ms is not None


def test_the_handlers_answer_is_the_next_input() -> None:
    """What the machine carries around survives JSON."""
    shelf = Shelf("a.jpg")

    first = shelf.service.handle(LOOK.model_dump(mode="json"))
    second = shelf.service.handle(first or {})

    assert second == LOOK.model_dump() | {"asked": 2, "over": 0, "wait_s": 10, "next": "wait"}
    assert shelf.service.handle({"type": "finish", "backfill_id": NAME, "run": 1}) is None


@pytest.mark.parametrize(
    ("total", "per_minute", "size"),
    [(50_000, 66.7, 21), (2000, 66.7, 21), (50_000, 1000, MOST_IN_BATCH), (5, 1, 1)],
)
def test_ten_batches_are_three_minutes_of_images(total: int, per_minute: float, size: int) -> None:
    """Within what one look can handle."""
    assert batch_size(total, per_minute) == size


def test_a_giant_list_has_no_more_batches_than_fit() -> None:
    """Their numbers are the machine's input."""
    size = batch_size(8_000_000, 66.7)

    assert 8_000_000 / size <= MOST_BATCHES


def test_looks_come_three_times_in_a_window() -> None:
    """Neither so often that it costs, nor so rarely that the line runs empty."""
    fresh = LOOK

    assert pause_s(fresh, 0, 20, 66.7) == 60
    assert pause_s(fresh, 0, 100, 1000) == 20
    assert pause_s(fresh, 0, 1, 1000) == LEAST_PAUSE_S
    assert pause_s(fresh, 0, 20, 1) == MOST_PAUSE_S


def test_pauses_double_while_nothing_moves() -> None:
    """Up to half an hour; the first progress brings the first pause back."""
    look = LOOK.model_copy(update={"over": 0, "wait_s": 60})
    pauses = []
    for _ in range(7):
        pause = pause_s(look, 0, 20, 66.7)
        look = look.model_copy(update={"wait_s": pause})
        pauses.append(pause)

    assert pauses == [120, 240, 480, 960, 1800, 1800, STANDSTILL_PAUSE_S]
    assert pause_s(look, 1, 20, 66.7) == 60


def test_a_standstill_of_a_month_fits_into_an_executions_history() -> None:
    """25,000 events at nine a look, in 31 days without a budget."""
    looks = 31 * 86_400 / STANDSTILL_PAUSE_S

    assert 9 * looks < 25_000


@pytest.mark.parametrize("per_minute", [6, 66.7, 100, 1000])
def test_the_line_does_not_run_empty(per_minute: float) -> None:
    """In virtual time: ten batches in work and a provider at its ceiling, until all is cut out."""
    size = batch_size(4000, per_minute)
    batches, looks = 4000 // size, 0
    queue = [(0.0, number, LOOK) for number in range(AT_ONCE)]
    fed, free_s = AT_ONCE, 0.0  # until when the provider is busy with what is in line
    ends: dict[int, list[float]] = {}
    while queue:
        now_s, number, look = heapq.heappop(queue)
        looks += 1
        if number not in ends:
            start_s = max(now_s, free_s)
            ends[number] = [start_s + 60 * n / per_minute for n in range(1, size + 1)]
            free_s = ends[number][-1]
        over = sum(end_s <= now_s for end_s in ends[number])
        if over < size:
            pause = pause_s(look, over, size, per_minute)
            again = look.model_copy(update={"over": over, "wait_s": pause})
            heapq.heappush(queue, (now_s + pause, number, again))
        elif fed < batches:
            heapq.heappush(queue, (now_s, fed, LOOK))
            fed += 1

    assert free_s <= 1.001 * 60 * batches * size / per_minute
    assert looks <= 3.2 * batches  # the cost in docs/decisions/0008 is made of them


@pytest.mark.parametrize(("age_ms", "expected"), [(RUN_MS, True), (RUN_MS + 1, False)])
def test_a_list_is_resumed_only_while_it_outlasts_a_run(age_ms: int, *, expected: bool) -> None:
    """It is kept for half a year, and a run may take half of that."""
    backfill = Backfill(backfill_id=NAME, prefix="", total=1, batches=1, created_ms=NOON_MS)

    assert has_time_for_a_run(backfill, NOON_MS + age_ms) is expected


def test_the_machine_ends_a_run_when_the_list_has_half_its_time_left() -> None:
    """`RUN_MS` is the machine's own limit."""
    machine = json.loads(MACHINE.read_text("utf-8"))

    assert 1000 * machine["TimeoutSeconds"] == RUN_MS
