"""Callers who would rather wait for the end, and jobs that say what they wait for."""

from collections.abc import Callable
from typing import Any

import pytest

from cutout import gate as gates
from cutout.api.preferences import wait_s
from cutout.errors import (
    ConfigurationError,
    ProviderError,
    ProviderMisconfiguredError,
    ProviderOutOfCreditError,
    StorageError,
)
from cutout.models import Job, JobState
from cutout.pauses import SENTENCES
from tests.fakes import NOON_MS
from tests.front import Answer, Front
from tests.world import BUCKET, JPEG, World

URL = "https://photos.example/shoe.jpg"
type Plan = list[tuple[int, Callable[[], object]]]


@pytest.fixture
def front(world: World) -> Front:
    """Return the jobs API of the world."""
    return Front(world)


@pytest.fixture
def goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Return what happens meanwhile: when somebody sleeps past a time, the action is done."""
    plan: Plan = []

    def sleep(seconds: float) -> None:
        world.clock.advance(round(1000 * seconds))
        while plan and world.clock.now_ms() >= NOON_MS + plan[0][0]:
            plan.pop(0)[1]()

    monkeypatch.setattr(world.clock, "sleep", sleep)
    return plan


def only(world: World) -> Job:
    """Return the one job there is."""
    (job,) = world.jobs.records.values()
    return job


def store(world: World) -> None:
    """Have the one job's attempt end and its result stored."""
    world.storing.store(world.ended(only(world)), last_try=False)


def ask(front: Front, prefer: str | None = "wait=20", **more: Any) -> Answer:
    """Ask for the cut-out of an image on the web."""
    headers = {"Prefer": prefer} if prefer is not None else {}
    return front.call("POST", "/jobs", {"image_url": URL}, headers=headers | more)


# ---- Prefer: wait


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, 0),
        ("", 0),
        ("wait=20", 20),
        ("wait=1", 1),
        ("wait=0", 0),
        ("WAIT = 7", 7),
        ('wait="7"', 7),
        ("wait=7; foo=bar", 7),
        ("respond-async, wait=10", 10),
        ('foo="a, wait=3", wait=4', 4),
        ("wait=3, wait=4", 3),
        ("wait=21", 20),
        ("wait=999999999", 20),
        ("return=minimal", 0),
        # malformed or not known: ignored, as RFC 7240 has it
        ("wait", 0),
        ("wait=", 0),
        ("wait=-1", 0),
        ("wait=1.5", 0),
        ("wait=soon", 0),
        ("wait=soon, wait=4", 0),
        ("wait=9999999999", 0),
        ("wait=\u0661", 0),
        ("wait 20", 0),
        ('foo="wait=20', 0),
        (",,;=,", 0),
        ("waiting=20", 0),
    ],
)
def test_reads_the_preference(header: str | None, expected: int) -> None:
    """Seconds up to the cap; the first of two counts."""
    assert wait_s(header) == expected


def test_a_job_that_ends_in_time_is_answered_at_its_end(
    world: World, front: Front, goes_on: Plan
) -> None:
    """With its result, and still 202: the state says that it is over."""
    goes_on += [(1_000, world.dispatcher.dispatch), (9_000, lambda: store(world))]

    answer = ask(front)

    assert (answer.status, answer.json["state"]) == (202, "succeeded")
    assert answer.json["result"]["url"]
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert answer.headers["Location"] == f"./jobs/{only(world).job_id}"
    assert world.clock.now_ms() - NOON_MS <= 11_000


def test_a_job_that_does_not_is_answered_when_the_time_is_over(
    world: World, front: Front, goes_on: Plan
) -> None:
    """As it stands then, and not later, because the gateway does not wait for longer."""
    goes_on += [(1_000, world.dispatcher.dispatch)]

    answer = ask(front, "wait=120")

    assert (answer.status, answer.json["state"]) == (202, "submitted")
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert world.clock.now_ms() == NOON_MS + 20_000


@pytest.mark.parametrize("prefer", [None, "wait=0", "wait=soon", "respond-async"])
def test_without_the_preference_nobody_waits(
    world: World, front: Front, prefer: str | None
) -> None:
    """The answer comes at once, and says nothing of a preference."""
    answer = ask(front, prefer)

    assert (answer.status, answer.json["state"]) == (202, "queued")
    assert "Preference-Applied" not in answer.headers
    assert world.clock.now_ms() == NOON_MS


def test_a_job_that_is_over_is_answered_at_once(world: World, front: Front) -> None:
    """The end is there already."""
    job = world.submitted("shoe.jpg")
    world.storing.store(world.ended(job), last_try=False)

    answer = front.call("POST", "/jobs", {"key": "shoe.jpg"}, headers={"prefer": "wait=20"})

    assert answer.json["state"] == "succeeded"
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert world.clock.now_ms() == NOON_MS


