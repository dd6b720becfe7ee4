"""What `make backfill` puts on its list, and what it says before it asks."""

import dataclasses
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from cutout import keys
from cutout.gate import Gate
from cutout.models import JobState, Lane, ObjectRef, SourceObject
from cutout.settings import Settings
from tests.fakes import NOON_MS
from tests.world import BUCKET, JPEG, World
from tools.backfill import show
from tools.backfill.freeze import Frozen, sort_out
from tools.plan import Plan, duration, plan, sentences


def frozen(world: World) -> Frozen:
    """Return the list of everything in a world's bucket."""
    sources = [
        world.images.describe(ObjectRef(bucket=BUCKET, key=key))
        for _, key in sorted(world.images.objects)
    ]
    return sort_out(sources, world.settings, world.jobs, world.images.find_result)


def marks(source: SourceObject, **changes: str) -> dict[str, str]:
    """Return the metadata of a source's result."""
    own = {keys.JOB_METADATA: keys.job_id(source), keys.ETAG_METADATA: source.etag}
    return own | changes


def describe(world: World, key: str) -> SourceObject:
    """Return an object of the world."""
    return world.images.describe(ObjectRef(bucket=BUCKET, key=key))


def test_lists_what_is_there_and_not_yet_done() -> None:
    """Results and refusals are left out, and counted by their reason."""
    world = World(input_prefix="photos/", exclude_paths=("*.tmp",), max_input_bytes=100)
    for key in ("photos/a.jpg", "photos/b b+c.jpg", "uploads/1/d.jpg"):
        world.images.put(BUCKET, key, JPEG)
    world.images.put(BUCKET, "photos/own.cutout.png", JPEG)
    world.images.put(BUCKET, "photos/own.cutout.webp", JPEG)
    world.images.put(BUCKET, "other/a.jpg", JPEG)
    world.images.put(BUCKET, "photos/x.tmp", JPEG)
    world.images.put(BUCKET, "photos/", b"")
    world.images.put(BUCKET, "photos/empty.jpg", b"")
    world.images.put(BUCKET, "photos/large.jpg", JPEG * 3)
    world.images.put(BUCKET, "photos/" + "x" * 1015, JPEG)

    found = frozen(world)

    names = [one.key for one in found.objects]
    assert names == ["photos/a.jpg", "photos/b b+c.jpg", "uploads/1/d.jpg"]
    assert found.left_out == {
        "own_result": 2,
        "outside_prefix": 1,
        "excluded": 1,
        "folder_marker": 1,
        "empty_object": 1,
        "too_large": 1,
        "result_key_too_long": 1,
    }


def test_the_list_names_the_job_that_submit_will_record() -> None:
    """Or the same version would be asked for again."""
    world = World(versioned=True)
    world.images.put(BUCKET, "a.jpg", JPEG)

    (one,) = frozen(world).objects
    job = world.intake.accept(ObjectRef(bucket=BUCKET, key="a.jpg"), Lane.BACKFILL)

    assert job is not None
    assert one.job_id == job.job_id


@pytest.mark.parametrize("state", JobState)
def test_leaves_out_what_has_a_job_in_any_state(state: JobState) -> None:
    """Failed ones are another command's, and the rest is done or on its way."""
    world = World()
    job = world.upload("a.jpg")
    world.jobs.records[job.job_id] = job.model_copy(update={"state": state})

    found = frozen(world)

    assert found.objects == []
    assert found.left_out == {f"recorded_{state}": 1}


def test_lists_a_new_version_of_what_was_cut_out() -> None:
    """Its job is another one."""
    world = World()
    world.upload("a.jpg")
    world.clock.advance(1000)
    world.images.put(BUCKET, "a.jpg", JPEG + b"new")

    assert [one.key for one in frozen(world).objects] == ["a.jpg"]


@pytest.mark.parametrize(
    ("name", "changes", "listed"),
    [
        ("a.cutout.png", {}, []),
        ("a.cutout.png", {keys.ETAG_METADATA: "of another content"}, ["a.jpg"]),
        ("a.cutout.png", {keys.JOB_METADATA: "0" * 32}, ["a.jpg"]),
        ("a.jpg.cutout.png", {}, ["a.jpg"]),
    ],
)
def test_leaves_out_what_has_its_result_from_a_job_that_expired(
    name: str, changes: dict[str, str], listed: list[str]
) -> None:
    """The result names its source's content; `submit` would look for it in the same order."""
    world = World()
    world.images.put(BUCKET, "a.jpg", JPEG)
    metadata = marks(describe(world, "a.jpg"), **changes)
    world.images.put(BUCKET, name, b"cut", metadata=metadata)

    found = frozen(world)

    assert [one.key for one in found.objects] == listed
    assert found.left_out["already_done"] == (not listed)
    job = world.intake.accept(ObjectRef(bucket=BUCKET, key="a.jpg"), Lane.BACKFILL)
    assert job is not None
    assert (job.state is JobState.SKIPPED) == (not listed)


