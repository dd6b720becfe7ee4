"""What the tools share at the terminal: options, the console, and questions."""

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.prompt import Confirm

from cutout.errors import CutoutError
from tools.account import connect
from tools.site import NoSiteError, Site, read

CANNOT, INTERRUPTED = 2, 130

type Outcome = tuple[int, dict[str, Any]]


class CannotError(Exception):
    """What was asked for can't be done; the sentence says why, and what can."""


def run(options: Namespace, task: Callable[[Console, Site], Outcome], *, interrupted: str) -> int:
    """Do a task on the stack that the options name, and return the exit code.

    Args:
        options: of a parser made by `new_parser`.
        task: returns the exit code and what `--json` prints.
        interrupted: what is said after Ctrl-C.
    """
    console = new_console(quiet=options.json)
    try:
        code, report = task(console, open_site(options))
    except KeyboardInterrupt:
        console.print(interrupted)
        return INTERRUPTED
    except (ClientError, BotoCoreError, NoSiteError, CannotError, CutoutError) as error:
        code, report = CANNOT, {"error": str(error)}
        console.print(escape(str(error)), style="red", soft_wrap=True)
    if options.json:
        print(json.dumps({"stack": options.stack} | report, indent=2))  # noqa: T201 for programs
    return code


def new_parser(program: str, description: str | None) -> ArgumentParser:
    """Return a parser with the options that every tool has."""
    parser = ArgumentParser(prog=f"python -m {program}", description=description)
    parser.add_argument("stack", help="the stack's name")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.add_argument("--yes", action="store_true", help="answer every question with yes")
    parser.add_argument("--profile", help="profile of your AWS configuration")
    parser.add_argument("--region", help="region of the stack")
    parser.add_argument(
        "--endpoint-url", default=os.environ.get("AWS_ENDPOINT_URL"), help="a local AWS"
    )
    return parser


def open_site(options: Namespace) -> Site:
    """Return the stack that the options name.

    Raises:
        NoSiteError: there is none, or no region to look in.
    """
    account = connect(options.profile, options.region, options.endpoint_url)
    if not account.region:
        message = "no region is set: name it with --region or AWS_REGION"
        raise NoSiteError(message)
    return read(account, options.stack)


def new_console(*, quiet: bool) -> Console:
    """Return where to print; quiet: questions go to the error output, since JSON has the other."""
    return Console(highlight=False, stderr=quiet)


def asked(console: Console, question: str, *, yes: bool) -> bool:
    """Ask; without a person to answer, the answer is no."""
    if yes:
        return True
    if not sys.stdin.isatty():
        console.print(f"{escape(question)} Nobody can answer here: say --yes.", soft_wrap=True)
        return False
    return Confirm.ask(escape(question), console=console, default=False)
