"""What a person sees of a backfill."""

import time
from collections import Counter
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cutout import unreadable
from cutout.models import JobState
from tools.backfill.freeze import DONE, RECORDED, Frozen
from tools.backfill.runs import Report, Runs, Standing

LOOK_S = 5.0  # 2,500 batches are about 90 read units a look
ALIVE = (Standing.RUNNING, Standing.STOPPING)
_LEFT_OUT = {
    "own_result": "results",
    "folder_marker": "folder markers",
    "outside_prefix": "outside InputPrefix",
    "not_included": "not in IncludePaths",
    "excluded": "in ExcludePaths",
    "empty_object": "empty",
    "too_large": "over MaxInputBytes",
    "result_key_too_long": "whose key leaves no room for the result's",
    DONE: "whose result stands",
    unreadable.ARCHIVED: "archived",
    f"{RECORDED}{JobState.SUCCEEDED}": "cut out",
    f"{RECORDED}{JobState.FAILED}": "failed",
    f"{RECORDED}{JobState.SKIPPED}": "skipped",
}


def frozen(console: Console, found: Frozen, stack: str) -> None:
    """Say what was left out of the list, and where failed jobs are to be taken up."""
    parts = Counter[str]()
    for code, count in found.left_out.items():
        parts[_LEFT_OUT.get(code, "in work")] += count
    if parts:
        words = ", ".join(f"{count:,} {what}" for what, count in parts.most_common())
        console.print(f"Left out: {words}.", soft_wrap=True)
    if found.left_out[f"{RECORDED}{JobState.FAILED}"]:
        hint = f"Failed jobs are taken up by make redrive STACK={stack}."
        console.print(escape(hint), soft_wrap=True)
    if found.left_out[unreadable.ARCHIVED]:
        hint = "Archived ones can't be read: restore them, then run this again."
        console.print(hint, soft_wrap=True)


def listing(console: Console, reports: list[Report], stack: str) -> None:
    """Show the backfills of a stack."""
    for one in reports:
        console.print(escape(f"{one.backfill.backfill_id}  {line(one)}"), soft_wrap=True)
    if not reports:
        hint = f"make backfill STACK={stack} PREFIX=photos/ starts one."
        console.print(f"The stack has no backfills; {escape(hint)}", soft_wrap=True)


def line(one: Report) -> str:
    """Return how a backfill stands, in one line."""
    tally = one.tally
    names = ("succeeded", "failed", "skipped", "changed")
    parts = [f"{getattr(tally, name):,} {name}" for name in names if getattr(tally, name)]
    parts += [f"{one.waiting:,} waiting"] if one.waiting else []
    where = f"below {one.backfill.prefix}" if one.backfill.prefix else "in the whole bucket"
    return f"{one.standing}: {one.backfill.total:,} images {where}; {', '.join(parts)}"


def watch(console: Console, runs: Runs, backfill_id: str) -> Report:
    """Show the progress until the run is over."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    found = runs.report(backfill_id)
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("Cutting out", total=found.backfill.total)
        while found.standing in ALIVE:
            words = "Stopping" if found.standing is Standing.STOPPING else "Cutting out"
            progress.update(bar, completed=found.tally.over, description=words)
            time.sleep(LOOK_S)
            found = runs.report(backfill_id)
    return found


def conclude(console: Console, one: Report, stack: str) -> None:
    """Say how a backfill stands, and what can be done."""
    console.print(escape(f"{one.backfill.backfill_id} is {line(one)}."), soft_wrap=True)
    backfill_id = one.backfill.backfill_id
    if one.standing in ALIVE:
        console.print(escape(commands(stack, backfill_id)), soft_wrap=True)
    elif one.waiting:
        if one.tally.in_work:
            console.print(f"{one.tally.in_work:,} of them are in line and will still be cut out.")
        more = f"make backfill STACK={stack} RESUME={backfill_id} takes up the rest."
        console.print(escape(more), soft_wrap=True)
    if one.tally.failed:
        console.print(
            escape(f"make redrive STACK={stack} tries failed ones again."), soft_wrap=True
        )


def commands(stack: str, backfill_id: str) -> str:
    """Return how to watch and stop a backfill that goes on by itself."""
    command = f"make backfill STACK={stack}"
    return (
        f"It goes on by itself. Watch it: {command} WATCH={backfill_id}; "
        f"stop it: {command} STOP={backfill_id}; afterwards: {command} RESUME={backfill_id}."
    )


def as_dict(one: Report) -> dict[str, Any]:
    """Return the report as JSON has it."""
    backfill = one.backfill.model_dump(mode="json", exclude={"version"})
    tally = one.tally.model_dump(exclude={"count"})
    return {**backfill, "standing": str(one.standing), **tally, "waiting": one.waiting}
