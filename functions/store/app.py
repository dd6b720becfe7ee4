"""Bring finished results home, and announce end states."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from cutout import batches, bootstrap
from cutout.observability import logger


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle one completion; a failure is redelivered after the queue's visibility timeout."""
    return batches.process(bootstrap.store_completions().handle, event, context)
