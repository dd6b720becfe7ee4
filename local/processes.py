"""Start processes that outlive us, wait until they are ready, and end exactly those."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from local.console import LocalError

_POLL_SECONDS = 0.05
_SHOWN_SECONDS = 1
_STOP_SECONDS = 10


@dataclass(frozen=True)
class Server:
    """A process that was started for the stack of a directory."""

    name: str
    pid: int
    owner: Path
    log: Path

    def wait_until[T](self, ready: Callable[[], T | None], seconds: float) -> T:
        """Return what `ready` answers as soon as it is not None, while the process lives."""
        deadline = monotonic() + seconds
        while is_ours(self.pid, self.owner):
            answer = ready()
            if answer is not None:
                return answer
            if monotonic() > deadline:
                message = f"The {self.name} server was not ready after {seconds:.0f} s."
                raise LocalError(message, self.log)
            sleep(_POLL_SECONDS)
        message = f"The {self.name} server ended before it was ready."
        raise LocalError(message, self.log)

    def stop(self) -> None:
        """End it with its children."""
        stop(self.pid, self.owner)


def start(
    name: str, module: Sequence[str], *, python: Path, env: Mapping[str, str], owner: Path
) -> Server:
    """Start `python -m module ...` in a session of its own, with its log in the owner's directory.

    The interpreter ignores unknown -X options, so one carries the owner's name: `is_ours` knows
    the process by it, and a person sees in `ps` where it comes from.
    """
    log = owner / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands, no shell
            [str(python), "-X", _mark(owner), "-m", *module],
            env=dict(env),
            cwd=owner,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # The process is meant to outlive this object, which would otherwise warn about it.
    process.returncode = 0
    # The kernel shows the new command line a moment after the program was started.
    deadline = monotonic() + _SHOWN_SECONDS
    while not is_ours(process.pid, owner) and monotonic() < deadline:
        sleep(_POLL_SECONDS / 10)
    return Server(name, process.pid, owner, log)


def stop(pid: int, owner: Path) -> bool:
    """End a process with its children, unless the pid now belongs to someone else."""
    if not is_ours(pid, owner):
        return False
    _signal_group(pid, signal.SIGTERM)
    deadline = monotonic() + _STOP_SECONDS
    while is_ours(pid, owner) and monotonic() < deadline:
        sleep(_POLL_SECONDS)
    _signal_group(pid, signal.SIGKILL)  # the leader if it did not listen, and children it left
    while is_ours(pid, owner) and monotonic() < deadline + _STOP_SECONDS:
        sleep(_POLL_SECONDS)
    return True


def is_ours(pid: int, owner: Path) -> bool:
    """Tell whether the pid is alive and still the process that was started for the owner."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # our own child would stay behind as a zombie
    return f" -X {_mark(owner)} -m " in _command_line(pid)


def run(command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> None:
    """Run a command to its end, with its output in a log; end it if we are interrupted."""
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603 - our own commands, no shell
            list(command),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            code = process.wait()
        except BaseException:
            _signal_group(process.pid, signal.SIGKILL)
            raise
    if code:
        message = f"{Path(command[0]).name} {command[1]} failed with exit code {code}."
        raise LocalError(message, log)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Let one process at a time into the block, across all processes of this machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            message = f"Another command is using the stack in {path.parent}; wait until it ends."
            raise LocalError(message) from error
        yield


def _mark(owner: Path) -> str:
    return f"cutout={owner}"


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def _command_line(pid: int) -> str:
    if sys.platform == "linux":
        with suppress(OSError):
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
            return raw.replace(b"\0", b" ").decode(errors="replace")
        return ""
    command = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
