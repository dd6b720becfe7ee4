"""Command line: `python -m benchmarks [--quick] [--only stage,...] [--report]`."""

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import (
    backlog,
    coldstarts,
    cost,
    demo,
    idle,
    imports,
    latency,
    machine,
    report,
    standard,
    throughput,
)
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.site import DIRECTORY, deployed
from local.console import LocalError, console
from local.console import report as complain

type Measurement = Callable[[], dict[str, Any]]
OPTIONS = ("--cut", "flat")


class Run:
    """One run: its measurements, each saved as soon as it is made."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.path = plan.report / "benchmarks.json"
        self.document: dict[str, Any] = {
            "plan": plan.name,
            "machine": machine.describe(),
            "rows": {},
            "results": {},
        }
        self.environments: dict[str, dict[str, str]] = {}
        self.failed = False
        plan.report.mkdir(parents=True, exist_ok=True)
        DIRECTORY.mkdir(parents=True, exist_ok=True)

    def row(self, name: str, measure: Measurement) -> None:
        """Make one measurement; if it fails, say so and go on with the next."""
        console.print(f"[bold]{name}[/]")
        row: dict[str, Any] = {"load_before": machine.load()}
        began = time.monotonic()
        try:
            self.document["results"][name] = measure()
        except Exception as error:  # noqa: BLE001 - whatever it is, the other rows are still good
            self.fail(name, error)
            row["error"] = type(error).__name__
        row["seconds"] = round(time.monotonic() - began, 1)
        self.document["rows"][name] = row
        self.save()

    def fail(self, name: str, error: Exception) -> None:
        """Tell what went wrong."""
        self.failed = True
        if isinstance(error, LocalError):
            complain(error)
        else:
            traceback.print_exception(error)
        console.print(f"[red]{name} was not measured[/]")

    def save(self) -> None:
        """Write the JSON."""
        text = json.dumps(self.document, indent=1)
        self.path.write_text(text + "\n", encoding="utf-8")


def main() -> int:
    """Measure, and write the report."""
    options = _parser().parse_args()
    plan = QUICK if options.quick else FULL
    if options.report:
        return _write(json.loads((plan.report / "benchmarks.json").read_text("utf-8")), plan.report)
    run = Run(plan)
    began = time.monotonic()
    for name in options.only or STAGES:
        try:
            STAGES[name](run)
        except Exception as error:  # noqa: BLE001 - a stack that does not start
            run.fail(name, error)
    run.document["minutes"] = round((time.monotonic() - began) / 60, 1)
    run.save()
    _write(run.document, plan.report)
    return 1 if run.failed else 0


def _write(document: dict[str, Any], folder: Path) -> int:
    path = report.write(document, folder)
    console.print(f"The report: {path}", soft_wrap=True)
    if lines := report.for_readme(document):
        console.print("For the README:\n\n" + "\n".join(lines), markup=False, soft_wrap=True)
    return 0


def _by_webhook(run: Run) -> None:
    """Everything that needs a stack with the defaults."""
    plan = run.plan
    with deployed({}, "webhook", OPTIONS) as site:
        site.warm_up()
        run.row("latency", lambda: latency.measure(site, plan))
        with throughput.second_sandbox(site.stack) as peer:
            run.row(
                "throughput_concurrency",
                lambda: throughput.measure(site, peer, "concurrency", plan),
            )
            run.row("throughput_rate", lambda: throughput.measure(site, peer, "rate", plan))
        run.row("cost_webhook", lambda: cost.measure(site, plan))
        run.row("idle", lambda: idle.measure(site, plan))


def _by_poll(run: Run) -> None:
    """The cost of polling."""
    with deployed({"EachlabsCompletion": "poll"}, "poll", OPTIONS, warm=False) as site:
        site.warm_up()
        run.row("cost_poll", lambda: cost.measure(site, run.plan))


def _backlog(run: Run) -> None:
    """The cost of waiting."""
    with deployed(backlog.PARAMS, "backlog", backlog.OPTIONS) as site:
        run.row("backlog", lambda: backlog.measure(site, run.plan))


def _standard_and_starts(run: Run) -> None:
    """The peer's state machine; then imports and cold starts with the functions' environments."""
    plan = run.plan
    with deployed({}, "standard", OPTIONS, warm=False) as site:
        run.row("standard", lambda: standard.measure(site, plan))
        environments = site.environments()
        run.row("coldstarts", lambda: coldstarts.measure(site, environments, plan))
    run.row("imports", lambda: imports.measure(environments, plan))


def _demo(run: Run) -> None:
    """The whole of `make demo`."""
    run.row("demo", demo.measure)


STAGES: dict[str, Callable[[Run], None]] = {
    "webhook": _by_webhook,
    "poll": _by_poll,
    "backlog": _backlog,
    "starts": _standard_and_starts,
    "demo": _demo,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small counts, into out/bench/")
    parser.add_argument("--only", type=_stages, metavar=",".join(STAGES), help="some stages")
    parser.add_argument("--report", action="store_true", help="only write the report anew")
    return parser


def _stages(text: str) -> Sequence[str]:
    names = text.split(",")
    if unknown := set(names) - set(STAGES):
        message = f"no stage {', '.join(unknown)}"
        raise argparse.ArgumentTypeError(message)
    return names


if __name__ == "__main__":
    sys.exit(main())
