"""What the open webhook route costs at the most: somebody calls it at its limit for a month."""

from benchmarks import prices

SECONDS = 30 * 24 * 60 * 60
# A call of the right form, for a job that there is not: the dearest that a stranger can make.
MILLISECONDS, MEMORY_MB, LOG_BYTES = 20, 512, 1_500


def worst_month(calls_per_second: float) -> dict[str, float]:
    """Return the dollars of 30 days by unit; what the gateway turns away is not charged.

    Args:
        calls_per_second: the route's limit, which is `EachlabsMaxConcurrent`.
    """
    calls = calls_per_second * SECONDS
    return prices.dollars(
        {
            "api_gateway_rest_request": calls,
            "lambda_request": calls,
            "lambda_gb_second_arm64": calls * MILLISECONDS / 1000 * MEMORY_MB / 1024,
            "dynamodb_read_unit": calls,
            "logs_gb": calls * LOG_BYTES / 1e9,
            "cloudwatch_metric": 1,
        }
    )
