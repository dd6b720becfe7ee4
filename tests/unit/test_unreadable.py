"""Objects that S3 hands out to nobody: skipped for good, announced, and taken up once restored."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from cutout import unreadable
from cutout.models import Announce, Job, JobState, Lane, ObjectRef, Prepare, UnreadableCode
from tests.fakes import Version
from tests.front import Front
from tests.world import BUCKET, JPEG, World

HEIC = b"\x00\x00\x00\x18ftypheic a photo"
CODES: list[UnreadableCode] = [unreadable.ARCHIVED, unreadable.ENCRYPTED]
WAITED_MS = 61_000  # longer than anybody relies on the look at the upload


def lock(world: World, code: UnreadableCode = unreadable.ARCHIVED, key: str = "shoe.jpg") -> None:
    """Make an object unreadable that stays the same version, as a lifecycle rule does."""
    found = world.images.objects[BUCKET, key]
    world.images.objects[BUCKET, key] = replace(found, unreadable=code)


def tell(world: World, detail_type: str, key: str = "shoe.jpg") -> None:
    """Deliver an event of S3's to `submit`, and have the line looked at."""
    detail = {"bucket": {"name": BUCKET}, "object": {"key": key}}
    body = json.dumps({"source": "aws.s3", "detail-type": detail_type, "detail": detail})
    world.submit_inbox.handle(SQSRecord({"messageId": "1", "body": body}))
    world.submit_inbox.dispatch(60_000)


def announce(world: World) -> None:
    """Publish the ends that wait for it."""
    while world.messages.completions:
        message = world.messages.completions.popleft()
        assert isinstance(message, Announce)
        world.storing.announce(message)


def code_of(job: Job) -> str | None:
    """Return the reason code of a job."""
    return job.reason.code if job.reason is not None else None


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("versioned", [True, False])
def test_an_unreadable_object_is_skipped_and_announced(
    code: UnreadableCode, *, versioned: bool
) -> None:
    """Nobody is asked, nothing comes again, and the sentence says what to do."""
    world = World(versioned=versioned)

    job = world.submitted(unreadable=code)
    announce(world)

    assert (job.state, code_of(job)) == (JobState.SKIPPED, code)
    ((kind, detail),) = world.announcer.events
    assert (kind, detail["reason"]["code"]) == ("Cutout Job Skipped", code)
    assert any(word in detail["reason"]["message"] for word in ("Restore", "Upload"))
    assert world.provider.creates == []
    assert world.metrics.by_dimensions["ObjectSkipped", (("reason", code),)] == 1


@pytest.mark.parametrize("code", CODES)
def test_a_job_whose_object_became_unreadable_while_it_waited(
    world: World, code: UnreadableCode
) -> None:
    """The provider could not read it either, and would be paid for that."""
    job = world.upload()
    lock(world, code)
    world.clock.advance(WAITED_MS)

    world.dispatcher.dispatch()

    assert (world.job(job).state, code_of(world.job(job))) == (JobState.SKIPPED, code)
    assert world.job(job).attempts == ()
    assert world.provider.creates == []
    assert world.gate.gate.spent_microusd == 0


def test_an_object_archived_between_its_first_and_its_last_bytes(world: World) -> None:
    """The reason is the same, and no message comes again."""
    body = JPEG[:-2].ljust(100_000, b"x") + JPEG[-2:]
    version = world.images.put(BUCKET, "shoe.jpg", body)
    inspect = world.images.inspect

    def archived_after(ref: ObjectRef) -> object:
        found = inspect(ref)
        lock(world)
        return found

    world.images.inspect = archived_after  # type: ignore[method-assign, assignment]  # a race
    job = world.intake.accept(ObjectRef(bucket=BUCKET, key="shoe.jpg"), Lane.UPLOAD)

    assert version.etag == (job.etag if job else None)
    assert job is not None
    assert (job.state, code_of(job)) == (JobState.SKIPPED, "archived")


@pytest.mark.parametrize("code", CODES)
def test_an_object_that_became_unreadable_before_it_was_prepared(
    world: World, code: UnreadableCode
) -> None:
    """Prepare ends the job; its message does not come again."""
    job = world.upload("shoe.heic", HEIC)
    lock(world, code, "shoe.heic")

    world.preparing.prepare(Prepare(job_id=job.job_id))

    assert (world.job(job).state, code_of(world.job(job))) == (JobState.SKIPPED, code)
    assert world.stage.copies == {}


