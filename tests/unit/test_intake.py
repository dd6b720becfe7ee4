"""What is accepted, what is refused and what is ignored; once per version of an object."""

import logging
import random
from dataclasses import replace
from typing import Any

import pytest

from cutout import keys
from cutout.adapters.s3 import HEAD_BYTES
from cutout.errors import ConflictError, ImageError, ObjectMissingError, StorageError
from cutout.models import Announce, Job, JobState, Lane, ObjectRef, Prepare
from cutout.observability import logger
from tests.examples import a_source
from tests.world import BUCKET, JPEG, World

HEIC = b"\x00\x00\x00\x18ftypheic"
DNG = b"II*\x00\x08\x00\x00\x00\x01\x00\xfe\x00\x04\x00\x01\x00\x00\x00\x01\x00\x00\x00"
HUGE_BMP = b"BM" + bytes(12) + b"\x28\x00\x00\x00" + b"\x20\x4e\x00\x00" * 2
SHOE = ObjectRef(bucket=BUCKET, key="shoe.jpg")


def test_an_image_is_queued(world: World) -> None:
    """The job names the version, stands in line, and nothing was paid yet."""
    job = world.upload()

    assert world.job(job).state is JobState.QUEUED
    assert [entry.job_id for entry in world.line.first(5, world.clock.now_ms())] == [job.job_id]
    assert (job.bucket, job.key, job.lane) == (BUCKET, "shoe.jpg", Lane.UPLOAD)
    assert world.ledger.lines == {}


def test_the_same_event_five_times_is_one_job_and_one_create(world: World) -> None:
    """S3 says everything at least once."""
    world.images.put(BUCKET, "shoe.jpg", JPEG)

    for _ in range(5):
        world.intake.accept(SHOE, Lane.UPLOAD)
        world.dispatcher.dispatch()

    assert len(world.jobs.records) == 1
    assert len(world.provider.creates) == 1


def test_a_job_is_recorded_although_somebody_else_was_writing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever removes the place of its lost record is in the way for a moment: it is no loser."""
    once = iter([False])
    create = world.jobs.create
    monkeypatch.setattr(world.jobs, "create", lambda job: next(once, True) and create(job))

    job = world.upload()

    assert world.job(job).state is JobState.QUEUED


def test_an_upload_that_cannot_be_recorded_is_not_taken_for_recorded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message goes back to the queue and comes again."""
    monkeypatch.setattr(world.jobs, "create", lambda _: False)

    with pytest.raises(ConflictError):
        world.upload()


@pytest.mark.parametrize("versioned", [True, False])
def test_a_b_a_is_three_jobs(*, versioned: bool) -> None:
    """The first content uploaded again is a third version, whatever its ETag."""
    world = World(versioned=versioned)
    job_ids = []
    for body in (JPEG, JPEG + b"!", JPEG):
        job_ids.append(world.upload(body=body).job_id)
        world.clock.advance(1_000)

    assert len(set(job_ids)) == 3
    assert len({job_id[:16] for job_id in job_ids}) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty_object"),
        (JPEG * 100, "too_large"),
        (b"hello", "unsupported_format"),
        (DNG, "unsupported_format"),
        (HUGE_BMP, "too_many_pixels"),
    ],
)
def test_what_is_not_worth_a_paid_call_is_skipped(body: bytes, code: str) -> None:
    """The job says why, is announced, and nobody is asked."""
    world = World(max_input_bytes=100)

    job = world.submitted(body=body)

    assert job.reason is not None
    assert (job.state, job.reason.code) == (JobState.SKIPPED, code)
    assert list(world.messages.completions) == [Announce(job_id=job.job_id, run=1)]
    assert world.provider.creates == []


@pytest.mark.parametrize(
    "body",
    [HEIC, b"GIF89a", b"\xff\xd8\xff\xe0 no header", JPEG[:-2], JPEG + bytes(300)],
    ids=["heic", "gif", "no header", "no end", "no end in sight"],
)
def test_what_is_odd_is_prepared_first(world: World, body: bytes) -> None:
    """The job does not join the line, and `prepare` is asked for a copy."""
    job = world.submitted(body=body if len(body) < 100 else body + bytes(140_000))

    assert job.state is JobState.PREPARING
    assert list(world.messages.prepares) == [Prepare(job_id=job.job_id)]
    assert world.provider.creates == []
    assert world.line.size() == 0


