"""May a role of the stack do this? Asked of IAM's simulator, which changes nothing."""

import json
from collections.abc import Iterable
from typing import Any

from tools.site import FUNCTION, Site

MANAGED_BY_AWS = "AWS"  # keys like aws/ssm and aws/s3 let everybody in the account use them


def denied(site: Site, function: str, action: str, resource: str) -> bool:
    """Tell whether a function's role lacks an action on a resource, by its own policies."""
    answer = site.client("iam").simulate_principal_policy(
        PolicySourceArn=role_of(site, function), ActionNames=[action], ResourceArns=[resource]
    )
    return any(result["EvalDecision"] != "allowed" for result in answer["EvaluationResults"])


def roles_without_key(site: Site, wanted: Iterable[tuple[str, str]], key_id: str) -> list[str]:
    """Return `function (action)` for each that may not use this KMS key.

    A key policy that names the role itself is as good as a policy of the role.
    """
    wanted = [pair for pair in wanted if (FUNCTION, pair[0]) in site.resources]
    key = describe_key(site, key_id)
    if key["KeyManager"] == MANAGED_BY_AWS:
        return []
    lacking = [pair for pair in wanted if denied(site, pair[0], pair[1], key["Arn"])]
    if not lacking:
        return []
    policy = site.client("kms").get_key_policy(KeyId=key["Arn"], PolicyName="default")["Policy"]
    named = named_in(json.loads(policy))
    return [
        f"{name} ({action})" for name, action in lacking if not {role_of(site, name), "*"} & named
    ]


def role_of(site: Site, function: str) -> str:
    """Return the ARN of a function's role."""
    physical = site.resources[FUNCTION, function]
    answer = site.client("lambda").get_function_configuration(FunctionName=physical)
    return str(answer["Role"])


def describe_key(site: Site, key_id: str) -> dict[str, Any]:
    """Return what KMS says of a key, by id, ARN or alias."""
    return dict(site.client("kms").describe_key(KeyId=key_id)["KeyMetadata"])


def named_in(policy: dict[str, Any]) -> set[str]:
    """Return the ARNs that the allowing statements of a policy name; `:root` is not a role."""
    found: set[str] = set()
    statements = policy.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        names = principal.get("AWS", []) if isinstance(principal, dict) else principal
        if statement.get("Effect") == "Allow":
            found.update([names] if isinstance(names, str) else names)
    return {name for name in found if not name.endswith(":root")}
