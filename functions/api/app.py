"""Answer calls of the jobs API."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from cutout import bootstrap
from cutout.observability import logger


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Route one call; every error is a problem (RFC 9457)."""
    return bootstrap.api_door().answer(event, context)
