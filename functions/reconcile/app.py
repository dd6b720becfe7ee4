"""Every minute: find silent, expired and stuck work, make it move, measure; look at the bucket."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from cutout import bootstrap
from cutout.errors import CutoutError
from cutout.observability import logger


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001 Lambda's signature
    """Run one round: what is quickly done and always needed first."""
    app = bootstrap.reconcile_app()
    for measure in (app.gauges.measure, app.delivery.look):
        try:
            measure()
        except CutoutError:  # whatever could not be measured, the repair goes on
            logger.exception("not measured")
    app.reconciler.run(context.get_remaining_time_in_millis())
