"""Which objects are there and not yet done: the list, made before anything is processed."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import batched
from typing import Any

from cutout import keys, unreadable
from cutout.adapters.backfills import DynamoJobStates
from cutout.adapters.s3 import S3ImageStore
from cutout.backfills import FrozenObject
from cutout.errors import ResultError
from cutout.models import SourceObject, StoredObject, UnreadableCode
from cutout.ports import JobStates
from cutout.settings import Settings
from tools.site import Site

DONE = "already_done"
RECORDED = "recorded_"  # and the job's state
_MANY = 1000

type FindResult = Callable[[str, str], StoredObject | None]


@dataclass
class Frozen:
    """The objects of the list, and how many were left out, by a code for why."""

    objects: list[FrozenObject] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def freeze(site: Site, prefix: str) -> Frozen:
    """Return what stands below a prefix and has neither result nor job."""
    images = S3ImageStore(site.client("s3"), site.settings.source_url_seconds)
    return sort_out(
        listed(site, prefix), site.settings, DynamoJobStates(site.table()), images.find_result
    )


def listed(site: Site, prefix: str) -> Iterator[SourceObject]:
    """Yield the current version of every object below a prefix.

    Versions are listed where there are none, too: then each object has one, named `null`. A listing
    tells the archives' storage classes, but neither the archive tiers of S3 Intelligent-Tiering nor
    a customer's key: such objects are on the list, and are skipped when their turn comes.
    """
    bucket, last = site.settings.images_bucket, None
    pages = site.client("s3").get_paginator("list_object_versions")
    listing = {"Bucket": bucket, "Prefix": prefix, "OptionalObjectAttributes": ["RestoreStatus"]}
    for page in pages.paginate(**listing):
        for one in page.get("Versions", []):
            # The local AWS begins a page with the last key of the one before.
            if one["IsLatest"] and one["Key"] != last:
                last = one["Key"]
                version_id = one.get("VersionId")
                yield SourceObject(
                    bucket=bucket,
                    key=one["Key"],
                    version_id=None if version_id in (None, "null") else version_id,
                    etag=one["ETag"].strip('"'),
                    # By the second, as S3's answers to GET and HEAD have it.
                    last_modified_ms=int(one["LastModified"].timestamp()) * 1000,
                    size=one["Size"],
                    unreadable=_unreadable(one),
                )


def sort_out(
    sources: Iterable[SourceObject], settings: Settings, jobs: JobStates, find_result: FindResult
) -> Frozen:
    """Return the objects that want a job; what has one in any state is left out."""
    frozen = Frozen()
    results: set[str] = set()
    wanted: list[SourceObject] = []
    for source in sources:
        reason = refusal(source, settings)
        if reason is None:
            wanted.append(source)
        else:
            frozen.left_out[reason] += 1
        if reason == "own_result":
            results.add(source.key)
    for some in batched(wanted, _MANY, strict=False):
        ids = {source.key: keys.job_id(source) for source in some}
        states = jobs.states(list(ids.values()))
        for source in some:
            job_id = ids[source.key]
            if job_id in states:
                frozen.left_out[f"{RECORDED}{states[job_id]}"] += 1
            elif is_done(source, settings, results, find_result):
                frozen.left_out[DONE] += 1
            elif source.unreadable is not None:
                frozen.left_out[source.unreadable] += 1
            else:
                frozen.objects.append(FrozenObject(key=source.key, job_id=job_id))
    return frozen


def refusal(source: SourceObject, settings: Settings) -> str | None:
    """Return the code why an object is no input, as far as a listing tells; None: it may be."""
    reason = keys.out_of_scope(source.key, settings.key_rules())
    if reason is not None:
        return reason
    if source.size == 0:
        return "empty_object"
    if source.size > settings.max_input_bytes:
        return "too_large"
    try:
        _names(source, settings)
    except ResultError as error:
        return error.code
    return None


def is_done(
    source: SourceObject, settings: Settings, results: set[str], find_result: FindResult
) -> bool:
    """Tell whether the content has its result, from a job whose record expired."""
    for name in _names(source, settings):
        found = find_result(source.bucket, name) if name in results else None
        if found is None:
            return False
        if keys.is_result_of(found.metadata, source):
            return True
    return False


def _unreadable(one: Mapping[str, Any]) -> UnreadableCode | None:
    """Return why a listed object can't be read; None if it can be, as far as a listing tells."""
    if "RestoreExpiryDate" in one.get("RestoreStatus", {}):
        return None  # there is a restored copy (S3 API Reference, RestoreStatus)
    return unreadable.by_head(one.get("StorageClass", ""), "", "")


def _names(source: SourceObject, settings: Settings) -> tuple[str, ...]:
    """Return the names that the object's result may have; raises as `keys.result_names` does."""
    return keys.result_names(
        source.bucket, source.key, settings.result_suffix, settings.output_format
    )
