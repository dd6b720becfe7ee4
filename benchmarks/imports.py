"""What a cold start imports: each function against boto3 with the same clients, in turns.

A function's side is what its first event causes besides the work itself: importing the handler,
building what `bootstrap` builds for it, its clients included. boto3's side imports boto3 and makes
the same clients. Both run in fresh interpreters on the built, precompiled artifacts.
"""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.plan import Plan
from local.deploy import ROOT

BUILD = ROOT / ".aws-sam" / "local"
RUNTIME = ROOT / ".venv-runtime" / "bin" / "python"
"""An interpreter with what the Lambda runtime has, boto3 and the runtime client, and no more."""

BUILDERS = {
    "api": "api_door",
    "poll": "poll_app",
    "prepare": "prepare_inbox",
    "reconcile": "reconcile_app",
    "store": "store_completions",
    "submit": "submit_inbox",
    "webhook": "webhook_app",
}
IMAGING = frozenset({"prepare", "store"})
SHOWN_MODULES = 8

_FUNCTION = """
import json, time
began, began_cpu = time.perf_counter(), time.process_time()
import app
from cutout import bootstrap
bootstrap.{builder}()
print(json.dumps([time.perf_counter() - began, time.process_time() - began_cpu]))
"""
_BOTO3 = """
import json, time
began, began_cpu = time.perf_counter(), time.process_time()
import boto3
for service in {services}:
    boto3.client(service)
print(json.dumps([time.perf_counter() - began, time.process_time() - began_cpu]))
"""
_SERVICES = """
import json
import boto3
made, original = [], boto3.client
def client(service, **options):
    made.append(service)
    return original(service, **options)
boto3.client = client
import app
from cutout import bootstrap
bootstrap.{builder}()
print(json.dumps(made))
"""


def measure(environments: Mapping[str, Mapping[str, str]], plan: Plan) -> dict[str, Any]:
    """Return seconds of both sides and their ratio, for each function."""
    found = {}
    for name, builder in BUILDERS.items():
        env = environment(name, environments[name])
        services = _run(_SERVICES.format(builder=builder), env)
        own, boto3 = [], []
        for _ in range(plan.import_runs):
            own.append(_run(_FUNCTION.format(builder=builder), env))
            boto3.append(_run(_BOTO3.format(services=services), env))
        found[name] = _compare(own, boto3) | {
            "clients": services,
            "slowest_modules": slowest(builder, env),
        }
    return found


def _compare(own: Sequence[Sequence[float]], boto3: Sequence[Sequence[float]]) -> dict[str, float]:
    """Return medians of elapsed and of processor time, which others on the machine disturb less."""
    (function_s, function_cpu_s), (boto3_s, boto3_cpu_s) = (
        [median(values) for values in zip(*side, strict=True)] for side in (own, boto3)
    )
    return {
        "function_s": round(function_s, 4),
        "boto3_s": round(boto3_s, 4),
        "ratio": round(function_s / boto3_s, 3),
        "function_cpu_s": round(function_cpu_s, 4),
        "boto3_cpu_s": round(boto3_cpu_s, 4),
        "cpu_ratio": round(function_cpu_s / boto3_cpu_s, 3),
    }


def environment(name: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a function, its code and layers on the path as in Lambda."""
    layers = ["ImagingLayer"] if name in IMAGING else []
    folders = [
        f"{name.capitalize()}Function",
        *(f"{layer}/python" for layer in ["CoreLayer", *layers]),
    ]
    return {
        **variables,
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(str(BUILD / folder) for folder in folders),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def slowest(builder: str, env: Mapping[str, str]) -> list[tuple[str, float]]:
    """Return the packages that take longest to import, with their own milliseconds summed up."""
    code = _FUNCTION.format(builder=builder)
    done = _python(["-X", "importtime", "-c", code], env)
    return packages(done.stderr.splitlines())[:SHOWN_MODULES]


def packages(lines: Sequence[str]) -> list[tuple[str, float]]:
    """Sum up `-X importtime` (self time in microseconds | cumulative | module) by package."""
    sums: dict[str, float] = {}
    for line in lines:
        own, _, module = line.removeprefix("import time:").rpartition("|")
        microseconds = own.partition("|")[0].strip()
        if microseconds.isdigit():
            package = ".".join(module.strip().split(".")[:1])
            sums[package] = sums.get(package, 0) + int(microseconds) / 1000
    return sorted(sums.items(), key=lambda entry: -entry[1])


def _run(code: str, env: Mapping[str, str]) -> Any:  # noqa: ANN401 - what the code prints
    return json.loads(_python(["-c", code], env).stdout)


def _python(arguments: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    # -P: the folder it is started in is not on its path.
    return subprocess.run(
        [str(RUNTIME), "-P", *arguments],
        env=dict(env),
        cwd=Path(BUILD),
        capture_output=True,
        text=True,
        check=True,
    )
