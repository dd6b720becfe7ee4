"""Receive a provider's webhook: verify, enqueue twice, answer 200."""

import base64
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from cutout import bootstrap
from cutout.errors import WebhookRejectedError
from cutout.observability import logger


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 Lambda's signature
    """Answer 200 when both queues know, 404 without a hint when the call is not authentic."""
    path = event.get("pathParameters") or {}
    body = (event.get("body") or "").encode()
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body)
    try:
        bootstrap.webhook_app().receive(
            path.get("provider", ""), path.get("job_id", ""), path.get("token", ""), body
        )
    except WebhookRejectedError:
        return {"statusCode": 404, "body": ""}
    return {"statusCode": 200, "body": ""}
