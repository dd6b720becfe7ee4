"""docs/benchmarks.md from the measured JSON; nothing in it is written by hand."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from benchmarks import pictures, plots, prices, targets

TEMPLATE = Path(__file__).with_name("report.md.jinja")
_ROWS = (
    *("latency", "throughput_concurrency", "throughput_rate", "cost_webhook", "idle"),
    *("cost_poll", "backlog", "standard", "coldstarts", "imports", "demo"),
)
_COSTS = {"webhook": "cost_webhook", "poll": "cost_poll", "Standard": "standard"}


def write(document: Mapping[str, Any], folder: Path) -> Path:
    """Write report and plots beside the JSON; return the report's path."""
    drawn = plots.draw(document["results"], folder)
    path = folder / "benchmarks.md"
    path.write_text(render(document, drawn), encoding="utf-8")
    return path


def render(document: Mapping[str, Any], drawn: list[str]) -> str:
    """Return the report as Markdown."""
    results = document["results"]
    costs = {name: results[key] for name, key in _COSTS.items() if key in results}
    own = {name: cost for name, cost in costs.items() if "functions" in cost}
    environment = jinja2.Environment(
        autoescape=False,  # noqa: S701 - it writes Markdown
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.ChainableUndefined,
    )
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        doc=document,
        m=document["machine"],
        r=results,
        left_out=[name for name in _ROWS if name not in document["rows"]],
        verdicts=targets.verdicts(results),
        plots=drawn,
        costs=costs,
        own=own,
        units=sorted({unit for cost in costs.values() for unit in cost["units_per_1000"]}),
        functions=sorted({name for cost in own.values() for name in cost["functions"]}),
        egress=next((cost["egress_usd_per_1000"] for cost in own.values()), 0),
        photo_kb=round(len(pictures.sample()) / 1000),
        prices=prices.table(),
        read_on=prices.read_on(),
        number=number,
        plain=plain,
    )
    return tidy(text)


def for_readme(document: Mapping[str, Any]) -> list[str]:
    """Return the few sentences that a README needs, of what was measured."""
    results, lines = document["results"], []
    if "cost_webhook" in results and "cost_poll" in results:
        costs = [results[f"cost_{way}"]["requests_and_compute"] for way in ("webhook", "poll")]
        lines.append(
            "At list price 1,000 images cost ${:.3f} of requests and compute by webhook, "
            "${:.3f} by poll, beside the provider's own price.".format(*costs)
        )
    if "standard" in results:
        usd = results["standard"]["requests_and_compute"]
        lines.append(
            f"One Standard execution for each image that polls every 5 s costs ${usd:.3f}."
        )
    if "idle" in results:
        lines.append(idle_sentence(results["idle"]["months"]))
    if "throughput_concurrency" in results and "throughput_rate" in results:
        bounds = [results[f"throughput_{bound}"]["cutout"] for bound in ("concurrency", "rate")]
        lines.append(
            "Of what the provider's limits allow, {:.1%} was reached with 9 s a prediction and "
            "{:.1%} with 3 s, with {} creates refused.".format(
                *(bound["share_of_ceiling"] for bound in bounds),
                sum(bound["rejected_429"] for bound in bounds),
            )
        )
    if "latency" in results:
        added = results["latency"]["added_s"]["median"]
        lines.append(f"A single image takes {added:.2f} s longer than its prediction (median).")
    if lines:
        machine = document["machine"]
        lines.append(
            f"Measured on {machine['date'][:10]} on {machine['cpus']} processors against a local "
            "AWS and a sandbox, without free tiers; "
            "[docs/benchmarks.md](docs/benchmarks.md) has the rest and says what it does not prove."
        )
    return lines


def idle_sentence(months: Mapping[str, Any]) -> str:
    """Return what the README says of an idle month."""
    total = {level: f"${month['total_usd']:.2f}" for level, month in months.items()}
    free = {level: f"${month['total_after_free_usd']:.2f}" for level, month in months.items()}
    return (
        f"A month in which nothing happens costs {total['full']} with everything on, "
        f"{total['alarms']} with `Monitoring=alarms` and {total['none']} with `none`; in an "
        f"account that runs little else, free tiers leave {free['full']}, {free['alarms']} and "
        f"{free['none']} of it."
    )


def number(value: float) -> str:
    """Return a count for people: whole where it is large, three digits where it is small."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004


def plain(price: float) -> str:
    """Return a price without an exponent."""
    return f"{price:.10f}".rstrip("0").rstrip(".")


def tidy(text: str) -> str:
    """Take out what the template's blocks leave: blanks at line ends, empty lines in a row."""
    lines = [line.rstrip() for line in text.splitlines()]
    kept = [line for n, line in enumerate(lines) if line or (n and lines[n - 1])]
    return "\n".join(kept).strip() + "\n"
