"""`python -m tools.backfill STACK`: has existing images cut out, behind everything else.

Exit codes: 0 done as asked, 1 not started, or ended with images that wait or failed, 2 it can't.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape

from cutout import backfills
from tools.backfill import show
from tools.backfill.freeze import freeze
from tools.backfill.runs import Report, Runs
from tools.plan import plan_of, sentences
from tools.site import Site
from tools.terminal import INTERRUPTED, Outcome, asked, new_parser, run

DONE, NOT_ALL = 0, 1


def main(arguments: list[str] | None = None) -> int:
    """Do what the options say and return the exit code."""
    options = _parser().parse_args(arguments)
    return run(
        options,
        lambda console, site: _task(options)(console, site, Runs(site), options),
        interrupted="Interrupted; without PREFIX the command shows what was started.",
    )


def _parser() -> ArgumentParser:
    parser = new_parser("tools.backfill", __doc__)
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--prefix", help="start one: images below it (empty: the whole bucket)")
    task.add_argument("--watch", metavar="ID", help="show the progress of one")
    task.add_argument("--stop", metavar="ID", help="feed no more of one")
    task.add_argument("--resume", metavar="ID", help="take up what waits of one")
    parser.add_argument(
        "--batch", type=int, help="images in a batch, of which ten are in work; else by the limits"
    )
    return parser


def _task(options: Namespace) -> Callable[[Console, Site, Runs, Namespace], Outcome]:
    """Return what the options ask for; nothing: show what there is."""
    if options.prefix is not None:
        return _start
    if options.stop:
        return _stop
    if options.resume:
        return _resume
    return _watch if options.watch else _list


def _start(console: Console, site: Site, runs: Runs, options: Namespace) -> Outcome:
    """Freeze a list, name price and duration, ask, start and watch."""
    runs.check_free()
    with console.status("Listing what is there and not yet done"):
        found = freeze(site, options.prefix)
        figures = plan_of(site, len(found.objects))
    show.frozen(console, found, options.stack)
    report: dict[str, Any] = {"left_out": dict(found.left_out), "plan": asdict(figures)}
    if not found.objects:
        console.print("Nothing is left to cut out.")
        return DONE, report
    for sentence in sentences(figures):
        console.print(escape(sentence), soft_wrap=True)
    if not asked(console, f"Cut out {figures.count:,} images?", yes=options.yes):
        console.print("Nothing was started.")
        return NOT_ALL, report
    size = options.batch or backfills.batch_size(figures.count, figures.per_minute)
    started = runs.start(options.prefix, found.objects, size)
    code, rest = _followed(console, runs, started.backfill_id, options)
    return code, report | rest


def _resume(console: Console, site: Site, runs: Runs, options: Namespace) -> Outcome:
    """Name price and duration of what is left, ask, start another run and watch."""
    runs.check_free()
    figures = plan_of(site, runs.report(options.resume).waiting)
    for sentence in sentences(figures):
        console.print(escape(sentence), soft_wrap=True)
    if not asked(console, f"Go on with {options.resume}?", yes=options.yes):
        console.print("Nothing was started.")
        return NOT_ALL, {"plan": asdict(figures)}
    runs.resume(options.resume)
    return _followed(console, runs, options.resume, options)


def _stop(console: Console, _: Site, runs: Runs, options: Namespace) -> Outcome:
    """Have no further batch fed."""
    found = runs.stop(options.stop)
    words = f"No more is fed; the {found.tally.in_work:,} images in line will still be cut out."
    console.print(words)
    return DONE, show.as_dict(found)


def _watch(console: Console, _: Site, runs: Runs, options: Namespace) -> Outcome:
    return _followed(console, runs, options.watch, options)


def _list(console: Console, _: Site, runs: Runs, options: Namespace) -> Outcome:
    found = runs.all()
    show.listing(console, found, options.stack)
    return DONE, {"backfills": [show.as_dict(one) for one in found]}


def _followed(console: Console, runs: Runs, backfill_id: str, options: Namespace) -> Outcome:
    """Watch a run until it is over, or until the person has seen enough of it."""
    console.print(f"Backfill {backfill_id} is on its way; Ctrl-C leaves it running.")
    try:
        found = show.watch(console, runs, backfill_id)
    except KeyboardInterrupt:
        console.print(escape(show.commands(options.stack, backfill_id)), soft_wrap=True)
        return INTERRUPTED, show.as_dict(runs.report(backfill_id))
    show.conclude(console, found, options.stack)
    return _code(found), show.as_dict(found)


def _code(found: Report) -> int:
    return NOT_ALL if found.waiting or found.tally.failed else DONE


if __name__ == "__main__":
    sys.exit(main())
