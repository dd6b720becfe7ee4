"""Everything one run logs at level DEBUG holds no key, no token and no presigned URL."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.corpus.pictures import HEIC
from tests.e2e.caller import Caller
from tests.e2e.leaks import leaks
from tests.e2e.shop import Shop, deployed, picture, until

pytestmark = pytest.mark.e2e

PARAMS = {
    "LogLevel": "DEBUG",
    "Providers": "eachlabs,apiin",
    "EachlabsExpectedSeconds": "1",
    "ApiinExpectedSeconds": "1",
}
KEYS = {"EACHLABS_API_KEY": "4f0e-key-of-eachlabs", "APIIN_API_KEY": "9b1d-key-of-api-in-one"}
# A provider's words, as careless as they come.
QUOTED = "https://bucket.s3.amazonaws.com/x.jpg?X-Amz-Credential=a&X-Amz-Signature=b"
FAULTS: list[dict[str, Any]] = [
    {"kind": "fail", "match": "/failing", "times": None, "message": f"no image at {QUOTED}"},
    *(
        {
            "kind": "create_status",
            "match": "/refused",
            "status": 400,
            "provider": name,
            "body": {"message": f"{key} may not read {QUOTED}"},
        }
        for name, key in zip(("eachlabs", "apiin"), KEYS.values(), strict=True)
    ),
    {"kind": "create_status", "match": "/polled", "provider": "eachlabs", "status": 400},
    {"kind": "create_status", "match": "/later", "provider": "eachlabs", "status": 503},
    {"kind": "create_drop", "match": "/dropped", "provider": "eachlabs"},
    {"kind": "result_404", "match": "/gone", "times": None},
    {"kind": "result_opaque", "match": "/opaque", "times": None},
    {"kind": "webhook_twice", "match": "/twice"},
]
PLAIN = ("shoe", "failing", "refused", "polled", "later", "dropped", "gone", "opaque", "twice")
# What must have been logged, so that the search means something.
LOGGED = (
    *("job submitted", "result stored", "create failed", "attempt failed at the provider"),
    *("message not handled", "image prepared", "result rejected"),
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack that logs all it can, with a key of its own for each provider."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        with deployed(PARAMS, tmp_path_factory.mktemp("stack")) as one:
            yield one


def test_logs_hold_no_secret(shop: Shop) -> None:
    """Webhooks, polls, the API, odd inputs, refusals and faults on every way."""
    shop.settings(provider="apiin", form="task_data_uri")
    shop.faults(*FAULTS)
    for number, name in enumerate(PLAIN):
        shop.put(f"logs/{name}.jpg", picture(seed=number))
    shop.put("logs/odd.heic", HEIC)
    shop.put("logs/text.jpg", b"only words")
    form, image_url = ask(shop)
    until(lambda: all(word in shop.logs() for word in LOGGED), lambda: missing(shop), 300)
    until(lambda: shop.names("logs/polled") > {"logs/polled.jpg"}, "the cut-out that was polled")
    forge(shop)

    hashes = {a["token_sha256"] for job in shop.jobs() for a in job["attempts"]}
    secrets = {
        **KEYS,
        "key of the jobs API": shop.stack.api_key or "",
        "image_url": image_url.partition("?")[2],
        "upload form": form["fields"]["x-amz-signature"],
        "result URL": f"{shop.stack.sandbox_url}/",
        **sessions(shop, form["fields"]["x-amz-security-token"]),
    }
    assert len(hashes) >= len(PLAIN)
    assert all(secrets.values())
    assert list(leaks(shop.logs(), secrets, hashes)) == []


def ask(shop: Shop) -> tuple[dict[str, Any], str]:
    """Use the jobs API well and badly; return an upload form, and the URL of an image."""
    caller = Caller(shop)
    with caller.http:
        image_url = caller.image_url("web", picture(seed=30))
        job = caller.post("/jobs", {"image_url": image_url}, Idempotency_Key="once").json()
        assert caller.over(job["job_id"])["result"]["url"]
        caller.post("/jobs", {"image_url": image_url, "more": image_url})
        caller.post("/jobs", {"image_url": image_url.replace("http:", "ftp:")})
        asked = {"filename": "x.jpg", "content_type": "image/jpeg"}
        return caller.post("/uploads", asked).json(), image_url


def forge(shop: Shop) -> None:
    """Call the webhook of every job with a token that is none."""
    for job in shop.jobs():
        url = f"{shop.stack.api_url}/webhooks/eachlabs/{job['job_id']}/{'A' * 43}"
        assert httpx.post(url, json={"exec_id": "1"}, timeout=60).status_code == 404
    until(lambda: "unknown job or wrong token" in shop.logs(), "the rejections in the log")


def sessions(shop: Shop, known_token: str) -> dict[str, str]:
    """Return the secrets of the functions' role sessions, derived as the local AWS does it.

    That it still does so is seen by one of the tokens, which an upload form has in it.
    """
    found: dict[str, str] = {}
    for function in shop.stack.client("lambda").list_functions()["Functions"]:
        names = f"{function['FunctionArn']}:{function['Role']}"
        seed = hashlib.sha256(names.encode()).hexdigest()
        for kind in ("secret", "token"):
            value = hashlib.sha256(f"{kind}:{seed}".encode()).hexdigest()
            found[f"{kind} of {function['FunctionName']}"] = value
    assert known_token in found.values()
    return found


def missing(shop: Shop) -> str:
    """Name what was not logged."""
    logged = shop.logs()
    return f"in the logs: {json.dumps([word for word in LOGGED if word not in logged])}"
