"""A result comes home once, under a name that is free, or its job ends with the reason."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from cutout import keys
from cutout.bootstrap import _limits
from cutout.errors import (
    ConflictError,
    LeaseHeldError,
    MaybeCreatedError,
    ResultError,
    StorageError,
)
from cutout.gate import Limits
from cutout.models import (
    Announce,
    AttemptEnded,
    Job,
    JobState,
    ProviderPaused,
    Result,
    StoredObject,
    Wake,
)
from cutout.services.storing import LEASE_MS
from tests.fake_outside import FakeProvider
from tests.fakes import Version
from tests.world import BUCKET, JPEG, PRICE, World

RESULT = "shoe.cutout.png"


def store(world: World, job: Job, *, last_try: bool = False) -> Job:
    """Bring the result of a job's last attempt home."""
    world.storing.store(world.ended(job), last_try=last_try)
    return world.job(job)


def at(world: World, key: str) -> Version:
    """Return what stands at a key."""
    return world.images.objects[BUCKET, key]


def test_a_result_is_stored_beside_its_source(world: World) -> None:
    """Bytes, type, marker and what is inherited."""
    job = world.submitted(metadata={"sku": "42"}, tags={"team": "web"}, cache_control="max-age=9")

    done = store(world, job)

    result = at(world, RESULT)
    assert result.body == b"a cut-out of shoe.jpg"
    assert (result.content_type, result.cache_control) == ("image/png", "max-age=9")
    assert result.tags == {"team": "web"}
    assert result.metadata == {
        "sku": "42",
        keys.JOB_METADATA: job.job_id,
        "cutout-source-etag": at(world, "shoe.jpg").etag,
        "cutout-source-version": "",
        "cutout-source-checksum": keys.md5_of_etag(at(world, "shoe.jpg").etag),
        "cutout-provider": "eachlabs",
    }
    assert done.result is not None
    assert (done.state, done.result.key, done.result.etag) == (
        JobState.SUCCEEDED,
        RESULT,
        result.etag,
    )


@pytest.mark.parametrize(
    ("source", "algorithm"),
    [({}, "MD5"), ({"parts": 2}, "SHA256"), ({"encryption": "aws:kms"}, "SHA256")],
)
def test_a_result_is_always_marked_with_its_sources_content(
    world: World, source: dict[str, Any], algorithm: str
) -> None:
    """By the ETag, where that is a digest of it; else its bytes are read."""
    store(world, world.submitted(**source))

    mark = at(world, RESULT).metadata[keys.CHECKSUM_METADATA]
    digest = hashlib.new(algorithm, JPEG, usedforsecurity=False).digest()
    assert mark == keys.checksum(algorithm, digest)
    assert world.images.hashed == (algorithm == "SHA256")


def test_a_result_of_an_archived_source_is_stored_without_that_mark(world: World) -> None:
    """It was paid for; the mark only saves money later."""
    job = world.submitted(parts=2)
    source = at(world, "shoe.jpg")
    world.images.objects[BUCKET, "shoe.jpg"] = replace(source, unreadable="archived")

    assert store(world, job).state is JobState.SUCCEEDED
    assert keys.CHECKSUM_METADATA not in at(world, RESULT).metadata


def test_a_forged_mark_is_not_inherited(world: World) -> None:
    """A source that names another content's checksum would hide its own next version."""
    forged = {keys.CHECKSUM_METADATA: "SHA256:AAAA"}
    job = world.submitted(parts=2, metadata=forged)
    source = at(world, "shoe.jpg")
    world.images.objects[BUCKET, "shoe.jpg"] = replace(source, unreadable="archived")

    store(world, job)

    assert keys.CHECKSUM_METADATA not in at(world, RESULT).metadata


