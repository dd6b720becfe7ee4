"""House rules about who may do what: each yields what is wrong."""

from collections.abc import Iterator

from tests.template.views import Json, View, branches, listed, names_in

# What DESIGN 3 lets each piece touch, as services; bytes of a provider go into the WorkBucket,
# and store wakes submit (docs/decisions/0006).
TOUCHES = {
    "SubmitFunction": {"s3", "dynamodb", "ssm", "sqs", "states", "kms"},
    "WebhookFunction": {"dynamodb", "sqs"},
    "PollFunction": {"dynamodb", "ssm", "s3"},
    "StoreFunction": {"s3", "dynamodb", "sqs", "events", "kms"},
    "PrepareFunction": {"s3", "dynamodb", "sqs", "kms"},
    "ApiFunction": {"s3", "dynamodb", "sqs", "kms"},
    "ReconcileFunction": {"dynamodb", "ssm", "sqs", "s3"},
    "PollStateMachine": {"lambda", "sqs", "logs"},
    "BackfillFunction": {"s3", "dynamodb", "events", "kms"},
    "BackfillStateMachine": {"lambda", "states", "logs"},
}
# What a state machine needs to have its failures logged; these actions know no resource, as the
# page says that lists them (Step Functions guide, "Logging using CloudWatch Logs").
DELIVER_LOGS = {
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
}
# SAM itself attaches these for logs and traces, which may only be written (docs/decisions/0014).
BY_SAM = (
    "/AWSLambdaBasicExecutionRole",
    "/AWSXRayDaemonWriteAccess",
    "/AWSXrayWriteOnlyAccess",
)
IMAGES = {"ImagesBucket", "BucketName"}
TAKE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
TABLE = {"JobsTable", "JobsTableName"}


def policies_are_written_out(view: View) -> Iterator[str]:
    """A managed policy or a SAM policy template allows more than is needed."""
    for name, resource in view.written.items():
        for policy in branches(resource.get("Properties", {}).get("Policies", [])):
            if not isinstance(policy, dict) or "Statement" not in policy:
                yield f"{name} has a policy that is not written out: {policy}"
    for name, said in view.of("AWS::IAM::Role").items():
        for arn in said.get("ManagedPolicyArns", []):
            if not str(arn).endswith(BY_SAM):
                yield f"{name} has the managed policy {arn}"


def statements_say_what_they_are_for(view: View) -> Iterator[str]:
    """Each permission has a name of its own in its policy."""
    seen: set[tuple[str, str]] = set()
    for owner, statement in view.statements():
        sid = statement.get("Sid", "")
        if not sid or (owner, sid) in seen:
            yield f"{owner} has a statement without a Sid of its own: {statement}"
        seen.add((owner, sid))


def statements_are_narrow(view: View) -> Iterator[str]:
    """No permission covers everything of a kind, or all but something."""
    for owner, statement in view.statements():
        if "NotAction" in statement or "NotResource" in statement:
            yield f"{owner} allows all but something: {statement}"
        if any("*" in action for action in listed(statement.get("Action", "*"))):
            yield f"{owner} allows actions by a wildcard: {statement}"
        if set(listed(statement.get("Action"))) == DELIVER_LOGS and owner.endswith("StateMachine"):
            continue
        for resource in listed(statement.get("Resource", "*")):
            # The partition, region and account narrow nothing.
            ours = {name for name in names_in(resource) if not name.startswith("AWS::")}
            if not ours and "*" in str(resource):
                yield f"{owner} may touch what is not ours: {resource}"


def functions_touch_what_the_design_says(view: View) -> Iterator[str]:
    """A new permission for another service is a decision (DESIGN 3)."""
    for owner, statement in view.statements():
        for action in listed(statement["Action"]):
            if action.split(":")[0] not in TOUCHES.get(owner, set()):
                yield f"{owner} may do {action}"


