"""A deployed stack, as CloudFormation and the deployed `submit` function describe it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cutout.adapters.aws import code_of
from cutout.adapters.dynamodb import DynamoTable
from cutout.errors import ConfigurationError
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
ALARM = "AWS::CloudWatch::Alarm"
FUNCTION = "AWS::Lambda::Function"
QUEUE = "AWS::SQS::Queue"
RULE = "AWS::Events::Rule"
SOURCE = "AWS::Lambda::EventSourceMapping"


class NoSiteError(Exception):
    """There is nothing to look at, or no way to; the sentence says which."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """One stack: what CloudFormation says of it, and the settings its functions run with.

    `resources` maps type and logical id to the physical id.
    """

    account: Account
    name: str
    status: str
    created_s: float
    outputs: Mapping[str, str]
    resources: Mapping[tuple[str, str], str]
    settings: Settings

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
    resources = {
        (item["ResourceType"], item["LogicalResourceId"]): item.get("PhysicalResourceId", "")
        for page in pages
        for item in page["StackResourceSummaries"]
    }
    return Site(
        account=account,
        name=name,
        status=stack["StackStatus"],
        created_s=(stack.get("LastUpdatedTime") or stack["CreationTime"]).timestamp(),
        outputs={o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])},
        resources=resources,
        settings=_settings(account, resources.get((FUNCTION, "SubmitFunction"), ""), name),
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
        message = (
            f"The stack {name} was deployed from another version of Cutout ({error}): deploy this "
            "one, or use the commands of that one."
        )
        raise NoSiteError(message) from error
