"""What a person sees: one line a finding, the sentence of what is wrong in full."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape

from tools.doctor.findings import Finding, Status

_MARKS = {
    Status.OK: "[green]ok[/]      ",
    Status.WARNING: "[yellow]warning[/] ",
    Status.UNKNOWN: "[magenta]unknown[/] ",
    Status.FAULT: "[red]fault[/]   ",
}


def show(console: Console, findings: Iterable[Finding]) -> None:
    """Print findings."""
    for finding in findings:
        console.print(f"{_MARKS[finding.status]}{escape(finding.message)}", soft_wrap=True)
        if finding.status is not Status.OK:
            console.print(f"        [dim]{escape(finding.code)}[/]", soft_wrap=True)


def conclude(console: Console, findings: Sequence[Finding]) -> None:
    """Print the sum of it."""
    faults = sum(finding.status is Status.FAULT for finding in findings)
    warnings = sum(finding.status is Status.WARNING for finding in findings)
    unseen = sum(finding.status is Status.UNKNOWN for finding in findings)
    parts = [f"{faults} faults" if faults != 1 else "1 fault"]
    parts += [f"{warnings} warnings" if warnings != 1 else "1 warning"] if warnings else []
    parts += [f"{unseen} not seen"] if unseen else []
    healthy = not faults and not unseen
    verdict = "[green]Healthy[/]" if healthy else "[red]Not healthy[/]"
    console.print(f"\n{verdict}: {', '.join(parts)}.")
