"""docs/benchmarks.md from the measured JSON; nothing in it is written by hand."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from benchmarks import pictures, plots, prices, targets

TEMPLATE = Path(__file__).with_name("report.md.jinja")
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
    )
    return tidy(text)


def number(value: float) -> str:
    """Return a count for people: whole where it is large, three digits where it is small."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004


def tidy(text: str) -> str:
    """Take out what the template's blocks leave: blanks at line ends, empty lines in a row."""
    lines = [line.rstrip() for line in text.splitlines()]
    kept = [line for n, line in enumerate(lines) if line or (n and lines[n - 1])]
    return "\n".join(kept).strip() + "\n"
