"""Does the bucket still tell EventBridge of uploads? If not, nothing comes and nothing looks wrong.

Whoever sets a bucket's notifications replaces all of them, so another tool takes the delivery away
without meaning to (S3 API Reference, "PutBucketNotificationConfiguration").
"""

from cutout.observability import logger
from cutout.ports import Clock, Delivery, Metrics

_MINUTE_MS = 60_000
_HOUR_MINUTES = 60


class DeliveryWatch:
    """Looks at the bucket's notifications once an hour."""

    def __init__(self, delivery: Delivery, clock: Clock, metrics: Metrics) -> None:
        """Keep the collaborators."""
        self._delivery = delivery
        self._clock = clock
        self._metrics = metrics
        self._was_off = False

    def look(self) -> None:
        """Send the metric `DeliveryOff` if delivery is off, in the first minute of an hour only.

        It is 1 every hour until delivery is on again, and then 0 once. What cannot be learnt, for
        example because the bucket's policy denies it, is unknown and not off: it is logged.
        """
        if self._clock.now_ms() // _MINUTE_MS % _HOUR_MINUTES:
            return
        is_on = self._delivery.is_on()
        if is_on is None:
            logger.warning("delivery unknown")
            return
        if not is_on:
            logger.error("delivery to EventBridge is off: no upload is seen")
        if self._was_off or not is_on:
            self._metrics.count("DeliveryOff", int(not is_on))
        self._was_off = not is_on
