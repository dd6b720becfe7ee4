"""What the common pattern costs: one Standard execution for each image, asking every 5 seconds."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import bill, pictures, prices
from benchmarks.capacity import Units
from benchmarks.invocations import invocations
from benchmarks.plan import Plan
from benchmarks.site import Site, until
from benchmarks.trail import Trail
from local import parameters

CODE = Path(__file__).parent / "peers" / "standard.py"
MACHINE = Path(__file__).parent / "peers" / "standard.asl.json"
FUNCTIONS = ("submit", "status", "store")
MEMORY_MB = 512
PREDICTION_SECONDS = 9
AT_ONCE = 10  # it has no gate of its own; more would meet the provider's limit
BUCKET = "standard-images"
_TRUSTED = ("lambda.amazonaws.com", "states.amazonaws.com")


def measure(site: Site, plan: Plan) -> dict[str, Any]:
    """Run images through it and return the list price of 1,000 by the same table of prices."""
    machine = _deploy(site)
    site.configure(seconds=1)
    _run(site, machine, "warm", AT_ONCE)
    site.configure(seconds=PREDICTION_SECONDS)
    trail = Trail(site.stack)
    found = []
    for first in range(0, plan.standard_images, AT_ONCE):
        count = min(AT_ONCE, plan.standard_images - first)
        found += _run(site, machine, f"standard/{first}", count)
    calls = [call for call in trail.calls() if call.is_ours]
    trail.stop()
    logs = {name: _log(site, name, trail.began) for name in FUNCTIONS}
    runs = {name: invocations(events) for name, events in logs.items()}
    seen = bill.Seen(
        images=plan.standard_images,
        calls=calls,
        units=Units(),
        runs=runs,
        logs=logs,
        memory_mb=dict.fromkeys(FUNCTIONS, MEMORY_MB),
        webhooks=0,
    )
    return _priced(seen, sum(_transitions(site, execution) for execution in found))


def _priced(seen: bill.Seen, transitions: int) -> dict[str, Any]:
    """Return units and dollars for 1,000 images."""
    recorded = bill.recorded(seen)
    derived = {"eventbridge_event": 2 * seen.images}  # upload and result, as in ours
    counts = recorded | derived | {"step_functions_transition": transitions}
    units = {name: count * bill.PER / seen.images for name, count in counts.items() if count}
    usd = prices.dollars(units)
    compute = sum(usd.get(name, 0.0) for name in bill.COMPUTE)
    logs = usd.get("logs_gb", 0.0)
    return {
        "images": seen.images,
        "transitions_per_image": transitions / seen.images,
        "runs_per_image": sum(len(runs) for runs in seen.runs.values()) / seen.images,
        "units_per_1000": units,
        "derived_per_1000": {k: v * bill.PER / seen.images for k, v in derived.items()},
        "usd_per_1000": usd,
        "rows": {"requests": sum(usd.values()) - compute - logs, "compute": compute, "logs": logs},
        "requests_and_compute": sum(usd.values()) - logs,
    }


def _run(site: Site, machine: str, prefix: str, count: int) -> list[str]:
    """Start executions for new images and wait for all of them."""
    client = site.stack.client("stepfunctions")
    started = []
    for number in range(count):
        key = f"{prefix}/{number}.jpg"
        site.s3.put_object(Bucket=BUCKET, Key=key, Body=pictures.sample())
        text = json.dumps({"bucket": BUCKET, "key": key})
        answer = client.start_execution(stateMachineArn=machine, input=text)
        started.append(str(answer["executionArn"]))

    def over() -> bool:
        return not any(_status(client, execution) == "RUNNING" for execution in started)

    until(over, "the peer's executions")
    failed = [e for e in started if _status(client, e) != "SUCCEEDED"]
    if failed:
        message = f"{len(failed)} executions of the peer's machine failed"
        raise ValueError(message)
    return started


def _status(client: Any, execution: str) -> str:  # noqa: ANN401 - boto3 without stubs
    return str(client.describe_execution(executionArn=execution)["status"])


def _transitions(site: Site, execution: str) -> int:
    """Return how many states one execution entered; AWS charges each."""
    client = site.stack.client("stepfunctions")
    pages = client.get_paginator("get_execution_history").paginate(executionArn=execution)
    events = [event for page in pages for event in page["events"]]
    return sum(event["type"].endswith("StateEntered") for event in events)


def _log(site: Site, name: str, since: float) -> Sequence[Mapping[str, Any]]:
    paginator = site.stack.client("logs").get_paginator("filter_log_events")
    group = f"/aws/lambda/standard-{name}"
    pages = paginator.paginate(logGroupName=group, startTime=round(since * 1000))
    return [event for page in pages for event in page["events"]]


def _deploy(site: Site) -> str:
    """Create role, functions and machine; return the machine's ARN."""
    stack = site.stack
    site.s3.create_bucket(Bucket=BUCKET)
    role = _role(site)
    functions = stack.client("lambda")
    variables = {"PROVIDER_URL": stack.sandbox_url, "API_KEY": "sandbox-key"}
    arns = {
        name: functions.create_function(
            FunctionName=f"standard-{name}",
            Runtime="python3.13",
            Architectures=[parameters.architecture()],
            Role=role,
            Handler=f"app.{name}",
            MemorySize=MEMORY_MB,
            Timeout=60,
            Code={"ZipFile": _archive()},
            Environment={"Variables": variables},
        )["FunctionArn"]
        for name in FUNCTIONS
    }
    definition = MACHINE.read_text(encoding="utf-8")
    for name, arn in arns.items():
        definition = definition.replace(f"${{{name}}}", arn)
    made = stack.client("stepfunctions").create_state_machine(
        name="standard", type="STANDARD", definition=definition, roleArn=role
    )
    return str(made["stateMachineArn"])


def _role(site: Site) -> str:
    """Create one role for all of it; least privilege is not what is compared here."""
    iam = site.stack.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": list(_TRUSTED)},
        "Action": "sts:AssumeRole",
    }
    may = {
        "Effect": "Allow",
        "Action": ["s3:*", "lambda:InvokeFunction", "logs:*"],
        "Resource": "*",
    }
    version = "2012-10-17"
    made = iam.create_role(
        RoleName="standard",
        AssumeRolePolicyDocument=json.dumps({"Version": version, "Statement": [trust]}),
    )
    document = json.dumps({"Version": version, "Statement": [may]})
    iam.put_role_policy(RoleName="standard", PolicyName="may", PolicyDocument=document)
    return str(made["Role"]["Arn"])


def _archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.write(CODE, "app.py")
    return file.getvalue()