def test_leaves_out_what_is_archived() -> None:
    """It can't be read; whose result stands is done all the same."""
    world = World()
    for key in ("archived.jpg", "done.jpg", "here.jpg"):
        world.images.put(BUCKET, key, JPEG)
    metadata = marks(describe(world, "done.jpg"))
    world.images.put(BUCKET, "done.cutout.png", b"cut", metadata=metadata)
    for key in ("archived.jpg", "done.jpg"):
        archived = replace(world.images.objects[BUCKET, key], unreadable="archived")
        world.images.objects[BUCKET, key] = archived

    found = frozen(world)

    assert [one.key for one in found.objects] == ["here.jpg"]
    assert found.left_out == {"archived": 1, "already_done": 1, "own_result": 1}


def test_says_how_many_are_archived_and_what_to_do() -> None:
    """A person would wonder where they are."""
    console = Console(record=True, width=200)

    show.frozen(console, Frozen(left_out=Counter(archived=1234)), "cutout")

    said = console.export_text()
    assert "Left out: 1,234 archived." in said
    assert "restore them" in said


def figures(count: int, *, waiting: int = 0, spent: int = 0, **settings: Any) -> Plan:
    """Return a plan in January 2026."""
    gate = Gate(month="2026-01", spent_microusd=spent)
    return plan(count, waiting, gate, Settings(**settings), NOON_MS)


def test_the_price_is_that_of_all() -> None:
    """2,000 at $0.017; a range where providers differ."""
    assert "2,000 images, at most $34.00: refused ones cost nothing." in sentences(figures(2000))
    both = sentences(figures(2000, providers=("eachlabs", "apiin")))
    assert "$20.00 to $34.00 (by which provider cuts them out)" in both[0]


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ({}, 1809),  # 2,000 x 9 s / 10 at once
        ({"eachlabs_expected_seconds": 3}, 1203),  # 2,000 at 100 a minute
        ({"eachlabs_max_concurrent": 5}, 3609),
    ],
)
def test_the_duration_is_of_the_limit_that_binds(settings: dict[str, Any], seconds: int) -> None:
    """And of one prediction more."""
    assert figures(2000, **settings).seconds == seconds


def test_those_that_wait_already_come_first() -> None:
    """Both in time and in money."""
    found = figures(100, waiting=900)

    assert found.seconds == 909
    assert "behind 900 that wait already" in sentences(found)[1]


@pytest.mark.parametrize(
    ("count", "spent", "ends_in"),
    [
        (5882, 0, ""),  # $99.994
        (5883, 0, "2026-02"),
        (5882, 17_000, "2026-02"),
        (5882 * 12 + 1, 0, "2027-01"),
        (1, 100_000_000, "2026-02"),
    ],
)
def test_names_the_month_in_which_the_budget_has_paid_all(
    count: int, spent: int, ends_in: str
) -> None:
    """A hundred dollars a month are 5,882 images."""
    assert figures(count, spent=spent).ends_in == ends_in


def test_last_months_spend_is_over() -> None:
    """The gate's month is an old one."""
    gate = Gate(month="2025-12", spent_microusd=100_000_000)

    assert plan(1, 0, gate, Settings(), NOON_MS).left_microusd == 100_000_000


def test_a_budget_that_pays_nothing_is_named() -> None:
    """It would wait for ever."""
    found = figures(1, monthly_budget_usd=16_999)

    assert found.ends_in is None
    assert "raise MonthlyBudgetUsd" in sentences(found)[-1]


@pytest.mark.parametrize("settings", [{"monthly_budget_usd": 0}, {"eachlabs_price_usd": 0}])
def test_without_a_cap_or_a_price_nothing_waits(settings: dict[str, Any]) -> None:
    """No month is named."""
    assert figures(10**7, **settings).ends_in == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "5 s"), (119, "119 s"), (1809, "30 min"), (45_000, "12.5 h"), (900_000, "10.4 days")],
)
def test_durations_are_in_a_persons_units(seconds: int, words: str) -> None:
    """Two of one unit before the next."""
    assert duration(seconds) == words


def test_a_plan_is_json() -> None:
    """All of it are numbers and words."""
    found = dataclasses.asdict(figures(1))

    assert {type(value) for value in found.values()} <= {int, float, str}