def test_the_time_before_the_job_counts(world: World, front: Front, goes_on: Plan) -> None:
    """What recording took is not added to the seconds."""
    world.images.put(BUCKET, "shoe.jpg", JPEG)
    inspect = world.images.inspect

    def slowly(ref: Any) -> Any:
        world.clock.advance(4_000)
        return inspect(ref)

    world.images.inspect = slowly  # type: ignore[method-assign]  # S3 takes its time

    front.call("POST", "/jobs", {"key": "shoe.jpg"}, headers={"prefer": "wait=20"})

    assert world.clock.now_ms() == NOON_MS + 20_000


def test_aws_may_stumble_meanwhile(world: World, front: Front, goes_on: Plan) -> None:
    """The job is there; an error would have the caller ask for a second one."""
    stumble = StorageError("reading failed")
    world.gate.fail("read", stumble)
    goes_on += [
        (400, lambda: world.jobs.fail("get", stumble, stumble)),
        (1_500, world.dispatcher.dispatch),
        (6_000, lambda: store(world)),
    ]

    answer = ask(front)

    assert (answer.status, answer.json["state"]) == (202, "succeeded")


def test_a_job_that_waits_for_a_person_is_not_waited_for(world: World, front: Front) -> None:
    """Its end can't come in time, and a waiting call costs."""
    pause(world, "out_of_credit")

    answer = ask(front)

    assert (answer.status, answer.json["state"]) == (202, "queued")
    assert answer.json["reason"]["code"] == "out_of_credit"
    assert "Preference-Applied" not in answer.headers
    assert world.clock.now_ms() == NOON_MS


# ---- what a job waits for


def pause(world: World, reason: str, provider: str = "eachlabs") -> None:
    """Pause a provider for five minutes."""
    gate = gates.pause(world.gate.gate, provider, reason, world.clock.now_ms() + 300_000)
    world.gate.gate = gate


def reason_of(front: Front, job: Job) -> str | None:
    """Return the code of what a caller sees."""
    said = front.call("GET", f"/jobs/{job.job_id}").json["reason"]
    return said["code"] if said else None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ProviderMisconfiguredError("HTTP 401"), "setup"),
        (ConfigurationError("the SSM parameter cannot be read"), "setup"),
        (ProviderOutOfCreditError("HTTP 402"), "out_of_credit"),
    ],
)
def test_a_job_says_that_it_waits_for_a_person(
    world: World, front: Front, error: ProviderError, code: str
) -> None:
    """With the code and the sentence of the event; nothing of it is kept with the job."""
    world.provider.script.append(error)
    job = world.submitted()

    said = front.call("GET", f"/jobs/{job.job_id}").json

    assert (said["state"], said["reason"]) == (
        "queued",
        {"code": code, "message": SENTENCES[code]},
    )
    assert world.job(job).reason is None


def test_a_job_says_that_it_waits_for_the_end_of_an_outage(world: World, front: Front) -> None:
    """Until a create succeeds, also when the pause is over and the next one is to try it."""
    first, second = world.upload("first.jpg"), world.upload("second.jpg")
    pause(world, "unavailable")
    during = reason_of(front, second)
    world.clock.advance(300_000)
    due = reason_of(front, second)

    world.dispatcher.dispatch()

    assert (during, due) == ("unavailable", "unavailable")
    assert [reason_of(front, job) for job in (first, second)] == [None, None]


def test_a_job_says_that_it_waits_for_the_month() -> None:
    """The budget is used up."""
    world = World(monthly_budget_usd=20_000)
    front = Front(world)
    world.submitted("first.jpg")
    job = world.upload("second.jpg")

    assert reason_of(front, job) == "budget_reached"


def test_a_job_that_another_provider_takes_waits_for_nothing() -> None:
    """Only when none takes it does it say so, as the first one has it."""
    world = World(providers=("eachlabs", "apiin"))
    world.add_provider("apiin")
    front = Front(world)
    job = world.upload()
    pause(world, "setup")
    one = reason_of(front, job)
    pause(world, "out_of_credit", "apiin")

    assert (one, reason_of(front, job)) == (None, "setup")


def test_a_job_that_waits_for_its_turn_says_nothing(world: World, front: Front) -> None:
    """A full gate, a full minute and a 429 are no reasons: they end by themselves."""
    for number in range(11):
        world.upload(f"{number}.jpg")
    world.dispatcher.dispatch()
    (waiting,) = [job for job in world.jobs.records.values() if job.state is JobState.QUEUED]
    full = reason_of(front, waiting)
    pause(world, gates.RATE_LIMITED)

    assert (full, reason_of(front, waiting)) == (None, None)


def test_a_running_job_waits_for_nothing(world: World, front: Front) -> None:
    """Its provider may be paused for others meanwhile."""
    job = world.submitted()
    pause(world, "setup")

    assert reason_of(front, job) is None


def test_lists_do_not_look_at_the_gate(world: World, front: Front) -> None:
    """As they do not look at the line."""
    world.upload()
    pause(world, "setup")

    (said,) = front.call("GET", "/jobs", query={"state": "queued"}).json["jobs"]

    assert said["reason"] is None
