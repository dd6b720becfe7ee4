"""Logger and metrics of every function.

Log messages are constant sentences; what varies stands in fields. No field holds a key, a token, a
presigned or result URL, or a whole event.
"""

import logging

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

NAMESPACE = "Cutout"

# Lambda takes the level of a JSON line only where its time is one of RFC 3339; any other line is
# INFO to it (Lambda Developer Guide, "Log-level filtering").
logger = Logger(service="cutout", use_rfc3339=True)

# These libraries log whole URLs, with signatures and tokens in them, from INFO or DEBUG on.
for _name in ("httpx", "httpcore", "botocore", "boto3", "urllib3"):
    logging.getLogger(_name).setLevel(logging.WARNING)


# What the alarms look at that `Monitoring=alarms` keeps; the template's conditions say the same.
ALARMED = frozenset({"OldestWaitingSeconds", "DeliveryOff"})

# CloudWatch takes no empty value of a dimension (API Reference, "Dimension": at least 1 character).
_NOTHING = "none"


class EmfMetrics:
    """Metrics as CloudWatch reads them from the log (Embedded Metric Format).

    Each has the dimension `stack`, so that two stacks of one account stay apart. A metric costs
    money in every hour in which it is sent, so `Monitoring` decides which are; the others are lines
    of level DEBUG.
    """

    def __init__(self, stack: str, monitoring: str) -> None:
        """Keep the name of the stack, and how much is watched: `full`, `alarms` or `none`."""
        self._stack = stack
        self._monitoring = monitoring

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Add to a counter; a set of dimensions is a metric of its own."""
        named = {dimension: text or _NOTHING for dimension, text in dimensions.items()}
        if not self._sends(name):
            logger.debug("metric not sent", extra={"metric": name, "value": value, **named})
            return
        with single_metric(
            name=name, unit=MetricUnit.Count, value=value, namespace=NAMESPACE
        ) as metric:
            metric.add_dimension(name="stack", value=self._stack)
            for dimension, text in named.items():
                metric.add_dimension(name=dimension, value=text)

    def _sends(self, name: str) -> bool:
        """Tell whether this metric is wanted."""
        return self._monitoring == "full" or (self._monitoring == "alarms" and name in ALARMED)
