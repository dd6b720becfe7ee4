"""Serves the results, and everything that can be wrong with one."""

import cv2
import numpy as np
from flask import Blueprint, Response

from local.sandbox.predictions import Prediction
from local.sandbox.registry import Registry
from local.sandbox.worker import Worker

_NOT_AN_IMAGE = b"<!doctype html><title>Sign in</title><p>Your session has expired.</p>"


def blueprint(registry: Registry, worker: Worker) -> Blueprint:
    """Serve `/results/{uuid}.png` and `.webp`, public as a provider's result URLs are."""
    routes = Blueprint("results", __name__)

    @routes.get("/results/<name>")
    def result(name: str) -> Response:
        prediction = registry.fetch_result(name)
        if prediction is None or _is_gone(prediction):
            return Response("not found", 404, mimetype="text/plain")
        if fault := prediction.fault_of("result_slow"):
            worker.sleep(fault.seconds)
        return _answer(prediction, worker.result_path(prediction).read_bytes())

    return routes


def _is_gone(prediction: Prediction) -> bool:
    fault = prediction.fault_of("result_missing_after")
    used_up = fault is not None and prediction.fetches > fault.fetches
    return used_up or prediction.fault_of("result_404") is not None


def spoilt(prediction: Prediction, image: bytes) -> tuple[bytes, str]:
    """Return a result's bytes and media type as the prediction's fault says."""
    media_type = f"image/{prediction.request.output_format}"
    if prediction.fault_of("result_not_image"):
        return _NOT_AN_IMAGE, "text/html"
    if prediction.fault_of("result_opaque"):
        return _without_alpha(image, f".{prediction.request.output_format}"), media_type
    if prediction.fault_of("result_truncated"):
        return image[: len(image) // 2], media_type
    return image, media_type


def _answer(prediction: Prediction, image: bytes) -> Response:
    body, media_type = spoilt(prediction, image)
    response = Response(body, mimetype=media_type)
    fault = prediction.fault_of("result_truncated")
    if fault and fault.full_length:
        response.content_length = len(image)
    return response


def _without_alpha(data: bytes, extension: str) -> bytes:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return cv2.imencode(extension, np.asarray(image))[1].tobytes()
