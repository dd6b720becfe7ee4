"""Answers in the shape both faults and contracts need."""

import socket
from typing import Any

from flask import Response, jsonify, request

from local.sandbox.faults import Fault
from local.sandbox.predictions import Prediction, RejectedError
from local.sandbox.worker import Worker


def drop_connection() -> None:
    """Close the connection of the current request; what is answered later goes nowhere."""
    connection: socket.socket = request.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)


def refused(error: RejectedError, body: dict[str, Any] | None = None) -> Response:
    """Answer a refusal with `body`, else the error body of seed 000; or as its fault says."""
    response = jsonify(
        body or {"status": "error", "message": error.message, "details": error.details}
    )
    response.status_code = error.status
    return _as_ordered(error.fault, response) if error.fault else response


def created(prediction: Prediction, answer: Response, worker: Worker) -> Response:
    """Answer a create with `answer`, or as the prediction's fault says."""
    fault = prediction.fault_of("create_status", "create_hang", "create_drop")
    if fault is None:
        return answer
    if fault.kind == "create_status":
        return _as_ordered(fault, answer)
    if fault.kind == "create_hang":
        worker.sleep(fault.seconds)
    if fault.kind == "create_drop" or fault.drop:
        drop_connection()
    return answer


def _as_ordered(fault: Fault, response: Response) -> Response:
    if isinstance(fault.body, str):
        response = Response(fault.body, mimetype="text/html")
    elif fault.body is not None:
        response = jsonify(fault.body)
    response.status_code = fault.status
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    return response
