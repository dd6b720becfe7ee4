"""API in One bg-remover; every fact here is from seed 002, which contradicts itself.

It says both "This model returns directly without creating a media task" and "This model creates an
async task, returns a task_id, then resolves through the real status route", and shows no answer at
all. So both are taken, and this is assumed (the code is in `apiin_answers.py`, `apiin_results.py`):

1. A task's id is `task_id`, else `prediction_id`, `job_id` or `id`; at the top or in `task`,
   `data`, `result`, `output`, nested. Names are compared without case, `_` and `-`.
2. A direct answer without an id gets one of ours, `direct-` and 128 random bits; nobody polls it.
3. A result is a web URL, a data URI, or base64 of a PNG or WebP, under `result`, `output`,
   `result_url`, `output_url`, `url`, `image`, `image_url` and the like: a string, a list or an
   object with such names; bare base64 also under `b64_json`, `image_base64`, `base64`. Or the
   body is no JSON but one of these; or it is the image: it starts as a PNG or WebP does, or its
   Content-Type is `image/*`.
4. What names the input is not the result: in the answer to create, any URL with the input's host
   and path; in a status answer, where the input is not at hand, a URL under `image` or `image_url`
   outside of `result` and `output` that carries a session token (as what a Lambda function
   presigns does) or comes without a status word. Nor is a URL that ends with `/tasks/{id}`.
5. Status words are in `status`, `state`, `task_status`, `task_state`; several are weighed: one of
   failure decides, success has to be all of them, a word nobody knows is pending. `ok`, booleans
   and HTTP codes are not about the task. A result without any status word is done.
6. `success` in the answer to create, with an id and without a result, means "created".
7. A 2xx answer can refuse: `success` or `ok` is false; an HTTP error code in `code`,
   `status_code`, `error_code`, `status` or in the error object (40201 counts as 402); an `error`
   without a status word. With a code it means what that HTTP status means, else that this image
   is refused.
8. A result that is larger than we take is a failed attempt, since it is charged.
9. No webhook: "This route does not require webhook handling." `output_format` is a top-level
   field, `png` or `webp`: "Set the "output_format" parameter to choose."
10. 404 means in a status answer that the task is unknown, in one to create that the set-up is
    wrong.
"""

import re
import secrets
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from cutout.errors import (
    ConfigurationError,
    MaybeCreatedError,
    PredictionUnknownError,
    ProviderError,
    ProviderMisconfiguredError,
    StorageError,
)
from cutout.models import Failed, Outcome, Pending, Submission, Succeeded
from cutout.ports import ApiKey
from cutout.providers.apiin_answers import Reading, read
from cutout.providers.apiin_results import ImageBytes
from cutout.providers.words import shortened

if TYPE_CHECKING:
    import httpx

MODEL = "bg-remover"
CREATE_PATH = "/api/v1/images/tools/remove-bg"
MAX_RESULT_BYTES = 32 * 2**20
_ENVELOPE_BYTES = 2**20  # JSON around a data URI
_DIRECT_ID = re.compile(r"direct-[0-9a-f]{32}")


class BytesStore(Protocol):
    """Where results go that came as bytes; `store` reads them from there."""

    def put(self, data: bytes, content_type: str) -> str:
        """Keep an image and return a reference that a result URL's place can hold."""
        ...


class ApiinProvider:
    """Create and poll tasks, or take the result from the answer to create."""

    def __init__(
        self,
        http: "httpx.Client",
        base_url: str,
        api_key: ApiKey,
        results: BytesStore,
        max_bytes: int = MAX_RESULT_BYTES,
    ) -> None:
        """Keep the collaborators.

        Args:
            http: its read timeout has to outlast a cut: a direct answer comes only then.
            base_url: without a slash at its end.
            api_key: asked at every call, so that a rotated key is found.
            results: where direct results are kept.
            max_bytes: the largest image taken from an answer.
        """
        self._http = http
        self._base_url = base_url
        self._api_key = api_key
        self._results = results
        self._max_bytes = max_bytes

    def create(self, image_url: str, webhook_url: str | None, output_format: str) -> Submission:  # noqa: ARG002 the seed has no webhook
        """Start a task, or have the image cut out at once."""
        body = {"model": MODEL, "image": image_url, "output_format": output_format}
        said = self._ask("POST", CREATE_PATH, body, source_url=image_url)
        prediction_id = said.prediction_id or f"direct-{secrets.token_hex(16)}"
        if said.state == "failed" or (said.result is not None and said.state != "pending"):
            try:
                outcome = self._outcome(said)
            except (StorageError, ConfigurationError) as error:
                message = "the result came with the answer and could not be kept"
                raise MaybeCreatedError(message) from error
            return Submission(prediction_id=prediction_id, outcome=outcome)
        if said.prediction_id is None:
            message = "the answer to create has neither a task nor a result"
            raise MaybeCreatedError(message)
        return Submission(prediction_id=prediction_id)

    def status(self, prediction_id: str) -> Outcome:
        """Ask once how a task stands.

        Raises:
            PredictionUnknownError: 404, or the result came directly; otherwise like `create`.
        """
        if _DIRECT_ID.fullmatch(prediction_id):
            message = "the answer to create was the result; there is no task to ask for"
            raise PredictionUnknownError(message)
        path = f"/api/v1/tasks/{quote(prediction_id, safe='')}"
        return self._outcome(self._ask("GET", path, not_found=PredictionUnknownError))

    def _outcome(self, said: Reading) -> Outcome:
        """Turn a reading into an outcome, keeping the image if it holds one."""
        if said.state == "failed":
            words = shortened(said.words) or "no reason given"
            return Failed(code="provider_failed", message=words)
        if said.state == "pending":
            return Pending()
        if isinstance(said.result, ImageBytes):
            return self._kept(said.result)
        if said.result is not None:
            return Succeeded(result_url=said.result)
        if said.state == "done":
            return Failed(code="provider_failed", message="it ended without a result")
        return Pending()

    def _kept(self, image: ImageBytes) -> Outcome:
        """Keep an image that came with an answer."""
        if len(image.data) > self._max_bytes:
            message = f"The result is over {self._max_bytes} bytes."
            return Failed(code="result_too_large", message=message)
        return Succeeded(result_url=self._results.put(image.data, image.content_type))

    def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        source_url: str | None = None,
        not_found: type[ProviderError] = ProviderMisconfiguredError,
    ) -> Reading:
        """Send one authenticated request and read the answer.

        Raises:
            ProviderError: what the HTTP status, or a refusal inside a 2xx answer, means.
        """
        from cutout.providers.http import call, refusal, retry_after, with_key  # noqa: PLC0415 loads httpx

        most = self._max_bytes * 4 // 3 + _ENVELOPE_BYTES  # base64 is a third longer

        def send(key: str) -> Reading:
            headers, url = {"Authorization": f"Bearer {key}"}, self._base_url + path
            answer = call(
                self._http, method, url, headers, body, not_found=not_found, max_bytes=most
            )
            if len(answer.content) > most:
                return Reading(state="done", result=ImageBytes(answer.content, ""))
            said = read(answer.content, answer.headers.get("Content-Type", ""), source_url)
            if said.refused:
                sentence = f"its answer says no: {shortened(said.words, key) or 'no reason given'}"
                raise refusal(said.code or 400, sentence, not_found, retry_after(answer))
            return said

        return with_key(self._api_key, send)
