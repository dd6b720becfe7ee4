"""The jobs API, call by call, in front of the application on fakes."""

import base64
import json
from typing import Any

import pytest

from cutout.api.door import MAX_BODY_BYTES
from cutout.errors import ConfigurationError, StorageError
from cutout.models import Announce, Job, JobState, Lane, Reason
from tests.front import Answer, Front
from tests.world import BUCKET, JPEG, World

URL = "https://photos.example/shoe.jpg?X-Amz-Signature=secret"
BAD = Reason(code="attempts_exhausted", message="3 attempts failed.")


@pytest.fixture
def front(world: World) -> Front:
    """Return the jobs API of the world."""
    return Front(world)


def finished(world: World, key: str = "shoe.jpg") -> Job:
    """Return a job that has succeeded and was announced."""
    job = world.submitted(key)
    world.storing.store(world.ended(job), last_try=False)
    return world.job(job)


def failed(world: World, key: str = "shoe.jpg", **changes: object) -> Job:
    """Return a job that failed and was announced."""
    job = world.upload(key)
    stored = world.job(job)
    values = {"state": JobState.FAILED, "reason": BAD, "announced": True} | changes
    world.jobs.replace(stored, stored.model_copy(update=values))
    return world.job(job)


def is_problem(answer: Answer, status: int, code: str) -> bool:
    """Tell whether an answer is this problem, with a sentence for people."""
    said = answer.json
    return (
        (answer.status, said["status"], said["code"]) == (status, status, code)
        and answer.headers["Content-Type"] == "application/problem+json"
        and said["type"] == f"urn:cutout:problem:{code}"
        and len(said["detail"]) > 10
    )


# ---- POST /jobs


def test_a_key_becomes_a_job_of_the_first_lane(world: World, front: Front) -> None:
    """Recorded at once, and `submit` is woken."""
    world.images.put(BUCKET, "shoe.jpg", JPEG)

    answer = front.call("POST", "/jobs", {"key": "shoe.jpg"})

    (job,) = world.jobs.records.values()
    assert (answer.status, answer.headers["Location"]) == (202, f"./jobs/{job.job_id}")
    assert answer.json["state"] == "queued"
    assert (answer.json["waiting_ahead"], answer.json["estimated_seconds"]) == (0, 10)
    assert job.lane is Lane.API
    assert len(world.messages.wakes) == 1


def test_a_known_version_has_its_job_already(world: World, front: Front) -> None:
    """And does not wait behind uploads any more."""
    job = world.upload("shoe.jpg")

    answer = front.call("POST", "/jobs", {"key": "shoe.jpg"})

    assert (answer.status, answer.json["job_id"]) == (202, job.job_id)
    assert world.job(job).lane is Lane.API
    assert len(world.jobs.records) == 1


def test_a_finished_version_is_answered_with_its_result(world: World, front: Front) -> None:
    """And a URL that reads it."""
    finished(world)

    answer = front.call("POST", "/jobs", {"key": "shoe.jpg"})

    assert (answer.status, answer.json["state"]) == (202, "succeeded")
    result = answer.json["result"]
    assert result["key"] == "shoe.cutout.png"
    assert "X-Amz-Signature" in result["url"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_object_not_worth_it_is_skipped_with_a_reason(world: World, front: Front) -> None:
    """A job, and over."""
    world.images.put(BUCKET, "notes.jpg", b"words")

    answer = front.call("POST", "/jobs", {"key": "notes.jpg"})

    assert (answer.status, answer.json["state"]) == (202, "skipped")
    assert answer.json["reason"]["code"] == "unsupported_format"


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("gone.jpg", 404, "no_such_object"),
        ("other/x.jpg", 422, "outside_prefix"),
        ("photos/x.cutout.png", 422, "own_result"),
        ("photos/", 422, "folder_marker"),
        ("photos/raw/x.jpg", 422, "excluded"),
        ("photos/x.gif", 422, "not_included"),
        ("photos/../secret.jpg", 422, "bad_key"),
        ("photos/./x.jpg", 422, "bad_key"),
        ("photos/\x00.jpg", 422, "bad_key"),
        ("photos/" + "\N{SNOWMAN}" * 400 + ".jpg", 422, "bad_key"),
        ("", 422, "invalid_request"),
        ("x" * 1025, 422, "invalid_request"),
    ],
)
def test_a_key_that_cannot_be_one(key: str, status: int, code: str) -> None:
    """A sentence says why, and nothing is recorded."""
    world = World(
        input_prefix="" if key == "gone.jpg" else "photos/",
        include_paths=("*.jpg", "*/", "*.png"),
        exclude_paths=("photos/raw/*",),
    )

    answer = Front(world).call("POST", "/jobs", {"key": key})

    assert is_problem(answer, status, code)
    assert not world.jobs.records