@pytest.mark.parametrize(
    ("key", "state"),
    [
        ("up/../shoe.jpg", JobState.PREPARING),
        ("./shoe.jpg", JobState.PREPARING),
        ("a/..", JobState.PREPARING),
        ("a..b/.c/shoe.jpg", JobState.QUEUED),
        ("a/.../shoe.jpg", JobState.QUEUED),
    ],
)
def test_a_key_that_http_clients_rewrite_is_staged(key: str, state: JobState) -> None:
    """The provider would ask for another address than the signed one, and be paid for failing."""
    assert World().upload(key).state is state


def test_a_lost_prepare_message_is_made_up_at_the_redelivery(world: World) -> None:
    """The event comes again because the queue was away."""
    world.images.put(BUCKET, "shoe.jpg", HEIC)
    world.messages.fail("prepare", StorageError("away"))
    with pytest.raises(StorageError):
        world.intake.accept(SHOE, Lane.UPLOAD)

    world.intake.accept(SHOE, Lane.UPLOAD)

    assert len(world.messages.prepares) == 1


@pytest.mark.parametrize(
    ("size", "reads"), [(HEAD_BYTES, 0), (HEAD_BYTES + 1, 1), (5 * HEAD_BYTES, 1)]
)
def test_a_large_files_end_is_looked_at(world: World, size: int, reads: int) -> None:
    """What was read with the beginning is not read again."""
    world.images.fail("tail", *[StorageError("away")] * reads)
    pixels = random.Random(1).randbytes(size).replace(b"\xff", b"\xfe")
    body = (JPEG[:-2] + pixels)[: size - 2] + JPEG[-2:]

    for _ in range(reads):
        with pytest.raises(StorageError):
            world.upload(body=body)

    job = world.upload(body=body)
    assert (job.state, job.width, job.height) == (JobState.QUEUED, 64, 48)


@pytest.mark.parametrize(
    ("tags", "state"),
    [
        ({"cutout": "skip"}, JobState.SKIPPED),
        ({"cutout": "no"}, JobState.QUEUED),
        ({"other": "skip"}, JobState.QUEUED),
    ],
)
def test_an_object_can_opt_out(world: World, tags: dict[str, str], state: JobState) -> None:
    """By exactly this tag; the record says that it was that."""
    job = world.upload(tags=tags)

    assert job.state is state
    assert (job.reason and job.reason.code) == ("opted_out" if state is JobState.SKIPPED else None)


def test_tags_are_not_read_where_there_are_none(world: World) -> None:
    """The object itself says how many it has."""
    world.images.fail("tags", StorageError("asked"))

    assert world.upload().state is JobState.QUEUED


def test_a_source_deleted_while_it_is_looked_at_is_ignored(world: World) -> None:
    """Between its beginning and its end."""
    world.images.fail("tail", ObjectMissingError("gone"))
    world.images.put(BUCKET, "shoe.jpg", JPEG.ljust(2 * HEAD_BYTES))

    assert world.intake.accept(SHOE, Lane.UPLOAD) is None
    assert world.jobs.records == {}


@pytest.mark.parametrize(("size", "state"), [(100, JobState.QUEUED), (101, JobState.SKIPPED)])
def test_the_size_limit_is_inclusive(size: int, state: JobState) -> None:
    """An object of exactly the limit is taken."""
    world = World(max_input_bytes=100)

    assert world.upload(body=JPEG.ljust(size, b"x")).state is state


def test_a_content_type_is_not_believed(world: World) -> None:
    """A photo named .bin and called text is a photo."""
    assert world.upload("shoe.bin", content_type="text/plain").state is JobState.QUEUED


def test_a_key_without_room_for_its_result_is_skipped(world: World) -> None:
    """1,024 bytes leave nothing for the suffix; that is said before anything is paid."""
    job = world.upload("x" * 1020 + ".jpg")

    assert job.reason is not None
    assert (job.state, job.reason.code) == (JobState.SKIPPED, "result_key_too_long")


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("photos/", "folder_marker"),
        ("photos/shoe.cutout.png", "own_result"),
        ("photos/shoe.cutout.webp", "own_result"),
        ("other/shoe.jpg", "outside_prefix"),
        ("photos/shoe.tif", "not_included"),
        ("photos/raw/shoe.jpg", "excluded"),
        ("photos/missing.jpg", "source_deleted"),
    ],
)
def test_what_is_out_of_scope_leaves_no_record(key: str, reason: str) -> None:
    """It is counted with its reason, and no job is written."""
    world = World(
        input_prefix="photos/", include_paths=("*.jpg", "*.png"), exclude_paths=("photos/raw/*",)
    )
    if "missing" not in key:
        world.images.put(BUCKET, key, JPEG)

    assert world.intake.accept(ObjectRef(bucket=BUCKET, key=key), Lane.UPLOAD) is None

    assert world.jobs.records == {}
    assert world.metrics.by_dimensions["ObjectIgnored", (("reason", reason),)] == 1


