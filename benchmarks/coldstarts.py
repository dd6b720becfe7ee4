"""The cold start of each function under AWS's own runtime interface emulator.

It comes with the SAM CLI and drives the runtime client that the Lambda runtime uses. The function
talks to the local AWS, so that its first event is answered as in life.
"""

import json
import os
import platform
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import samcli

from benchmarks.imports import BUILDERS, RUNTIME, environment
from benchmarks.plan import Plan
from benchmarks.site import Site, summary
from cutout.models import PollRequest
from local import services
from local.deploy import ROOT

_EMULATORS = Path(samcli.__file__).parent / "local" / "rapid"
_INVOKE = "/2015-03-31/functions/function/invocations"
_READY_SECONDS = 30
_STOP_SECONDS = 5
_JOB = "0" * 32


def _sample(name: str) -> dict[str, Any]:
    """Return one of the repository's sample events; all of them name jobs that do not exist."""
    event: dict[str, Any] = json.loads((ROOT / "events" / name).read_text(encoding="utf-8"))
    return event


EVENTS: dict[str, dict[str, Any]] = {
    "api": {
        "httpMethod": "GET",
        "path": f"/jobs/{_JOB}",
        "resource": "/{proxy+}",
        "headers": {},
        "multiValueHeaders": {},
        "requestContext": {"requestId": "1", "stage": "v1", "identity": {}},
    },
    "poll": PollRequest(
        job_id=_JOB, number=1, provider="eachlabs", prediction_id="p", wait_s=1, until_ms=1
    ).model_dump(),
    "prepare": _sample("prepare/prepare.json"),
    "reconcile": {},
    "store": _sample("store/announce.json"),
    "submit": _sample("submit/wake.json"),
    "webhook": _sample("webhook/succeeded.json"),
}
"""The first event of each: the smallest that makes it build everything it has."""


def measure(
    site: Site, environments: Mapping[str, Mapping[str, str]], plan: Plan
) -> dict[str, Any]:
    """Return milliseconds of the first event of a new environment, and of the second."""
    found = {}
    for name in BUILDERS:
        env = environment(name, environments[name])
        env["AWS_ENDPOINT_URL"] = site.stack.endpoint_url
        runs = [_start(name, env) for _ in range(plan.cold_starts)]
        found[name] = {
            "init_ms": summary([run["init"] for run in runs]),
            "first_ms": summary([run["first"] for run in runs]),
            "second_ms": summary([run["second"] for run in runs]),
        }
    return found


def _start(name: str, env: Mapping[str, str]) -> dict[str, float]:
    """Start an environment, send it its event twice, and end it."""
    port = services.free_port()
    with tempfile.TemporaryFile("w+") as log:
        began = time.monotonic()
        emulator = subprocess.Popen(
            _command(port),
            env=_lambda_environment(name, env),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _invoke(port, name, began)
            _invoke(port, name, time.monotonic())
        finally:
            _stop(emulator)
        log.seek(0)
        text = log.read()
    init, durations = reports(text)
    return {"init": init, "first": durations[0], "second": durations[1]}


def reports(text: str) -> tuple[float, list[float]]:
    """Return the init duration and the duration of each event, from the emulator's log."""
    durations = [float(value) for value in re.findall(r"\tDuration: ([\d.]+) ms", text)]
    init = re.search(r"Init Duration: ([\d.]+) ms", text)
    return float(init[1]) if init else 0.0, durations


def _command(port: int) -> list[str]:
    machine = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    return [
        str(_EMULATORS / f"aws-lambda-rie-{machine}"),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *("--runtime-api-address", f"127.0.0.1:{services.free_port()}"),
        *(str(RUNTIME), "-P", "-m", "awslambdaric", "app.lambda_handler"),
    ]


def _lambda_environment(name: str, env: Mapping[str, str]) -> dict[str, str]:
    folder = env["PYTHONPATH"].split(os.pathsep)[0]
    return {
        **env,
        "LAMBDA_TASK_ROOT": folder,
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
    }


def _invoke(port: int, name: str, began: float) -> None:
    url = f"http://127.0.0.1:{port}{_INVOKE}"
    while True:
        try:
            httpx.post(url, json=EVENTS[name], trust_env=False, timeout=_READY_SECONDS)
        except httpx.ConnectError:
            if time.monotonic() - began > _READY_SECONDS:
                raise
            time.sleep(0.02)
        else:
            return


def _stop(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