def test_an_image_on_the_web_becomes_a_job(world: World, front: Front) -> None:
    """The provider gets the whole URL; nobody else sees its query."""
    answer = front.call("POST", "/jobs", {"image_url": URL})
    world.dispatcher.dispatch()

    job_id = answer.json["job_id"]
    assert (answer.status, answer.json["lane"], answer.json["key"]) == (202, "api", None)
    assert answer.json["image_url"] == "https://photos.example/shoe.jpg"
    assert [create.image_url for create in world.provider.creates] == [URL]
    assert world.jobs.records[job_id].key == f"cutouts/{job_id}"


def test_the_result_of_an_image_on_the_web_stands_below_the_prefix(
    world: World, front: Front
) -> None:
    """Nothing is inherited, and the event has no version of a source."""
    job_id = front.call("POST", "/jobs", {"image_url": URL}).json["job_id"]
    world.dispatcher.dispatch()
    world.storing.store(world.ended(world.jobs.records[job_id]), last_try=False)

    answer = front.call("GET", f"/jobs/{job_id}")

    key = f"cutouts/{job_id}.cutout.png"
    assert (answer.json["state"], answer.json["result"]["key"]) == ("succeeded", key)
    result = world.images.objects[BUCKET, key]
    assert set(result.metadata) == {"cutout-job", "cutout-provider"}
    assert result.cache_control is None
    ((kind, detail),) = world.announcer.events
    assert kind == "Cutout Job Succeeded"
    assert (detail["version_id"], detail["etag"], detail["run"]) == (None, None, 1)


@pytest.mark.parametrize(
    "url", ["http://a.example/x", "javascript:alert(1)", "https://10.0.0.1/x", "x", "http://[::1]/"]
)
def test_an_image_url_that_is_not_public(world: World, front: Front, url: str) -> None:
    """Is refused with a sentence, and nothing is recorded."""
    answer = front.call("POST", "/jobs", {"image_url": url})

    assert is_problem(answer, 422, "bad_image_url")
    assert not world.jobs.records


def test_loopback_is_for_a_provider_on_loopback() -> None:
    """As on the local stack."""
    world = World(eachlabs_base_url="http://127.0.0.1:5000/v1")

    answer = Front(world).call("POST", "/jobs", {"image_url": "http://127.0.0.1:9000/x.jpg"})

    assert answer.status == 202


def test_a_presigned_url_may_have_a_long_session_token(world: World, front: Front) -> None:
    """Up to 8,192 characters reach the provider as they are; none of the query is shown."""
    begins = "https://photos.example/shoe.jpg?X-Amz-Signature=0f&X-Amz-Security-Token="
    url = begins + "T" * (8192 - len(begins))
    once: dict[str, Any] = {"headers": {"Idempotency-Key": "one"}}

    answers = [front.call("POST", "/jobs", {"image_url": url}, **once) for _ in range(2)]
    world.dispatcher.dispatch()

    assert [answer.status for answer in answers] == [202, 202]
    assert answers[0].json["job_id"] == answers[1].json["job_id"]
    assert answers[0].json["image_url"] == "https://photos.example/shoe.jpg"
    assert [create.image_url for create in world.provider.creates] == [url]


def test_a_longer_url_is_refused_without_being_quoted(world: World, front: Front) -> None:
    """It may hold a signature."""
    answer = front.call("POST", "/jobs", {"image_url": URL + "x" * (8193 - len(URL))})

    assert is_problem(answer, 422, "invalid_request")
    assert "8192 characters" in answer.json["detail"]
    assert "Signature" not in json.dumps(answer.json)
    assert world.jobs.records == {}


@pytest.mark.parametrize("body", [{}, {"key": "a", "image_url": URL}, {"key": None}])
def test_a_job_has_one_source(front: Front, body: dict[str, object]) -> None:
    """Not none, and not two."""
    assert is_problem(front.call("POST", "/jobs", body), 422, "one_source")


