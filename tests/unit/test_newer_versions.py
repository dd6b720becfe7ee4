"""What a newer version left behind is kept for it, and stops nothing else."""

import json
from typing import Any

import pytest
from pydantic import Field

from cutout import jobs
from cutout.adapters.messages import pause_detail_of
from cutout.errors import NewerVersionError
from cutout.gate import take
from cutout.models import (
    Announce,
    AttemptEnded,
    Job,
    JobState,
    Lane,
    ObjectRef,
    ProviderPaused,
    Wake,
)
from tests.bench import LIMITS
from tests.examples import a_job, a_submitted_job
from tests.fakes import NOON_MS
from tests.front import Front
from tests.unit.test_handlers import Event, failures, invoke, on_fakes  # noqa: F401 a fixture
from tests.unit.test_reconcile import reconciler
from tests.world import BUCKET, World


def foreign(world: World, job: Job) -> Job:
    """Have a newer version leave the job in a state of its own."""
    stored = world.job(job).model_dump(mode="json") | {"state": "in_review"}
    world.jobs.records[job.job_id] = Job.model_validate(stored)
    return world.job(job)


def records(*bodies: object) -> Event:
    """Return an event with these messages."""
    made: list[dict[str, Any]] = [
        {
            "messageId": str(number),
            "receiptHandle": "r",
            "body": json.dumps(body),
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }
        for number, body in enumerate(bodies)
    ]
    return {"Records": made}


def test_an_unknown_state_is_written_back_as_it_was_read() -> None:
    """It is none of ours, and in no set of ours."""
    job = Job.model_validate(a_job().model_dump(mode="json") | {"state": "in_review"})

    assert job.is_foreign
    assert not job.is_over
    assert job.state not in list(JobState)
    assert job.shelf == "in_review"
    assert Job.model_validate_json(job.model_dump_json()) == job
    assert job.model_dump(mode="json")["state"] == "in_review"


def test_a_new_field_can_be_left_out_while_it_has_its_default() -> None:
    """So a version that refuses what it does not know reads on (decision 12 says how)."""

    class Newer(Announce):
        """A message with one field more."""

        quality: str | None = Field(default=None, exclude_if=lambda value: value is None)

    plain, said = Newer(job_id="a", run=1), Newer(job_id="a", run=1, quality="ok")

    assert plain.model_dump_json() == Announce(job_id="a", run=1).model_dump_json()
    assert json.loads(said.model_dump_json())["quality"] == "ok"
    assert Announce.model_validate_json(said.model_dump_json()) == Announce(job_id="a", run=1)


def test_a_job_in_an_unknown_state_is_neither_ended_nor_stored(world: World) -> None:
    """Only the version that knows the state knows what may follow."""
    job = foreign(world, world.submitted())

    assert jobs.end(job, JobState.FAILED, None, NOON_MS) is None
    assert jobs.lease(job, NOON_MS, 60_000) is None


def test_a_late_result_of_such_a_job_is_kept_for_the_newer_version(world: World) -> None:
    """The message comes again until it is in the dead-letter queue; nothing is published."""
    ended = world.ended(world.submitted())
    job = foreign(world, a_job_of(world))

    with pytest.raises(NewerVersionError, match="in_review"):
        world.storing.store(ended, last_try=True)

    assert world.job(job) == job
    assert world.announcer.events == []
    assert (BUCKET, world.result_of()) not in world.images.objects


def test_the_end_of_its_attempt_frees_its_slot_all_the_same(world: World) -> None:
    """What is known of the attempt is written down, and the state stays."""
    ended = world.ended(world.submitted(), failed="no subject")
    job = foreign(world, a_job_of(world))

    world.dispatcher.dispatch([world.endings.settle(ended)])

    assert world.gate.gate.provider("eachlabs").slots == {}
    assert world.job(job).state == "in_review"
    assert [line.why for line in world.ledger.lines.values()] == ["failed"]


