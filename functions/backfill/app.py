"""Look at one batch of a backfill, or end its run; a task of the backfill machine."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from cutout import bootstrap
from cutout.observability import logger


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:  # noqa: ARG001 Lambda's signature
    """Return what the machine does next; errors keep their class names for its Retry."""
    return bootstrap.backfilling().handle(event)
