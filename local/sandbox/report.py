"""What happened, as the control plane tells it."""

from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from local.sandbox.faults import Fault
from local.sandbox.predictions import Prediction, RejectedError

_COUNTS = ("created", "succeeded", "failed", "in_flight", "max_in_flight", "rejected_429", "polls")


@dataclass(frozen=True)
class _Create:
    """One create; `status_code` is None when the connection was closed without an answer."""

    at: float
    provider: str
    image_url: str | None
    webhook: bool
    status_code: int | None
    fault: Fault | None
    prediction: Prediction | None = None


class Report:
    """Collects creates, polls and webhooks.

    Not thread-safe: the registry calls it under its own lock.

    Args:
        started: The moment that the report's times count from, in seconds of a monotonic clock.
    """

    def __init__(self, started: float) -> None:
        self._started = started
        self._creates: list[_Create] = []
        self._webhooks: list[dict[str, Any]] = []
        self._counts: Counter[str] = Counter()

    def created(self, prediction: Prediction) -> None:
        """Note an accepted create."""
        request, fault = prediction.request, prediction.fault
        webhook = request.webhook_url is not None
        self._creates.append(
            _Create(
                prediction.created_at,
                request.provider,
                request.image_url,
                webhook,
                _status_of(fault),
                fault,
                prediction,
            )
        )
        counts = self._counts
        counts["created"] += 1
        counts["in_flight"] += 1
        counts["max_in_flight"] = max(counts["max_in_flight"], counts["in_flight"])

    def rejected(
        self,
        now: float,
        provider: str,
        image_url: str | None,
        error: RejectedError,
        *,
        webhook: bool,
    ) -> None:
        """Note a refused create."""
        self._creates.append(_Create(now, provider, image_url, webhook, error.status, error.fault))
        self._counts["rejected_429"] += error.status == HTTPStatus.TOO_MANY_REQUESTS

    def charged(self, micro_usd: int) -> None:
        """Note what a prediction costs."""
        self._counts["spent"] += micro_usd

    def ended(self, prediction: Prediction) -> None:
        """Note the end of a prediction, whose `state` says which."""
        self._counts["in_flight"] -= 1
        self._counts[prediction.state] += 1

    def polled(self) -> None:
        """Note a poll."""
        self._counts["polls"] += 1

    def posted(
        self, now: float, prediction: Prediction, status_code: int | None, problem: str | None
    ) -> None:
        """Note a webhook, with the status it got or why it got none."""
        self._webhooks.append(
            {
                "prediction_id": prediction.id,
                "status_code": status_code,
                "at": round(now - self._started, 3),
                "problem": problem,
            }
        )

    def as_dict(self) -> dict[str, Any]:
        """Return all of it; times are in seconds since the start, money in dollars."""
        return {
            "creates": [self._line(create) for create in self._creates],
            **{name: self._counts[name] for name in _COUNTS},
            "webhooks": list(self._webhooks),
            "spent_usd": self._counts["spent"] / 1_000_000,
        }

    def _line(self, create: _Create) -> dict[str, Any]:
        prediction = create.prediction
        ended_at = prediction.ended_at if prediction else None
        return {
            "id": prediction.id if prediction else None,
            "provider": create.provider,
            "at": round(create.at - self._started, 3),
            "ended_at": None if ended_at is None else round(ended_at - self._started, 3),
            "status_code": create.status_code,
            "image_url": _without_query(create.image_url),
            "webhook": create.webhook,
            "fault": create.fault.kind if create.fault else None,
        }


def _status_of(fault: Fault | None) -> int | None:
    """Return the status that an accepted create is answered with; None for no answer."""
    if fault and (fault.kind == "create_drop" or (fault.kind == "create_hang" and fault.drop)):
        return None
    return fault.status if fault and fault.kind == "create_status" else HTTPStatus.OK.value


def _without_query(url: str | None) -> str | None:
    """Return a URL that is fit to be shown: the query of a presigned URL is a credential."""
    try:
        return url and urlunsplit(urlsplit(url)._replace(query="", fragment=""))
    except ValueError:
        return "(not a URL)"
