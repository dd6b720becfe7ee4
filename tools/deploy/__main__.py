"""`python -m tools.deploy STACK`: builds, and deploys with what the stack has as default answers.

Exit codes: those of the SAM CLI, or 2 if nothing was deployed because the stack cannot be read.
"""

import os
import sys
from argparse import ArgumentParser, Namespace

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from rich.console import Console
from rich.markup import escape

from cutout.adapters.aws import code_of
from local import parameters
from local.console import LocalError
from local.deploy import TEMPLATE
from tools.account import Account, connect, is_denied
from tools.deploy import sam
from tools.deploy.answers import answers, deployed
from tools.terminal import CANNOT, INTERRUPTED, CannotError, new_console

_REFUSED = frozenset(
    {
        *("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"),
        *("UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure"),
    }
)


def main(arguments: list[str] | None = None) -> int:
    """Deploy and return the exit code."""
    options = _parser().parse_args(arguments)
    console = new_console(quiet=False)
    try:
        return _deploy(console, options)
    except KeyboardInterrupt:
        console.print("Interrupted.")
        return INTERRUPTED
    except (CannotError, LocalError) as error:
        said = str(error)
    except (ClientError, BotoCoreError) as error:
        said = f"{_explained(error)} Nothing was deployed."
    console.print(escape(said), style="red", soft_wrap=True)
    return CANNOT


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m tools.deploy", description=__doc__)
    parser.add_argument("stack", help="the stack's name")
    parser.add_argument("--architecture", help="arm64 or x86_64, if not what the stack has")
    parser.add_argument(
        "--params", default="", metavar="'Key=Value ...'", help="answers; an empty one empties"
    )
    return parser


def _deploy(console: Console, options: Namespace) -> int:
    """Read the stack, build for its architecture, and have SAM ask the rest."""
    declared = parameters.declared(TEMPLATE)
    chosen = parameters.parse(options.params)
    if options.architecture:
        chosen["Architecture"] = options.architecture
    account = connect(endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
    if not account.region:
        message = "No region is set: name it with AWS_REGION."
        raise CannotError(message)
    found = deployed(account, options.stack)
    said = answers(found, declared, chosen)
    console.print(escape(_greeting(account, options.stack, found)), soft_wrap=True)
    return sam.build(said["Architecture"]) or sam.deploy(
        sam.BUILT, options.stack, account.region, said
    )


def _greeting(account: Account, name: str, found: dict[str, str] | None) -> str:
    """Say where the default answers come from."""
    elsewhere = "To deploy another one, stop and say make deploy STACK=... or AWS_REGION=..."
    if found is None:
        return (
            f"There is no stack {name} in {account.region} yet: the questions begin with the "
            f"template's defaults. {elsewhere}"
        )
    return (
        f"The questions begin with what the stack {name} in {account.region} has. {elsewhere}, "
        "instead of another answer to the first two questions."
    )


def _explained(error: ClientError | BotoCoreError) -> str:
    """Say why AWS could not be asked."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return (
            "There are no credentials for AWS, so nobody can see what the stack has: set them up "
            "with aws configure, or name a profile with AWS_PROFILE."
        )
    if isinstance(error, ClientError) and code_of(error) in _REFUSED:
        return f"AWS does not take your credentials ({code_of(error)}): renew them."
    if isinstance(error, ClientError) and is_denied(code_of(error)):
        return (
            "You may not see what the stack has, and a deployment without that would set it back "
            "to the template's defaults: allow yourself cloudformation:DescribeStacks."
        )
    return f"AWS could not be asked what the stack has: {error}."


if __name__ == "__main__":
    sys.exit(main())
