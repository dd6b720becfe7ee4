"""The bucket's policy: does one of its denials meet the provider, the callers or the functions?

The provider fetches an image by a URL that a role of the stack signed, so the policy sees that role
at the provider's address, in no VPC (S3 User Guide, "Download and upload objects with presigned
URLs"). The functions are in no VPC either.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cutout.adapters.aws import code_of
from cutout.settings import Settings
from tools.doctor.access import role_of
from tools.doctor.conditions import Context, every, holds, like, listed
from tools.doctor.findings import Finding, fault, ok, warning
from tools.site import FUNCTION, Site

_ELSEWHERE = "192.0.2.1"  # an address that is nobody's (RFC 5737), and in nobody's list
_SOON_MS = 5_000  # a provider fetches an image at once, or when its own line has moved on
_HEADER, _QUERY, _FORM = "REST-HEADER", "REST-QUERY-STRING", "POST"  # values of s3:authType
_READ = ("s3:GetObject", "s3:GetObjectVersion")


@dataclass(frozen=True, slots=True)
class _Use:
    """A use of the bucket: by whom, as which function's role, and how the request is signed."""

    who: str
    function: str
    actions: tuple[str, ...]
    signed: str = _HEADER


_USES = (
    _Use("the provider, which fetches images by presigned URLs", "SubmitFunction", _READ, _QUERY),
    _Use("callers who fetch results by presigned URLs", "ApiFunction", ("s3:GetObject",), _QUERY),
    _Use("callers who upload by a form", "ApiFunction", ("s3:PutObject",), _FORM),
    _Use("SubmitFunction", "SubmitFunction", (*_READ, "s3:ListBucket")),
    _Use("PrepareFunction", "PrepareFunction", _READ),
    _Use("StoreFunction", "StoreFunction", (*_READ, "s3:PutObject", "s3:ListBucket")),
    _Use("BackfillFunction", "BackfillFunction", ("s3:ListBucket",)),
    _Use("ApiFunction", "ApiFunction", (*_READ, "s3:ListBucket")),
)
# Keys that no request of these has.
_ABSENT = (
    *("aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn", "aws:VpcSourceIp"),
    *("aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths", "aws:Referer"),
    *("aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID", "aws:CalledVia"),
    *("aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge"),
    *("s3:DataAccessPointArn", "s3:DataAccessPointAccount", "s3:AccessPointNetworkOrigin"),
    *("s3:x-amz-acl", "s3:x-amz-storage-class", "s3:x-amz-server-side-encryption"),
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
)


def check_policy(site: Site) -> Iterator[Finding]:
    """Does the bucket's policy let the provider, the callers and the functions through?"""
    try:
        answer = site.client("s3").get_bucket_policy(Bucket=site.settings.images_bucket)
    except ClientError as error:
        if code_of(error) != "NoSuchBucketPolicy":
            raise
        yield ok("bucket.policy", "The bucket has no policy that could deny anything.")
        return
    functions = {use.function for use in _USES if (FUNCTION, use.function) in site.resources}
    roles = {function: role_of(site, function) for function in functions}
    yield from judge_policy(json.loads(answer["Policy"]), site.settings, roles)


def judge_policy(
    policy: Mapping[str, Any], settings: Settings, roles: Mapping[str, str]
) -> Iterator[Finding]:
    """Say which statements refuse somebody; `roles` are ARNs by function."""
    found = policy.get("Statement", [])
    statements = found if isinstance(found, list) else [found]
    problems = [
        problem
        for number, statement in enumerate(statements, 1)
        if statement.get("Effect") == "Deny"
        for problem in _judge(statement, str(statement.get("Sid") or number), settings, roles)
    ]
    yield from problems
    if not problems:
        message = "The bucket's policy denies nothing to the provider, to callers or to functions."
        yield ok("bucket.policy", message)


def _judge(
    statement: Mapping[str, Any], name: str, settings: Settings, roles: Mapping[str, str]
) -> Iterator[Finding]:
    """Say whom a denying statement refuses, and whom it may refuse."""
    uses = [use for use in _USES if use.function in roles]
    verdicts = {use: _meets(statement, use, settings, roles[use.function]) for use in uses}
    refused = [use for use, verdict in verdicts.items() if verdict is True]
    doubtful = [use for use, verdict in verdicts.items() if verdict is None]
    keys = {key for block in statement.get("Condition", {}).values() for key in block}
    by = f" by its condition on {' and '.join(sorted(keys))}" if keys else ""
    if refused:
        yield fault(
            "bucket.policy_denies",
            f"Statement {name} of the bucket's policy refuses{by}: {_whom(refused)}. "
            f"{_remedy(refused, roles)}",
        )
    elif doubtful:
        yield warning(
            "bucket.policy_may_deny",
            f"Statement {name} of the bucket's policy may refuse{by}, which cannot be seen from "
            f"here: {_whom(doubtful)}. If images fail with AccessDenied: "
            f"{_remedy(doubtful, roles)}",
        )