@pytest.mark.parametrize(
    ("key", "ignored"),
    [
        ("photos/shoe.jpg.part", True),
        ("shoe.jpg.filepart", True),
        ("a/b.partial", True),
        ("Unconfirmed 1.crdownload", True),
        ("a/shoe.tmp", True),
        ("._shoe.jpg", True),
        ("photos/._shoe.jpg", True),
        ("photos/shoe._jpg", False),
        ("photos._/shoe.jpg", False),
        ("photos/.shoe.jpg", False),
        ("part/shoe.jpg", False),
        ("shoe.parts", False),
        ("tmp", False),
    ],
)
def test_temporary_names_are_left_alone(world: World, key: str, *, ignored: bool) -> None:
    """The picture comes under its own name when it is complete."""
    world.images.put(BUCKET, key, JPEG)

    job = world.intake.accept(ObjectRef(bucket=BUCKET, key=key), Lane.UPLOAD)

    assert (job is None) is ignored


def test_a_list_of_ones_own_replaces_the_default() -> None:
    """As the README says."""
    world = World(exclude_paths=("*.bak",))

    assert world.upload("._shoe.jpg").state is JobState.QUEUED


@pytest.mark.parametrize(("level", "lines"), [(logging.INFO, 0), (logging.DEBUG, 500)])
def test_five_hundred_appledouble_files_are_one_quiet_metric(
    world: World, caplog: pytest.LogCaptureFixture, level: int, lines: int
) -> None:
    """A Mac writes one beside every picture."""
    caplog.set_level(level, logger=logger.name)

    for number in range(500):
        ref = ObjectRef(bucket=BUCKET, key=f"photos/._{number}.jpg")
        world.images.put(BUCKET, ref.key, b"\x00\x05\x16\x07")
        assert world.intake.accept_upload(ref) is None

    assert world.metrics.by_dimensions == {("ObjectIgnored", (("reason", "excluded"),)): 500}
    assert len([r for r in caplog.records if r.message == "object ignored"]) == lines
    assert world.jobs.records == {}


def test_an_object_of_another_bucket_is_none_of_ours(world: World) -> None:
    """Our own staged copy, for one: submit can read it, and would pay for cutting it out."""
    world.images.put("work", "staged/1.jpeg", JPEG)

    assert world.intake.accept(ObjectRef(bucket="work", key="staged/1.jpeg"), Lane.UPLOAD) is None

    assert world.jobs.records == {}
    assert world.metrics.by_dimensions["ObjectIgnored", (("reason", "other_bucket"),)] == 1


def test_a_result_under_another_name_is_not_cut_out_again(world: World) -> None:
    """The third loop guard: the marker survives a copy that the names do not."""
    marker = {keys.JOB_METADATA: "0" * 32}
    world.images.put(BUCKET, "copy.png", JPEG, metadata=marker)

    assert world.intake.accept(ObjectRef(bucket=BUCKET, key="copy.png"), Lane.UPLOAD) is None
    assert world.jobs.records == {}


def finished(world: World, key: str = "shoe.jpg", **attributes: object) -> Job:
    """Upload an image and bring its result home."""
    job = world.submitted(key, **attributes)
    ended = world.ended(job)
    world.storing.store(ended, last_try=False)
    world.dispatcher.dispatch([world.endings.settle(ended)])
    world.clock.advance(1_000)
    return world.job(job)


def test_the_same_content_again_is_already_done(world: World) -> None:
    """While its result stands, nothing is paid a second time."""
    first = finished(world)

    again = world.submitted()

    assert again.job_id != first.job_id
    assert again.reason is not None
    assert (again.state, again.reason.code) == (JobState.SKIPPED, "already_done")
    assert len(world.provider.creates) == 1


