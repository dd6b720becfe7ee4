"""The default answers of a deployment: what the deployed stack has, else what the template says."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from cutout.adapters.aws import code_of
from local import parameters
from tools.account import Account
from tools.terminal import CannotError

# A change set that was never executed leaves a stack in this status, and nothing in it.
_EMPTY = "REVIEW_IN_PROGRESS"
_IN_PROGRESS = "_IN_PROGRESS"
# Statuses that no update leads out of, and the way that does.
_BLOCKED = {
    "ROLLBACK_COMPLETE": (
        "its first deployment failed, and all that CloudFormation can do with the rest is delete "
        "it. The events say what failed (aws cloudformation describe-stack-events --stack-name "
        "{name}); then: aws cloudformation delete-stack --stack-name {name}"
    ),
    "ROLLBACK_FAILED": (
        "its first deployment failed, and undoing it did, too: aws cloudformation delete-stack "
        "--stack-name {name}"
    ),
    "DELETE_FAILED": (
        "its deletion did not get to the end. The events say what was in the way (aws "
        "cloudformation describe-stack-events --stack-name {name}); then: aws cloudformation "
        "delete-stack --stack-name {name}"
    ),
    "UPDATE_ROLLBACK_FAILED": (
        "an update failed, and undoing it did, too: aws cloudformation continue-update-rollback "
        "--stack-name {name}"
    ),
}


def deployed(account: Account, name: str) -> dict[str, str] | None:
    """Return the parameters that a stack was deployed with; None if nothing is deployed yet.

    Raises:
        CannotError: the stack cannot be updated as it stands.
        ClientError, BotoCoreError: AWS did not say.
    """
    try:
        answer = account.client("cloudformation").describe_stacks(StackName=name)
    except ClientError as error:
        if code_of(error) != "ValidationError":  # that is how CloudFormation says "no such stack"
            raise
        return None
    stack: dict[str, Any] = answer["Stacks"][0]
    status = stack["StackStatus"]
    if status == _EMPTY:
        return None
    refusal = _refusal(name, status)
    if refusal is not None:
        raise CannotError(refusal)
    return {one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])}


def answers(
    found: Mapping[str, str] | None, declared: Mapping[str, str], chosen: Mapping[str, str]
) -> dict[str, str]:
    """Return the default answer of every question, by parameter.

    Args:
        found: what the deployed stack has; parameters that the template lost are left out.
        declared: the template's parameters and their defaults.
        chosen: what the user said on the command line; it wins.

    Raises:
        LocalError: the user named a parameter that the template does not have.
    """
    parameters.refuse_unknown(declared, chosen)
    kept = {name: value for name, value in (found or {}).items() if name in declared}
    return {**declared, **kept, **chosen}


def _refusal(name: str, status: str) -> str | None:
    """Return the sentence why a stack in this status cannot be updated; None if it can."""
    if status.endswith(_IN_PROGRESS):
        return f"The stack {name} is {status}: something changes it just now. Wait until it ended."
    if status in _BLOCKED:
        return f"The stack {name} is {status}: {_BLOCKED[status].format(name=name)}"
    return None
