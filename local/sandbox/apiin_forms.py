"""The forms that API in One's answers may have: seed 002 shows none, and contradicts itself.

Each form is made up, in the words that such APIs use; together they cover what Cutout reads. Faults
of downloads (`result_404`, `result_missing_after`, `result_slow`) need a form with a URL, faults of
polls a task; the others work in all forms.
"""

import base64
from collections.abc import Callable
from typing import Any

from flask import Response, jsonify

from local.sandbox.predictions import Form, Prediction
from local.sandbox.results import spoilt
from local.sandbox.worker import Worker

DIRECT: frozenset[Form] = frozenset(
    {"direct_url", "direct_data_uri", "direct_base64", "direct_bytes"}
)

_RUNNING = {"task": "processing", "nested_task": "running", "task_data_uri": "in_progress"}
_WELL = {"task": "succeeded", "nested_task": "completed", "task_data_uri": "success"}


def created_body(prediction: Prediction) -> dict[str, Any]:
    """Return the answer to the create of a task."""
    if prediction.form == "nested_task":
        data = {"taskId": prediction.id, "state": "queued"} | _echo(prediction)
        return {"code": 200, "message": "success", "data": data}
    return {"task_id": prediction.id, "status": "pending"}


def poll_body(prediction: Prediction, worker: Worker) -> dict[str, Any]:
    """Return what a poll says."""
    if prediction.form == "nested_task":
        data = {"taskId": prediction.id, "state": _word(prediction)} | _echo(prediction)
        return {"code": 200, "message": "success", "data": data | _end(prediction, worker)}
    body = {"task_id": prediction.id, "status": _word(prediction)}
    return body | _end(prediction, worker)


def direct(prediction: Prediction, worker: Worker) -> Response:
    """Return the answer to a create that is the result; the prediction has ended."""
    if prediction.state == "failed":
        return jsonify(success=False, code=422, message=prediction.message)
    if prediction.form == "direct_url":
        echo = prediction.request.image_url
        return jsonify(success=True, image=echo, result_url=prediction.output_url)
    data, media_type = _result(prediction, worker)
    if prediction.form == "direct_bytes":
        return Response(data, mimetype=media_type)
    if prediction.form == "direct_base64":
        return jsonify(created=0, data=[{"b64_json": base64.b64encode(data).decode()}])
    return jsonify(status="success", data={"image": _data_uri(data, media_type)})


def _end(prediction: Prediction, worker: Worker) -> dict[str, Any]:
    """Return the fields of a poll that only an ended task has."""
    if _is_hidden(prediction) or prediction.state == "processing":
        return {}
    if prediction.state == "failed":
        return {"error": {"message": prediction.message}}
    ends: dict[Form, Callable[[], dict[str, Any]]] = {
        "task": lambda: {"result": {"url": prediction.output_url}},
        "nested_task": lambda: {"output": [prediction.output_url]},
        "task_data_uri": lambda: {"image": _data_uri(*_result(prediction, worker))},
    }
    return ends[prediction.form]()


def _word(prediction: Prediction) -> str:
    """Return the status word of a poll, which a fault may replace."""
    fault = prediction.fault_of("unknown_status")
    if fault and _is_hidden(prediction):
        return fault.word
    words = {"processing": _RUNNING, "succeeded": _WELL}
    return words[prediction.state][prediction.form] if prediction.state in words else "failed"


def _is_hidden(prediction: Prediction) -> bool:
    """Tell whether a poll has to say an unknown word instead of how it stands."""
    fault = prediction.fault_of("unknown_status")
    return fault is not None and (fault.polls is None or prediction.polls <= fault.polls)


def _echo(prediction: Prediction) -> dict[str, Any]:
    """Repeat the request, input and all."""
    request = prediction.request
    return {"image": request.image_url, "output_format": request.output_format}


def _result(prediction: Prediction, worker: Worker) -> tuple[bytes, str]:
    return spoilt(prediction, worker.result_path(prediction).read_bytes())


def _data_uri(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
