"""What Cutout adds to the provider's own processing: one image at a time, by webhook."""

import time
from typing import Any

from benchmarks import pictures
from benchmarks.plan import Plan
from benchmarks.site import Site, summary

PREDICTION_SECONDS = 2
_LOOK_SECONDS = 0.01


def measure(site: Site, plan: Plan) -> dict[str, Any]:
    """Return the seconds from the upload's answer to the cut-out, without the prediction."""
    site.configure(seconds=PREDICTION_SECONDS)
    _one(site, "latency/first.jpg")  # the first of a stack starts store's environment
    site.configure()
    whole = [_one(site, f"latency/{number:03d}.jpg") for number in range(plan.latency_images)]
    processing = [duration / 1000 for duration in site.record().durations]
    added = [total - own for total, own in zip(whole, processing, strict=True)]
    return {"prediction_s": PREDICTION_SECONDS, "added_s": summary(added), "each_s": added}


def _one(site: Site, key: str) -> float:
    """Upload one and return when its cut-out was there."""
    result = f"{key.removesuffix('.jpg')}.cutout.png"
    site.put(key, pictures.drawing(len(key)))
    began = time.monotonic()
    while not site.has(result):
        time.sleep(_LOOK_SECONDS)
    seconds = time.monotonic() - began
    time.sleep(0.3)  # what comes after the result must not meet the next one
    return seconds
