"""The jobs API on the deployed stack, with API keys and IAM enforced."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.e2e.caller import Caller
from tests.e2e.shop import Shop, picture, until
from tests.stack import TEMPLATE

pytestmark = pytest.mark.e2e

EXAMPLES = TEMPLATE.parent / "examples"
ROUTES = [
    ("GET", "/jobs?state=failed"),
    ("POST", "/jobs"),
    ("GET", "/jobs/0"),
    ("DELETE", "/jobs/0"),
    ("POST", "/jobs/0/retry"),
    ("POST", "/uploads"),
    ("GET", "/nothing"),
]
RACE_MS = 1000  # who read the line just before an API job joined it may still start an upload


@pytest.fixture(scope="module")
def caller(shop: Shop) -> Iterator[Caller]:
    """Somebody with the API key."""
    one = Caller(shop)
    with one.http:
        yield one


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}, {"x-api-key": ""}])
def test_needs_a_key(shop: Shop, method: str, path: str, headers: dict[str, str]) -> None:
    """Without one, or with a wrong one, 403 on every route."""
    answer = httpx.request(method, shop.stack.api_url + path, headers=headers, timeout=60)

    assert answer.status_code == 403


def test_the_webhook_needs_none_and_gives_nothing_away(shop: Shop) -> None:
    """404, whatever is asked; other methods do not exist there."""
    url = f"{shop.stack.api_url}/webhooks/eachlabs/{'0' * 32}/{'A' * 43}"

    assert [httpx.post(url, json={}, timeout=60).status_code, httpx.get(url).status_code] == [
        404,
        403,
    ]


def test_an_upload_by_a_form_comes_back(caller: Caller, shop: Shop) -> None:
    """Form, file, job, result: every step as docs/api.md has it."""
    asked = {"filename": "größe, 42 & 'neu'.jpg", "content_type": "image/jpeg"}
    form = caller.post("/uploads", asked).json()
    file = {"file": ("x", picture(90, 60), "image/jpeg")}
    assert httpx.post(form["url"], data=form["fields"], files=file, timeout=60).status_code == 204

    created = caller.post("/jobs", {"key": form["key"]})
    location = created.request.url.join(created.headers["Location"])
    job = caller.over(created.json()["job_id"])

    assert created.status_code == 202
    assert caller.http.get(location).json()["job_id"] == job["job_id"]
    assert (job["state"], job["lane"], job["cost_usd"]) == ("succeeded", "api", 0.017)
    image = Image.open(io.BytesIO(httpx.get(job["result"]["url"]).content))
    assert (image.mode, image.size) == ("RGBA", (90, 60))
    again = caller.post("/jobs", {"key": form["key"]})
    assert (again.status_code, again.json()["job_id"]) == (202, job["job_id"])
    listed = caller.get("/jobs", key=form["key"]).json()["jobs"]
    assert [one["job_id"] for one in listed] == [job["job_id"]]
    assert len(shop.creates(form["key"].split("/")[1])) == 1


@pytest.mark.parametrize("change", ["key", "Content-Type", "size"])
def test_a_form_is_good_for_nothing_else(caller: Caller, change: str) -> None:
    """Another key, another type, no bytes: S3 refuses."""
    asked = {"filename": "x.jpg", "content_type": "image/jpeg"}
    form = caller.post("/uploads", asked).json()
    body = b"" if change == "size" else picture()
    fields = form["fields"] | ({} if change == "size" else {change: "photos/evil.html"})

    answer = httpx.post(form["url"], data=fields, files={"file": ("x", body)}, timeout=60)

    assert answer.status_code in (400, 403)


def test_an_image_on_the_web_comes_back(caller: Caller, shop: Shop) -> None:
    """Below the results' prefix; the same Idempotency-Key is the same job."""
    url = caller.image_url("shoe", picture(70, 50))
    answers = [caller.post("/jobs", {"image_url": url}, Idempotency_Key="web-1") for _ in range(2)]

    job = caller.over(answers[0].json()["job_id"])

    other = caller.post("/jobs", {"image_url": url + "&x"}, Idempotency_Key="web-1")
    key = f"cutouts/{job['job_id']}.cutout.png"
    assert {a.json()["job_id"] for a in answers} == {job["job_id"]}
    assert (job["state"], job["result"]["key"], job["key"]) == ("succeeded", key, None)
    assert "?" not in job["image_url"]
    assert set(shop.get(key)["Metadata"]) == {"cutout-job", "cutout-provider"}
    assert other.status_code == 422
    assert "X-Amz-Signature" not in shop.logs()


def test_a_caller_waits_for_the_end(caller: Caller) -> None:
    """One call, through the gateway, and the picture is there."""
    url = caller.image_url("waited", picture(80, 60, seed=5))

    answer = caller.post("/jobs", {"image_url": url}, Prefer="wait=20")

    job = answer.json()
    assert (answer.status_code, job["state"]) == (202, "succeeded")
    assert answer.headers["Preference-Applied"] == "wait=20"
    image = Image.open(io.BytesIO(httpx.get(job["result"]["url"]).content))
    assert (image.mode, image.size) == ("RGBA", (80, 60))


