"""Eachlabs Background Remover v1; every fact here is from seed 000.

Assumptions where the seed is silent:
- the answer to create carries `predictionID` (the seed names it: "`exec_id` equals the
  `predictionID` from create"); its `status` and `output` are not looked at, because `success` may
  only mean "created";
- `output` may be a list of one URL;
- a status word that is not in the seed is pending.
"""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cutout.errors import (
    MaybeCreatedError,
    PredictionUnknownError,
    ProviderError,
    ProviderMisconfiguredError,
    WebhookRejectedError,
)
from cutout.models import Failed, Outcome, Pending, Submission, Succeeded
from cutout.ports import ApiKey
from cutout.providers.words import shortened

if TYPE_CHECKING:
    import httpx

MODEL = "eachlabs-bg-remover-v1"


class EachlabsProvider:
    """Create and poll predictions."""

    def __init__(self, http: "httpx.Client", base_url: str, api_key: ApiKey) -> None:
        """Keep the client; `api_key` is asked at every call, so that a rotated key is found."""
        self._http = http
        self._base_url = base_url
        self._api_key = api_key

    def create(self, image_url: str, webhook_url: str | None, output_format: str) -> Submission:  # noqa: ARG002 the seed has no such option
        """Start a prediction."""
        body: dict[str, Any] = {"model": MODEL, "input": {"image_url": image_url}}
        if webhook_url is not None:
            body["webhook_url"] = webhook_url
        data = self._call("POST", "/prediction/", body)
        prediction_id = data.get("predictionID")
        if not isinstance(prediction_id, str) or not prediction_id:
            message = "the answer to create names no prediction"
            raise MaybeCreatedError(message)
        return Submission(prediction_id=prediction_id)

    def status(self, prediction_id: str) -> Outcome:
        """Ask once how a prediction stands.

        Raises:
            PredictionUnknownError: 404; otherwise like `create`.
        """
        path = f"/prediction/{quote(prediction_id, safe='')}"
        data = self._call("GET", path, not_found=PredictionUnknownError)
        words = " ".join(str(data[k]) for k in ("message", "details") if data.get(k))
        return _outcome(data.get("status"), data.get("output"), words)

    def _call(
        self,
        method: str,
        path: str,
        body: object = None,
        not_found: type[ProviderError] = ProviderMisconfiguredError,
    ) -> dict[str, Any]:
        """Send one authenticated request."""
        from cutout.providers.http import call, json_object, with_key  # noqa: PLC0415 the webhook needs no httpx

        def send(key: str) -> dict[str, Any]:
            headers, url = {"X-API-Key": key}, self._base_url + path
            return json_object(call(self._http, method, url, headers, body, not_found=not_found))

        return with_key(self._api_key, send)


def parse_webhook(body: bytes) -> tuple[str, Outcome]:
    """Return prediction id and outcome of the seed's webhook payload.

    Raises:
        WebhookRejectedError: not a JSON object with an `exec_id`.
    """
    try:
        data = json.loads(body)
        json.dumps(data, ensure_ascii=False).encode()  # half a character can't go any further
    except (ValueError, RecursionError) as error:
        message = "the body is not JSON"
        raise WebhookRejectedError(message) from error
    prediction_id = data.get("exec_id") if isinstance(data, dict) else None
    if not isinstance(prediction_id, str) or not prediction_id:
        message = "the body names no prediction"
        raise WebhookRejectedError(message)
    return prediction_id, _outcome(data.get("status"), data.get("output"), data.get("error"))


def _outcome(status: object, output: object, words: object) -> Outcome:
    """Normalise both vocabularies: polls say `success|error`, webhooks `succeeded|failed`."""
    if status in ("success", "succeeded"):
        if isinstance(output, list) and len(output) == 1:
            output = output[0]
        if isinstance(output, str) and output.startswith(("https://", "http://")):
            return Succeeded(result_url=output)
        return Failed(code="provider_failed", message="it ended without an output")
    if status in ("error", "failed"):
        return Failed(code="provider_failed", message=shortened(words) or "no reason given")
    return Pending()
