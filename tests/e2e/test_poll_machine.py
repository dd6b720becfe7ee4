"""The poll machine on every path, with a function that answers what a test tells it to."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local import services
from local.endpoint import Endpoint
from local.guardian import Guardian
from tests.e2e.shop import until
from tests.stack import TEMPLATE

pytestmark = pytest.mark.e2e

DEFINITION = TEMPLATE.parent / "statemachines" / "poll.asl.json"
# Does what the input plans for this call; the calls of one execution follow each other.
FUNCTION = """
def lambda_handler(event, context):
    with open(event["calls"], "a+") as file:
        file.write("x")
        file.seek(0)
        calls = len(file.read())
    word = event["plan"][min(calls, len(event["plan"])) - 1]
    if word.endswith("Error"):
        raise type(word, (Exception,), {})("as planned")
    return {"next": word, "body": event["job_id"], "request": event}
"""
# The local AWS has one name for whatever a function raises, AWS the name of its class; that those
# in the definition are ours is in tests/template/test_state_machine.py.
RAISED = "Runtime.HandlerError"
CHOICES = {"tell", "wait", "stop"}
ASK, LEFT, TOLD = "Ask", "LeaveToReconcile", "Told"
ROUND = ["Wait", ASK, "WhatNext", "Again"]
TELL = ["Wait", ASK, "WhatNext", "TellDispatch"]

# name: what the function does call by call, which queue is missing, the states entered, who knows
PATHS: dict[str, tuple[list[str], str, list[str], set[str]]] = {
    "at-once": (["tell"], "", [*TELL, "TellCompletions", TOLD], {"dispatch", "completions"}),
    "third-time": (
        ["wait", "wait", "tell"],
        "",
        [*ROUND, *ROUND, *TELL, "TellCompletions", TOLD],
        {"dispatch", "completions"},
    ),
    "said-by-others": (["stop"], "", ["Wait", ASK, "WhatNext", LEFT], set()),
    "provider-comes-back": (
        ["ProviderUnavailableError", "ProviderRateLimitedError", "MaybeCreatedError", "tell"],
        "",
        [*TELL, "TellCompletions", TOLD],
        {"dispatch", "completions"},
    ),
    "table-comes-back": (
        ["StorageError", "StorageError", "tell"],
        "",
        [*TELL, "TellCompletions", TOLD],
        {"dispatch", "completions"},
    ),
    "provider-stays-away": (["ProviderUnavailableError"], "", ["Wait", ASK, LEFT], set()),
    "not-passing": (["ConfigurationError", "tell"], "", ["Wait", ASK, LEFT], set()),
    "no-dispatch": (["tell"], "dispatch", [*TELL, LEFT], set()),
    "no-completions": (["tell"], "completions", [*TELL, "TellCompletions", LEFT], {"dispatch"}),
}


@dataclass
class Machines:
    """The machine as it should be, and without the one or the other queue."""

    endpoint: Endpoint
    role: str
    function: str
    queues: dict[str, str]
    directory: Path

    def start(self, name: str, plan: list[str], missing: str) -> str:
        """Start an execution of the machine that lacks a queue; return its ARN."""
        queues = self.queues | ({missing: f"{self.queues['dispatch']}-none"} if missing else {})
        text = DEFINITION.read_text("utf-8")
        for placeholder, value in {
            "Partition": "aws",
            "PollFunctionArn": self.function,
            "DispatchQueueUrl": queues["dispatch"],
            "CompletionsQueueUrl": queues["completions"],
        }.items():
            text = text.replace(f"${{{placeholder}}}", value)
        for word in plan:
            text = text.replace(f'"{word}"', f'"{word if word in CHOICES else RAISED}"')
        states = self.endpoint.client("stepfunctions")
        machine = states.create_state_machine(name=name, definition=text, roleArn=self.role)
        calls = str(self.directory / f"calls-{name}")
        begin = json.dumps({"job_id": name, "plan": plan, "wait_s": 0, "calls": calls})
        execution = states.start_execution(stateMachineArn=machine["stateMachineArn"], input=begin)
        return str(execution["executionArn"])

    def entered(self, execution: str) -> list[str]:
        """Return the states that an execution entered; empty until it succeeded."""
        states = self.endpoint.client("stepfunctions")
        if states.describe_execution(executionArn=execution)["status"] != "SUCCEEDED":
            return []
        pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
        details = [event.get("stateEnteredEventDetails") for p in pages for event in p["events"]]
        return [one["name"] for one in details if one]

    def told(self) -> dict[str, list[str]]:
        """Take all messages from the queues; return their bodies by queue."""
        sqs = self.endpoint.client("sqs")
        return {name: list(drain(sqs, url)) for name, url in self.queues.items()}


def drain(sqs: Any, url: str) -> Iterator[str]:
    """Receive and delete until nothing is left."""
    while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in got:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            yield message["Body"]


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    """A local AWS with two queues and the function, and nothing else."""
    services.prepare(tmp_path)
    with Guardian(tmp_path) as guardian, ExitStack() as undo:
        undo.callback(services.clean, tmp_path)
        port, faster = services.free_port(), {"SFN_WAIT_SCALE": "0.1"}
        _, endpoint = services.start_aws(undo, tmp_path, port, guardian.watch, faster)
        sqs = endpoint.client("sqs")
        names = ("dispatch", "completions")
        urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in names}
        role = make_role(endpoint)
        yield Machines(endpoint, role, make_function(endpoint, role), urls, tmp_path)


def make_role(endpoint: Endpoint) -> str:
    """Return the ARN of a role that may do what this test needs."""
    iam = endpoint.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]},
        "Action": "sts:AssumeRole",
    }
    may = {"Effect": "Allow", "Action": ["lambda:*", "sqs:*", "logs:*"], "Resource": "*"}
    role = iam.create_role(RoleName="any", AssumeRolePolicyDocument=document(trust))
    iam.put_role_policy(RoleName="any", PolicyName="any", PolicyDocument=document(may))
    return str(role["Role"]["Arn"])


def document(statement: dict[str, Any]) -> str:
    """Return a policy of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make_function(endpoint: Endpoint, role: str) -> str:
    """Return the ARN of the function that follows its plan."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("app.py", FUNCTION)
    made = endpoint.client("lambda").create_function(
        FunctionName="ask",
        Runtime="python3.13",
        Handler="app.lambda_handler",
        Role=role,
        Code={"ZipFile": file.getvalue()},
    )
    return str(made["FunctionArn"])


def test_every_path_ends_where_it_should(machines: Machines) -> None:
    """Side by side: which states each path enters, and which queue learns of the end."""
    running = {
        name: machines.start(name, plan, missing) for name, (plan, missing, _, _) in PATHS.items()
    }

    until(lambda: all(map(machines.entered, running.values())), "the end of all", 240)

    told = machines.told()
    entered = {name: machines.entered(execution) for name, execution in running.items()}
    assert entered == {name: states for name, (_, _, states, _) in PATHS.items()}
    assert {name: {q for q, bodies in told.items() if name in bodies} for name in PATHS} == {
        name: knows for name, (_, _, _, knows) in PATHS.items()
    }


def test_every_state_is_on_a_path() -> None:
    """The paths above leave no state out."""
    states = json.loads(DEFINITION.read_text("utf-8"))["States"]

    assert set(states) == {state for _, _, path, _ in PATHS.values() for state in path}
