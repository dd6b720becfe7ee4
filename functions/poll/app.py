"""Ask the provider once; a task of the poll machine."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from cutout import bootstrap
from cutout.models import PollRequest
from cutout.observability import logger


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 Lambda's signature
    """Return what the machine does next; errors keep their class names for its Retry."""
    request = PollRequest.model_validate(event)
    return bootstrap.poll_app().ask(request).model_dump(mode="json")