@pytest.mark.parametrize(
    ("parameter", "source", "expected"),
    [
        ("", "public, max-age=31536000, immutable", "public, max-age=31536000"),
        ("", None, None),
        ("no-cache", "public, max-age=31536000, immutable", "no-cache"),
        ("no-cache", None, "no-cache"),
        ("max-age=60, immutable", "max-age=1", "max-age=60, immutable"),
    ],
)
def test_a_results_cache_control_is_the_parameters_or_the_sources(
    parameter: str, source: str | None, expected: str | None
) -> None:
    """What a person set is taken as it is."""
    world = World(result_cache_control=parameter)

    store(world, world.submitted(cache_control=source))

    assert at(world, RESULT).cache_control == expected


def test_a_result_says_what_it_replaced(world: World) -> None:
    """In the record and in the event; the first one replaced nothing."""
    first = store(world, world.submitted())
    old = at(world, RESULT).etag
    world.clock.advance(1_000)
    world.results.bodies["https://cdn.test/2.png"] = b"another cut-out"
    job = world.submitted(body=JPEG + b"!")
    world.storing.store(world.ended(job, url="https://cdn.test/2.png"), last_try=False)

    results = [first.result, world.job(job).result]
    assert [result and result.replaced_etag for result in results] == [None, old]
    told = [detail["result"]["replaced_etag"] for _, detail in world.announcer.events]
    assert told == [None, old]


def test_a_record_of_an_earlier_version_replaced_nothing() -> None:
    """Its result has no such field."""
    said = {"key": "a.png", "etag": "e", "size": 1, "content_type": "image/png"}

    assert Result.model_validate(said | {"width": 1, "height": 1}).replaced_etag is None


def test_an_end_is_announced_once(world: World) -> None:
    """The event names result, price and provider; the record knows that it was published."""
    job = world.submitted()

    done = store(world, job)
    world.storing.announce(Announce(job_id=job.job_id, run=1))

    ((kind, detail),) = world.announcer.events
    assert kind == "Cutout Job Succeeded"
    assert (detail["job_id"], detail["run"], detail["key"]) == (job.job_id, 1, "shoe.jpg")
    assert (detail["result"]["width"], detail["cost_usd"]) == (64, PRICE / 1_000_000)
    assert done.announced


def test_a_duplicate_completion_writes_nothing(world: World) -> None:
    """Webhook and poll both said it: one result, one event, one download."""
    job = world.submitted()
    done = store(world, job)
    written = at(world, RESULT)

    again = store(world, job)

    assert again == done
    assert at(world, RESULT) is written
    assert len(world.announcer.events) == 1
    assert len(world.results.fetched) == 1


@pytest.mark.parametrize(("after_ms", "held"), [(LEASE_MS - 1, True), (LEASE_MS, False)])
def test_a_lease_is_resumed_when_it_is_over(world: World, after_ms: int, *, held: bool) -> None:
    """A crashed invocation's work is done again, a running one's is left alone."""
    job = world.submitted()
    world.images.fail("write_result", StorageError("crash"))
    with pytest.raises(StorageError):
        store(world, job)
    world.clock.advance(after_ms)

    if held:
        with pytest.raises(LeaseHeldError):
            store(world, job)
    else:
        store(world, job)

    assert world.job(job).state is (JobState.STORING if held else JobState.SUCCEEDED)


def test_a_crash_after_the_write_is_no_second_object(world: World) -> None:
    """The redelivery finds its own result and puts the same bytes in its place."""
    job = world.submitted()
    replace = world.jobs.replace
    world.jobs.replace = lambda old, new: (  # type: ignore[method-assign]  # a crash at the end
        (_ for _ in ()).throw(StorageError("crash")) if new.is_over else replace(old, new)
    )
    with pytest.raises(StorageError):
        store(world, job)
    world.jobs.replace = replace  # type: ignore[method-assign]  # whole again
    world.clock.advance(LEASE_MS)

    done = store(world, job)

    assert done.state is JobState.SUCCEEDED
    assert [key for _, key in world.images.objects] == ["shoe.jpg", RESULT]


