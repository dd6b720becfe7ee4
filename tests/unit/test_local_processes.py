"""Starting and ending processes, ports, and the report of failures."""

import os
import socket
import sys
import time
from pathlib import Path

import pytest

from local import console, deploy, processes, services, stack
from local.console import LocalError

PYTHON = Path(sys.executable)


def start(owner: Path, *module: str) -> processes.Server:
    """Start a module of the standard library for the owner."""
    return processes.start("thing", module, python=PYTHON, env={}, owner=owner)


def test_stop_ends_a_process_of_ours(tmp_path: Path) -> None:
    """A started process is known by its owner, and gone after stop."""
    server = start(tmp_path, "http.server", "0", "--bind", "127.0.0.1")
    assert processes.is_ours(server.pid, tmp_path)

    assert processes.stop(server.pid, tmp_path)

    assert not processes.is_ours(server.pid, tmp_path)


def test_stop_leaves_the_processes_of_others_alone(tmp_path: Path) -> None:
    """A pid that now belongs to someone else is not touched."""
    assert not processes.stop(os.getpid(), tmp_path)


def test_owners_are_compared_as_a_whole(tmp_path: Path) -> None:
    """A stack in a subdirectory is another stack."""
    inner = tmp_path / "demo"
    inner.mkdir()
    server = start(inner, "http.server", "0", "--bind", "127.0.0.1")

    assert not processes.is_ours(server.pid, tmp_path)
    server.stop()


def test_wait_until_reports_an_early_end(tmp_path: Path) -> None:
    """A process that ends is not waited for, and its log is named."""
    server = start(tmp_path, "no_such_module")

    with pytest.raises(LocalError, match="thing server ended before") as caught:
        server.wait_until(lambda: None, seconds=30)

    assert caught.value.log == tmp_path / "thing.log"
    assert "no_such_module" in console.tail(tmp_path / "thing.log")[-1]


def test_wait_until_has_a_deadline(tmp_path: Path) -> None:
    """A process that never gets ready is given up."""
    server = start(tmp_path, "http.server", "0", "--bind", "127.0.0.1")

    with pytest.raises(LocalError, match="not ready after 0 s"):
        server.wait_until(lambda: None, seconds=0)
    server.stop()


def test_run_names_the_command_that_failed(tmp_path: Path) -> None:
    """The error has the command, its exit code and its log."""
    log = tmp_path / "out.log"
    command = [sys.executable, "-c", "print('why'); raise SystemExit(3)"]

    with pytest.raises(LocalError, match=r"-c failed with exit code 3\.") as caught:
        processes.run(command, env={}, cwd=tmp_path, log=log)

    assert console.tail(log) == ["why"]
    assert caught.value.log == log


def test_free_port_returns_the_preferred_one(tmp_path: Path) -> None:
    """A port that nobody has is taken as it is."""
    free = services.free_port()

    assert services.free_port(free) == free


def test_free_port_avoids_a_taken_one() -> None:
    """A port that somebody listens on is replaced."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]

        assert services.free_port(taken) not in {0, taken}


def test_tail_returns_the_last_lines_that_say_something(tmp_path: Path) -> None:
    """Empty lines do not use up the space."""
    log = tmp_path / "a.log"
    log.write_text("one\n\ntwo\n\n\nthree\n\n")

    assert console.tail(log, lines=2) == ["two", "three"]
    assert console.tail(tmp_path / "none.log") == []


def test_report_shows_the_end_of_the_log_and_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Brackets in messages and logs are text, not markup."""
    log = tmp_path / "a.log"
    log.write_text("went [wrong]\n")

    console.report(LocalError("The [thing] failed.", log))

    shown = capsys.readouterr().out
    assert "went [wrong]" in shown
    assert "Error: The [thing] failed." in shown
    assert str(log) in shown


def test_fingerprint_follows_what_is_built(tmp_path: Path) -> None:
    """Sources, template and architecture count; compiled files and times do not."""
    source = tmp_path / "functions" / "submit" / "app.py"
    source.parent.mkdir(parents=True)
    source.write_text("a = 1")
    (tmp_path / "template.yaml").write_text("A: 1")
    first = deploy.fingerprint("arm64", tmp_path)

    os.utime(source, (time.time() + 5, time.time() + 5))
    (source.parent / "__pycache__").mkdir()
    (source.parent / "__pycache__" / "app.pyc").touch()
    assert deploy.fingerprint("arm64", tmp_path) == first

    assert deploy.fingerprint("x86_64", tmp_path) != first
    source.write_text("a = 2")
    assert deploy.fingerprint("arm64", tmp_path) != first


def test_a_stack_is_read_as_it_was_saved(tmp_path: Path) -> None:
    """`stack.json` has exactly the documented names, and the sandbox's URL."""
    saved = stack.Stack(
        endpoint_url="http://127.0.0.1:4566",
        stack_name="cutout",
        outputs={"ApiUrl": "https://abc.execute-api.us-east-1.amazonaws.com/prod/"},
        api_key=None,
        sandbox_url="http://127.0.0.1:9",
        pids={"aws": 1, "sandbox": 2},
    )

    saved.save(tmp_path)

    assert stack.Stack.load(tmp_path) == saved
    assert saved.api_url == "http://127.0.0.1:4566/_aws/execute-api/abc/prod"


def test_without_a_description_there_is_no_stack(tmp_path: Path) -> None:
    """Stopping what is not up is no error."""
    assert stack.Stack.load(tmp_path) is None
    assert not stack.down(tmp_path)


def test_a_broken_description_is_reported(tmp_path: Path) -> None:
    """The sentence says what to do."""
    (tmp_path / "stack.json").write_text("{")

    with pytest.raises(LocalError, match="does not describe a stack"):
        stack.Stack.load(tmp_path)


def test_a_stack_in_use_is_not_taken(tmp_path: Path) -> None:
    """Two commands never share a directory: the second would end the first one's stack."""
    with (
        processes.locked(tmp_path / "lock", wait=False),
        pytest.raises(LocalError, match="Another command is using"),
    ):
        stack.up({}, tmp_path)
