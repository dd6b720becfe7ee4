"""End what a command started when the command itself is killed outright.

A command that unwinds ends its servers itself. One that is killed by SIGKILL can't, so it starts a
guardian first: a small process that reads from a pipe whose only other end the command holds. The
kernel closes that end when the command is gone, however it went.
"""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from time import sleep
from typing import Self

from local import processes, services

_DISMISSED = "dismissed"
_LOOK_SECONDS = 1


class Guardian:
    """Ends the servers of one directory's stack unless it is dismissed before we are gone."""

    def __init__(self, owner: Path) -> None:
        """Start the process; `owner` is the directory of the stack."""
        read, self._pipe = os.pipe()  # no other child of ours inherits the end that we keep
        self._process = subprocess.Popen(  # noqa: S603 our own command
            [sys.executable, "-m", "local.guardian", str(owner)],
            cwd=Path(__file__).parent.parent,
            stdin=read,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # what ends us by our terminal does not reach it
        )
        os.close(read)

    def __enter__(self) -> Self:
        """Watch for the time of the block."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Let the process go: what the block started is ended, or meant to stay."""
        self._say(_DISMISSED)
        os.close(self._pipe)
        self._process.wait()

    def watch(self, pid: int) -> None:
        """Have this server ended, too, if we are killed."""
        self._say(str(pid))

    def _say(self, line: str) -> None:
        """Write one line to the process."""
        os.write(self._pipe, f"{line}\n".encode())


def follow_make() -> None:
    """End this process, as Ctrl-C would, when the `make` that started it is gone.

    `make` that is killed outright takes nothing with it. Started by anything else, a process stays:
    whoever puts it into the background may want to leave.
    """
    if "MAKELEVEL" in os.environ:
        parent = os.getppid()
        threading.Thread(target=_outlive, args=(parent,), daemon=True).start()


def _outlive(parent: int) -> None:
    """Wait until somebody else is our parent."""
    while os.getppid() == parent:
        sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def main(owner: Path) -> None:
    """Read pids until the pipe is closed; end them if nobody dismissed us before that."""
    pids: list[int] = []
    for line in sys.stdin:
        if line.strip() == _DISMISSED:
            return
        pids.append(int(line))
    for pid in pids:
        processes.stop(pid, owner)
    services.clean(owner)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