@pytest.mark.parametrize(
    ("body", "state"), [(JPEG, JobState.SKIPPED), (JPEG + b"!", JobState.SUBMITTED)]
)
def test_kms_hides_no_content_from_already_done(world: World, body: bytes, state: JobState) -> None:
    """Every upload has another ETag there; checksums are compared instead."""
    job = world.submitted(encryption="aws:kms")
    ended = world.ended(job)
    world.storing.store(ended, last_try=False)
    world.dispatcher.dispatch([world.endings.settle(ended)])
    world.clock.advance(1_000)

    again = world.submitted(body=body, encryption="aws:kms")

    assert again.etag != job.etag
    assert again.state is state
    assert again.reason is None or again.reason.code == "already_done"


COMES: dict[str, dict[str, Any]] = {
    "in one part": {},
    "in two parts": {"parts": 2},
    "in one of several": {"parts": 1},
    "under a KMS key": {"encryption": "aws:kms"},
    "under a KMS key in parts": {"encryption": "aws:kms", "parts": 2},
}


@pytest.mark.parametrize("first", COMES)
@pytest.mark.parametrize("second", COMES)
@pytest.mark.parametrize("versioned", [True, False])
def test_the_same_content_is_already_done_however_it_comes(
    first: str, second: str, *, versioned: bool
) -> None:
    """Its ETag is another one; other content is cut out however it comes."""
    world = World(versioned=versioned)
    finished(world, **COMES[first])

    again = world.submitted(**COMES[second])
    world.clock.advance(1_000)
    other = world.submitted(body=JPEG + b"!", **COMES[second])

    assert (again.state, again.reason and again.reason.code) == ("skipped", "already_done")
    assert other.state is JobState.SUBMITTED
    assert len(world.provider.creates) == 2


def test_a_bucket_is_re_encrypted_for_nothing(world: World) -> None:
    """Every object is copied onto itself, which S3 tells as an upload."""
    for number in range(5):
        finished(world, f"{number}.jpg", body=JPEG + bytes([number]))

    for number in range(5):
        world.submitted(f"{number}.jpg", body=JPEG + bytes([number]), encryption="aws:kms")

    assert len(world.provider.creates) == 5
    assert sorted(world.states()) == ["skipped"] * 5 + ["succeeded"] * 5


def test_a_copy_onto_itself_with_other_metadata_is_already_done(world: World) -> None:
    """Its storage class, its tags or its metadata are changed; the bytes are the same."""
    finished(world, parts=2)

    again = world.submitted(metadata={"sku": "43"}, tags={"team": "web"})

    assert again.reason is not None
    assert again.reason.code == "already_done"


def test_most_uploads_are_not_read_to_be_compared(world: World) -> None:
    """Where both ETags are MD5s they say it all."""
    finished(world)
    world.submitted(body=JPEG + b"!")

    assert world.images.hashed == 0


@pytest.mark.parametrize("mark", [None, "CRC32", "SHA256"])
def test_results_of_an_earlier_version_are_known(world: World, mark: str | None) -> None:
    """They have no mark of their own, or S3's checksum of a source that KMS encrypts."""
    encryption = None if mark is None else "aws:kms"
    finished(world, encryption=encryption)
    result = world.images.objects[BUCKET, world.result_of()]
    source = world.images.describe(SHOE)
    marks = {name: v for name, v in result.metadata.items() if name != keys.CHECKSUM_METADATA}
    if mark is not None:
        marks[keys.CHECKSUM_METADATA] = str(world.images.checksum(source, mark))
    world.images.objects[BUCKET, world.result_of()] = replace(result, metadata=marks)

    again = world.submitted(encryption="aws:kms")

    assert again.reason is not None
    assert again.reason.code == "already_done"


@pytest.mark.parametrize(
    "mark", ["", "nonsense", "SHA256:", "CRC64NVME:AAAAAAAAAAA=", "MD5:AAAA", "SHA256:AAAA"]
)
def test_a_mark_that_says_nothing_is_no_reason_to_skip(world: World, mark: str) -> None:
    """Rather paid than an image that never comes."""
    finished(world, parts=2)
    result = world.images.objects[BUCKET, world.result_of()]
    marks = result.metadata | {keys.CHECKSUM_METADATA: mark}
    world.images.objects[BUCKET, world.result_of()] = replace(result, metadata=marks)

    assert world.submitted().state is JobState.SUBMITTED


