"""Command line: `python -m local.sandbox --port 0 --ready-file sandbox.json`."""

import argparse
import json
import os
import signal
import threading
from pathlib import Path
from typing import get_args

from local.sandbox.apiin import DEFAULTS
from local.sandbox.predictions import Form, Settings
from local.sandbox.server import CUTS, Options, Sandbox


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    arguments = _parser().parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Sandbox(_options(arguments)) as sandbox:
        if arguments.ready_file:
            _write_ready_file(arguments.ready_file, sandbox.port)
        print(f"provider sandbox at {sandbox.url}", flush=True)
        stop.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.sandbox", description=__doc__)
    defaults = Settings()
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--ready-file", type=Path, help="gets JSON {port, pid} once it listens")
    parser.add_argument("--aws-endpoint-url", default="http://127.0.0.1:4566")
    parser.add_argument("--seconds", type=float, default=defaults.seconds, help="per prediction")
    parser.add_argument("--cut", choices=sorted(CUTS), default="grabcut")
    parser.add_argument("--max-concurrent", type=int, default=defaults.max_concurrent)
    parser.add_argument("--max-per-minute", type=int, default=defaults.max_per_minute)
    parser.add_argument("--apiin-max-concurrent", type=int, default=DEFAULTS.max_concurrent)
    parser.add_argument("--apiin-max-per-minute", type=int, default=DEFAULTS.max_per_minute)
    parser.add_argument("--apiin-form", choices=get_args(Form.__value__), default=DEFAULTS.form)
    parser.add_argument("--api-key", action="append", help="may be repeated; sandbox-key if not")
    return parser


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        port=arguments.port,
        aws_endpoint_url=arguments.aws_endpoint_url,
        cut=arguments.cut,
        api_keys=arguments.api_key or ["sandbox-key"],
        settings=Settings(arguments.seconds, arguments.max_concurrent, arguments.max_per_minute),
        apiin_settings=Settings(
            arguments.seconds,
            arguments.apiin_max_concurrent,
            arguments.apiin_max_per_minute,
            arguments.apiin_form,
        ),
    )


def _write_ready_file(path: Path, port: int) -> None:
    """Write it in one step, so that a waiting process never reads half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps({"port": port, "pid": os.getpid()}), encoding="utf-8")
    partial.replace(path)


if __name__ == "__main__":
    main()
