"""The benchmark's report says what was measured, and nothing else."""

from typing import Any

from benchmarks import imports, report, targets

MACHINE = {
    "cpus": 2,
    "model": "a processor",
    "architecture": "x86_64",
    "python": "3.13",
    "date": "2026-11-20",
    "commit": "abc",
}


def document(**results: Any) -> dict[str, Any]:
    """Return a run with these results."""
    return {"plan": "full", "minutes": 1, "machine": MACHINE, "rows": {}, "results": results}


def words(results: dict[str, Any]) -> dict[str, str]:
    """Return the word for each target."""
    return {verdict.what: verdict.word for verdict in targets.verdicts(results)}


def test_a_missed_target_is_called_missed() -> None:
    """61 s are more than 60, 60 are not."""
    assert words({"demo": {"seconds": 61}})["`make demo` after the first time"] == "**missed**"
    assert words({"demo": {"seconds": 60}})["`make demo` after the first time"] == "met"


def test_what_was_not_measured_is_not_met() -> None:
    """An empty run meets nothing and misses nothing."""
    assert set(words({}).values()) == {"not measured"}


def test_functions_that_decode_have_a_target_of_their_own() -> None:
    """1.9 is met by store and missed by submit."""
    found = words({"imports": {"store": {"ratio": 1.9}, "submit": {"ratio": 1.9}}})

    assert found["the same, `store` and `prepare`"] == "met"
    assert found["slowest import against boto3's"] == "**missed**"


def test_an_empty_run_has_a_report() -> None:
    """Whatever failed, the report is written, with the prices and what it does not prove."""
    text = report.render(document(), [])

    assert "not measured" in text
    assert "## What this does not prove" in text
    assert "dynamodb write unit" in text


def test_a_partial_run_names_what_it_left_out() -> None:
    """Nobody takes the absence of a row for a good sign."""
    text = report.render(document(demo={"seconds": 30}) | {"rows": {"demo": {}}}, [])

    (sentence,) = [line for line in text.splitlines() if "Not measured in this run" in line]
    assert "backlog" in sentence
    assert "demo" not in sentence


def test_a_reduced_run_says_so() -> None:
    """Nobody takes small counts for the real ones."""
    text = report.render(document() | {"plan": "quick"}, [])

    assert "A reduced run (quick)" in text


def test_the_readme_gets_only_what_was_measured() -> None:
    """A sentence without its measurement is left out; without any there is none at all."""
    lines = report.for_readme(document(latency={"added_s": {"median": 0.123}}))

    assert lines[0] == "A single image takes 0.12 s longer than its prediction (median)."
    assert len(lines) == 2
    assert report.for_readme(document()) == []


def test_prices_have_no_exponent() -> None:
    """0.0000133334 is written as AWS does."""
    assert report.plain(0.0000133334) == "0.0000133334"
    assert report.plain(3.5) == "3.5"


def test_import_times_are_summed_by_package() -> None:
    """Only a module's own time counts, or it would be counted again with each importer."""
    lines = [
        "import time: self [us] | cumulative | imported package",
        "import time:      1500 |       1500 |   pydantic.main",
        "import time:       500 |       2000 | pydantic",
        "import time:       100 |        100 | json",
    ]

    assert imports.packages(lines) == [("pydantic", 2.0), ("json", 0.1)]
