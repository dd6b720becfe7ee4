"""Faults a test can order, and the list they are taken from."""

from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, JsonValue

type Kind = Literal[
    "webhook_lost",  # never posted
    "webhook_twice",  # posted two times
    "webhook_late",  # posted `seconds` after the prediction ended
    "webhook_early",  # posted before the create is answered; processing takes no time
    "create_status",  # answers `status`; nothing is created unless `created`
    "create_hang",  # created; the answer comes `seconds` later, or never when `drop`
    "create_drop",  # created; the connection is closed without an answer
    "never_ends",  # stays in "processing" and keeps its slot
    "fail",  # ends as an error with `message`
    "result_truncated",  # half of the file; `full_length` announces all of it
    "result_opaque",  # a PNG without alpha
    "result_not_image",  # an HTML page
    "result_404",
    "result_missing_after",  # 404 after `fetches` downloads
    "result_slow",  # sent `seconds` after it was asked for
    "unknown_status",  # `word` in the webhook and in the first `polls` polls (null: in all)
    "status_404",  # polls do not know the id
]


class Fault(BaseModel):
    """One order: what goes wrong, for how many creates, and its parameters.

    Attributes:
        kind: What goes wrong.
        times: The number of creates it applies to; None for ever.
        provider: Only creates at this provider.
        match: Only images whose decoded URL path contains this.
        seconds: Delay in seconds of `webhook_late`, `create_hang` and `result_slow`.
        status: HTTP status of `create_status`.
        retry_after: Retry-After header of `create_status`, in seconds.
        body: Body of `create_status`; a string is sent as HTML, anything else as JSON.
        created: `create_status` answers so although the prediction was created.
        drop: `create_hang` ends without an answer.
        message: Error text of `fail`.
        full_length: `result_truncated` announces the length of the whole file.
        fetches: Downloads that `result_missing_after` still answers.
        word: The status that `unknown_status` says.
        polls: Polls that `unknown_status` affects; None for all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    times: int | None = Field(default=None, ge=1)
    provider: str | None = None
    match: str | None = None
    seconds: float = Field(default=1, ge=0)
    status: Literal[400, 401, 402, 403, 404, 429, 500, 502, 503, 504] = 500
    retry_after: int | None = Field(default=None, ge=0)
    body: JsonValue = None
    created: bool = False
    drop: bool = False
    message: str = "The model could not process this image."
    full_length: bool = False
    fetches: int = Field(default=1, ge=0)
    word: str = "finalizing"
    polls: int | None = Field(default=None, ge=0)

    def applies(self, provider: str, image_url: str) -> bool:
        """Tell whether a create at `provider` for `image_url` is meant."""
        path = unquote(urlsplit(image_url).path)
        return self.provider in {None, provider} and (self.match or "") in path


class Faults:
    """The ordered faults; the first that applies and has times left is the one.

    Not thread-safe: the registry calls it under its own lock.
    """

    def __init__(self) -> None:
        self._left: list[tuple[Fault, int | None]] = []

    def replace(self, faults: list[Fault]) -> None:
        """Order `faults` instead of whatever was ordered before."""
        self._left = [(fault, fault.times) for fault in faults]

    def find(self, provider: str, image_url: str) -> Fault | None:
        """Return the fault for this create without using it up."""
        for fault, left in self._left:
            if left != 0 and fault.applies(provider, image_url):
                return fault
        return None

    def use(self, fault: Fault | None) -> None:
        """Take one of the times of `fault`, as returned by `find`."""
        for index, (candidate, left) in enumerate(self._left):
            if candidate is fault and left is not None:
                self._left[index] = (candidate, left - 1)
