"""The bucket's events on their way to EventBridge, and the minutes before they are on it."""

from collections.abc import Iterator

from tools.doctor.findings import Finding, fault, ok, warning
from tools.site import Site

# S3 User Guide, "Enabling Amazon EventBridge": a change takes around five minutes.
SETTLES_MS = 300_000


def check_delivery(site: Site, switched_ms: int = 0) -> Iterator[Finding]:
    """Does the bucket send its events to EventBridge? `switched_ms` is when we switched it on."""
    bucket = site.settings.images_bucket
    found = site.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    since_ms = max(1000 * site.listening_s, switched_ms)
    yield judge_delivery(
        bucket,
        on="EventBridgeConfiguration" in found,
        settles_s=(since_ms + settling_ms(site) - site.clock.now_ms()) / 1000,
        stack=site.name,
    )


def judge_delivery(bucket: str, *, on: bool, settles_s: float, stack: str) -> Finding:
    """Say whether uploads are seen; `settles_s` is how many seconds it may take until they are."""
    backfill = f"make backfill STACK={stack} cuts out what was uploaded before."
    if not on:
        return fault(
            "bucket.delivery_off",
            f"The bucket {bucket} does not send its events to EventBridge, so no upload is seen: "
            "run make doctor with FIX=1, or switch it on in the S3 console under Properties. "
            f"Five minutes later {backfill}",
        )
    if settles_s > 0:
        return warning(
            "bucket.delivery_young",
            "The bucket sends its events to EventBridge, but S3 takes about five minutes to begin "
            f"with it after it was told to: uploads of the next {settles_s:.0f} s may not be seen. "
            f"Then {backfill}",
        )
    return ok("bucket.delivery", "The bucket sends its events to EventBridge.")


def settling_ms(site: Site) -> int:
    """Return how many milliseconds pass before a change of the delivery is in force."""
    return 0 if site.account.is_local else SETTLES_MS