def results_are_all_that_is_written(view: View) -> Iterator[str]:
    """Store puts keys of a result's form; presigned uploads go below their prefix."""
    formats = view.parameters["OutputFormat"]["AllowedValues"]
    results = {f"/*(ResultSuffix).{one}" for one in formats}
    for owner, action, resource in _on_images(view):
        if not action.startswith("s3:Put"):
            continue
        key = _key_of(view, resource)
        allowed = results if owner == "StoreFunction" else {"/(UploadsPrefix)*"}
        if key not in allowed:
            yield f"{owner} may write {key}"
    written = {
        _key_of(view, resource)
        for owner, action, resource in _on_images(view)
        if (owner, action) == ("StoreFunction", "s3:PutObject")
    }
    for missing in results - written:
        yield f"store may not write {missing}"


def sources_are_never_deleted(view: View) -> Iterator[str]:
    """Nobody may delete or reconfigure anything in the user's bucket."""
    for owner, action, _ in _on_images(view):
        if not action.startswith(("s3:Get", "s3:List", "s3:PutObject")):
            yield f"{owner} may do {action} on the user's bucket"


def readers_tell_missing_from_forbidden(view: View) -> Iterator[str]:
    """Without s3:ListBucket a missing object answers 403; a version needs its own action.

    What neither GET nor HEAD describes (SSE-C) is named by the listing of versions.
    """
    may: dict[str, set[str]] = {}
    for owner, action, _ in _on_images(view):
        may.setdefault(owner, set()).add(action)
    for owner, actions in may.items():
        if "s3:GetObject" in actions:
            lists = {"s3:ListBucket", "s3:ListBucketVersions"}
            for missing in (lists | {"s3:GetObjectVersion"}) - actions:
                yield f"{owner} reads objects without {missing}"
    for owner in ("SubmitFunction", "StoreFunction"):
        if "s3:GetObjectTagging" not in may.get(owner, set()):
            yield f"{owner} does not see an object's tags"


def encrypted_buckets_can_be_used(view: View) -> Iterator[str]:
    """Who reads or presigns in the images bucket may decrypt, who writes may encrypt: no more."""
    needed = {
        (owner, "kms:GenerateDataKey" if action == "s3:PutObject" else "kms:Decrypt")
        for owner, action, _ in _on_images(view)
        if action in ("s3:GetObject", "s3:PutObject")
    }
    may = {
        (owner, action): statement["Resource"]
        for owner, statement in view.statements()
        for action in listed(statement["Action"])
        if action.startswith("kms:")
    }
    for owner, action in needed ^ set(may):
        yield f"{owner} may {'not ' if (owner, action) in needed else ''}do {action}"
    for (owner, action), resource in may.items():
        if resource != {"Ref": "KmsKeyArn"}:
            yield f"{owner} may do {action} with {resource}"


def keys_are_touched_only_when_named(view: View) -> Iterator[str]:
    """Without a KmsKeyArn nobody may use any key, and the statements would not even be valid."""
    for owner, said in view.of("AWS::IAM::Role").items():
        for policy in view.resolve(said.get("Policies", []), KmsKeyArn=""):
            for statement in filter(None, policy["PolicyDocument"]["Statement"]):
                if "kms:" in str(statement["Action"]):
                    yield f"{owner} has {statement['Sid']} without a key"


def messages_are_taken_from_own_queues(view: View) -> Iterator[str]:
    """Lambda takes messages with a function's rights: those on its own queues, and no more.

    (Lambda guide, "Using Lambda with Amazon SQS", execution role permissions.) For an event of a
    function SAM would attach AWSLambdaSQSQueueExecutionRole, which is for every queue.
    """
    sources: dict[str, set[str]] = {}
    for said in view.of("AWS::Lambda::EventSourceMapping").values():
        sources.setdefault(said["FunctionName"]["Ref"], set()).update(
            names_in(said["EventSourceArn"])
        )
    may: dict[str, set[str]] = {}
    for owner, statement in view.statements():
        actions = set(listed(statement["Action"]))
        if actions & TAKE and actions != TAKE:
            yield f"{owner} may take messages by {actions}"
        elif actions == TAKE:
            may.setdefault(owner, set()).update(names_in(statement["Resource"]))
    for owner in sources.keys() | may.keys():
        if sources.get(owner) != may.get(owner):
            yield f"{owner} may take from {may.get(owner)}, and is fed by {sources.get(owner)}"


