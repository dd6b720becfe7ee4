"""Every minute: find silent, expired and stuck work, make it move, measure; look at the bucket."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from cutout import bootstrap
from cutout.observability import logger


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001 Lambda's signature
    """Run one round."""
    app = bootstrap.reconcile_app()
    app.reconciler.run()
    app.gauges.measure()
    app.delivery.look()
