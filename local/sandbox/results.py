"""Serves the results, and everything that can be wrong with one."""

import cv2
import numpy as np
from flask import Blueprint, Response

from local.sandbox.predictions import Prediction
from local.sandbox.registry import Registry
from local.sandbox.worker import Worker

_NOT_AN_IMAGE = "<!doctype html><title>Sign in</title><p>Your session has expired.</p>"


def blueprint(registry: Registry, worker: Worker) -> Blueprint:
    """Serve `/results/{uuid}.png`, public as a provider's result URLs are."""
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


def _answer(prediction: Prediction, png: bytes) -> Response:
    if prediction.fault_of("result_not_image"):
        return Response(_NOT_AN_IMAGE, mimetype="text/html")
    if prediction.fault_of("result_opaque"):
        return Response(_without_alpha(png), mimetype="image/png")
    if fault := prediction.fault_of("result_truncated"):
        response = Response(png[: len(png) // 2], mimetype="image/png")
        if fault.full_length:
            response.content_length = len(png)
        return response
    return Response(png, mimetype="image/png")


def _without_alpha(png: bytes) -> bytes:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    return cv2.imencode(".png", np.asarray(image))[1].tobytes()
