"""`python -m tools.redrive STACK`: tries failed jobs again, or dead letters.

Exit codes: 0 all of it, 1 not started or some were refused, 2 it can't.
"""

import logging
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.progress import track

from cutout import unreadable
from cutout.observability import logger
from tools.plan import plan_of, sentences
from tools.redrive import jobs, letters
from tools.site import Site
from tools.terminal import Outcome, asked, new_parser, run

ALL, NOT_ALL = 0, 1

_REFUSALS = {
    "source_deleted": "whose object was deleted",
    "source_replaced": "whose object was replaced",
    "not_announced": "whose end is just being announced",
    "nothing_to_retry": "that somebody else took up",
    unreadable.ARCHIVED: "whose object is still archived",
    unreadable.ENCRYPTED: "whose object still can't be decrypted",
}


def main(arguments: list[str] | None = None) -> int:
    """Do what the options say and return the exit code."""
    options = _parser().parse_args(arguments)
    task = _dead_letters if options.dead_letters else _failed_jobs
    return run(
        options,
        lambda console, site: task(console, site, options),
        interrupted="Interrupted; what is left can be taken up by the same command.",
    )


def _parser() -> ArgumentParser:
    parser = new_parser("tools.redrive", __doc__)
    codes = " or ".join(sorted(unreadable.CODES))
    parser.add_argument(
        "--reason", help=f"only jobs that failed with this code, or were skipped as {codes}"
    )
    parser.add_argument("--dead-letters", action="store_true", help="dead letters, not jobs")
    return parser


def _failed_jobs(console: Console, site: Site, options: Namespace) -> Outcome:
    """Show what failed or was unreadable, name the price, ask, and open another run of each."""
    look = jobs.unread if options.reason in unreadable.CODES else jobs.failed
    with console.status("Looking for jobs"):
        every = list(look(site))
    for reason, count in jobs.by_reason(every).most_common():
        console.print(f"{count:>7,} {reason}")
    chosen = [job for job in every if options.reason in (None, jobs.reason_of(job))]
    if not chosen:
        console.print(f"No job has the reason {options.reason}." if every else "There are none.")
        return ALL, {"reopened": 0, "refused": {}}
    for sentence in sentences(plan_of(site, len(chosen))):
        console.print(escape(sentence), soft_wrap=True)
    if not asked(console, f"Try {len(chosen):,} jobs again?", yes=options.yes):
        console.print("Nothing was started.")
        return NOT_ALL, {"reopened": 0, "refused": {}}
    answers = Counter(_shown(console, jobs.reopen(jobs.desk_of(site), chosen), len(chosen)))
    reopened = answers.pop(None, 0)
    console.print(f"{reopened:,} jobs wait again, behind uploads and API jobs.")
    for code, count in answers.items():
        console.print(escape(f"Refused: {count:,} {_REFUSALS.get(str(code), code)}."))
    refused = {str(code): count for code, count in answers.items()}
    return NOT_ALL if refused else ALL, {"reopened": reopened, "refused": refused}


def _dead_letters(console: Console, site: Site, options: Namespace) -> Outcome:
    """Count dead letters, ask, and send them back."""
    found = {name: letters.count(site, url) for name, url in letters.queues(site).items()}
    for name, count in found.items():
        console.print(f"{count:>7,} {name}")
    total = sum(found.values())
    if not total:
        console.print("There are no dead letters.")
        return ALL, {"moved": {}, "dropped": 0}
    console.print("Each may lead to an image that is paid for; none to one that is paid twice.")
    if not asked(console, f"Send {total:,} dead letters back?", yes=options.yes):
        console.print("Nothing was sent.")
        return NOT_ALL, {"moved": {}, "dropped": 0}
    moved = {
        name: Counter(_shown(console, letters.move(site, name, count), count))
        for name, count in found.items()
        if count
    }
    sent = {name: answers[True] for name, answers in moved.items()}
    dropped = sum(answers[False] for answers in moved.values())
    console.print(f"{sum(sent.values()):,} dead letters are back in their queues.")
    if dropped:
        console.print(f"{dropped:,} of the schedule were dropped: later minutes did their work.")
    return ALL, {"moved": sent, "dropped": dropped}


def _shown[T](console: Console, steps: Iterable[T], total: int) -> Iterable[T]:
    """Show a progress bar beside what is done step by step."""
    return track(steps, "Sending back", total=total, console=console, transient=True)


if __name__ == "__main__":
    logger.setLevel(logging.ERROR)  # the stack's own code logs for CloudWatch
    sys.exit(main())
