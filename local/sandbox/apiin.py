"""API in One's contract, as far as seed 002 has one; the forms of its answers are a setting.

Assumed where the seed is silent: 401 without a key, 400 for a wrong body, 404 for an unknown task,
and error bodies with `code` and `message`; the limits ("account and route limits") are 5 at once
and 60 creates in any 60 s per key; a task is charged when it succeeds ("1-credit base cost for each
successful background removal task"); a direct answer to an image that cannot be cut out is a 200
that says so.
"""

import hmac
from typing import Any

from flask import Blueprint, Response, jsonify, request

from local.sandbox import apiin_forms
from local.sandbox.answers import created, refused
from local.sandbox.delivery import is_web_url
from local.sandbox.predictions import CreateRequest, Prediction, RejectedError, Settings, Tariff
from local.sandbox.registry import Registry
from local.sandbox.worker import Worker

NAME = "apiin"
MODEL = "bg-remover"
TARIFF = Tariff(10_000, success_only=True)
"""1 credit, about $0.01, "for each successful background removal task" (seed 002)."""

DEFAULTS = Settings(max_concurrent=5, max_per_minute=60)


def blueprint(registry: Registry, worker: Worker, api_keys: list[str]) -> Blueprint:
    """Serve `/api/v1/images/tools/remove-bg` and `/api/v1/tasks/{id}` for these API keys."""
    routes = Blueprint(NAME, __name__, url_prefix="/api/v1")

    @routes.post("/images/tools/remove-bg")
    def create() -> Response:
        body = request.get_json(silent=True)
        fields: dict[str, Any] = body if isinstance(body, dict) else {}
        try:
            prediction = registry.admit(_parse(fields, _check_key(api_keys)))
        except RejectedError as error:
            image_url = fields.get("image")
            shown = image_url if isinstance(image_url, str) else None
            registry.reject(NAME, shown, error, webhook=False)
            return refused(error, _error_body(error))
        worker.start(prediction)
        return created(prediction, _answer(prediction, worker), worker)

    @routes.get("/tasks/<task_id>")
    def poll(task_id: str) -> Response:
        try:
            _check_key(api_keys)
            return jsonify(apiin_forms.poll_body(_find(registry, task_id), worker))
        except RejectedError as error:
            return refused(error, _error_body(error))

    return routes


def _answer(prediction: Prediction, worker: Worker) -> Response:
    """Answer a create; a direct answer is held until the prediction has ended."""
    if prediction.form not in apiin_forms.DIRECT:
        return jsonify(apiin_forms.created_body(prediction))
    if not worker.wait(prediction):
        return Response("stopped", 503, mimetype="text/plain")
    return apiin_forms.direct(prediction, worker)


def _find(registry: Registry, task_id: str) -> Prediction:
    """Return a task; there is none for a direct answer.

    Raises:
        RejectedError: 404.
    """
    prediction = registry.poll(NAME, task_id)
    if (
        prediction is None
        or prediction.form in apiin_forms.DIRECT
        or prediction.fault_of("status_404")
    ):
        raise RejectedError(404, "Task not found")
    return prediction


def _check_key(api_keys: list[str]) -> str:
    given = request.headers.get("Authorization", "")
    for key in api_keys:
        if hmac.compare_digest(given.encode(), f"Bearer {key}".encode()):
            return key
    raise RejectedError(401, "Missing or invalid API key")


def _parse(fields: dict[str, Any], key: str) -> CreateRequest:
    """Check the body of a create.

    Raises:
        RejectedError: 400.
    """
    image_url, output_format = fields.get("image"), fields.get("output_format", "png")
    if fields.get("model") != MODEL:
        raise RejectedError(400, f"model has to be {MODEL}")
    if not isinstance(image_url, str) or not is_web_url(image_url):
        raise RejectedError(400, "image is required, a URL")
    if output_format not in ("png", "webp"):
        raise RejectedError(400, "output_format has to be png or webp")
    return CreateRequest(NAME, key, image_url, None, f"{request.host_url}results/", output_format)


def _error_body(error: RejectedError) -> dict[str, Any]:
    details = f": {error.details}" if error.details else ""
    return {"code": error.status, "message": error.message + details}
