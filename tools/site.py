"""A deployed stack, as CloudFormation and the deployed `submit` function describe it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from cutout.adapters.aws import code_of
from cutout.adapters.dynamodb import DynamoTable
from cutout.adapters.system import SystemClock
from cutout.errors import ConfigurationError
from cutout.ports import Clock
from cutout.settings import Settings
from tools.account import Account

# What the application and other people's scripts read (DESIGN 4.1).
OUTPUTS = (
    "BucketName",
    "WorkBucketName",
    "ApiUrl",
    "ApiKeyId",
    "JobsTableName",
    "PollStateMachineArn",
    "UploadsQueueUrl",
    "DispatchQueueUrl",
    "UploadsDeadLetterQueueUrl",
    "DispatchDeadLetterQueueUrl",
    "CompletionsDeadLetterQueueUrl",
    "EventBusName",
)
FUNCTION = "AWS::Lambda::Function"
QUEUE = "AWS::SQS::Queue"
RULE = "AWS::Events::Rule"
SOURCE = "AWS::Lambda::EventSourceMapping"
UPLOADS_RULE = "UploadsRule"


class NoSiteError(Exception):
    """There is nothing to look at, or no way to; the sentence says which."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """One stack: what CloudFormation says of it, and the settings its functions run with.

    `resources` maps type and logical id to the physical id. `listening_s` is since when the rule of
    uploads is as it is, in seconds since the epoch: it names the bucket.
    """

    account: Account
    name: str
    status: str
    created_s: float
    outputs: Mapping[str, str]
    resources: Mapping[tuple[str, str], str]
    settings: Settings
    listening_s: float = 0.0
    clock: Clock = field(default_factory=SystemClock)

    def of_type(self, kind: str) -> dict[str, str]:
        """Return physical ids by logical id."""
        return {logical: i for (one, logical), i in self.resources.items() if one == kind}

    def client(self, service: str) -> Any:  # noqa: ANN401 - as in Account
        """Return a client of the stack's account."""
        return self.account.client(service)

    def table(self) -> DynamoTable:
        """Return the jobs table."""
        return DynamoTable(self.client("dynamodb"), self.settings.jobs_table)

    def reachable(self, url: str) -> str:
        """Return where an execute-api URL of the stack is served: elsewhere on the local AWS."""
        api = self.outputs.get("ApiUrl", "")
        if not (self.account.is_local and api and url.startswith(api)):
            return url
        host, _, path = api.removeprefix("https://").partition("/")
        api_id = host.partition(".")[0]
        return f"{self.account.endpoint_url}/_aws/execute-api/{api_id}/{path}" + url[len(api) :]


def read(account: Account, name: str) -> Site:
    """Return the stack.

    Raises:
        NoSiteError: there is none of that name, or not one of ours.
    """
    stack = _stack(account, name)
    pages = (
        account.client("cloudformation")
        .get_paginator("list_stack_resources")
        .paginate(StackName=name)
    )
    items = [item for page in pages for item in page["StackResourceSummaries"]]
    resources = {
        (item["ResourceType"], item["LogicalResourceId"]): item.get("PhysicalResourceId", "")
        for item in items
    }
    rule = next((item for item in items if item["LogicalResourceId"] == UPLOADS_RULE), None)
    return Site(
        account=account,
        name=name,
        status=stack["StackStatus"],
        created_s=(stack.get("LastUpdatedTime") or stack["CreationTime"]).timestamp(),
        outputs={o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])},
        resources=resources,
        settings=_settings(account, resources.get((FUNCTION, "SubmitFunction"), ""), name),
        listening_s=rule["LastUpdatedTimestamp"].timestamp() if rule is not None else 0.0,
    )


def _stack(account: Account, name: str) -> dict[str, Any]:
    try:
        answer = account.client("cloudformation").describe_stacks(StackName=name)
    except ClientError as error:
        if code_of(error) != "ValidationError":
            raise
        message = (
            f"There is no stack {name} in {account.region}. Deploy it with make deploy, or name "
            "the region it is in with AWS_REGION=..."
        )
        raise NoSiteError(message) from error
    return dict(answer["Stacks"][0])


def _settings(account: Account, function: str, name: str) -> Settings:
    """Return what `submit` is set to: the parameters as deployed, not as the file has them."""
    if not function:
        message = f"The stack {name} has no SubmitFunction: it is not a Cutout stack, or half made."
        raise NoSiteError(message)
    configuration = account.client("lambda").get_function_configuration(FunctionName=function)
    try:
        return Settings.from_env(configuration.get("Environment", {}).get("Variables", {}))
    except ConfigurationError as error:
        hint = " Its ResultSuffix may not be ASCII." if "RESULT_SUFFIX" in str(error) else ""
        message = (
            f"The stack {name} was deployed from another version of Cutout ({error}): deploy this "
            f"one, or use the commands of that one.{hint}"
        )
        raise NoSiteError(message) from error
