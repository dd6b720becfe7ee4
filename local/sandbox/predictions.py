"""The words of the sandbox: a create, a prediction, a refusal."""

import threading
import uuid
from dataclasses import dataclass, field
from typing import Literal

from local.sandbox.faults import Fault, Kind

type Form = Literal[
    "task",  # an id, then polls; the result is a URL
    "nested_task",  # the same inside `data`, in other words, with the input echoed
    "task_data_uri",  # an id, then polls; the result is in the last one
    "direct_url",  # no id: the answer waits for the cut and holds its URL, and the input's
    "direct_data_uri",
    "direct_base64",
    "direct_bytes",  # the answer's body is the image
]


@dataclass(frozen=True)
class Tariff:
    """What a provider charges in micro-dollars: for every prediction, or for successful ones."""

    micro_usd: int
    success_only: bool = False


@dataclass(frozen=True)
class Settings:
    """How a provider behaves.

    Attributes:
        seconds: Processing time of one prediction, at least, in seconds.
        max_concurrent: Unfinished predictions per key (seed 000: 10).
        max_per_minute: Creates per key in any 60 s (seed 000: 100).
        form: How API in One answers; Eachlabs has one form only.
    """

    seconds: float = 3
    max_concurrent: int = 10
    max_per_minute: int = 100
    form: Form = "task"


@dataclass(frozen=True)
class CreateRequest:
    """A well-formed create: who asks, for which image, and where to call back.

    Attributes:
        provider: The provider's short name, such as "eachlabs".
        key: The API key, whose limits count.
        image_url: Where the image is; usually a presigned URL, so never to be shown in full.
        webhook_url: Where to say that it ended; it contains a token, so never to be shown.
        results_url: The folder, with a slash at the end, that results are served from.
        output_format: "png" or "webp".
    """

    provider: str
    key: str
    image_url: str
    webhook_url: str | None
    results_url: str
    output_format: str = "png"


@dataclass(eq=False)
class Prediction:
    """One prediction; `created_at` and `ended_at` are seconds of the registry's clock."""

    request: CreateRequest
    fault: Fault | None
    created_at: float
    seconds: float
    form: Form = "task"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    result_name: str = field(init=False)
    state: Literal["processing", "succeeded", "failed"] = "processing"
    message: str = ""
    ended_at: float | None = None
    polls: int = 0
    fetches: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Name the result's file."""
        self.result_name = f"{uuid.uuid4()}.{self.request.output_format}"

    @property
    def output_url(self) -> str:
        """The address of the result."""
        return self.request.results_url + self.result_name

    @property
    def predict_time(self) -> float:
        """Seconds from create to end; 0 while it runs."""
        return 0 if self.ended_at is None else round(self.ended_at - self.created_at, 3)

    def fault_of(self, *kinds: Kind) -> Fault | None:
        """Return its fault if that is of one of these kinds."""
        return self.fault if self.fault and self.fault.kind in kinds else None


class RejectedError(Exception):
    """A create or a poll was refused; nothing was created.

    Args:
        status: The HTTP status of the answer.
        message: What is wrong, for the answer's body.
        details: More of it.
        fault: The ordered fault that is the cause, if one is.
    """

    def __init__(
        self, status: int, message: str, details: str = "", fault: Fault | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details
        self.fault = fault
