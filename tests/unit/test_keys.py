"""Names: results are never inputs, nobody's name is somebody else's, awkward keys survive."""

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from cutout import keys
from cutout.adapters.aws import s3_client
from cutout.errors import ResultError
from cutout.keys import MAX_KEY_BYTES, KeyRules
from tests.examples import a_source

SUFFIX = ".cutout"
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
KEYS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
AWKWARD = [
    "a b+c.jpg",
    "a%2Bb.jpg",
    "100%.jpg",
    "gr\u00fc\u00dfe.jpg",
    "gru\u0308\u00dfe.jpg",
    "\U0001f45f (2).jpg",
    " leading.jpg",
    "line\nend.jpg",
    "a//b/./../c.jpg",
    ".jpg",
    "no-extension",
    "dots.in.name.JPG",
    "dir.d/no-extension",
    "a*[x]?.jpg",
]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("shoe.jpg", ["shoe.cutout.png", "shoe.jpg.cutout.png"]),
        ("a/b/shoe.jpg", ["a/b/shoe.cutout.png", "a/b/shoe.jpg.cutout.png"]),
        ("a/shoe.tar.JPG", ["a/shoe.tar.cutout.png", "a/shoe.tar.JPG.cutout.png"]),
        ("dir.d/shoe", ["dir.d/shoe.cutout.png"]),
        (".jpg", [".jpg.cutout.png"]),
        ("shoe.cutout", ["shoe.cutout.png", "shoe.cutout.cutout.png"]),
        ("a b+c%2B.jpg", ["a b+c%2B.cutout.png", "a b+c%2B.jpg.cutout.png"]),
    ],
)
def test_result_names_stand_beside_their_source(key: str, expected: list[str]) -> None:
    """The stem first, then the whole name, then the whole name and a part of the hash."""
    *names, last = keys.result_names("images", key, SUFFIX, "png")

    assert names == expected
    assert last == f"{key}.{keys.source_id('images', key)[:8]}.cutout.png"


@pytest.mark.parametrize("key", AWKWARD)
@pytest.mark.parametrize("output_format", ["png", "webp"])
def test_awkward_keys_have_results_in_their_own_folder(key: str, output_format: str) -> None:
    """The folder is kept letter by letter, in the normal form it came in."""
    folder = key.rpartition("/")[0]

    for name in keys.result_names("images", key, SUFFIX, output_format):
        assert name.rpartition("/")[0] == folder
        assert name.endswith(f"{SUFFIX}.{output_format}")


def test_normal_forms_are_different_objects() -> None:
    """S3 compares bytes: u with dots composed and decomposed are two keys."""
    composed = "gr\u00fc\u00dfe.jpg"
    decomposed = unicodedata.normalize("NFD", composed)

    assert keys.source_id("images", composed) != keys.source_id("images", decomposed)
    assert keys.result_names("images", composed, SUFFIX, "png") != keys.result_names(
        "images", decomposed, SUFFIX, "png"
    )


@given(KEYS, st.sampled_from(["png", "webp"]), st.sampled_from([SUFFIX, "-freigestellt", "_"]))
@example("a" * 1000 + ".jpg", "png", SUFFIX)
def test_results_are_never_inputs(key: str, output_format: str, suffix: str) -> None:
    """Whatever the output format is set to: the loop ends before it begins."""
    rules = KeyRules(result_suffix=suffix)

    for name in keys.result_names("images", key, suffix, output_format):
        assert keys.out_of_scope(name, rules) == "own_result"


@given(st.lists(KEYS, min_size=2, max_size=6, unique=True), st.data())
def test_sources_never_share_an_object(sources: list[str], data: st.DataObject) -> None:
    """Each takes its first name that is free; whatever the order, none is left without."""
    owners: dict[str, str] = {}
    for source in data.draw(st.permutations(sources)):
        names = keys.result_names("images", source, SUFFIX, "png")
        free = [name for name in names if owners.get(name, source) == source]
        owners[free[0]] = source

    assert len(owners) == len(sources)
    assert not set(owners) & {s for s in sources if keys.out_of_scope(s, RULES) is None}


@pytest.mark.parametrize(
    ("length", "names"), [(1004, 3), (1005, 2), (1013, 2), (1014, 1), (1017, 1)]
)
def test_names_over_1024_bytes_are_left_out(length: int, names: int) -> None:
    """A key too long for the second or third choice still has the first."""
    found = keys.result_names("images", "x" * (length - 4) + ".jpg", SUFFIX, "png")

    assert len(found) == names
    assert max(len(name.encode()) for name in found) <= MAX_KEY_BYTES


@pytest.mark.parametrize("length", [1018, 1024])
def test_a_key_without_room_for_its_first_choice_is_refused(length: int) -> None:
    """A shortened name could be somebody else's."""
    with pytest.raises(ResultError) as caught:
        keys.result_names("images", "x" * (length - 4) + ".jpg", SUFFIX, "png")

    assert caught.value.code == "result_key_too_long"


