"""Logger and metrics of every function.

Log messages are constant sentences; what varies stands in fields. No field holds a key, a token, a
presigned or result URL, or a whole event.
"""

import logging

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

NAMESPACE = "Cutout"

logger = Logger(service="cutout")

# These libraries log whole URLs, with signatures and tokens in them, from INFO or DEBUG on.
for _name in ("httpx", "httpcore", "botocore", "boto3", "urllib3"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class EmfMetrics:
    """Metrics as CloudWatch reads them from the log (Embedded Metric Format)."""

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Add to a counter; a set of dimensions is a metric of its own."""
        with single_metric(
            name=name, unit=MetricUnit.Count, value=value, namespace=NAMESPACE
        ) as metric:
            for dimension, text in dimensions.items():
                metric.add_dimension(name=dimension, value=text)
