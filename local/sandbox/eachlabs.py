"""Eachlabs' contract, as seed 000 has it.

One rule is relaxed: "publicly-reachable HTTPS URLs only ... localhost URLs are rejected"; here
plain-http loopback URLs are accepted as well, because the local AWS presigns those.

Assumed where the seed is silent: a create is answered with 200 and a `predictionID`; a poll
of a running or failed prediction is a 200 with its `predictionID`; a webhook is posted once; 429
carries no Retry-After; every created prediction is charged.
"""

import hmac
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, request

from local.sandbox.answers import created, refused
from local.sandbox.delivery import is_loopback, is_web_url
from local.sandbox.predictions import CreateRequest, Prediction, RejectedError, Tariff
from local.sandbox.registry import Registry
from local.sandbox.worker import Worker

NAME = "eachlabs"
MODEL = "eachlabs-bg-remover-v1"
TARIFF = Tariff(17_000)
"""Fixed price per background removal: $0.017 (seed 000)."""

_POLL_STATUS = {"processing": "processing", "succeeded": "success", "failed": "error"}


def blueprint(registry: Registry, worker: Worker, api_keys: list[str]) -> Blueprint:
    """Serve `/v1/prediction/` and `/v1/prediction/{id}` for these API keys."""
    routes = Blueprint(NAME, __name__, url_prefix="/v1")

    @routes.post("/prediction/")
    def create() -> Response:
        body = request.get_json(silent=True)
        fields: dict[str, Any] = body if isinstance(body, dict) else {}
        try:
            prediction = registry.admit(_parse(fields, _check_key(api_keys)))
        except RejectedError as error:
            webhook = fields.get("webhook_url") is not None
            registry.reject(NAME, _image_url(fields), error, webhook=webhook)
            return refused(error)
        answer = jsonify(status="success", message="Prediction created", predictionID=prediction.id)
        worker.start(prediction, webhook_payload)
        return created(prediction, answer, worker)

    @routes.get("/prediction/<prediction_id>")
    def poll(prediction_id: str) -> Response:
        try:
            _check_key(api_keys)
        except RejectedError as error:
            return refused(error)
        prediction = registry.poll(NAME, prediction_id)
        if prediction is None or prediction.fault_of("status_404"):
            return refused(RejectedError(404, "Unknown prediction id"))
        return jsonify(poll_body(prediction))

    return routes


def poll_body(prediction: Prediction) -> dict[str, Any]:
    """Return what a poll says."""
    body: dict[str, Any] = {
        "status": _POLL_STATUS[prediction.state],
        "predictionID": prediction.id,
    }
    fault = prediction.fault_of("unknown_status")
    if fault and (fault.polls is None or prediction.polls <= fault.polls):
        return body | {"status": fault.word}
    if prediction.state == "succeeded":
        metrics = {"predict_time": prediction.predict_time}
        return body | {"output": prediction.output_url, "metrics": metrics}
    if prediction.state == "failed":
        return body | {"message": "Prediction failed", "details": prediction.message}
    return body


def webhook_payload(prediction: Prediction) -> dict[str, Any]:
    """Return what the webhook says when the job has ended."""
    fault = prediction.fault_of("unknown_status")
    succeeded = prediction.state == "succeeded"
    return {
        "exec_id": prediction.id,
        "status": fault.word if fault else prediction.state,
        "output": prediction.output_url if succeeded else "",
        "error": prediction.message,
    }


def _check_key(api_keys: list[str]) -> str:
    given = request.headers.get("X-API-Key", "")
    for key in api_keys:
        if hmac.compare_digest(given.encode(), key.encode()):
            return key
    raise RejectedError(401, "Missing / invalid X-API-Key")


def _image_url(fields: dict[str, Any]) -> str | None:
    inputs = fields.get("input")
    url = inputs.get("image_url") if isinstance(inputs, dict) else None
    return url if isinstance(url, str) else None


def _parse(fields: dict[str, Any], key: str) -> CreateRequest:
    """Check the body of a create.

    Raises:
        RejectedError: 404 for an unknown model, 400 for everything else.
    """
    model, image_url, webhook_url = (
        fields.get("model"),
        _image_url(fields),
        fields.get("webhook_url"),
    )
    if not isinstance(model, str):
        raise RejectedError(400, "Invalid input", "model is required")
    if model != MODEL:
        raise RejectedError(404, "Unknown model")
    if not image_url:
        raise RejectedError(400, "Invalid input", "input.image_url is required, a string")
    if not _may_be_fetched(image_url):
        raise RejectedError(400, "Invalid input", "input.image_url has to be a public HTTPS URL")
    if webhook_url is not None and not is_web_url(webhook_url):
        raise RejectedError(400, "Invalid input", "webhook_url has to be a URL")
    return CreateRequest(NAME, key, image_url, webhook_url, f"{request.host_url}results/")


def _may_be_fetched(url: str) -> bool:
    """Apply the HTTPS rule: https elsewhere, plain http on loopback (relaxed), nothing else."""
    expected = "http" if is_loopback(url) else "https"
    return is_web_url(url) and urlsplit(url).scheme == expected
