"""What the tools share at the terminal: options, the console, and questions."""

import os
import sys
from argparse import ArgumentParser, Namespace

from rich.console import Console
from rich.markup import escape
from rich.prompt import Confirm

from tools.account import connect
from tools.site import NoSiteError, Site, read


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
