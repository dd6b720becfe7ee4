"""Decide, record, dispatch: uploads from one queue, everything else from the other."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from cutout import batches, bootstrap
from cutout.observability import logger


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle each message of a batch on its own, then move the gate once for all of them."""
    inbox = bootstrap.submit_inbox()
    answer = batches.process(inbox.handle, event, context)
    inbox.dispatch(context.get_remaining_time_in_millis())
    return answer
