"""Turn odd sources into plain staged copies."""

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

from cutout import bootstrap
from cutout.observability import logger


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle one source; a failure is redelivered after the queue's visibility timeout."""
    return dict(
        process_partial_response(
            event=event,
            record_handler=bootstrap.prepare_inbox().handle,
            processor=BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False),
            context=context,
        )
    )