def test_a_paid_result_is_stored_beside_an_archived_original(world: World) -> None:
    """With all it inherits: only the original's bytes can't be had, and nobody needs them."""
    job = world.submitted(metadata={"sku": "42"}, tags={"team": "web"})
    lock(world)

    world.storing.store(world.ended(job), last_try=False)

    result = world.images.objects[BUCKET, "shoe.cutout.png"]
    assert world.job(job).state is JobState.SUCCEEDED
    assert (result.metadata["sku"], result.tags) == ("42", {"team": "web"})


def test_a_name_nothing_is_told_of_is_not_taken(world: World) -> None:
    """It is somebody's, so the result takes the next name."""
    world.images.put(BUCKET, "shoe.cutout.png", b"theirs", unreadable=unreadable.ENCRYPTED)
    job = world.submitted()

    world.storing.store(world.ended(job), last_try=False)

    result = world.job(job).result
    assert result is not None
    assert result.key == "shoe.jpg.cutout.png"
    assert world.images.objects[BUCKET, "shoe.cutout.png"].body == b"theirs"


def restored(world: World, body: bytes = JPEG) -> Job:
    """Upload an archived object, let its end be announced, and restore it."""
    job = world.submitted(body=body, unreadable=unreadable.ARCHIVED)
    announce(world)
    world.images.restore(BUCKET, "shoe.jpg")
    return job


@pytest.mark.parametrize("versioned", [True, False])
def test_a_restored_object_is_cut_out(*, versioned: bool) -> None:
    """It is the same version: the job that was skipped has another run."""
    world = World(versioned=versioned)
    job = restored(world)

    tell(world, "Object Restore Completed")

    again = world.job(job)
    assert (again.run, again.state, len(world.provider.creates)) == (2, JobState.SUBMITTED, 1)
    assert (again.width, again.height) == (64, 48)


def test_the_sample_of_a_restore_is_understood(
    world: World, load_event: Callable[[str], dict[str, Any]]
) -> None:
    """Its form is that of the S3 User Guide, "EventBridge event message structure"."""
    world.images.put(BUCKET, "photos/shoe.jpg", JPEG, unreadable=unreadable.ARCHIVED)
    tell(world, "Object Created", "photos/shoe.jpg")
    announce(world)
    world.images.restore(BUCKET, "photos/shoe.jpg")
    (record,) = load_event("submit/object_restored")["Records"]

    world.submit_inbox.handle(SQSRecord(record))

    assert [job.state for job in world.jobs.records.values()] == [JobState.QUEUED]


def test_a_restored_object_that_is_odd_is_prepared(world: World) -> None:
    """It is judged now, by its first bytes; the first time there were none."""
    job = restored(world, body=HEIC)

    tell(world, "Object Restore Completed")

    assert world.job(job).state is JobState.PREPARING
    assert list(world.messages.prepares) == [Prepare(job_id=job.job_id)]


def test_a_restored_object_that_is_no_image_says_so(world: World) -> None:
    """In a run of its own, with an event of its own."""
    job = restored(world, body=b"words")

    tell(world, "Object Restore Completed")
    announce(world)

    again = world.job(job)
    assert (again.run, again.state, code_of(again)) == (2, "skipped", "unsupported_format")
    told = [(detail["run"], detail["reason"]["code"]) for _, detail in world.announcer.events]
    assert told == [(1, "archived"), (2, "unsupported_format")]


def test_a_restored_object_whose_content_is_done_is_not_paid_again(world: World) -> None:
    """It was cut out, uploaded once more into an archive, and restored."""
    first = world.submitted()
    world.storing.store(world.ended(first), last_try=False)
    world.clock.advance(1_000)
    job = restored(world)

    tell(world, "Object Restore Completed")

    assert (world.job(job).run, code_of(world.job(job))) == (2, "already_done")
    assert len(world.provider.creates) == 1


def test_a_restored_object_that_nobody_asked_for_is_left_alone(world: World) -> None:
    """A bucket's archive is restored for an audit: none of it is paid for."""
    world.images.put(BUCKET, "shoe.jpg", JPEG)

    tell(world, "Object Restore Completed")

    assert world.jobs.records == {}
    assert world.metrics.by_dimensions["ObjectIgnored", (("reason", "never_asked_for"),)] == 1


def test_a_restored_object_that_was_cut_out_stays_so(world: World) -> None:
    """Nor is it paid twice."""
    job = world.submitted()
    world.storing.store(world.ended(job), last_try=False)

    tell(world, "Object Restore Completed")

    assert (world.job(job).run, len(world.provider.creates)) == (1, 1)


def test_the_same_event_again_changes_nothing_while_it_is_archived(world: World) -> None:
    """And no second end is announced."""
    job = world.submitted(unreadable=unreadable.ARCHIVED)
    announce(world)

    tell(world, "Object Created")
    tell(world, "Object Restore Completed")

    assert world.job(job).run == 1
    assert len(world.announcer.events) == 1