@pytest.mark.parametrize("body", [{"key": 5}, {"key": ["a"]}, {"key": "a", "lane": "api"}])
def test_a_request_has_the_documented_form(front: Front, body: dict[str, object]) -> None:
    """Wrong types and unknown fields are named, and not quoted."""
    answer = front.call("POST", "/jobs", body)

    assert is_problem(answer, 422, "invalid_request")
    assert answer.json["errors"][0]["where"].startswith("body.")


# ---- Idempotency-Key


def test_the_same_request_again_is_the_same_job(world: World, front: Front) -> None:
    """For an object even when it was replaced in between."""
    world.images.put(BUCKET, "shoe.jpg", JPEG)
    once: dict[str, Any] = {"headers": {"Idempotency-Key": "order-7"}}
    first = front.call("POST", "/jobs", {"key": "shoe.jpg"}, **once)
    world.images.put(BUCKET, "shoe.jpg", JPEG + b"2")

    second = front.call("POST", "/jobs", {"key": "shoe.jpg"}, **once)

    assert first.json["job_id"] == second.json["job_id"]
    assert len(world.jobs.records) == 1


def test_the_same_url_again_is_the_same_job(world: World, front: Front) -> None:
    """Its id comes from the key."""
    once: dict[str, Any] = {"headers": {"idempotency-key": "order-7"}}
    ids = {front.call("POST", "/jobs", {"image_url": URL}, **once).json["job_id"] for _ in range(3)}

    assert set(world.jobs.records) == ids
    assert len(ids) == 1


def test_without_a_key_every_url_is_a_job(world: World, front: Front) -> None:
    """Nobody said they were the same."""
    for _ in range(2):
        front.call("POST", "/jobs", {"image_url": URL})

    assert len(world.jobs.records) == 2


@pytest.mark.parametrize("body", [{"key": "shoe.jpg"}, {"image_url": URL + "2"}])
def test_a_key_of_another_request_is_refused(
    world: World, front: Front, body: dict[str, str]
) -> None:
    """And shows nothing of the other job."""
    world.images.put(BUCKET, "shoe.jpg", JPEG)
    once: dict[str, Any] = {"headers": {"Idempotency-Key": "order-7"}}
    first = front.call("POST", "/jobs", {"image_url": URL}, **once)

    answer = front.call("POST", "/jobs", body, **once)

    assert is_problem(answer, 422, "idempotency_key_reused")
    assert first.json["job_id"] not in json.dumps(answer.json)
    assert len(world.jobs.records) == 1


def test_a_refused_request_does_not_bind_its_key(world: World, front: Front) -> None:
    """The mended one may come with it."""
    once: dict[str, Any] = {"headers": {"Idempotency-Key": "order-7"}}
    front.call("POST", "/jobs", {"key": "shoe.jpg"}, **once)
    world.images.put(BUCKET, "photos/shoe.jpg", JPEG)

    answer = front.call("POST", "/jobs", {"key": "photos/shoe.jpg"}, **once)

    assert answer.status == 202


def test_a_crash_in_between_is_repeated(world: World, front: Front) -> None:
    """The job was recorded, its answer was not."""
    once: dict[str, Any] = {"headers": {"Idempotency-Key": "order-7"}}
    front.repeats.fail("settle", StorageError("away"))
    assert is_problem(front.call("POST", "/jobs", {"image_url": URL}, **once), 503, "unavailable")

    answer = front.call("POST", "/jobs", {"image_url": URL}, **once)

    assert answer.status == 202
    assert len(world.jobs.records) == 1


def test_a_key_whose_record_is_gone_still_finds_its_job(world: World, front: Front) -> None:
    """It is kept from the request on, the job from its end on: nothing is paid twice between."""
    once: dict[str, Any] = {"headers": {"Idempotency-Key": "order-7"}}
    first = front.call("POST", "/jobs", {"image_url": URL}, **once)
    front.repeats.kept.clear()

    again = front.call("POST", "/jobs", {"image_url": URL}, **once)

    assert again.json["job_id"] == first.json["job_id"]
    assert len(world.jobs.records) == 1


