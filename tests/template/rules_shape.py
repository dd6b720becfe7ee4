"""House rules about parameters, storage, API and layers: each yields what is wrong."""

import json
import re
from collections.abc import Iterator

from tests.template.contract import DEFAULTS, KEY_ARN, NOT_YET, OUTPUTS, PATTERNS, RANGES
from tests.template.views import View, listed, names_in

STATEFUL = {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Logs::LogGroup"}
KEPT = {"ImagesBucket", "JobsTable"}
STAYS = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
GOES = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
RANGE_WORDS = {"AllowedValues", "MinValue", "MaxValue"}
PHYSICAL = re.compile(
    r"(Alarm|Bucket|Dashboard|Function|Layer|LogGroup|Queue|Role|StateMachine|Table|Topic)?Name"
)
# Step Functions wants this prefix, or it uses up the account's resource policy; the stack's name
# keeps two stacks apart ("Logging using CloudWatch Logs").
VENDED = "MachinesLogGroup", {"Fn::Sub": "/aws/vendedlogs/states/${AWS::StackName}"}
MOST_FILTER, MOST_PATTERN, MOST_POLICY = 4_096, 2_048, 10_240  # characters
BLOCKED = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def parameters_and_outputs_are_described(view: View) -> Iterator[str]:
    """Each is a small form, or an answer, for a person."""
    for section in ("Parameters", "Outputs"):
        for name, said in view.source[section].items():
            if not said.get("Description"):
                yield f"{name} has no description"
    for name, said in view.parameters.items():
        if "AllowedPattern" in said and not said.get("ConstraintDescription"):
            yield f"{name} refuses values without a sentence"


def parameters_are_grouped(view: View) -> Iterator[str]:
    """The console shows each parameter in exactly one group."""
    groups = view.source["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    if sorted(shown) != sorted(view.parameters):
        yield f"grouped wrongly: {set(shown) ^ set(view.parameters) or 'one is shown twice'}"


def parameters_are_those_of_the_design(view: View) -> Iterator[str]:
    """Other people's scripts use them: names and defaults, letter by letter."""
    expected = set(DEFAULTS) - NOT_YET
    for name in set(view.parameters) ^ expected:
        yield f"{name} is {'missing' if name in expected else 'not expected (see NOT_YET)'}"
    for name in set(view.parameters) & expected:
        if view.parameters[name].get("Default") != DEFAULTS[name]:
            yield f"{name} has another default than {DEFAULTS[name]!r}"


def parameters_allow_what_the_design_says(view: View) -> Iterator[str]:
    """Ranges are as in DESIGN 4.1, and every default is allowed."""
    for name, said in view.parameters.items():
        given = {word: said[word] for word in RANGE_WORDS & set(said)}
        if name in RANGES and given != RANGES[name]:
            yield f"{name} allows {given}"
        default = said.get("Default")
        if default not in said.get("AllowedValues", [default]):
            yield f"{name} has a default that is not allowed"
        if not re.search(said.get("AllowedPattern", ""), str(default)):
            yield f"{name} has a default that its pattern refuses"


def patterns_refuse_what_would_hurt(view: View) -> Iterator[str]:
    """The suffix is the first loop guard; prefix and suffix are written into JSON and patterns."""
    for name, (taken, refused) in PATTERNS.items():
        pattern = view.parameters[name].get("AllowedPattern", "")
        for value in taken:
            if not re.search(pattern, value):
                yield f"{name} refuses {value!r}"
        for value in refused:
            if re.search(pattern, value):
                yield f"{name} takes {value!r}"


def texts_fit_where_they_are_written(view: View) -> Iterator[str]:
    """Parameters stand in a filter, in event patterns and in roles, which have their limits.

    4,096 characters (Lambda API Reference, "Filter"), 2,048 (EventBridge quotas, "Event pattern
    size") and 10,240 for the policies inside a role (IAM quotas).
    """
    longest = {
        name: "x" * view.parameters[name].get("MaxLength", 4_096)
        for name in ("InputPrefix", "ResultSuffix", "UploadsPrefix")
    } | {"BucketName": "b" * 63, "KmsKeyArn": KEY_ARN}
    for name, said in view.of("AWS::Lambda::EventSourceMapping").items():
        criteria = view.resolve(said.get("FilterCriteria"), **longest) or {"Filters": []}
        if any(len(one["Pattern"]) > MOST_FILTER for one in criteria["Filters"]):
            yield f"the filter of {name} may get too long"
    for name, said in view.of("AWS::Events::Rule").items():
        if len(json.dumps(view.resolve(said.get("EventPattern", {}), **longest))) > MOST_PATTERN:
            yield f"the pattern of {name} may get too long"
    for name, said in view.of("AWS::IAM::Role").items():
        documents = [one["PolicyDocument"] for one in view.resolve(said["Policies"], **longest)]
        size = sum(len(json.dumps(one, separators=(",", ":"))) for one in documents)
        if size > MOST_POLICY:
            yield f"the policies of {name} may get too long: {size}"


def outputs_are_those_of_the_design(view: View) -> Iterator[str]:
    """An output with another name is of no use to a script."""
    for name in set(view.source["Outputs"]) - OUTPUTS:
        yield f"{name} is not in DESIGN 4.1"


def buckets_are_private_and_encrypted(view: View) -> Iterator[str]:
    """Public access is blocked in all four ways; objects are encrypted at rest."""
    for name, said in view.of("AWS::S3::Bucket").items():
        blocked = said.get("PublicAccessBlockConfiguration", {})
        for way in BLOCKED:
            if blocked.get(way) is not True:
                yield f"{name} does not set {way}"
        if "ServerSideEncryptionConfiguration" not in said.get("BucketEncryption", {}):
            yield f"{name} is not encrypted"


def images_are_encrypted_with_the_key_named(view: View) -> Iterator[str]:
    """A bucket that the stack makes uses the key by default, by a bucket key; else S3's own."""
    wanted = {
        "": {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}},
        KEY_ARN: {
            "ServerSideEncryptionByDefault": {
                "SSEAlgorithm": "aws:kms",
                "KMSMasterKeyID": KEY_ARN,
            },
            "BucketKeyEnabled": True,
        },
    }
    said = view.of("AWS::S3::Bucket")["ImagesBucket"].get("BucketEncryption", {})
    for key, rule in wanted.items():
        found = view.resolve(said, KmsKeyArn=key).get("ServerSideEncryptionConfiguration")
        if found != [rule]:
            yield f"with {key or 'no key'} the images bucket has {found}"


def buckets_refuse_plain_http(view: View) -> Iterator[str]:
    """STYLE 9.3: objects are encrypted on their way, too."""
    guarded = {
        bucket
        for policy in view.of("AWS::S3::BucketPolicy").values()
        for bucket in names_in(policy["Bucket"])
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        and statement.get("Condition", {}).get("Bool") == {"aws:SecureTransport": "false"}
    }
    for name in set(view.of("AWS::S3::Bucket")) - guarded:
        yield f"{name} takes plain HTTP"


def stateful_resources_say_what_stays(view: View) -> Iterator[str]:
    """Images and jobs outlive the stack; the rest goes with it; both is written down.

    A first deployment that fails leaves nothing that would be in the way of the next one (AWS:
    "DeletionPolicy attribute", RetainExceptOnCreate; UpdateReplacePolicy has no such value).
    """
    for name, resource in view.written.items():
        if resource["Type"] in STATEFUL:
            for policy, value in (STAYS if name in KEPT else GOES).items():
                if resource.get(policy) != value:
                    yield f"{name} does not say {policy}: {value}"


def kept_buckets_keep_their_policy(view: View) -> Iterator[str]:
    """A bucket policy is a resource of its own: deleted with the stack, it would be missed."""
    for name, resource in view.written.items():
        if resource["Type"] == "AWS::S3::BucketPolicy":
            if not names_in(resource["Properties"]["Bucket"]) & KEPT:
                continue
            if {policy: resource.get(policy) for policy in STAYS} != STAYS:
                yield f"{name} goes, and its bucket stays"


def names_are_made_by_cloudformation(view: View) -> Iterator[str]:
    """A physical name stands in the way of a second stack and of replacements; a reference not."""
    for name, resource in view.written.items():
        for key, value in resource.get("Properties", {}).items():
            refers = isinstance(value, dict) and "Ref" in value
            if PHYSICAL.fullmatch(key) and not refers and (name, value) != VENDED:
                yield f"{name} sets {key}"


def every_piece_uses_the_table_that_is_named(view: View) -> Iterator[str]:
    """A restored table has a name of its own: settings, permissions and outputs all follow it.

    AWS: "Restore a table in DynamoDB": a restore always makes a new table.
    """
    for name in ("", "restored"):
        wanted = name or "(JobsTable)"
        common = view.resolve(view.source["Globals"]["Function"]["Environment"], JobsTableName=name)
        if common["Variables"]["CUTOUT_JOBS_TABLE"] != wanted:
            yield f"with {name!r} the functions use another table"
        if (
            view.resolve(view.source["Outputs"]["JobsTableName"], JobsTableName=name)["Value"]
            != wanted
        ):
            yield f"with {name!r} the output names another table"
        for owner, statement in view.statements():
            if any(action.startswith("dynamodb:") for action in listed(statement["Action"])):
                for arn in view.resolve(listed(statement["Resource"]), JobsTableName=name):
                    if arn.split("/")[1:2] != [wanted]:
                        yield f"with {name!r} {owner} may touch {arn}"
    made = view.written["JobsTable"].get("Condition")
    if view.source["Conditions"].get(made) != {"Fn::Equals": [{"Ref": "JobsTableName"}, ""]}:
        yield "a table is made although one is named"


def jobs_table_is_on_demand_and_forgets(view: View) -> Iterator[str]:
    """Idle costs nothing, and old records go by themselves."""
    for name, said in view.of("AWS::DynamoDB::Table").items():
        if said.get("BillingMode") != "PAY_PER_REQUEST":
            yield f"{name} is not on demand"
        ttl = {"AttributeName": "expires_at", "Enabled": True}
        if said.get("TimeToLiveSpecification") != ttl:
            yield f"{name} does not forget"


def stages_record_no_path(view: View) -> Iterator[str]:
    """The webhook's path holds a token."""
    for name, said in view.of("AWS::ApiGateway::Stage").items():
        if "AccessLogSetting" in said or said.get("TracingEnabled"):
            yield f"{name} records paths"
        for settings in said.get("MethodSettings", []):
            if settings.get("LoggingLevel", "OFF") != "OFF" or settings.get("DataTraceEnabled"):
                yield f"{name} logs requests"
    for name in view.of("AWS::ApiGateway::Account"):
        yield f"{name} changes a setting of the whole account"


def open_routes_are_throttled(view: View) -> Iterator[str]:
    """A route without a key lets through what the provider can cause, and costs no more.

    In a second no more predictions can end than are in flight, and no more ends can have piled up
    than a minute has creates (docs/decisions/0014). API Gateway wants the path's / as ~1. Nor is a
    run of its function traced: the caller's header could ask for that each time.
    """
    limits = {
        (settings.get("HttpMethod"), settings.get("ResourcePath")): (
            settings.get("ThrottlingRateLimit"),
            settings.get("ThrottlingBurstLimit"),
        )
        for said in view.of("AWS::ApiGateway::Stage").values()
        for settings in said.get("MethodSettings", [])
    }
    for function, said in view.events("Api"):
        if not said.get("Auth", {}).get("ApiKeyRequired"):
            route = said["Method"].upper(), "/" + said["Path"].replace("/", "~1")
            if limits.get(route) != (
                {"Ref": "EachlabsMaxConcurrent"},
                {"Ref": "EachlabsMaxPerMinute"},
            ):
                yield f"{route} of {function} lets through {limits.get(route)}"
            if "TracingConfig" in view.of("AWS::Lambda::Function")[function]:
                yield f"whoever calls {function} may have it traced"


def layers_follow_the_architecture(view: View) -> Iterator[str]:
    """A layer is built for the processor and the Python that its functions run on."""
    common = view.source["Globals"]["Function"]
    wanted = {"Ref": "Architecture"}
    for name, resource in view.written.items():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            built, said = resource.get("Metadata", {}), resource["Properties"]
            if built.get("BuildArchitecture") != wanted:
                yield f"{name} is built for another processor"
            if built.get("BuildMethod") != common["Runtime"]:
                yield f"{name} is built for another Python"
            if said.get("CompatibleArchitectures") != [wanted]:
                yield f"{name} claims another processor"
    for name, said in view.of("AWS::Lambda::Function").items():
        if said.get("Architectures") != [wanted]:
            yield f"{name} runs on another processor"


RULES = [
    parameters_and_outputs_are_described,
    parameters_are_grouped,
    parameters_are_those_of_the_design,
    parameters_allow_what_the_design_says,
    patterns_refuse_what_would_hurt,
    texts_fit_where_they_are_written,
    outputs_are_those_of_the_design,
    buckets_are_private_and_encrypted,
    images_are_encrypted_with_the_key_named,
    buckets_refuse_plain_http,
    stateful_resources_say_what_stays,
    kept_buckets_keep_their_policy,
    names_are_made_by_cloudformation,
    every_piece_uses_the_table_that_is_named,
    jobs_table_is_on_demand_and_forgets,
    stages_record_no_path,
    open_routes_are_throttled,
    layers_follow_the_architecture,
]
