"""One real image: upload, wait, look at everything it left behind, and remove it again."""

import io
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
from botocore.exceptions import ClientError
from PIL import Image

from cutout import keys
from cutout.adapters.dynamodb import DynamoJobStore, from_item
from cutout.adapters.lists import DynamoJobLists
from cutout.errors import ConfigurationError
from cutout.gate import month_of
from cutout.models import Job, LedgerLine, SourceObject
from cutout.services.reconcile import SILENCE_FACTOR
from tools.doctor.contract import Evidence, Picture, compare
from tools.doctor.credentials import new_http, read_key
from tools.doctor.findings import Finding, ok, warning
from tools.site import Site

SIZE = (320, 240)
_TICK_S = 1.0
_JOB_WITHIN_S = 60  # an upload becomes a job in a second; a cold start takes a few
_PATIENCE_S = 180  # besides the silence after which reconcile asks: two rounds of it, and storing


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be sent, and what it costs, in a sentence."""

    key: str
    provider: str
    price: str


def plan(site: Site, key: str | None) -> Plan:
    """Return what `run` would do.

    Raises:
        ConfigurationError: the key would not be cut out.
    """
    settings = site.settings
    name = key or f"{settings.input_prefix}cutout-doctor/{secrets.token_hex(8)}.jpg"
    reason = keys.out_of_scope(name, settings.key_rules())
    if reason is not None:
        message = f"an image at {name} would not be cut out ({reason}): name another with --key"
        raise ConfigurationError(message)
    most = max(settings.provider(p).price_microusd for p in settings.providers)
    once = settings.provider(settings.providers[0]).price_microusd
    price = (
        f"One image at {settings.providers[0]} costs ${once / 1e6:.3f} by the stack's parameters, "
        f"and if attempts fail at most ${settings.max_attempts * most / 1e6:.3f}."
    )
    return Plan(name, settings.providers[0], price)


def run(site: Site, planned: Plan) -> list[Finding]:
    """Send the image and say which assumptions held."""
    s3, bucket = site.client("s3"), site.settings.images_bucket
    put = s3.put_object(
        Bucket=bucket, Key=planned.key, Body=picture(), ContentType="image/jpeg", IfNoneMatch="*"
    )
    written: list[tuple[str, str | None]] = [(planned.key, put.get("VersionId"))]
    try:
        seen = _follow(site, planned.key, written)
    finally:
        removed = _remove(s3, bucket, written)
    return [*compare(seen, site.settings), removed]


def picture() -> bytes:
    """Return a small JPEG with something in its middle; no two are the same."""
    image = Image.new("RGB", SIZE, (238, 238, 236))
    width, height = SIZE
    colour = (160 + secrets.randbelow(60), 40, 30)
    image.paste(colour, (width // 4, height // 4, width * 3 // 4, height * 3 // 4))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def _follow(site: Site, key: str, written: list[tuple[str, str | None]]) -> Evidence:
    """Wait for the end and gather what is there; note the result among what is to be removed."""
    source = _source(site, key)
    job = _wait(site, source)
    if job is None:
        return Evidence(source, SIZE, None)
    result = _picture(site, job, written)
    return Evidence(source, SIZE, job, _ledger(site, job), result, _answer(site, job))


def _source(site: Site, key: str) -> SourceObject:
    bucket = site.settings.images_bucket
    head = site.client("s3").head_object(Bucket=bucket, Key=key)
    version = head.get("VersionId")
    return SourceObject(
        bucket=bucket,
        key=key,
        version_id=None if version == "null" else version,
        etag=head["ETag"].strip('"'),
        last_modified_ms=round(head["LastModified"].timestamp() * 1000),
        size=head["ContentLength"],
    )


def _wait(site: Site, source: SourceObject) -> Job | None:
    """Return the object's job when it is over, or as it is after the time."""
    lists = DynamoJobLists(site.table())
    store = DynamoJobStore(site.table(), site.settings.job_retention_days)
    expected_s = max(site.settings.provider(p).expected_s for p in site.settings.providers)
    patience_s = _PATIENCE_S + SILENCE_FACTOR * expected_s
    clock, began_ms = site.clock, site.clock.now_ms()
    job: Job | None = None
    while clock.now_ms() - began_ms < 1000 * (patience_s if job else _JOB_WITHIN_S):
        places = lists.of_source(keys.source_id(source.bucket, source.key), 1)
        job = store.get(places[0].job_id) if places else None
        if job is not None and job.is_over:
            return job
        clock.sleep(_TICK_S)
    return job


def _ledger(site: Site, job: Job) -> tuple[LedgerLine, ...]:
    """Return the ledger's lines of the job, of whatever months."""
    table = site.table()
    keys_of = {(month_of(a.started_ms), a.provider, a.number) for a in job.attempts}
    found = [
        table.get(f"ledger#{month}", f"{provider}#{job.job_id}.{number}")
        for month, provider, number in sorted(keys_of)
    ]
    return tuple(LedgerLine.model_validate(from_item(item)) for item in found if item is not None)


def _picture(site: Site, job: Job, written: list[tuple[str, str | None]]) -> Picture | None:
    if job.result is None:
        return None
    s3, bucket = site.client("s3"), job.bucket
    try:
        answer = s3.get_object(Bucket=bucket, Key=job.result.key)
    except ClientError:
        return None
    metadata: dict[str, str] = answer["Metadata"]
    if metadata.get(keys.JOB_METADATA) == job.job_id:
        written.append((job.result.key, answer.get("VersionId")))
    with Image.open(io.BytesIO(answer["Body"].read())) as image:
        alpha = "A" in image.getbands() and image.getchannel("A").getextrema()[0] == 0
        return Picture(job.result.key, *image.size, alpha, metadata)


def _answer(site: Site, job: Job) -> dict[str, Any] | None:
    """Return what the provider says of the prediction, as it says it."""
    if job.provider != "eachlabs" or not job.prediction_id:
        return None
    provider = site.settings.provider(job.provider)
    url = f"{provider.base_url}/prediction/{job.prediction_id}"
    with suppress(httpx.HTTPError, ValueError), new_http(url) as http:
        answer = http.get(url, headers={"X-API-Key": read_key(site, provider)}).json()
        return answer if isinstance(answer, dict) else {}
    return {}


def _remove(s3: Any, bucket: str, written: list[tuple[str, str | None]]) -> Finding:  # noqa: ANN401 - a client
    """Remove exactly the versions that this run wrote; its job and ledger lines stay."""
    left = []
    for key, version in written:
        which = {"VersionId": version} if version else {}
        try:
            s3.delete_object(Bucket=bucket, Key=key, **which)
        except ClientError:
            left.append(key)
    if left:
        message = f"You may not remove the test objects: {', '.join(left)}. Remove them by hand."
        return warning("send.left_behind", message)
    return ok("send.removed", f"The {len(written)} test objects are removed; the books stay.")