def test_a_key_whose_record_is_gone_is_still_refused_for_another_url(
    world: World, front: Front
) -> None:
    """The job it names is another image's, which is neither shown nor run again."""
    once: dict[str, Any] = {"headers": {"Idempotency-Key": "order-7"}}
    first = front.call("POST", "/jobs", {"image_url": URL}, **once)
    front.repeats.kept.clear()

    answer = front.call("POST", "/jobs", {"image_url": f"{URL}?2"}, **once)

    assert is_problem(answer, 422, "idempotency_key_reused")
    assert first.json["job_id"] not in json.dumps(answer.json)
    assert [job.image_url for job in world.jobs.records.values()] == [URL]


def test_a_key_has_a_length(front: Front) -> None:
    """At most 255 characters."""
    headers = {"Idempotency-Key": "x" * 256}

    answer = front.call("POST", "/jobs", {"image_url": URL}, headers=headers)

    assert is_problem(answer, 422, "invalid_request")


# ---- GET /jobs


def test_a_job_shows_where_it_stands(world: World, front: Front) -> None:
    """Whoever is before it, what it cost, and when."""
    world.upload("first.jpg")
    world.clock.advance(5)
    job = world.upload("second.jpg")
    world.images.put(BUCKET, "api.jpg", JPEG)
    front.call("POST", "/jobs", {"key": "api.jpg"})

    answer = front.call("GET", f"/jobs/{job.job_id}")

    said = answer.json
    assert answer.status == 200
    assert (said["state"], said["run"], said["lane"]) == ("queued", 1, "upload")
    assert (said["waiting_ahead"], said["estimated_seconds"]) == (1, 12)
    assert (said["attempts"], said["cost_usd"], said["reason"], said["result"]) == (
        0,
        0,
        None,
        None,
    )
    assert said["created_at"] == "2026-01-15T12:00:00.005000Z"


def test_a_submitted_job_shows_its_cost(world: World, front: Front) -> None:
    """And how long it still takes."""
    job = world.submitted()

    said = front.call("GET", f"/jobs/{job.job_id}").json

    assert (said["state"], said["attempts"], said["cost_usd"]) == ("submitted", 1, 0.017)
    assert (said["waiting_ahead"], said["estimated_seconds"]) == (None, 10)


@pytest.mark.parametrize("job_id", ["0" * 32, "x", "gate", "0" * 33, "A" * 32, "%00", "job#1"])
@pytest.mark.parametrize(("method", "after"), [("GET", ""), ("DELETE", ""), ("POST", "/retry")])
def test_an_unknown_job_is_not_there(front: Front, method: str, after: str, job_id: str) -> None:
    """Whatever its id looks like."""
    answer = front.call(method, f"/jobs/{job_id}{after}")

    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_jobs_of_a_key_come_newest_first(world: World, front: Front) -> None:
    """All versions of it, page by page."""
    ids = []
    for number in range(5):
        world.clock.advance(1000)
        ids.append(world.upload("shoe.jpg", JPEG + bytes([number])).job_id)
    world.upload("other.jpg")

    found, cursor = pages(front, {"key": "shoe.jpg", "limit": "2"})

    assert found == ids[::-1]
    assert cursor == 3


def test_jobs_in_a_state_come_latest_first(world: World, front: Front) -> None:
    """Those whose end is not announced yet are among them, and first."""
    ids = []
    for number in range(5):
        world.clock.advance(1000)
        job = world.upload(f"{number}.jpg", b"")
        if number < 3:
            world.storing.announce(Announce(job_id=job.job_id, run=1))
        ids.append(job.job_id)
    world.upload("queued.jpg")

    found, _ = pages(front, {"state": "skipped", "limit": "2"})
    at_once = front.call("GET", "/jobs", query={"state": "skipped"})

    assert found == [job["job_id"] for job in at_once.json["jobs"]] == ids[::-1]
    assert at_once.json["cursor"] is None
    assert pages(front, {"state": "failed"})[0] == []
    assert len(pages(front, {"state": "queued"})[0]) == 1