def conditions_need_their_key(view: View) -> Iterator[str]:
    """ForAllValues is true where the key is absent, so the key must be there, too.

    (IAM guide, "Multivalued context keys".)
    """
    for owner, statement in view.statements():
        conditions = statement.get("Condition", {})
        needed = {
            key
            for operator, keys in conditions.items()
            if operator.startswith("ForAllValues:")
            for key in keys
        }
        if conditions.get("Null", {}) != dict.fromkeys(needed, "false"):
            yield f"{owner} may do {statement['Action']} where no key is named"


def webhook_gets_one_job_and_sends(view: View) -> Iterator[str]:
    """The function that the internet reaches may do nothing else."""
    may: dict[str, Json] = {}
    for owner, statement in view.statements():
        if owner == "WebhookFunction":
            may |= dict.fromkeys(listed(statement["Action"]), statement)
    if set(may) != {"dynamodb:GetItem", "sqs:SendMessage"}:
        yield f"webhook may do {sorted(may)}"
    get, send = may.get("dynamodb:GetItem", {}), may.get("sqs:SendMessage", {})
    jobs_only = {"dynamodb:LeadingKeys": ["job#*"]}
    condition = get.get("Condition", {}).get("ForAllValues:StringLike")
    if condition != jobs_only or not _is_the_table(get.get("Resource")):
        yield "webhook may get more than jobs"
    if names_in(send.get("Resource")) != {"DispatchQueue", "CompletionsQueue"}:
        yield "webhook may send to other queues"


def submit_alone_checks_before_a_place_leaves_the_line(view: View) -> Iterator[str]:
    """A check in a transaction has a permission of its own.

    AWS: "Using IAM with DynamoDB transactions".
    """
    may = {
        owner: _is_the_table(statement["Resource"])
        for owner, statement in view.statements()
        if "dynamodb:ConditionCheckItem" in listed(statement["Action"])
    }
    if may != {"SubmitFunction": True}:
        yield f"{sorted(may)} may check items in a transaction"


def _is_the_table(resource: Json) -> bool:
    """Tell whether a resource is the jobs table, whoever made it, and nothing else."""
    return {name for name in names_in(resource) if not name.startswith("AWS::")} == TABLE


def _on_images(view: View) -> Iterator[tuple[str, str, Json]]:
    """Yield who may do what on which resource of the user's bucket."""
    for owner, statement in view.statements():
        for resource in listed(statement["Resource"]):
            if names_in(resource) & IMAGES:
                for action in listed(statement["Action"]):
                    yield owner, action, resource


def _key_of(view: View, resource: Json) -> str:
    """Return the key part of an ARN in the user's bucket, with its parameters' names."""
    names = {name: f"({name})" for name in ("ResultSuffix", "UploadsPrefix")}
    arn: str = view.resolve(resource, BucketName="images", **names)
    return arn.removeprefix("arn:(AWS::Partition):s3:::images")


RULES = [
    policies_are_written_out,
    statements_say_what_they_are_for,
    statements_are_narrow,
    functions_touch_what_the_design_says,
    results_are_all_that_is_written,
    sources_are_never_deleted,
    readers_tell_missing_from_forbidden,
    encrypted_buckets_can_be_used,
    keys_are_touched_only_when_named,
    messages_are_taken_from_own_queues,
    conditions_need_their_key,
    webhook_gets_one_job_and_sends,
    submit_alone_checks_before_a_place_leaves_the_line,
]