def test_the_same_webhook_at_once_is_no_second_event(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While who ended the job is announcing it, nobody else does."""
    job = world.submitted()
    publish = world.announcer.publish

    def while_another_comes(ended: Job) -> None:
        monkeypatch.setattr(world.announcer, "publish", publish)
        store(world, job)
        publish(ended)

    monkeypatch.setattr(world.announcer, "publish", while_another_comes)
    store(world, job)

    assert len(world.announcer.events) == 1


def test_a_crash_before_the_announcement_is_announced_at_the_redelivery(world: World) -> None:
    """The end state stands; only the event was missing."""
    job = world.submitted()
    world.announcer.fail("publish", StorageError("away"))
    with pytest.raises(StorageError):
        store(world, job)
    world.clock.advance(60_000)  # the queue's visibility timeout

    store(world, job)

    assert [kind for kind, _ in world.announcer.events] == ["Cutout Job Succeeded"]
    assert len(world.results.fetched) == 1


def test_neighbours_with_one_stem_keep_both_results(world: World) -> None:
    """shoe.jpg and shoe.png side by side: the second one's extension stays in."""
    first, second = world.submitted("shoe.jpg"), world.submitted("shoe.png")

    store(world, first)
    store(world, second)

    assert at(world, RESULT).body == b"a cut-out of shoe.jpg"
    assert at(world, "shoe.png.cutout.png").metadata[keys.JOB_METADATA] == second.job_id


@pytest.mark.parametrize("theirs", [{}, {keys.JOB_METADATA: ""}, {keys.JOB_METADATA: "f" * 32}])
def test_a_foreign_object_is_never_overwritten(world: World, theirs: dict[str, str]) -> None:
    """Whoever wrote it, with or without a marker: the result goes to the next name."""
    world.images.put(BUCKET, RESULT, b"theirs", metadata=theirs)

    done = store(world, world.submitted())

    assert at(world, RESULT).body == b"theirs"
    assert done.result is not None
    assert done.result.key == "shoe.jpg.cutout.png"


def test_a_result_without_a_free_name_fails(world: World) -> None:
    """Nothing is overwritten even then."""
    names = keys.result_names(BUCKET, "shoe.jpg", ".cutout", "png")
    for name in names:
        world.images.put(BUCKET, name, b"theirs")

    done = store(world, world.submitted())

    assert done.reason is not None
    assert (done.state, done.reason.code) == (JobState.FAILED, "result_name_taken")
    assert {at(world, name).body for name in names} == {b"theirs"}


def test_a_new_version_replaces_its_own_old_result(world: World) -> None:
    """The same source's next upload keeps the name."""
    store(world, world.submitted())
    world.clock.advance(1_000)
    second = world.submitted(body=JPEG + b"!")

    done = store(world, second)

    assert done.result is not None
    assert done.result.key == RESULT
    assert at(world, RESULT).metadata[keys.JOB_METADATA] == second.job_id


def test_a_source_replaced_meanwhile_is_skipped(world: World) -> None:
    """The old picture's result is not shown for the new one."""
    job = world.submitted()

    def replace_source() -> None:
        world.images.put(BUCKET, "shoe.jpg", JPEG + b"!")

    world.results.on_fetch = replace_source

    done = store(world, job)

    assert done.reason is not None
    assert (done.state, done.reason.code) == (JobState.SKIPPED, "source_replaced")
    assert (BUCKET, RESULT) not in world.images.objects
    assert [kind for kind, _ in world.announcer.events] == ["Cutout Job Skipped"]


def test_a_source_deleted_meanwhile_is_skipped(world: World) -> None:
    """A result without its original is not wanted."""
    job = world.submitted()
    del world.images.objects[BUCKET, "shoe.jpg"]

    done = store(world, job)

    assert done.reason is not None
    assert (done.state, done.reason.code) == (JobState.SKIPPED, "source_deleted")
    assert (BUCKET, RESULT) not in world.images.objects


@pytest.mark.parametrize(
    "code", ["result_not_an_image", "result_truncated", "result_opaque", "result_too_large"]
)
def test_a_bad_result_fails_with_its_reason(world: World, code: str) -> None:
    """What must not be published is not, and the job says why."""
    world.verifier.error = ResultError(code, "It is no cut-out.")

    done = store(world, world.submitted())

    assert done.reason is not None
    assert (done.state, done.reason.code) == (JobState.FAILED, code)
    assert (BUCKET, RESULT) not in world.images.objects
    assert world.metrics.by_dimensions["JobFailed", (("reason", code),)] == 1


@pytest.mark.parametrize(("again", "last_try"), [(0, True), (1, True), (2, False)])
def test_an_unavailable_result_is_fetched_again_a_few_times(
    world: World, again: int, *, last_try: bool
) -> None:
    """Three failed downloads, or the queue's last delivery, are the end."""
    job = world.submitted()
    ended = world.ended(job)
    world.results.bodies.clear()
    for _ in range(again):
        with pytest.raises(ResultError):
            world.storing.store(ended, last_try=False)
        assert world.job(job).state is JobState.STORING

    world.storing.store(ended, last_try=last_try)

    done = world.job(job)
    assert done.reason is not None
    assert (done.state, done.reason.code) == (JobState.FAILED, "result_unavailable")
    assert done.announced


def test_a_late_result_of_an_abandoned_attempt_is_used(world: World) -> None:
    """The job waits for its second attempt when the first one's result comes: it is paid for."""
    job = world.submitted()
    late = world.ended(job)
    world.endings.settle(world.ended(job, failed="timed out"))
    assert world.job(job).state is JobState.QUEUED

    world.storing.store(late, last_try=False)
    world.clock.advance(2_000)
    world.dispatcher.dispatch()

    assert world.job(job).state is JobState.SUCCEEDED
    assert len(world.provider.creates) == 1


def test_a_failure_is_not_stores_business(world: World) -> None:
    """The dispatch side ends or retries the job."""
    job = world.submitted()

    world.storing.store(world.ended(job, failed="no subject"), last_try=True)

    assert world.job(job) == job


def test_an_unknown_job_is_dropped(world: World) -> None:
    """A record that expired wants nothing."""
    job = world.submitted()
    ended: AttemptEnded = world.ended(job)
    world.jobs.records.clear()

    world.storing.store(ended, last_try=False)

    assert world.results.fetched == []


def test_an_end_is_counted_when_it_is_announced(world: World) -> None:
    """Once, however it came about and however often it is said."""
    job = world.upload(body=b"hello")

    for _ in range(2):
        world.storing.announce(Announce(job_id=job.job_id, run=1))

    counted = world.metrics.by_dimensions["ObjectSkipped", (("reason", "unsupported_format"),)]
    assert counted == 1


def test_nothing_is_announced_that_has_not_ended(world: World) -> None:
    """Neither an unknown job nor a running one."""
    job = world.submitted()

    world.storing.announce(Announce(job_id="0" * 32, run=1))
    world.storing.announce(Announce(job_id=job.job_id, run=1))

    assert world.announcer.events == []


def test_another_runs_announcement_is_not_this_ones(world: World) -> None:
    """A message of a run that is over by now publishes nothing."""
    job = world.upload(body=b"hello")

    world.storing.announce(Announce(job_id=job.job_id, run=2))

    assert world.announcer.events == []
    assert not world.job(job).announced


def test_a_pause_is_published(world: World) -> None:
    """Provider, reason and when it is looked at again."""
    pause = ProviderPaused(provider="eachlabs", reason="setup", until_ms=1_768_478_400_000)

    world.storing.announce_pause(pause)

    ((kind, detail),) = world.announcer.events
    assert kind == "Cutout Provider Paused"
    assert (detail["provider"], detail["until"]) == ("eachlabs", "2026-01-15T12:00:00+00:00")
    assert detail["reason"]["code"] == "setup"


@pytest.mark.parametrize("error", [None, ResultError("result_opaque", "It is opaque.")])
def test_who_ends_the_job_second_announces_nothing(world: World, error: ResultError | None) -> None:
    """Somebody else ended it while the result was fetched, whatever the result is."""
    job = world.submitted()
    world.verifier.error = error

    def skip() -> None:
        stored = world.job(job)
        world.jobs.replace(stored, stored.model_copy(update={"state": JobState.SKIPPED}))

    world.results.on_fetch = skip
    done = store(world, job)

    assert (done.state, done.reason) == (JobState.SKIPPED, None)
    assert world.announcer.events == []


def two_providers() -> World:
    """Return a world with a second provider behind the first."""
    world = World(providers=("eachlabs", "apiin"), apiin_price_usd="0.01")
    second = FakeProvider(world.clock, "task")
    world.attempts._providers = {"eachlabs": world.provider, "apiin": second}  # noqa: SLF001
    limits: dict[str, Limits] = {
        name: _limits(world.settings.provider(name)) for name in world.settings.providers
    }
    world.dispatcher = world.new_dispatcher(limits=limits)
    return world


def spoil(world: World, job: Job) -> Job:
    """Let the last attempt's result be bad, and its slot be freed."""
    world.verifier.error = ResultError("result_opaque", "It is opaque.")
    ended = world.ended(job, url=f"https://cdn.test/{job.last_number}.png")
    world.storing.store(ended, last_try=False)
    world.verifier.error = None
    world.dispatcher.dispatch([world.endings.settle(ended)])
    return world.job(job)


def test_a_bad_result_is_offered_to_the_next_provider() -> None:
    """Its price stays in the ledger as failed, and the next one's result is published."""
    world = two_providers()
    job = spoil(world, world.submitted())

    done = store(world, job)

    assert [a.provider for a in done.attempts] == ["eachlabs", "apiin"]
    assert (done.state, done.provider) == (JobState.SUCCEEDED, "apiin")
    assert {line.provider: line.why for line in world.ledger.lines.values()} == {
        "eachlabs": "failed",
        "apiin": "created",
    }
    assert Wake() in [wake for _, wake in world.messages.wakes]
    assert world.metrics.sums["ResultRejected"] == 1


def test_bad_results_from_all_providers_fail_with_everybodys_words() -> None:
    """The reason is the last one's code, the sentence names both."""
    world = two_providers()

    done = spoil(world, spoil(world, world.submitted()))

    assert done.reason is not None
    assert (done.state, done.reason.code) == (JobState.FAILED, "result_opaque")
    assert done.reason.message == "eachlabs: It is opaque.; apiin: It is opaque."
    assert (BUCKET, RESULT) not in world.images.objects


def test_a_rejection_told_twice_is_one() -> None:
    """The redelivery finds the job where it was put, and takes nothing away from it."""
    world = two_providers()
    job = world.submitted()
    ended = world.ended(job)
    world.verifier.error = ResultError("result_opaque", "It is opaque.")
    world.messages.fail("wake", StorageError("away"))
    with pytest.raises(StorageError):
        world.storing.store(ended, last_try=False)
    before = world.job(job)

    world.storing.store(ended, last_try=False)

    assert before.state is JobState.QUEUED
    assert world.job(job) == before
    assert [wake for _, wake in world.messages.wakes] == [Wake()]
    assert len(world.results.fetched) == 2


@pytest.mark.parametrize("known", [True, False])
def test_a_bad_late_result_leaves_the_running_attempt_alone(*, known: bool) -> None:
    """The abandoned attempt's result is bad; the one that runs may still bring a good one."""
    world = World()
    job = world.submitted()
    late = world.ended(job)
    world.dispatcher.dispatch([world.endings.settle(world.ended(job, failed="timed out"))])
    if not known:
        world.provider.script.append(MaybeCreatedError("no answer"))
    world.clock.advance(2_000)
    world.dispatcher.dispatch()
    world.verifier.error = ResultError("result_opaque", "It is opaque.")
    world.storing.store(late, last_try=False)
    world.verifier.error = None

    expected = JobState.SUBMITTED if known else JobState.SUBMITTING
    assert world.job(job).state is expected
    assert store(world, job).state is JobState.SUCCEEDED


@pytest.mark.parametrize("size", [(48, 64), (64, 47), (32, 24)])
def test_a_result_of_another_size_is_not_published(world: World, size: tuple[int, int]) -> None:
    """Turned, cropped or shrunk: it does not lie over its original."""
    job = world.submitted()
    stored = world.job(job)
    world.jobs.replace(stored, stored.model_copy(update={"width": size[0], "height": size[1]}))

    done = store(world, job)

    assert done.reason is not None
    assert (done.state, done.reason.code) == (JobState.FAILED, "result_wrong_size")
    assert "64 x 48" in done.reason.message


def test_a_result_is_taken_as_it_is_where_no_size_is_known(world: World) -> None:
    """An image that nobody looked at before."""
    job = world.submitted()
    stored = world.job(job)
    world.jobs.replace(stored, stored.model_copy(update={"width": None, "height": None}))

    assert store(world, job).state is JobState.SUCCEEDED


def race(world: World, job: Job) -> Job:
    """Let a newer version be uploaded and finished between the look at the source and the write."""
    write, newer = world.images.write_result, list[Job]()

    def overtaken(*args: Any) -> str | None:
        world.images.write_result = write  # type: ignore[method-assign]  # once
        newer.append(world.submitted(body=JPEG + b"!"))
        store(world, newer[0])
        return write(*args)

    world.images.write_result = overtaken  # type: ignore[method-assign, assignment]  # a slow invocation
    world.clock.advance(1_000)
    store(world, job)
    return world.job(newer[0])


@pytest.mark.parametrize("versioned", [True, False])
def test_an_older_result_never_overwrites_a_newer_one(*, versioned: bool) -> None:
    """Not even when the source was still the older one a moment ago."""
    world = World(versioned=versioned)
    older = world.submitted()

    newer = race(world, older)

    done = world.job(older)
    assert done.reason is not None
    assert (done.state, done.reason.code) == (JobState.SKIPPED, "source_replaced")
    assert at(world, RESULT).metadata[keys.JOB_METADATA] == newer.job_id
    assert [key for _, key in world.images.objects] == ["shoe.jpg", RESULT]


def test_a_restored_version_gets_its_own_result_back() -> None:
    """The newer version was removed: what stands there is not of what stands beside it."""
    world = World(versioned=True)
    older = world.submitted()
    first = at(world, "shoe.jpg")
    world.clock.advance(1_000)
    store(world, world.submitted(body=JPEG + b"!"))
    world.images.objects[BUCKET, "shoe.jpg"] = first

    done = store(world, older)

    assert done.state is JobState.SUCCEEDED
    assert at(world, RESULT).metadata[keys.JOB_METADATA] == older.job_id


def test_a_result_deleted_while_it_is_replaced_is_written_anew(world: World) -> None:
    """Its name is free again: it is not passed over for the next one."""
    store(world, world.submitted())
    world.clock.advance(1_000)
    job = world.submitted(body=JPEG + b"!")
    find = world.images.find_result

    def find_and_delete(bucket: str, key: str) -> StoredObject | None:
        world.images.find_result = find  # type: ignore[method-assign]  # once
        found = find(bucket, key)
        del world.images.objects[BUCKET, key]
        return found

    world.images.find_result = find_and_delete  # type: ignore[method-assign]  # somebody else
    done = store(world, job)

    assert done.result is not None
    assert done.result.key == RESULT


def test_a_name_that_is_written_by_others_every_time_is_a_passing_fault(world: World) -> None:
    """The message comes again."""
    job = world.submitted()
    world.images.write_result = lambda *_: None  # type: ignore[method-assign]  # it always loses

    with pytest.raises(ConflictError):
        store(world, job)