def pages(front: Front, query: dict[str, str]) -> tuple[list[str], int]:
    """Return the job ids of all pages of a list, and how many pages there were."""
    found: list[str] = []
    count = 0
    while True:
        answer = front.call("GET", "/jobs", query=query)
        assert answer.status == 200
        found += [job["job_id"] for job in answer.json["jobs"]]
        count += 1
        if answer.json["cursor"] is None:
            return found, count
        query = query | {"cursor": answer.json["cursor"]}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "one_filter"),
        ({"key": "a", "state": "failed"}, "one_filter"),
        ({"state": "unannounced"}, "invalid_request"),
        ({"state": "failed", "limit": "0"}, "invalid_request"),
        ({"state": "failed", "limit": "51"}, "invalid_request"),
        ({"state": "failed", "limit": "x"}, "invalid_request"),
        ({"state": "failed", "cursor": "forged"}, "bad_cursor"),
        ({"key": "a", "cursor": "e30"}, "bad_cursor"),
    ],
)
def test_a_list_that_cannot_be(front: Front, query: dict[str, str], code: str) -> None:
    """The sentence says what is wrong."""
    assert is_problem(front.call("GET", "/jobs", query=query), 422, code)


# ---- retry and cancel


def test_a_failed_job_is_run_again(world: World, front: Front) -> None:
    """In a new run, in the first lane, and it may succeed now."""
    job = failed(world)

    answer = front.call("POST", f"/jobs/{job.job_id}/retry")
    world.dispatcher.dispatch()
    world.storing.store(world.ended(job), last_try=False)

    assert (answer.status, answer.json["run"], answer.json["state"]) == (202, 2, "queued")
    done = world.job(job)
    assert (done.state, done.run) == ("succeeded", 2)
    assert [(kind, detail["run"]) for kind, detail in world.announcer.events] == [
        ("Cutout Job Succeeded", 2)
    ]


def test_a_late_webhook_of_the_last_run_still_counts(world: World, front: Front) -> None:
    """Its attempt and token stay; what was paid is used."""
    job = world.submitted()
    (create,) = world.provider.creates
    stored = world.job(job)
    changes: dict[str, Any] = {"state": JobState.FAILED, "reason": BAD, "announced": True}
    world.jobs.replace(stored, stored.model_copy(update=changes))
    front.call("POST", f"/jobs/{job.job_id}/retry")

    world.results.bodies["https://cdn.test/late.png"] = b"a cut-out"
    body = {
        "exec_id": "prediction-1",
        "status": "succeeded",
        "output": "https://cdn.test/late.png",
        "error": "",
    }
    world.webhooks.receive("eachlabs", job.job_id, create.token, json.dumps(body).encode())
    ended = world.messages.completions.pop()
    world.storing.store(ended, last_try=False)  # type: ignore[arg-type]  # it is an ending

    done = world.job(job)
    assert (done.state, done.run, len(world.provider.creates)) == ("succeeded", 2, 1)


def test_a_repeated_retry_is_one_run(world: World, front: Front) -> None:
    """With an Idempotency-Key."""
    job = failed(world)
    once: dict[str, Any] = {"headers": {"Idempotency-Key": "again"}}

    runs = [front.call("POST", f"/jobs/{job.job_id}/retry", **once).json["run"] for _ in range(2)]

    assert runs == [2, 2]


def test_an_image_on_the_web_is_run_again(world: World, front: Front) -> None:
    """It has no object to look at."""
    job_id = front.call("POST", "/jobs", {"image_url": URL}).json["job_id"]
    front.call("DELETE", f"/jobs/{job_id}")
    world.storing.announce(Announce(job_id=job_id, run=1))

    answer = front.call("POST", f"/jobs/{job_id}/retry")

    assert (answer.status, answer.json["run"], answer.json["reason"]) == (202, 2, None)


def test_a_retry_looks_at_the_object_first(world: World, front: Front) -> None:
    """Gone, replaced, or still not worth it: nothing is paid."""
    gone, replaced, empty = failed(world, "a.jpg"), failed(world, "b.jpg"), failed(world, "c.jpg")
    done = failed(world, "d.jpg")
    del world.images.objects[BUCKET, "a.jpg"]
    world.images.put(BUCKET, "b.jpg", JPEG + b"2")
    world.images.objects[BUCKET, "c.jpg"] = world.images.objects[BUCKET, "c.jpg"].__class__(
        body=b"", etag=empty.etag, last_modified_ms=world.clock.now_ms()
    )
    world.jobs.replace(done, done.model_copy(update={"announced": False}))

    codes = {
        job.key: front.call("POST", f"/jobs/{job.job_id}/retry").json["code"]
        for job in (gone, replaced, empty, done)
    }

    assert codes == {
        "a.jpg": "source_deleted",
        "b.jpg": "source_replaced",
        "c.jpg": "empty_object",
        "d.jpg": "not_announced",
    }


