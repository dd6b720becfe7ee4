"""What an answer of API in One says, as far as one can tell. Pure; the assumptions are in apiin.py.

Names are compared without case, `_` and `-`, so `task_id` and `taskId` are one name.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from cutout.providers.apiin_results import JsonObject, Result, find_result, image_body, plain

type State = Literal["pending", "done", "failed"]

DONE = frozenset(
    {"succeeded", "success", "successful", "complete", "completed", "done", "finished"}
)
FAILED = frozenset(
    {"failed", "failure", "error", "cancelled", "canceled", "expired", "rejected"}
    | {"timeout", "timed_out", "timedout"}
)

_CONTAINERS = ("task", "data", "result", "results", "output", "outputs", "response")
_ID_RANK = {"task": 0, "data": 1, "": 2}  # a plain `id` here is rather the task's than further in
_IDS = ("taskid", "predictionid", "jobid", "id")
_STATUSES = ("status", "state", "taskstatus", "taskstate")
_CODES = ("code", "statuscode", "errorcode", "status")
_WORDS = ("error", "errormessage", "reason", "failurereason", "details", "detail", "message", "msg")
_MAX_DEPTH = 5
_MAX_ID = 200  # characters
_LEAST_CODE = 100  # smaller numbers are no HTTP status codes


@dataclass(frozen=True, slots=True)
class Reading:
    """What one answer says.

    `state` is None where there is no status word. `result` is a URL or the image. `refused`: it
    says no although its HTTP status says yes; `code` is the status it would have had.
    """

    prediction_id: str | None = None
    state: State | None = None
    result: Result | None = field(default=None, repr=False)
    refused: bool = False
    code: int | None = None
    words: str = ""


def read(content: bytes, content_type: str, source_url: str | None) -> Reading:
    """Read a 2xx answer; `source_url` is the input of a create, None for a status answer."""
    image = image_body(content, content_type)
    if image is not None:
        return Reading(state="done", result=image)
    try:
        body: object = json.loads(content)
    except (ValueError, RecursionError):
        body = content.decode(errors="replace")  # a URL, perhaps
    return _Answer(body, creating=source_url is not None).reading(source_url)


class _Answer:
    """One JSON answer: its objects from the outside in, each with the name it stands under."""

    def __init__(self, body: object, *, creating: bool) -> None:
        self._body = plain(body if isinstance(body, dict) else {"result": body})
        self._objects = list(_nested(self._body, "", 0))
        self._creating = creating

    def reading(self, source_url: str | None) -> Reading:
        """Put together what it says."""
        task_id, state = self._task_id(), self._state()
        result = find_result(self._body, task_id, source_url, has_word=state is not None)
        if state == "failed":  # of a task we know, or of the call?
            call_failed = self._creating or self._envelope_code() is not None
            refused = task_id is None and call_failed
        else:
            refused = self._says_no(has_word=state is not None)
            if task_id is None and state is None and result is None:
                refused = refused or any(map(_is_odd, self._values("code")))
        code = self._envelope_code() or self._error_code()
        return Reading(task_id, state, result, refused, code, self._words())

    def _task_id(self) -> str | None:
        """Return the task's id."""
        ranked = sorted(self._objects, key=lambda pair: _ID_RANK.get(pair[0], len(_ID_RANK)))
        values = (node.get(name) for name in _IDS for _, node in ranked)
        texts = (str(v) for v in values if isinstance(v, str | int) and not isinstance(v, bool))
        return next((t for t in texts if 0 < len(t) <= _MAX_ID and t.isprintable()), None)

    def _state(self) -> State | None:
        """Weigh all status words: one `failed` is enough, `done` has to be all of them.

        An envelope often says `success` of the HTTP call around a task that is still running. A
        word that nobody knows is pending.
        """
        words = set(filter(None, map(_word, self._values(*_STATUSES))))
        if not words:
            return None
        if words & FAILED:
            return "failed"
        return "done" if words <= DONE else "pending"

    def _says_no(self, *, has_word: bool) -> bool:
        """Tell whether the envelope refuses; an `error` beside a status word is the task's."""
        if self._envelope_code() is not None:
            return True
        if any(value is False for value in self._values("success", "ok", "status")):
            return True
        return not has_word and any(self._values("error", "errors"))

    def _envelope_code(self) -> int | None:
        """Return an HTTP error code that stands at the top."""
        return _first_code(self._body)

    def _error_code(self) -> int | None:
        """Return an HTTP error code that stands in an error object."""
        errors = (plain(v) for v in self._values("error") if isinstance(v, dict))
        return next(filter(None, map(_first_code, errors)), None)

    def _words(self) -> str:
        """Return the sentence for people, rather an inner one."""
        for name in _WORDS:
            for value in reversed(list(self._values(name))):
                said = plain(value).get("message") if isinstance(value, dict) else value
                if isinstance(said, str) and said.strip():
                    return said.encode(errors="replace").decode()  # JSON can hold half characters
        return ""

    def _values(self, *names: str) -> Iterator[object]:
        """Go through what the objects have under these names."""
        return (node[name] for _, node in self._objects for name in names if name in node)


def _nested(node: JsonObject, name: str, depth: int) -> Iterator[tuple[str, JsonObject]]:
    """Go through an object and those in its containers; of a list, the first counts."""
    yield name, node
    if depth == _MAX_DEPTH:
        return
    for container in _CONTAINERS:
        child = node.get(container)
        first = child[0] if isinstance(child, list) and child else child
        if isinstance(first, dict):
            yield from _nested(plain(first), container, depth + 1)


def _word(value: object) -> str | None:
    """Return a status word in plain form; None: `ok`, codes and booleans say nothing of a task."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    word = str(value).strip().lower()
    is_code = word.isdecimal() and int(word[:9]) >= _LEAST_CODE
    return None if is_code or word == "ok" else word


def _first_code(node: JsonObject) -> int | None:
    """Return an object's HTTP error code; of a longer number the beginning (40201 is 402)."""
    for name in _CODES:
        code = int(_digits(node.get(name))[:3] or 0)
        if code // 100 in (4, 5):
            return code
    return None


def _is_odd(value: object) -> bool:
    """Tell whether a code is a number that is neither small nor 2xx."""
    digits = _digits(value)
    return len(digits) >= len("200") and not digits.startswith("2")


def _digits(value: object) -> str:
    """Return the digits of a code, as a number or as text; "": it is neither."""
    text = str(value) if isinstance(value, str | int) else ""
    return text if text.isdecimal() else ""
