"""The two servers of a local stack: the local AWS and the provider sandbox."""

import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx

from local.deploy import ROOT
from local.endpoint import REGION, Endpoint
from local.processes import start

PREFERRED_PORT = 4566

# The local AWS unpacks the layers, 71 MB, anew for every execution environment: 2.1 s on a disk,
# 0.9 s in memory, one after the other. With so much free there, forty of them fit.
_MEMORY = Path("/dev/shm")  # noqa: S108 what is made in it gets a name of its own
_MEMORY_FREE_BYTES = 4 * 2**30

_HOST = "127.0.0.1"
_READY_SECONDS = 60


type Watch = Callable[[int], object]


def free_port(preferred: int = 0) -> int:
    """Return the preferred port, or a free one when it is taken."""
    with socket.socket() as server:
        # As servers do: a port whose last connections are only closing is free.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((_HOST, preferred))
        except OSError:
            server.bind((_HOST, 0))
        return int(server.getsockname()[1])


def start_aws(
    undo: ExitStack,
    directory: Path,
    port: int,
    watch: Watch,
    more: Mapping[str, str] | None = None,
) -> tuple[int, Endpoint]:
    """Start the local AWS; return its pid, and its endpoint as soon as it answers.

    Args:
        undo: stops it again.
        directory: for its log and what it keeps.
        port: on loopback.
        watch: is told the pid at once, before the server is ready.
        more: further variables of its environment.
    """
    # Its health answer repeats it: another local AWS may have taken the port a moment ago.
    edition = secrets.token_hex(8)
    server = start(
        "aws",
        ["local.aws"],
        python=ROOT / ".venv-aws" / "bin" / "python",
        env=_aws_environment(directory, port) | {"MINISTACK_EDITION": edition, **(more or {})},
        owner=directory,
    )
    watch(server.pid)
    undo.callback(server.stop)
    url = f"http://{_HOST}:{port}"

    def ready() -> Endpoint | None:
        return Endpoint(endpoint_url=url) if _read_edition(url) == edition else None

    return server.pid, server.wait_until(ready, _READY_SECONDS)


def start_sandbox(
    undo: ExitStack,
    directory: Path,
    endpoint: Endpoint,
    options: Sequence[str],
    watch: Watch,
) -> tuple[int, str]:
    """Start the provider sandbox; return its pid, and its URL as soon as it listens.

    The arguments are those of `start_aws`; `options` go to the sandbox's command line.
    """
    ready_file = _temporary(directory) / "sandbox.json"
    server = start(
        "sandbox",
        [
            *("local.sandbox", "--port", "0", "--ready-file", str(ready_file)),
            *("--aws-endpoint-url", endpoint.endpoint_url),
            *options,
        ],
        python=Path(sys.executable),
        env=_bare_environment(directory) | {"PYTHONPATH": str(ROOT)},
        owner=directory,
    )
    watch(server.pid)
    undo.callback(server.stop)

    def ready() -> str | None:
        try:
            port = json.loads(ready_file.read_text(encoding="utf-8"))["port"]
        except (FileNotFoundError, json.JSONDecodeError):  # not yet, or half written
            return None
        return f"http://{_HOST}:{port}"

    return server.pid, server.wait_until(ready, _READY_SECONDS)


def prepare(directory: Path) -> None:
    """Make the directory, without what an earlier stack left."""
    directory.mkdir(parents=True, exist_ok=True)
    clean(directory)
    _temporary(directory).mkdir()
    if _fits_in_memory():
        _unpacked(directory).symlink_to(tempfile.mkdtemp(prefix="cutout-", dir=_MEMORY))
    else:
        _unpacked(directory).mkdir()


def clean(directory: Path) -> None:
    """Remove what the servers keep in files; the logs stay."""
    shutil.rmtree(_unpacked(directory).resolve(), ignore_errors=True)
    shutil.rmtree(_temporary(directory), ignore_errors=True)


def _bare_environment(directory: Path) -> dict[str, str]:
    """Return a minimal environment: what is in it leaks into the Lambda workers."""
    home, temporary = str(_temporary(directory)), str(_unpacked(directory).resolve())
    return {"PATH": os.defpath, "HOME": home, "TMPDIR": temporary, "LANG": "C.UTF-8"}


def _aws_environment(directory: Path, port: int) -> dict[str, str]:
    return _bare_environment(directory) | {
        "PYTHONPATH": str(ROOT),  # for itself alone: it takes it away again
        "AUTH": "true",  # enforce IAM, presigned URLs and API keys
        "BIND_HOST": _HOST,
        "GATEWAY_PORT": str(port),
        "AWS_DEFAULT_REGION": REGION,
        "MINISTACK_REGION": REGION,
        "STATE_DIR": str(_temporary(directory) / "state"),
        "S3_DATA_DIR": str(_temporary(directory) / "s3"),
        "LAMBDA_WARM_TTL_SECONDS": "3600",
        "IOT_MTLS_ENABLED": "0",  # a listener on a fixed port
    }


def _temporary(directory: Path) -> Path:
    return directory / "tmp"


def _unpacked(directory: Path) -> Path:
    """Return where the servers and the functions have their temporary files."""
    return _temporary(directory) / "unpacked"


def _fits_in_memory() -> bool:
    """Tell whether this machine has a file system in memory with room for a stack's environments.

    A container's often has 64 MB; macOS has none.
    """
    return os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _MEMORY_FREE_BYTES


def _read_edition(url: str) -> str | None:
    try:
        # Without the environment, so that no proxy is asked for a server on this machine.
        answer = httpx.get(f"{url}/_ministack/health", trust_env=False, timeout=5)
        return str(answer.json().get("edition"))
    except (httpx.TransportError, json.JSONDecodeError):
        return None
