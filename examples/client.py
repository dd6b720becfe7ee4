"""Cut out one image: `python client.py photos/shoe.jpg shoe.png`, or with an https address."""

import json
import os
import sys
import time
from typing import Any
from urllib.request import Request, urlopen

API = os.environ["CUTOUT_API_URL"]  # the stack's output ApiUrl
HEADERS = {"x-api-key": os.environ["CUTOUT_API_KEY"], "Content-Type": "application/json"}


def call(method: str, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    """Call the API; an error raises HTTPError, whose body says what to do."""
    data = json.dumps(body).encode() if body else None
    with urlopen(Request(API + path, data, HEADERS, method=method), timeout=30) as answer:
        return dict(json.load(answer))


source, target = sys.argv[1:]
job = call("POST", "/jobs", {"image_url" if "://" in source else "key": source})
while job["state"] not in ("succeeded", "failed", "skipped"):
    time.sleep(max(1, min(job["estimated_seconds"] or 10, 10)))
    job = call("GET", f"/jobs/{job['job_id']}")
if not job["result"]:
    sys.exit(f"{job['state']}: {job['reason']['message']}")
with urlopen(job["result"]["url"], timeout=60) as image, open(target, "wb") as file:
    file.write(image.read())