def test_its_webhook_is_passed_on(world: World) -> None:
    """Who it is from can be told; what it means is for those behind the queues."""
    job = foreign(world, world.submitted())
    body = {"exec_id": "prediction-1", "status": "succeeded", "output": "https://cdn.test/1.png"}

    token = world.provider.creates[0].token
    world.webhooks.receive("eachlabs", job.job_id, token, json.dumps(body).encode())

    assert [type(m) for m in world.messages.completions] == [AttemptEnded]


def test_its_event_seen_again_changes_nothing(world: World) -> None:
    """The version of the object has its job."""
    job = foreign(world, world.upload())

    world.intake.accept(ObjectRef(bucket=BUCKET, key="shoe.jpg"), Lane.UPLOAD)
    world.dispatcher.dispatch()

    assert world.job(job).state == "in_review"
    assert world.provider.creates == []


def test_callers_see_it_and_can_change_nothing(world: World) -> None:
    """The state is the newer version's word; there is no estimate."""
    job, front = foreign(world, world.upload()), Front(world)

    seen = front.call("GET", f"/jobs/{job.job_id}")
    listed = front.call("GET", "/jobs", query={"key": "shoe.jpg"})
    cancelled = front.call("DELETE", f"/jobs/{job.job_id}")
    retried = front.call("POST", f"/jobs/{job.job_id}/retry")
    filtered = front.call("GET", "/jobs", query={"state": "in_review"})

    assert (seen.status, seen.json["state"]) == (200, "in_review")
    assert seen.json["estimated_seconds"] is None
    assert [one["state"] for one in listed.json["jobs"]] == ["in_review"]
    assert [cancelled.status, retried.status, filtered.status] == [409, 409, 422]
    assert world.job(job) == job


def test_a_round_goes_on_beside_a_record_that_cannot_be_read(world: World) -> None:
    """Its slot is kept, the others are looked at, and submit is woken for who waits."""
    lost = a_submitted_job()
    world.upload("waiting.jpg")
    world.jobs.fail("get", NewerVersionError("another form"))
    for slot in (f"{lost.job_id}.1", f"{'0' * 32}.1"):
        gate = take(world.gate.gate, "eachlabs", slot, LIMITS, NOON_MS)
        world.gate.write(gate)
    world.clock.advance(100_000)

    reconciler(world).run()

    assert [*world.gate.gate.provider("eachlabs").slots] == [f"{lost.job_id}.1"]
    assert Wake() in [wake for _, wake in world.messages.wakes]


def test_a_message_that_only_a_newer_version_knows_comes_again(world: World) -> None:
    """Those beside it are handled; it is neither dropped nor does it stop them."""
    job = world.upload()
    event = records({"type": "approved", "job_id": "x"}, {"type": "wake", "due_ms": 0}, [1])

    answer = invoke("submit", event)

    assert failures(answer) == ["0", "2"]
    assert world.job(job).state is JobState.SUBMITTED


@pytest.mark.parametrize("function", ["store", "prepare"])
def test_so_it_is_in_the_other_queues(world: World, function: str) -> None:
    """Their functions take one message at a time."""
    assert failures(invoke(function, records({"type": "render", "job_id": "x"}))) == ["0"]


def test_an_outcome_that_only_a_newer_version_knows_comes_again(world: World) -> None:
    """Nothing is concluded from a part of a message."""
    job = world.submitted()
    body = world.ended(job).model_dump(mode="json") | {"outcome": {"status": "cut_elsewhere"}}

    assert failures(invoke("submit", records(body))) == ["0"]
    assert world.job(job).state is JobState.SUBMITTED
    assert world.gate.gate.holds(job.job_id)


def test_a_pause_for_a_reason_of_a_newer_version_is_published(world: World) -> None:
    """With a sentence that fits every reason."""
    pause = ProviderPaused(provider="eachlabs", reason="maintenance", until_ms=NOON_MS)

    world.storing.announce_pause(pause)

    assert pause_detail_of(pause)["reason"] == {
        "code": "maintenance",
        "message": "The provider is paused; jobs wait.",
    }


def a_job_of(world: World) -> Job:
    """Return the only job."""
    (job,) = world.jobs.records.values()
    return job
