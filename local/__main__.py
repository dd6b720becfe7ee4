"""`python -m local up | down | demo`: what the Makefile calls."""

import signal
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from types import FrameType

from rich.markup import escape

from local import demo, parameters, stack
from local.console import LocalError, console, report
from local.guardian import follow_make

_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    # SIGTERM and a closed terminal unwind like Ctrl-C, so that what was started is ended.
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    follow_make()
    try:
        return int(options.run(options))
    except LocalError as error:
        report(error)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted. Everything that was started is stopped.")
        return _INTERRUPTED


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="start the local stack; it stays up")
    up.set_defaults(run=_up)
    down = commands.add_parser("down", help="stop it")
    down.set_defaults(run=_down)
    run_demo = commands.add_parser("demo", help="cut out images on a stack made for it")
    run_demo.set_defaults(run=_demo)
    run_demo.add_argument("--images", type=Path, default=Path("samples"), metavar="DIR")
    for command in (up, run_demo):
        command.add_argument("--params", default="", metavar="'Key=Value ...'")
        command.add_argument("--providers", default="", metavar="eachlabs,apiin")
    return parser


def _params(options: Namespace) -> dict[str, str]:
    chosen = {"Providers": options.providers} if options.providers else {}
    return chosen | parameters.parse(options.params)


def _up(options: Namespace) -> int:
    running = stack.up(_params(options))
    bucket = running.outputs.get("BucketName", "BUCKET")
    console.print(
        f"\nThe stack is up at {running.endpoint_url}; .local/stack.json describes it. Try:\n\n"
        f"  export AWS_ENDPOINT_URL={running.endpoint_url} AWS_DEFAULT_REGION={running.region}\n"
        f"  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test\n"
        f"  .venv/bin/aws s3 cp samples/ s3://{escape(bucket)}/photos/ --recursive\n"
        f"  .venv/bin/aws s3 ls s3://{escape(bucket)}/photos/\n"
        f"  make down",
        soft_wrap=True,
    )
    if running.api_key and "ApiUrl" in running.outputs:
        console.print(
            f"\nThe jobs API:\n\n  curl -H 'x-api-key: {escape(running.api_key)}' "
            f"'{escape(running.api_url)}/jobs?state=succeeded'",
            soft_wrap=True,
        )
    return 0


def _down(_options: Namespace) -> int:
    stopped = stack.down()
    console.print("The stack is stopped." if stopped else "No stack was up.")
    return 0


def _demo(options: Namespace) -> int:
    return demo.run(_params(options), options.images)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
