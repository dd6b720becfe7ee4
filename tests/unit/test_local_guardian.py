"""What is left of a command that is killed outright: nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local import processes, services
from local.guardian import Guardian

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30

# A command with a server of its own, which says the server's pid and then hangs.
COMMAND = """
import sys, time
from pathlib import Path
from local import processes
from local.guardian import Guardian

owner = Path(sys.argv[1])
with Guardian(owner) as guardian:
    module = ("http.server", "0", "--bind", "127.0.0.1")
    server = processes.start("thing", module, python=Path(sys.executable), env={}, owner=owner)
    guardian.watch(server.pid)
    print(server.pid, flush=True)
    time.sleep(600)
"""

# What `make` starts, under something that can be killed in its place.
FOLLOWER = """
import subprocess, sys
code = '''
import os, time
from local.guardian import follow_make

follow_make()
print(os.getpid(), flush=True)
time.sleep(600)
'''
subprocess.run([sys.executable, "-c", code])
"""


def start(code: str, *arguments: str, **more: str) -> tuple[subprocess.Popen[str], int]:
    """Start a program that says a pid; return both."""
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=os.environ | more,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        return process, int(process.stdout.readline())


def kill(process: subprocess.Popen[str]) -> None:
    """End it as nothing can catch."""
    process.send_signal(signal.SIGKILL)
    process.wait()


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as the condition holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Tell whether there is such a process, other than as a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_killed_command_leaves_no_server_and_no_files(tmp_path: Path) -> None:
    """SIGKILL of the command ends its servers and removes what they unpacked."""
    services.prepare(tmp_path)
    unpacked = (tmp_path / "tmp" / "unpacked").resolve()
    command, server = start(COMMAND, str(tmp_path))
    assert processes.is_ours(server, tmp_path)

    kill(command)

    wait_until(lambda: not processes.is_ours(server, tmp_path))
    wait_until(lambda: not unpacked.exists() and not (tmp_path / "tmp").exists())


def test_a_dismissed_guardian_leaves_the_server_alone(tmp_path: Path) -> None:
    """What `make up` has started stays when the command is done."""
    module = ("http.server", "0", "--bind", "127.0.0.1")
    with Guardian(tmp_path) as guardian:
        python = Path(sys.executable)
        server = processes.start("thing", module, python=python, env={}, owner=tmp_path)
        guardian.watch(server.pid)

    assert processes.is_ours(server.pid, tmp_path)
    server.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to see a process of another one")
def test_a_command_of_make_ends_with_make() -> None:
    """Whoever `make` started ends when `make` is killed."""
    make, follower = start(FOLLOWER, MAKELEVEL="1")
    assert is_alive(follower)

    kill(make)

    wait_until(lambda: not is_alive(follower))
