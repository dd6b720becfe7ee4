"""A provider that accepts everything it is not told to refuse, and keeps true books."""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from cutout.errors import (
    MaybeCreatedError,
    PredictionUnknownError,
    ProviderMisconfiguredError,
    ProviderOutOfCreditError,
    ProviderRateLimitedError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from cutout.models import Failed, Outcome, Pending, Submission, Succeeded


class Answer(Enum):
    """What the provider answers to one create, besides a plain yes."""

    REJECTED = auto()
    SETUP = auto()
    CREDIT = auto()
    RATE = auto()
    DOWN = auto()
    NEVER = auto()  # nothing was created, and no answer came either
    LOST = auto()  # created, but no answer came
    AT_ONCE = auto()  # created, and the answer is the result


ERRORS: dict[Answer, Callable[[], Exception]] = {
    Answer.REJECTED: lambda: ProviderRejectedError("HTTP 400"),
    Answer.SETUP: lambda: ProviderMisconfiguredError("HTTP 401"),
    Answer.CREDIT: lambda: ProviderOutOfCreditError("HTTP 402"),
    Answer.RATE: lambda: ProviderRateLimitedError("HTTP 429", 7.0),
    Answer.DOWN: lambda: ProviderUnavailableError("HTTP 503"),
    Answer.NEVER: lambda: MaybeCreatedError("read timeout"),
}


@dataclass(frozen=True, slots=True)
class Webhook:
    """A call the provider makes, or means to."""

    job_id: str
    token: str
    body: bytes


@dataclass(slots=True)
class Prediction:
    """One paid prediction; `ended` is the poll's word, empty as long as it runs."""

    name: str
    job_id: str
    token: str
    ended: str = ""


class Books:
    """What was asked, created, charged and in flight."""

    def __init__(self) -> None:
        self.arrivals: list[int] = []
        self.predictions: dict[str, Prediction] = {}
        self.script: deque[Answer] = deque()
        self.webhooks: list[Webhook] = []
        self.watch: Callable[[Prediction], None] = lambda _: None

    def create(self, image_url: str, webhook_url: str | None, output_format: str) -> Submission:
        """Start a prediction, unless the script says otherwise."""
        answer = self.script.popleft() if self.script else None
        if answer in ERRORS:
            error = ERRORS[answer]()
            raise error
        job_id, token = (webhook_url or "").split("/")[-2:]
        made = Prediction(f"p{len(self.predictions) + 1}", job_id, token)
        self.predictions[made.name] = made
        self.watch(made)
        if answer is Answer.LOST:
            message = "HTTP 504"
            raise MaybeCreatedError(message)
        if answer is Answer.AT_ONCE:
            self.finish(made, good=True)
            return Submission(prediction_id=made.name, outcome=self.status(made.name))
        return Submission(prediction_id=made.name)

    def status(self, prediction_id: str) -> Outcome:
        """Answer a poll with the truth."""
        made = self.predictions.get(prediction_id)
        if made is None:
            message = "HTTP 404"
            raise PredictionUnknownError(message)
        if made.ended == "success":
            return Succeeded(result_url=url_of(made.name))
        if made.ended:
            return Failed(code="provider_failed", message="no subject")
        return Pending()

    def running(self) -> list[Prediction]:
        """Return what is in flight."""
        return [made for made in self.predictions.values() if not made.ended]

    def finish(self, made: Prediction, *, good: bool) -> None:
        """End a prediction; its webhook waits to be delivered, or lost."""
        made.ended = "success" if good else "error"
        words = {"exec_id": made.name, "status": "succeeded" if good else "failed"}
        words |= {"output": url_of(made.name)} if good else {"error": "no subject"}
        self.webhooks.append(Webhook(made.job_id, made.token, json.dumps(words).encode()))


def url_of(prediction_id: str) -> str:
    """Return where a prediction's result is downloaded."""
    return f"https://cdn.test/{prediction_id}"


class Results(dict[str, bytes]):
    """A result at every URL, different for each."""

    def __contains__(self, url: object) -> bool:
        return True

    def __missing__(self, url: str) -> bytes:
        return f"the bytes of {url}".encode()
