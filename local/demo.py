"""`make demo`: a stack of its own, a directory of images, their cut-outs and a contact sheet."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from local import parameters, services, sheet, stack, watch
from local.console import LocalError, console, stage
from local.deploy import ROOT, TEMPLATE
from local.watch import Image, Outcome

OUT = ROOT / "out"
DIRECTORY = stack.DIRECTORY / "demo"

_COLORS = {"succeeded": "green", "skipped": "yellow"}


def run(params: Mapping[str, str], directory: Path, out: Path = OUT) -> int:
    """Cut out the images of a directory; return 0 if every one succeeded."""
    names = parameters.declared(TEMPLATE) | dict(params)
    images = find_images(directory, prefix=f"{names.get('InputPrefix', '')}photos/")
    with stack.running(params, DIRECTORY, preferred_port=services.PREFERRED_PORT) as running:
        outcomes = _cut_out(running, images)
        _save_logs(running)
        with stage(f"Downloaded the cut-outs into {out.name}/"):
            cards = [_collect(running, outcome, out) for outcome in outcomes]
    page = sheet.write(out, cards)
    console.print(_table(cards))
    console.print(f"Contact sheet: {escape(str(page))}", soft_wrap=True)
    return _conclude(outcomes)


def find_images(directory: Path, prefix: str) -> list[Image]:
    """Return the files below the directory, hidden ones aside, by name."""
    files = [path.relative_to(directory) for path in directory.rglob("*") if path.is_file()]
    names = sorted(
        path.as_posix() for path in files if not any(part.startswith(".") for part in path.parts)
    )
    if not names:
        message = f"There are no images in {directory}."
        raise LocalError(message)
    return [Image(name=name, path=directory / name, key=prefix + name) for name in names]


def _cut_out(running: stack.Stack, images: Sequence[Image]) -> list[Outcome]:
    columns = (
        TextColumn("[green]images[/]"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(images))

        def ended(outcome: Outcome) -> None:
            description = f"{outcome.state} {escape(outcome.image.name)}"
            progress.update(task, advance=1, description=description)

        outcomes = watch.cut_out(running, images, ended)
        progress.update(task, description="")
    return outcomes


def _save_logs(running: stack.Stack) -> None:
    """Keep what the functions said: it is gone with the stack, and tells why an image is."""
    logs = running.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    paginator = logs.get_paginator("filter_log_events")
    events = [
        event
        for group in groups
        for page in paginator.paginate(logGroupName=group)
        for event in page["events"]
    ]
    lines = [e["message"].rstrip() for e in sorted(events, key=lambda e: e["timestamp"])]
    text = "\n".join(line for line in lines if line.startswith(("{", "[")))
    (DIRECTORY / "functions.log").write_text(text, encoding="utf-8")


def _collect(running: stack.Stack, outcome: Outcome, out: Path) -> sheet.Card:
    """Copy the original and fetch the cut-out, so that the sheet needs nothing else."""
    original = Path("originals", outcome.image.name)
    (out / original).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(outcome.image.path, out / original)
    if not outcome.succeeded:
        return sheet.Card(outcome=outcome, original=original, result=None)
    # Results lie beside their originals, so their path below the prefix is safe here too.
    prefix = outcome.image.key.removesuffix(outcome.image.name)
    result = Path(outcome.result_key.removeprefix(prefix))
    (out / result).parent.mkdir(parents=True, exist_ok=True)
    running.client("s3").download_file(
        running.outputs["BucketName"], outcome.result_key, str(out / result)
    )
    return sheet.Card(outcome=outcome, original=original, result=result)


def _table(cards: Sequence[sheet.Card]) -> Table:
    table = Table("Image", title_justify="left")
    table.add_column("Seconds", justify="right")
    table.add_column("Provider")
    table.add_column("Cost", justify="right")
    table.add_column("Result")
    for card in cards:
        outcome = card.outcome
        color = _COLORS.get(outcome.state, "red")
        text = card.result.as_posix() if card.result else f"{outcome.state}, {outcome.reason}"
        table.add_row(
            escape(outcome.image.name),
            f"{outcome.seconds:.1f}",
            outcome.provider or "-",
            sheet.dollars(outcome.cost_microusd),
            f"[{color}]{escape(text)}[/]",
        )
    return table


def _conclude(outcomes: Sequence[Outcome]) -> int:
    cost = sheet.dollars(sum(outcome.cost_microusd for outcome in outcomes))
    done = [outcome for outcome in outcomes if outcome.succeeded]
    console.print(f"{len(done)} of {len(outcomes)} images cut out, {cost} at list price.")
    missing = [outcome.image.name for outcome in outcomes if outcome.state == "missing"]
    if missing:
        message = f"These images did not come back: {', '.join(missing)}."
        raise LocalError(message, DIRECTORY / "functions.log")
    return 0 if len(done) == len(outcomes) else 1
