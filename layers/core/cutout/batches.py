"""Batches of SQS messages, by Powertools.

Functions import this module before any other of the package: where pydantic is loaded already,
Powertools' batch module loads its parser's models of all event sources, too, for 16 ms of every
cold start (`batch/types.py` of Powertools 3.37).
"""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext


def process(
    handle: Callable[[SQSRecord], None], event: dict[str, Any], context: LambdaContext
) -> dict[str, Any]:
    """Handle each message of a batch on its own; return those that failed, for redelivery."""
    return dict(
        process_partial_response(
            event=event,
            record_handler=handle,
            processor=BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False),
            context=context,
        )
    )
