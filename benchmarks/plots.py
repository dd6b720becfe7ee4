"""The plots of the report, as SVG."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.throughput import CONCURRENT, PER_MINUTE

mpl.rcParams["svg.hashsalt"] = "cutout"  # the same figures make the same file
_COLORS = {"cutout": "#1b6ca8", "script": "#e0862b"}
_NAMES = {"cutout": "Cutout", "script": "the script"}
_LIMIT = "#b00020"


def draw(results: Mapping[str, Any], folder: Path) -> list[str]:
    """Draw what there are figures for; return the names of the files."""
    drawn = []
    for bound in ("concurrency", "rate"):
        if found := results.get(f"throughput_{bound}"):
            name = f"benchmarks-{bound}.svg"
            _save(_throughput(found["series"]), folder / name)
            drawn.append(name)
    if found := results.get("backlog"):
        _save(_backlog(found["points"]), folder / "benchmarks-backlog.svg")
        drawn.append("benchmarks-backlog.svg")
    return drawn


def _throughput(series: Mapping[str, Any]) -> Figure:
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    _steps(above, series, "in_flight", CONCURRENT)
    above.set_ylabel("in flight")
    _steps(below, series, "creates_in_60_s", PER_MINUTE)
    below.set_ylabel("creates in the last 60 s")
    below.set_xlabel("seconds since the first create")
    above.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)
    return figure


def _steps(axes: Axes, series: Mapping[str, Any], kind: str, limit: int) -> None:
    for who in ("script", "cutout"):
        times, counts = zip(*series[who][kind], strict=True)
        axes.step(times, counts, where="post", color=_COLORS[who], label=_NAMES[who], linewidth=1)
    axes.axhline(limit, color=_LIMIT, linestyle="--", linewidth=1, label="limit")
    axes.set_ylim(0, limit * 1.15)
    axes.grid(alpha=0.3)


def _backlog(points: Sequence[Mapping[str, Any]]) -> Figure:
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    axes = figure.subplots()
    waiting = [point["waiting"] for point in points]
    costs = [point["rows"]["requests"] for point in points]
    axes.plot(waiting, costs, marker="o", color=_COLORS["cutout"])
    axes.set_xscale("log")
    axes.set_xticks(waiting, [f"{count:,}" for count in waiting], minor=False)
    axes.set_ylim(0, 1.2 * max(costs))
    axes.set_xlabel("images waiting")
    axes.set_ylabel("requests of 1,000 images, US dollars")
    axes.grid(alpha=0.3)
    return figure


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
