"""The targets of DESIGN 9 against what was measured; pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

type Results = Mapping[str, Any]

IMAGING_IMPORTS = frozenset({"prepare", "store"})


@dataclass(frozen=True)
class Verdict:
    """One line of the table; `met` is None when the measurement is missing."""

    what: str
    target: str
    measured: str
    met: bool | None

    @property
    def word(self) -> str:
        """Return it for the table."""
        return {True: "met", False: "**missed**", None: "not measured"}[self.met]


def verdicts(results: Results) -> list[Verdict]:
    """Return every target with what was measured for it."""
    lines = [
        *(_throughput(bound) for bound in ("concurrency", "rate")),
        ("refused creates (429), both runs", "0", _refused),
        *(_script(bound) for bound in ("concurrency", "rate")),
        ("added to the provider's time, median", "<= 0.5 s", _latency),
        _cost("webhook", 0.05),
        _cost("poll", 0.065),
        _idle("full", 3),
        _idle("alarms", 1),
        ("cost at most and at least waiting, requests", "<= 1.05 x", _backlog),
        (
            "slowest import against boto3's",
            "<= 1.5 x",
            lambda r: _imports(r, imaging=False, most=1.5),
        ),
        (
            "the same, `store` and `prepare`",
            "<= 2 x",
            lambda r: _imports(r, imaging=True, most=2),
        ),
        ("`make demo` after the first time", "<= 60 s", _demo),
    ]
    return [_verdict(what, target, measure, results) for what, target, measure in lines]


type _Measure = Callable[[Results], tuple[str, bool]]
type _Line = tuple[str, str, _Measure]


def _verdict(what: str, target: str, measure: _Measure, results: Results) -> Verdict:
    try:
        measured, met = measure(results)
    except (KeyError, ValueError):  # the measurement failed or was left out
        return Verdict(what, target, "", None)
    return Verdict(what, target, measured, met)


def _throughput(bound: str) -> _Line:
    def measure(results: Results) -> tuple[str, bool]:
        share = results[f"throughput_{bound}"]["cutout"]["share_of_ceiling"]
        return f"{share:.3f}", share >= 0.95  # noqa: PLR2004 - the target

    return f"throughput / ceiling, {bound}-bound", ">= 0.95, aim 0.97", measure


def _refused(results: Results) -> tuple[str, bool]:
    count = sum(
        results[f"throughput_{bound}"]["cutout"]["rejected_429"]
        for bound in ("concurrency", "rate")
    )
    return str(count), count == 0


def _script(bound: str) -> _Line:
    def measure(results: Results) -> tuple[str, bool]:
        ratio = results[f"throughput_{bound}"]["against_script"]
        return f"{ratio:.3f} x", ratio <= 1.03  # noqa: PLR2004 - the target

    return f"time against the script's, {bound}-bound", "<= 1.03 x", measure


def _latency(results: Results) -> tuple[str, bool]:
    median = results["latency"]["added_s"]["median"]
    return f"{median:.2f} s", median <= 0.5  # noqa: PLR2004 - the target


def _cost(completion: str, most: float) -> _Line:
    def measure(results: Results) -> tuple[str, bool]:
        usd = results[f"cost_{completion}"]["requests_and_compute"]
        return f"${usd:.4f}", usd <= most

    return f"requests and compute of 1,000 images, {completion}", f"<= ${most:g}", measure


def _idle(level: str, most: float) -> _Line:
    def measure(results: Results) -> tuple[str, bool]:
        usd = results["idle"]["months"][level]["total_usd"]
        return f"${usd:.2f}", usd <= most

    return f"an idle month at list price, Monitoring={level}", f"<= ${most:g}", measure


def _backlog(results: Results) -> tuple[str, bool]:
    ratio = results["backlog"]["most_over_least"]
    return f"{ratio:.3f} x", ratio <= 1.05  # noqa: PLR2004 - the target


def _imports(results: Results, *, imaging: bool, most: float) -> tuple[str, bool]:
    ratios = {
        entry["ratio"]: name
        for name, entry in results["imports"].items()
        if (name in IMAGING_IMPORTS) == imaging
    }
    worst = max(ratios)
    return f"{worst:.2f} x (`{ratios[worst]}`)", worst <= most


def _demo(results: Results) -> tuple[str, bool]:
    seconds = results["demo"]["seconds"]
    return f"{seconds:.0f} s", seconds <= 60  # noqa: PLR2004 - the target