def test_a_source_archived_while_it_is_compared_is_skipped(world: World) -> None:
    """It would have to be read for it."""
    finished(world, parts=2)
    unreadable_now = ImageError("archived", "It is archived.")
    world.images.fail("checksum", unreadable_now)

    again = world.submitted()

    assert again.reason is not None
    assert again.reason.code == "archived"


def test_new_content_under_the_same_key_is_cut_out(world: World) -> None:
    """Another ETag is another picture."""
    finished(world)

    assert world.submitted(body=JPEG + b"!").state is JobState.SUBMITTED


def test_a_deleted_result_is_made_again(world: World) -> None:
    """The same content counts as done only while its result is there."""
    finished(world)
    del world.images.objects[BUCKET, "shoe.cutout.png"]

    assert world.submitted().state is JobState.SUBMITTED


def test_a_source_that_came_back_within_a_second_is_cut_out(world: World) -> None:
    """A, B and A again in one second, without versions: the last one is the first one's job."""
    first = world.submitted()
    world.images.put(BUCKET, "shoe.jpg", JPEG + b"B")
    world.storing.store(world.ended(first), last_try=False)
    replaced = world.job(first).reason
    assert replaced is not None
    assert replaced.code == "source_replaced"

    again = world.submitted()
    world.storing.store(world.ended(again), last_try=False)

    assert (again.job_id, again.run) == (first.job_id, 2)
    assert world.job(again).state is JobState.SUCCEEDED


def test_an_event_does_not_make_a_result_again(world: World) -> None:
    """Queues deliver twice, archives replay: what was moved away is not paid for again."""
    first = finished(world)
    del world.images.objects[BUCKET, world.result_of()]

    world.intake.accept_upload(ObjectRef(bucket=BUCKET, key="shoe.jpg"))
    world.dispatcher.dispatch()

    assert world.job(first).run == 1
    assert len(world.provider.creates) == 1


def test_a_neighbours_result_is_not_ours(world: World) -> None:
    """shoe.png with the bytes of shoe.jpg is an object of its own."""
    finished(world, "shoe.jpg")

    job = finished(world, "shoe.png")

    assert job.result is not None
    assert job.result.key == "shoe.png.cutout.png"
    assert world.submitted("shoe.png").state is JobState.SKIPPED


def test_when_every_name_is_taken_it_is_not_already_done(world: World) -> None:
    """Three foreign objects say nothing about our work."""
    for name in keys.result_names(BUCKET, "shoe.jpg", ".cutout", "png"):
        world.images.put(BUCKET, name, b"theirs")

    assert world.upload().state is JobState.QUEUED


def test_a_lost_announcement_is_made_up_at_the_redelivery(world: World) -> None:
    """The event comes again because the queue was away; the refusal is announced then."""
    world.images.put(BUCKET, "shoe.jpg", b"hello")
    world.messages.fail("announce", StorageError("away"))
    with pytest.raises(StorageError):
        world.intake.accept(SHOE, Lane.UPLOAD)

    world.intake.accept(SHOE, Lane.UPLOAD)

    assert len(world.messages.completions) == 1


def test_two_invocations_record_one_job(world: World) -> None:
    """Who loses the create takes the other one's job."""
    world.images.put(BUCKET, "shoe.jpg", JPEG)
    winner = world.intake.accept(SHOE, Lane.UPLOAD)
    assert winner is not None
    get, unseen = world.jobs.get, [True]
    world.jobs.get = lambda job_id: None if unseen and unseen.pop() else get(job_id)  # type: ignore[method-assign]  # an early look

    assert world.intake.accept(SHOE, Lane.API) == world.job(winner)


def test_a_passing_fault_is_not_taken_for_a_missing_object(world: World) -> None:
    """The message comes again; nothing is ignored."""
    world.images.fail("inspect", StorageError("away"))

    with pytest.raises(StorageError):
        world.intake.accept(SHOE, Lane.UPLOAD)

    assert world.metrics.sums["ObjectIgnored"] == 0
    assert issubclass(ObjectMissingError, StorageError)


def test_job_ids_follow_the_version() -> None:
    """VersionId where there is one, else ETag and time."""
    ids = {
        keys.job_id(a_source(version_id=version, etag=etag, last_modified_ms=at))
        for version, etag, at in [
            ("v1", "a", 1),
            ("v1", "b", 2),
            ("v2", "a", 1),
            (None, "a", 1),
            (None, "b", 1),
            (None, "a", 2),
        ]
    }

    assert len(ids) == 5