def test_a_second_event_of_a_restore_finds_the_run_open(world: World) -> None:
    """S3 says everything at least once."""
    job = restored(world, body=b"words")

    tell(world, "Object Restore Completed")
    tell(world, "Object Restore Completed")

    assert world.job(job).run == 2


# ---- the jobs API


@pytest.mark.parametrize("code", CODES)
def test_asked_for_it_is_a_skipped_job(world: World, code: UnreadableCode) -> None:
    """Like any object that is not worth a paid call; not a 503 that invites to try again."""
    world.images.put(BUCKET, "shoe.jpg", JPEG, unreadable=code)

    answer = Front(world).call("POST", "/jobs", {"key": "shoe.jpg"})

    assert (answer.status, answer.json["state"]) == (202, "skipped")
    assert answer.json["reason"]["code"] == code


def test_asked_for_again_after_the_restore_it_is_cut_out(world: World) -> None:
    """Where EventBridge's event was lost, or delivery is off."""
    job = restored(world)

    answer = Front(world).call("POST", "/jobs", {"key": "shoe.jpg"})

    assert (answer.status, answer.json["state"], answer.json["run"]) == (202, "queued", 2)
    assert world.job(job).lane is Lane.API


@pytest.mark.parametrize("code", CODES)
def test_a_retry_before_the_restore_is_refused(world: World, code: UnreadableCode) -> None:
    """With the code, and what to do."""
    job = world.submitted(unreadable=code)
    announce(world)

    answer = Front(world).call("POST", f"/jobs/{job.job_id}/retry")

    assert (answer.status, answer.json["code"]) == (409, code)
    assert "skipped again" in answer.json["detail"]


def test_a_retry_after_the_restore_is_a_new_run(world: World) -> None:
    """Judged by its bytes: here a plain JPEG, whose size is known from now on."""
    job = restored(world)

    answer = Front(world).call("POST", f"/jobs/{job.job_id}/retry")

    again = world.job(job)
    assert (answer.status, again.run, again.state) == (202, 2, JobState.QUEUED)
    assert (again.width, again.height) == (64, 48)


def test_an_unreadable_copy_of_a_result_is_no_result_of_ours(world: World) -> None:
    """A job whose result was replaced by something nobody can read is run again when asked for."""
    job = world.submitted()
    world.storing.store(world.ended(job), last_try=False)
    result: Version = world.images.objects[BUCKET, "shoe.cutout.png"]
    hidden = replace(result, unreadable=unreadable.ENCRYPTED)
    world.images.objects[BUCKET, "shoe.cutout.png"] = hidden

    answer = Front(world).call("POST", "/jobs", {"key": "shoe.jpg"})

    assert (answer.status, answer.json["run"]) == (202, 2)


# ---- what S3's words mean


@pytest.mark.parametrize(
    ("storage_class", "archive_status", "restore", "expected"),
    [
        ("", "", "", None),
        ("STANDARD_IA", "", "", None),
        ("GLACIER_IR", "", "", None),
        ("INTELLIGENT_TIERING", "", "", None),
        ("GLACIER", "", "", "archived"),
        ("DEEP_ARCHIVE", "", "", "archived"),
        ("INTELLIGENT_TIERING", "ARCHIVE_ACCESS", "", "archived"),
        ("INTELLIGENT_TIERING", "DEEP_ARCHIVE_ACCESS", "", "archived"),
        ("INTELLIGENT_TIERING", "ARCHIVE_ACCESS", 'ongoing-request="true"', "archived"),
        ("GLACIER", "", 'ongoing-request="true"', "archived"),
        ("GLACIER", "", 'ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00 GMT"', None),
    ],
)
def test_an_archive_is_known_by_its_head(
    storage_class: str, archive_status: str, restore: str, expected: str | None
) -> None:
    """S3 API Reference, HeadObject."""
    assert unreadable.by_head(storage_class, archive_status, restore) == expected


@pytest.mark.parametrize(
    "error", ["AccessDenied", "SlowDown", "400", "KMS.DisabledException", "InvalidArgument", ""]
)
def test_what_may_pass_is_not_for_good(error: str) -> None:
    """It comes again, and ends in the dead-letter queue at the worst."""
    assert unreadable.by_error(error) is None


def test_every_code_has_a_sentence() -> None:
    """With what to do."""
    for code in CODES:
        assert unreadable.reason(code).code == code
        assert len(unreadable.reason(code).message) > 50
    assert set(CODES) == unreadable.CODES
