"""Keys that are hard to quote, encode or tell apart, all at once into one stack."""

import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest

from cutout import keys
from cutout.keys import MAX_KEY_BYTES
from tests.e2e.shop import Shop, deployed, picture, until

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

PATIENCE_S = 300
UMLAUTS = "Größe für Möbel"
SUFFIX = ".cutout.png"
LONGEST = MAX_KEY_BYTES - len(SUFFIX)

# No line ends: the local AWS's IAM takes no `*` for one, and refuses; moto has them.
# Each key without its extension .jpg, in whose place the result has its suffix.
STEMS = [
    *("a b", " leading blank", "two  blanks ", "a+b", "100%", "a%2Bb", "a%2Fb", "a%20b", "%25%00"),
    *(
        "a&b=c?d#e",
        "?",
        "#",
        "=&",
        ";",
        ":",
        ",@$!",
        "~()*",
        "quote'\"s",
        "`^|<>",
        "{a}[b]",
        "$(x)",
    ),
    *("back\\slash", "\\", "tab\there", "escape\x1b", "bell\x07", "delete\x7f"),
    unicodedata.normalize("NFC", UMLAUTS),
    unicodedata.normalize("NFD", UMLAUTS),
    *("\N{ATHLETIC SHOE}", "\N{MAN}\u200d\N{PERSONAL COMPUTER}", "\U0001f1e9\U0001f1ea"),
    *("\u05e0\u05e2\u05dc", "\u062d\u0630\u0627\u0621", "\u202eright to left", "\u978b\u5b50"),
    *("no\u00a0break", "zero\u200bwidth", "\u00df\u1e9e\u0131\u0130", "\ufeffmark", "\ufffd"),
    *(".hidden", "..hidden", "dots.in.the.name", "dots...", "a..b", "...a"),
    *("a//b", "/a", "deep/er/and/deep er/x", "./here", "up/../over", "../over", "a/./b", "a/.../b"),
    *("x.cutout", "a.cutout.png", "a.cutout.webp", "x.CUTOUT", "cutout", "-", "nul", "0", "None"),
    "l" * (LONGEST - len("keys/")),
]
# Keys with another extension, or none.
OTHERS = {
    "no extension": "no extension.cutout.png",
    "SHOUT.JPG": "SHOUT.cutout.png",
    "LOUD.PNG": "LOUD.cutout.png",
    "mixed.JpEg": "mixed.cutout.png",
    "archive.tar.gz": "archive.tar.cutout.png",
    ".jpg": ".jpg.cutout.png",
    "dot.": "dot.cutout.png",
    "trailing.dots.jpg...": "trailing.dots.jpg...cutout.png",
    "blank at the end.jpg ": "blank at the end.cutout.png",
    "mine.cutout": "mine.cutout.png",
    "MINE.CUTOUT.PNG": "MINE.CUTOUT.cutout.png",
    "...": "....cutout.png",
    "odd.\u062d": "odd.cutout.png",
}
AWKWARD = {f"{stem}.jpg": f"{stem}{SUFFIX}" for stem in STEMS} | OTHERS
TOO_LONG = {
    "one byte too many": "keys/" + "l" * (LONGEST + 1 - len("keys/")) + ".jpg",
    "no room for more": "keys/" + "m" * (MAX_KEY_BYTES - len("keys/")),
}
ALIKE = ["pair/shoe.jpg", "pair/shoe.png", "pair/shoe.webp", "pair/shoe.jpg.png", "pair/shoe"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack whose provider takes no time, within its usual limits."""
    options = ("--seconds", "0.1", "--cut", "flat")
    with deployed({}, tmp_path_factory.mktemp("stack"), options) as one:
        yield one


@pytest.fixture(scope="module")
def jobs(shop: Shop) -> dict[str, dict[str, Any]]:
    """Upload all of them, each a picture of a width of its own; the ended jobs by key."""
    for key in AWKWARD:
        shop.put(f"keys/{key}", picture(width_of(key), 40))
    for key in [*TOO_LONG.values(), *ALIKE]:
        shop.put(key, picture(60, 40, seed=len(key)))
    count = len(AWKWARD) + len(TOO_LONG) + len(ALIKE)

    def ended() -> list[dict[str, Any]]:
        return [job for job in shop.jobs() if job["state"] in ("succeeded", "failed", "skipped")]

    def missing() -> str:
        wanted = {f"keys/{key}" for key in AWKWARD} | {*TOO_LONG.values(), *ALIKE}
        return f"the ends of {wanted - {job['key'] for job in ended()}}"

    until(lambda: len(ended()) == count, missing, PATIENCE_S)
    return {job["key"]: job for job in ended()}


@pytest.mark.parametrize("key", AWKWARD, ids=lambda key: ascii(key)[:40])
def test_every_key_gets_its_own_result(
    shop: Shop, jobs: dict[str, dict[str, Any]], key: str
) -> None:
    """Under the name of DESIGN 4.2, letter by letter, with the picture of this key in it."""
    job = jobs[f"keys/{key}"]

    assert (job["state"], job.get("reason")) == ("succeeded", None)
    assert job["result"]["key"] == f"keys/{AWKWARD[key]}"
    assert job["result"]["width"] == width_of(key)
    head = shop.s3.head_object(Bucket=shop.bucket, Key=job["result"]["key"])
    assert head["Metadata"]["cutout-job"] == job["job_id"]


def test_each_is_paid_once(shop: Shop, jobs: dict[str, dict[str, Any]]) -> None:
    """And nothing is in the bucket but originals and their results."""
    succeeded = [job for job in jobs.values() if job["state"] == "succeeded"]

    assert len(shop.creates()) == len(succeeded) == len(AWKWARD) + len(ALIKE)
    assert len(shop.names()) == len(jobs) + len(succeeded)


@pytest.mark.parametrize("key", TOO_LONG.values(), ids=TOO_LONG.keys())
def test_a_key_without_room_for_its_result_is_skipped(
    jobs: dict[str, dict[str, Any]], key: str
) -> None:
    """With its reason."""
    assert (jobs[key]["state"], jobs[key]["reason"]["code"]) == ("skipped", "result_key_too_long")


def test_sources_of_one_name_keep_apart(shop: Shop, jobs: dict[str, dict[str, Any]]) -> None:
    """One has the short name, the others keep their extension, whoever came first."""
    results = {key: jobs[key]["result"]["key"] for key in ALIKE}

    assert len(set(results.values())) == len(ALIKE)
    assert list(results.values()).count("pair/shoe.cutout.png") == 1
    for key, result in results.items():
        assert result in keys.result_names(shop.bucket, key, ".cutout", "png")


def test_a_folder_is_none(shop: Shop) -> None:
    """A key that ends with a slash has no name to put a result beside."""
    shop.put("folder/", picture(seed=3))
    shop.put("folder/last.jpg", picture(seed=4))

    until(lambda: "folder/last.cutout.png" in shop.names("folder/"), "the upload after it")

    until(lambda: '"folder_marker"' in shop.logs(), "its reason in the log")
    assert [job["key"] for job in shop.jobs("folder/")] == ["folder/last.jpg"]


def test_leaves_no_dead_letters(shop: Shop) -> None:
    """After all of that every dead-letter queue is empty."""
    queues = [name for name in shop.stack.outputs if name.endswith("DeadLetterQueueUrl")]

    assert [shop.waiting(name) for name in queues] == [0] * len(queues)


def width_of(key: str) -> int:
    """Return a width in pixels that no other key has."""
    return 50 + [*AWKWARD].index(key)