def test_a_retry_waits_for_the_announcement(
    world: World, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sees an end and asks at once is faster than the event; no event is lost."""
    job = failed(world, announced=False)

    def meanwhile(_: float) -> None:
        world.storing.announce(Announce(job_id=job.job_id, run=1))

    monkeypatch.setattr(world.clock, "sleep", meanwhile)
    answer = front.call("POST", f"/jobs/{job.job_id}/retry")

    assert (answer.status, answer.json["run"]) == (202, 2)
    assert [kind for kind, _ in world.announcer.events] == ["Cutout Job Failed"]


@pytest.mark.parametrize("by", ["key", "retry"])
def test_a_deleted_result_is_made_again(world: World, front: Front, by: str) -> None:
    """Run 2 (DESIGN 4.3); a result that is there is not paid for again."""
    job = finished(world)
    del world.images.objects[BUCKET, "shoe.cutout.png"]

    if by == "key":
        answer = front.call("POST", "/jobs", {"key": "shoe.jpg"})
    else:
        answer = front.call("POST", f"/jobs/{job.job_id}/retry")
    world.dispatcher.dispatch()
    world.storing.store(world.ended(job), last_try=False)

    assert (answer.status, answer.json["run"], answer.json["state"]) == (202, 2, "queued")
    assert world.job(job).state is JobState.SUCCEEDED
    assert (BUCKET, "shoe.cutout.png") in world.images.objects


def test_somebody_elses_object_is_no_result(world: World, front: Front) -> None:
    """A result that was replaced by something else is as good as deleted."""
    job = finished(world)
    world.images.put(BUCKET, "shoe.cutout.png", b"mine")

    answer = front.call("POST", f"/jobs/{job.job_id}/retry")

    assert (answer.status, answer.json["run"]) == (202, 2)


def test_a_failed_job_names_who_was_asked(world: World, front: Front) -> None:
    """Provider and prediction of the last attempt."""
    job = world.submitted()
    for _ in range(3):
        world.dispatcher.dispatch([world.endings.settle(world.ended(job, failed="no subject"))])
        world.clock.advance(60_000)
        world.dispatcher.dispatch()

    said = front.call("GET", f"/jobs/{job.job_id}").json

    assert (said["state"], said["provider"]) == ("failed", "eachlabs")
    assert said["prediction_id"] == "prediction-3"


@pytest.mark.parametrize("after", ["/retry", ""])
def test_what_is_under_way_or_done_stays_as_it_is(world: World, front: Front, after: str) -> None:
    """409, and a sentence."""
    method = "POST" if after else "DELETE"
    for job in (world.submitted("a.jpg"), finished(world, "b.jpg")):
        answer = front.call(method, f"/jobs/{job.job_id}{after}")

        assert is_problem(answer, 409, "nothing_to_retry" if after else "too_late")
        assert world.job(job).run == 1


def test_a_waiting_job_is_cancelled(world: World, front: Front) -> None:
    """Skipped, out of the line, announced; twice is once."""
    job = world.upload()

    answers = [front.call("DELETE", f"/jobs/{job.job_id}") for _ in range(2)]
    world.dispatcher.dispatch()

    assert [(a.status, a.json["state"]) for a in answers] == [(200, "skipped")] * 2
    assert answers[0].json["reason"]["code"] == "cancelled"
    assert list(world.messages.completions) == [Announce(job_id=job.job_id, run=1)]
    assert world.provider.creates == []


# ---- POST /uploads


def test_an_upload_has_a_form_and_a_key_of_its_own(front: Front) -> None:
    """Twice the same name are two keys below the prefix."""
    body = {"filename": "my shoe (1).jpg", "content_type": "image/jpeg"}

    answers = [front.call("POST", "/uploads", body) for _ in range(2)]

    keys = {answer.json["key"] for answer in answers}
    assert [answer.status for answer in answers] == [201, 201]
    assert len(keys) == 2
    assert all(key.startswith("uploads/") and key.endswith("/my shoe (1).jpg") for key in keys)
    assert answers[0].json["fields"]["policy"] == "26214400 900"
    assert answers[0].json["max_bytes"] == 26_214_400


@pytest.mark.parametrize(
    ("filename", "content_type"),
    [
        ("../x.jpg", "image/jpeg"),
        ("a/b.jpg", "image/jpeg"),
        ("a\\b.jpg", "image/jpeg"),
        (".", "image/jpeg"),
        ("..", "image/jpeg"),
        (".hidden", "image/jpeg"),
        ("", "image/jpeg"),
        ("x" * 129, "image/jpeg"),
        ("x.jpg\n", "image/jpeg"),
        ("${filename}", "image/jpeg"),
        ("x.jpg", "text/html"),
        ("x.jpg", "image/"),
        ("x.jpg", "image/png\r\nX: y"),
        ("x.cutout.png", "image/png"),
    ],
)
def test_an_upload_cannot_leave_its_prefix(front: Front, filename: str, content_type: str) -> None:
    """Nor pretend to be something else."""
    answer = front.call("POST", "/uploads", {"filename": filename, "content_type": content_type})

    assert answer.status == 422


# ---- everything else


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/nothing", 404),
        ("GET", "/jobs/x/y/z", 404),
        ("PUT", "/jobs", 405),
        ("PATCH", f"/jobs/{'0' * 32}", 405),
        ("GET", f"/jobs/{'0' * 32}/retry", 405),
        ("GET", "/uploads", 405),
    ],
)
def test_other_routes_and_methods(front: Front, method: str, path: str, status: int) -> None:
    """404, or 405 with what is allowed."""
    answer = front.call(method, path)

    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("[]", 400),
        ("null", 400),
        ('"key"', 400),
        ('{"key": "\\ud800"}', 400),
        ('{"key": NaN}', 400),
        ("[" * 10_000, 400),
        ('{"key": ' + "9" * 5000 + "}", 400),
        ('{"key": "' + "x" * MAX_BODY_BYTES + '"}', 413),
        ("", 422),
        ("  ", 422),
    ],
)
def test_a_body_that_is_not_a_small_object(front: Front, body: str, status: int) -> None:
    """Whatever it is, the answer is a problem."""
    answer = front.call("POST", "/jobs", body)

    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("declared", "status"),
    [
        ("application/json; charset=utf-8", 202),
        ("Application/JSON", 202),
        ("text/plain", 415),
        ("multipart/form-data", 415),
        ("application/x-www-form-urlencoded", 415),
    ],
)
def test_a_body_is_declared_as_json(front: Front, declared: str, status: int) -> None:
    """Anything else is another language."""
    answer = front.call("POST", "/jobs", {"image_url": URL}, headers={"Content-Type": declared})

    assert answer.status == status


@pytest.mark.parametrize(("body", "status"), [(b'{"image_url": "%s"}', 202), (b"\xff\xfe", 400)])
def test_a_body_may_come_encoded(front: Front, body: bytes, status: int) -> None:
    """As API Gateway does with binary types."""
    raw = body.replace(b"%s", URL.encode())

    answer = front.call("POST", "/jobs", base64.b64encode(raw).decode(), isBase64Encoded=True)

    assert answer.status == status


def test_a_body_that_says_it_is_encoded_and_is_not(front: Front) -> None:
    """400."""
    assert front.call("POST", "/jobs", "{}", isBase64Encoded=True).status == 400


def test_aws_away_is_503(world: World, front: Front) -> None:
    """Try again; nothing of the cause is shown."""
    world.images.fail("inspect", StorageError("the bucket is away"))

    answer = front.call("POST", "/jobs", {"key": "shoe.jpg"})

    assert is_problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert "bucket is away" not in json.dumps(answer.json)


def test_a_fault_of_ours_shows_nothing(world: World, front: Front) -> None:
    """500 with a sentence; the trace is in the log."""
    world.images.fail("inspect", ConfigurationError("role secret-role may not"))

    answer = front.call("POST", "/jobs", {"key": "shoe.jpg"})

    assert is_problem(answer, 500, "internal_error")
    assert "secret-role" not in json.dumps(answer.json)


def test_a_path_is_the_same_behind_any_domain(front: Front) -> None:
    """A custom domain's base path is in the event's path, and not in the proxy's."""
    answer = front.call("POST", "/jobs/", {"image_url": URL}, base="/cutout")

    assert (answer.status, answer.headers["Location"][:2]) == (202, "./")
    assert answer.headers["Location"] == f"./{answer.json['job_id']}"