def test_a_failed_job_is_run_again(caller: Caller, shop: Shop) -> None:
    """Run 2, and it succeeds."""
    shop.faults({"kind": "create_status", "match": "refused", "status": 400, "times": 1})
    url = caller.image_url("refused", picture(seed=3))
    job = caller.over(caller.post("/jobs", {"image_url": url}).json()["job_id"])
    assert (job["state"], job["reason"]["code"]) == ("failed", "provider_rejected")
    path = f"/jobs/{job['job_id']}/retry"

    answer = caller.post(path)  # at once: the end's event may still be on its way

    assert (answer.status_code, answer.json()["run"]) == (202, 2)
    assert caller.over(job["job_id"])["state"] == "succeeded"
    assert caller.post(path).status_code == 409


def test_a_waiting_job_is_cancelled_and_lists_have_pages(caller: Caller, shop: Shop) -> None:
    """While the others take all slots; cancelled jobs are found by their state."""
    shop.settings(seconds=15)
    url = caller.image_url("slow", picture(seed=4))
    ids = [caller.post("/jobs", {"image_url": url}).json()["job_id"] for _ in range(13)]
    last = caller.get(f"/jobs/{ids[-1]}").json()
    shop.settings(seconds=0.5)

    answers = [caller.http.delete(f"/jobs/{job_id}") for job_id in ids[-3:]]

    assert last["state"] == "queued"
    assert 2 <= last["waiting_ahead"] <= 12
    assert last["estimated_seconds"] > 9
    assert [a.json()["reason"]["code"] for a in answers] == ["cancelled"] * 3
    assert caller.http.delete(f"/jobs/{ids[0]}").status_code == 409
    first = caller.get("/jobs", state="skipped", limit="2").json()
    second = caller.get("/jobs", state="skipped", limit="2", cursor=first["cursor"]).json()
    found = [job["job_id"] for job in first["jobs"] + second["jobs"]]
    assert set(ids[-3:]) <= set(found)
    for job_id in ids[:10]:
        assert caller.over(job_id)["state"] == "succeeded"


def test_api_jobs_go_before_waiting_uploads(caller: Caller, shop: Shop) -> None:
    """20 by API after 60 uploads: no upload that still waits is dispatched before the last."""
    overtake(caller, shop, uploads=60, asked=20, seconds=1.5)


def overtake(caller: Caller, shop: Shop, *, uploads: int, asked: int, seconds: float) -> None:
    """Upload, then ask by API, and compare when attempts were started."""
    urls = [caller.image_url(f"fast-{n}", picture(seed=n)) for n in range(asked)]
    shop.settings(seconds=seconds)
    for number in range(uploads):
        shop.put(f"lane/{number:03d}.jpg", picture(seed=number))
    until(lambda: len(shop.jobs("lane/")) == uploads, "a record of each upload", 300)

    ids = {caller.post("/jobs", {"image_url": url}).json()["job_id"] for url in urls}

    asked_ms = time.time() * 1000
    until(lambda: all(job["state"] == "succeeded" for job in shop.jobs("lane/")), "uploads", 300)
    shop.settings(seconds=0.5)
    jobs = {job["job_id"]: job for job in shop.jobs()}
    starts = {
        job_id: job["attempts"][-1]["started_ms"] for job_id, job in jobs.items() if job_id in ids
    }
    last_ms = max(starts.values())
    between = [
        job["attempts"][-1]["started_ms"]
        for job in shop.jobs("lane/")
        if asked_ms + RACE_MS < job["attempts"][-1]["started_ms"] < last_ms
    ]
    after = [j for j in shop.jobs("lane/") if j["attempts"][-1]["started_ms"] > last_ms]
    assert len(starts) == asked
    assert between == []
    assert after


def test_the_examples_run(caller: Caller, shop: Shop, tmp_path: Path) -> None:
    """The client of twenty lines, and curl."""
    url = caller.image_url("example", picture(55, 44))
    env = {"CUTOUT_API_URL": shop.stack.api_url, "CUTOUT_API_KEY": shop.stack.api_key or ""}
    env |= {"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}
    target = tmp_path / "shoe.png"

    client = [sys.executable, str(EXAMPLES / "client.py"), url, str(target)]
    subprocess.run(client, env=env, check=True, timeout=120)  # noqa: S603 our own command
    shop.put("photos/curl.jpg", picture(seed=9))
    curl = ["/bin/sh", str(EXAMPLES / "curl.sh"), "photos/curl.jpg"]
    said = subprocess.run(curl, env=env, check=True, capture_output=True, timeout=60).stdout  # noqa: S603

    assert Image.open(io.BytesIO(target.read_bytes())).size == (55, 44)
    assert b'"job_id"' in said


def test_leaves_no_dead_letters(shop: Shop) -> None:
    """After all of that every dead-letter queue is empty."""
    queues = [name for name in shop.stack.outputs if name.endswith("DeadLetterQueueUrl")]

    assert [shop.waiting(name) for name in queues] == [0] * len(queues)
