"""What the provider and the network do wrong, and what becomes of the images."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.shop import Shop, deployed, picture, until

pytestmark = pytest.mark.e2e

# `reconcile` comes once a minute, so a fault that only it repairs takes up to two.
PATIENCE_S = 300
SHORT = {"EachlabsExpectedSeconds": "1", "AttemptTimeoutSeconds": "60"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack whose timers are short, so that repairs come soon."""
    with deployed(SHORT, tmp_path_factory.mktemp("stack")) as one:
        yield one


def fault(kind: str, match: str, times: int | None = 1, **more: Any) -> dict[str, Any]:
    """Return a fault for the images whose path contains `match`."""
    return {"kind": kind, "match": f"/{match}/", "times": times, "provider": "eachlabs", **more}


# name of the folder: the fault, creates the provider accepts for the image, the job's end
FAULTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "lost": (fault("webhook_lost", "lost"), 1, "succeeded"),
    "twice": (fault("webhook_twice", "twice"), 1, "succeeded"),
    "late": (fault("webhook_late", "late", seconds=20), 1, "succeeded"),
    "early": (fault("webhook_early", "early"), 1, "succeeded"),
    "dropped": (fault("create_drop", "dropped"), 1, "succeeded"),
    "hanging": (fault("create_hang", "hanging", seconds=12), 1, "succeeded"),
    "refused": (fault("create_status", "refused", status=400), 0, "failed"),
    "limited": (fault("create_status", "limited", status=429, retry_after=2), 1, "succeeded"),
    "limited-silently": (fault("create_status", "limited-silently", status=429), 1, "succeeded"),
    "error-500": (fault("create_status", "error-500", status=500), 1, "succeeded"),
    "error-503": (fault("create_status", "error-503", status=503), 1, "succeeded"),
    "error-502": (fault("create_status", "error-502", status=502), 1, "succeeded"),
    "error-504": (fault("create_status", "error-504", status=504, created=True), 1, "succeeded"),
    "never": (fault("never_ends", "never"), 2, "succeeded"),
    "failing-once": (fault("fail", "failing-once", message="no subject"), 2, "succeeded"),
    "failing": (fault("fail", "failing", times=None, message="no subject"), 3, "failed"),
    "odd-word": (fault("unknown_status", "odd-word", word="finishing", polls=1), 1, "succeeded"),
    "opaque": (fault("result_opaque", "opaque", times=None), 1, "failed"),
    "gone": (fault("result_404", "gone", times=None), 1, "failed"),
}


def test_every_fault_ends_as_it_should(shop: Shop) -> None:
    """Side by side: one end state an image, as many paid creates as the design says, no limbo."""
    shop.faults(*(order for order, _, _ in FAULTS.values()))
    for number, name in enumerate(FAULTS):
        shop.put(f"{name}/x.jpg", picture(seed=number))

    until(lambda: unfinished(shop) == [], lambda: f"an end of {unfinished(shop)}", PATIENCE_S)

    ends = {job["key"].partition("/")[0]: job["state"] for job in shop.jobs()}
    creates = {name: len(shop.creates(f"/{name}/")) for name in FAULTS}
    assert {name: end for name, (_, _, end) in FAULTS.items()} == ends
    assert {name: count for name, (_, count, _) in FAULTS.items()} == creates


def test_leaves_nothing_behind(shop: Shop) -> None:
    """No slot is held, nothing waits, no dead letter, and each image has at most one result."""
    names = [name for name in shop.names() if ".cutout." in name]

    assert shop.report()["in_flight"] == 1  # the one that never ends
    assert len(set(names)) == len(names) == sum(end == "succeeded" for _, _, end in FAULTS.values())
    for queue in (name for name in shop.stack.outputs if name.endswith("DeadLetterQueueUrl")):
        assert shop.waiting(queue) == 0, queue


def test_a_storm_costs_time_alone(shop: Shop) -> None:
    """While every create is answered with a 500 the provider is left alone, then tried again."""
    shop.faults(fault("create_status", "storm", times=4, status=500))
    for number in range(6):
        shop.put(f"storm/{number}.jpg", picture(seed=number))

    wanted = {f"storm/{number}.cutout.png" for number in range(6)}
    until(lambda: wanted <= shop.names("storm/"), "the cut-outs", PATIENCE_S)

    assert len(shop.creates("/storm/")) == 6


def test_an_outage_fails_no_image(shop: Shop) -> None:
    """One image alone, more answers of 503 than it has attempts: it waits, and is cut out."""
    shop.faults(fault("create_status", "outage", times=5, status=503))
    shop.put("outage/x.jpg", picture())

    until(lambda: "outage/x.cutout.png" in shop.names("outage/"), "the cut-out", PATIENCE_S)

    assert len(shop.creates("/outage/")) == 1


def unfinished(shop: Shop) -> list[str]:
    """Return the keys without an end state."""
    ended = {
        job["key"] for job in shop.jobs() if job["state"] in ("succeeded", "failed", "skipped")
    }
    return sorted({f"{name}/x.jpg" for name in FAULTS} - ended)
