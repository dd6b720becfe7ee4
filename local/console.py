"""What the local commands say: one line per stage, one clear sentence on failure."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.markup import escape

console = Console(highlight=False)

_TAIL_LINES = 15


class LocalError(Exception):
    """Something failed in a way that a person can understand and act upon."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        """Keep the sentence, and the log that has the details."""
        super().__init__(message)
        self.log = log
        if log is not None:  # for tracebacks, in tests that start a stack
            self.add_note("\n".join([*tail(log), f"The whole log: {log}"]))


@contextmanager
def stage(title: str) -> Iterator[None]:
    """Show a spinner while the block runs, then one line with the seconds it took."""
    started = monotonic()
    try:
        with console.status(escape(title)):
            yield
    except BaseException:
        console.print(f"[red]failed[/] {escape(title)} ({monotonic() - started:.1f} s)")
        raise
    console.print(f"[green]done[/]   {escape(title)} ({monotonic() - started:.1f} s)")


def report(error: LocalError) -> None:
    """Print the sentence, the end of the log, and where the rest of it is."""
    if error.log is not None:
        for line in tail(error.log):
            console.print(line, style="dim", markup=False, soft_wrap=True)
    console.print(f"[red]Error:[/] {escape(str(error))}", soft_wrap=True)
    if error.log is not None:
        console.print(f"The whole log: {escape(str(error.log))}", soft_wrap=True)


def tail(log: Path, lines: int = _TAIL_LINES) -> list[str]:
    """Return the last lines of a log that say something."""
    if not log.exists():
        return []
    text = log.read_text(encoding="utf-8", errors="replace")
    return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]