def _whom(uses: Sequence[_Use]) -> str:
    return "; ".join(use.who for use in uses)


def _remedy(uses: Sequence[_Use], roles: Mapping[str, str]) -> str:
    """Say how to let them through: a presigned request is one of the role that signed it."""
    arns = json.dumps(sorted({roles[use.function] for use in uses}))
    return f'Except the roles: add "ArnNotEquals": {{"aws:PrincipalArn": {arns}}} to its Condition.'


def _meets(statement: Mapping[str, Any], use: _Use, settings: Settings, role: str) -> bool | None:
    """Tell whether a statement is about this use of the bucket; None if nobody can tell."""
    context = _context(use, settings, role)
    condition = holds(statement.get("Condition", {}), context)
    verdicts = [
        every(
            [
                _is_principal(statement, role),
                _is_action(statement, action),
                _is_resource(statement, _arn(action, settings, role), settings.input_prefix),
                condition,
            ]
        )
        for action in use.actions
    ]
    if True in verdicts:
        return True
    return None if None in verdicts else False


def _context(use: _Use, settings: Settings, role: str) -> Context:
    """Return what a request of this use tells a policy."""
    late_ms = 1000 * settings.attempt_timeout_seconds
    ages_ms = [_SOON_MS] if use.signed == _HEADER else [_SOON_MS, late_ms]
    said = {
        "aws:SourceIp": [_ELSEWHERE],
        "aws:SecureTransport": ["true"],
        "aws:PrincipalArn": [role],
        "aws:PrincipalAccount": [role.split(":")[4]],
        "aws:PrincipalType": ["AssumedRole"],
        "aws:PrincipalIsAWSService": ["false"],
        "aws:ViaAWSService": ["false"],
        "s3:authType": [use.signed],
        "s3:signatureversion": ["AWS4-HMAC-SHA256"],
        "s3:signatureAge": [str(age) for age in ages_ms],
        "s3:TlsVersion": ["1.2", "1.3"],
    }
    absent: dict[str, list[str | None]] = {key.lower(): [None] for key in _ABSENT}
    return absent | {key.lower(): [*values] for key, values in said.items()}


def _is_principal(statement: Mapping[str, Any], role: str) -> bool:
    """Tell whether a statement is about a role, by its name or its account's."""
    _, partition, _, _, account, path = role.split(":", 5)
    session = f"arn:{partition}:sts::{account}:assumed-role/{path.rpartition('/')[2]}/"
    if "NotPrincipal" in statement:
        return role not in _named(statement["NotPrincipal"])
    meant = {"*", account, f"arn:{partition}:iam::{account}:root", role}
    named = _named(statement.get("Principal", {}))
    return any(name in meant or name.startswith(session) for name in named)


def _named(principal: object) -> list[str]:
    """Return the AWS principals of a statement."""
    return listed(principal.get("AWS", [])) if isinstance(principal, dict) else listed(principal)


def _is_action(statement: Mapping[str, Any], action: str) -> bool:
    """Tell whether a statement is about an action."""
    patterns = listed(statement.get("NotAction", statement.get("Action", [])))
    found = any(like(pattern.lower(), action.lower()) for pattern in patterns)
    return found is not ("NotAction" in statement)


def _is_resource(statement: Mapping[str, Any], arn: str, prefix: str) -> bool | None:
    """Tell whether a statement is about a resource; None: about some below the prefix."""
    patterns = listed(statement.get("NotResource", statement.get("Resource", [])))
    if any(like(pattern, arn) for pattern in patterns):
        return "NotResource" not in statement
    if "NotResource" in statement:
        return True
    bucket, slash, _ = arn.partition("/")
    below = f"{bucket}/{prefix}"
    return None if slash and any(_starts(pattern, below) for pattern in patterns) else False


def _starts(pattern: str, text: str) -> bool:
    """Tell whether a pattern's literal beginning and a text can be of one resource."""
    literal = pattern.partition("*")[0].partition("?")[0]
    return literal.startswith(text) or text.startswith(literal)


def _arn(action: str, settings: Settings, role: str) -> str:
    """Return the resource of a sample request."""
    bucket = f"arn:{role.split(':')[1]}:s3:::{settings.images_bucket}"
    if action == "s3:ListBucket":
        return bucket
    suffix = f"{settings.result_suffix}.{settings.output_format}"
    ending = suffix if action == "s3:PutObject" else ".jpg"
    return f"{bucket}/{settings.input_prefix}a-photo{ending}"