@pytest.mark.parametrize(("stem", "fits"), [(1013, True), (1014, False)])
def test_length_is_counted_in_bytes(stem: int, *, fits: bool) -> None:
    """An umlaut is two of them."""
    key = "\u00fc" * (stem // 2) + "x" * (stem % 2) + ".j"

    if fits:
        assert len(keys.result_names("images", key, SUFFIX, "png")[0].encode()) == MAX_KEY_BYTES
    else:
        with pytest.raises(ResultError):
            keys.result_names("images", key, SUFFIX, "png")


@cache
def signer() -> Callable[..., str]:
    """Return what presigns, made once."""
    return s3_client().generate_presigned_url


@given(KEYS)
@example("a/../b.jpg")
@example("./a.jpg")
@example("a//b/...")
def test_a_signed_key_survives_the_providers_client(key: str) -> None:
    """What is asked for is the key letter by letter, unless it is one that gets a staged copy."""
    signed = signer()("get_object", Params={"Bucket": "images", "Key": key})

    asked = unquote(httpx.URL(signed).raw_path.partition(b"?")[0].decode())

    assert asked == f"/{key}" or keys.has_dot_segments(key)


RULES = KeyRules(result_suffix=SUFFIX)
PHOTOS = KeyRules(
    result_suffix=SUFFIX,
    input_prefix="photos/",
    include=("*.jpg", "photos/png/*"),
    exclude=("photos/raw/*", "*draft*"),
)


DEEP = KeyRules(result_suffix=SUFFIX, include=("photos/**/*.jpg",), exclude=("photos/**/tmp/*",))


@pytest.mark.parametrize(
    ("key", "rules", "expected"),
    [
        ("shoe.jpg", RULES, None),
        ("a/", RULES, "folder_marker"),
        ("shoe.cutout.png", RULES, "own_result"),
        ("shoe.cutout.webp", RULES, "own_result"),
        ("shoe.cutout.jpg", RULES, None),
        ("shoe.cutout.PNG", RULES, None),
        ("cutout.png", RULES, None),
        (".cutout.png", RULES, "own_result"),
        ("photos/a/b.jpg", PHOTOS, None),
        ("photos/png/b.png", PHOTOS, None),
        ("photos/b.png", PHOTOS, "not_included"),
        ("Photos/b.jpg", PHOTOS, "outside_prefix"),
        ("photosb.jpg", PHOTOS, "outside_prefix"),
        ("photos/raw/b.jpg", PHOTOS, "excluded"),
        ("photos/raw/a/b.jpg", PHOTOS, "excluded"),
        ("photos/my-draft.jpg", PHOTOS, "excluded"),
        ("photos/b.JPG", PHOTOS, "not_included"),
        ("photos/b.cutout.png", PHOTOS, "own_result"),
        ("photos/a.jpg", DEEP, None),
        ("photos/a/b/c.jpg", DEEP, None),
        ("other/a.jpg", DEEP, "not_included"),
        ("photos/tmp/a.jpg", DEEP, "excluded"),
        ("tmp/photos/a.jpg", DEEP, "not_included"),
    ],
)
def test_out_of_scope_names_the_reason(key: str, rules: KeyRules, expected: str | None) -> None:
    """Case counts, globs match the whole key, and a result is a result first."""
    assert keys.out_of_scope(key, rules) == expected


@pytest.mark.parametrize(
    ("glob", "hits", "misses"),
    [
        (
            "clients [private]/*",
            ["clients [private]/shoe.jpg", "clients [private]/"],
            ["clients p/shoe.jpg", "clients [private", "clients private/shoe.jpg"],
        ),
        ("[abc].jpg", ["[abc].jpg"], ["a.jpg", "b.jpg", "abc.jpg"]),
        ("[!a]*", ["[!a]", "[!a].jpg"], ["b", "!"]),
        ("a[0-9].jpg", ["a[0-9].jpg"], ["a1.jpg"]),
        ("a]b[c", ["a]b[c"], ["ab"]),
        ("[[]x", ["[[]x"], ["[x"]),
        ("*.{jpg}", ["a.{jpg}"], ["a.jpg"]),
        ("a.b+c(d)|e^f$", ["a.b+c(d)|e^f$"], ["aXb+c(d)|e^f$", "a.bbc"]),
        ("a\\*b", ["a\\b", "a\\xb"], ["a*b", "ab"]),
        ("!a", ["!a"], ["b"]),
        ("~/#x", ["~/#x"], []),
        ("*.JPG", ["a.JPG"], ["a.jpg"]),
        (
            "gr\u00fc\u00df?",
            ["gr\u00fc\u00dfe"],
            ["gru\u0308\u00dfe", "gr\u00fc\u00df", "gr\u00fc\u00dfee"],
        ),
        ("?", ["/", "a", "\U0001f45f"], ["", "aa"]),
        ("*", ["", "a", "a/b/c", "line\nend"], []),
        ("a*", ["a", "a/b", "a\n\r"], ["", "ba"]),
        ("*a*a*", ["aa", "xaxax", "a/b/a"], ["a", "xax"]),
        ("", [""], ["a"]),
        ("**", ["", "a/b"], []),
        ("**/*.jpg", ["a.jpg", "a/b.jpg", "a/b/c.jpg", "/.jpg"], ["a.png"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b", "a//b"], ["ab", "a/xb", "x/a/b"]),
        ("**/a/**/b.jpg", ["a/b.jpg", "x/a/b.jpg", "a/x/b.jpg", "x/a/y/z/b.jpg"], ["xa/b.jpg"]),
        ("***/a", ["a", "x/a", "x/y/a", "xa"], ["b"]),
        ("a/**", ["a/", "a/b/c"], ["a"]),
        ("*/._*", ["a/._b", "a/b/._"], ["._b", "a._b"]),
    ],
)
def test_only_stars_and_question_marks_are_special(
    glob: str, hits: list[str], misses: list[str]
) -> None:
    """As in IAM; an exclusion that silently fails lets pictures leave the account."""
    assert [key for key in (*hits, *misses) if keys.matches(key, [glob])] == hits


@given(KEYS)
@example("clients [private]/{a,b}!.jpg")
def test_a_glob_without_wildcards_is_one_key(key: str) -> None:
    """Whatever characters it has."""
    assume(not {"*", "?"} & set(key))

    assert keys.matches(key, [key])
    assert not keys.matches(f"{key}x", [key])
    assert keys.matches(f"x/{key}/y", [f"*{key}*"])


GLOBS = st.text(st.sampled_from("ab/[].*?"), max_size=12)


@given(st.text(st.sampled_from("ab/[]."), max_size=12), GLOBS)
@example("a/b/a/b", "**/a/**/b")
def test_globs_match_as_their_regular_expressions_do(key: str, glob: str) -> None:
    """An independent way to say the same."""
    meant = {"**/": "(.*/)?", "*": ".*", "?": "."}
    parts = re.split(r"(\*\*/|\*|\?)", glob)
    pattern = "".join(meant.get(part, re.escape(part)) for part in parts)

    assert keys.matches(key, [glob]) == (re.fullmatch(pattern, key, re.DOTALL) is not None)


def test_no_name_makes_a_glob_slow() -> None:
    """Where every star may stand for anything, backtracking would take years."""
    assert not keys.matches("a" * 1024, ["*a" * 40 + "b"])
    assert keys.matches("a" * 1024, ["*a" * 40])


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("gr\u00fc\u00dfe 100% +a%2Bb")
def test_metadata_values_survive(text: str) -> None:
    """What S3 holds is printable ASCII, and decoding gives back what was meant."""
    value = keys.metadata_value(text)

    assert value.isascii()
    assert all(0x20 <= ord(character) < 0x7F for character in value)
    assert unquote(value) == text


@pytest.mark.parametrize("text", ["plain text", "a+b=c; d/e?", "~!@#$^&*()_-"])
def test_metadata_values_stay_readable(text: str) -> None:
    """Printable ASCII is not encoded."""
    assert keys.metadata_value(text) == text


def test_a_job_id_is_32_hex_digits_of_one_version() -> None:
    """It has the form the webhook's path is checked for, and begins with its object."""
    job_id = keys.job_id(a_source())

    assert len(job_id) == 32
    assert set(job_id) <= set("0123456789abcdef")
    assert job_id.startswith(keys.source_id("images", "photos/shoe.jpg"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"version_id": "v1"}, {"version_id": "v2"}),
        ({"version_id": None}, {"version_id": None, "etag": "0" * 32}),
        ({"version_id": None}, {"version_id": None, "last_modified_ms": 1}),
        ({"version_id": None, "etag": "v1", "last_modified_ms": 0}, {"version_id": "v1"}),
    ],
)
def test_versions_have_jobs_of_their_own(one: dict[str, object], other: dict[str, object]) -> None:
    """VersionId, or ETag and time; and they are of one source."""
    first = keys.job_id(a_source().model_copy(update=one))
    second = keys.job_id(a_source().model_copy(update=other))

    assert first != second
    assert keys.same_source(first, second)


@pytest.mark.parametrize(
    ("bucket", "key"), [("images", "photos/shoe.png"), ("other", "photos/shoe.jpg")]
)
def test_other_objects_are_other_sources(bucket: str, key: str) -> None:
    """Bucket and key both count."""
    ours = keys.job_id(a_source())

    assert not keys.same_source(ours, keys.job_id(a_source(key, bucket=bucket)))
    assert not keys.same_source(ours, "")


def test_all_of_the_objects_half_of_an_id_counts() -> None:
    """Sixteen digits, not one fewer."""
    assert keys.same_source("a" * 16 + "b" * 16, "a" * 16 + "c" * 16)
    assert not keys.same_source("a" * 15 + "b" * 17, "a" * 15 + "c" * 17)


def test_bucket_and_key_are_kept_apart() -> None:
    """Moving a letter from one to the other is another object."""
    assert keys.source_id("ab", "c") != keys.source_id("a", "bc")
