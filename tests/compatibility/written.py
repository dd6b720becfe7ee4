"""What the adapters make of the lives: items, messages and machine data, and the rules of reading.

Each document is plain JSON; `python -m tests.compatibility VERSION` keeps them for a version.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import TypeAdapter

from cutout.adapters import dynamodb
from cutout.adapters.backfills import DynamoBackfills
from cutout.adapters.dynamodb import DynamoJobStore, DynamoLedger, DynamoTable
from cutout.adapters.gate_store import DynamoGateStore
from cutout.adapters.messages import SqsMessages
from cutout.adapters.repeats import DynamoRepeats
from cutout.backfills import Backfill, Finish, FrozenObject, Look, Tally
from cutout.models import (
    CompletionMessage,
    DispatchMessage,
    Job,
    LedgerLine,
    LineEntry,
    PollAnswer,
    PollRequest,
    Prepare,
    Repeat,
)
from tests.compatibility.lives import Seen, seen
from tests.fakes import NOON_MS

type Json = Any

BACKFILL = Backfill(
    backfill_id="20260115T120000-1a2b", prefix="photos/", total=1, batches=1, created_ms=NOON_MS
)
# What machines hand to the functions as their definitions say it.
FIRST_LOOK = {"type": "look", "backfill_id": BACKFILL.backfill_id, "run": 1, "batch": 0}
FINISH = {"type": "finish", "backfill_id": BACKFILL.backfill_id, "run": 1}

READ: dict[str, Any] = {
    "job": Job,
    "place": LineEntry,
    "ledger": LedgerLine,
    "repeat": Repeat,
    "backfill": Backfill,
    "batch": TypeAdapter(dict[str, list[FrozenObject]]),
    "tally": Tally,
    "dispatch": TypeAdapter(DispatchMessage),
    "completions": TypeAdapter(CompletionMessage),
    "prepare": Prepare,
    "poll": PollRequest,
    "poll answer": PollAnswer,
    "backfill machine": TypeAdapter(Look | Finish),
}
# The gate is no model: what `gate_store.unpack` wants of the item, and of the JSON text in it.
_NUMBER, _TEXT = {"type": "integer"}, {"type": "string"}
_SIDE = {
    "type": "object",
    "required": ["slots", "stamps", "paused"],
    "properties": {
        "slots": {
            "type": "array",
            "items": {
                "type": "array",
                "prefixItems": [_TEXT, _NUMBER, _NUMBER, _NUMBER],
                "minItems": 4,
            },
        },
        "stamps": {"type": "array", "items": _NUMBER},
        "paused": {"type": "array", "prefixItems": [_NUMBER, _TEXT, _NUMBER], "minItems": 3},
    },
}
_GATE = {
    "type": "object",
    "required": ["version", "month", "spent_microusd", "wake_ms", "parked", "providers"],
    "properties": {
        **dict.fromkeys(("version", "spent_microusd", "wake_ms"), _NUMBER),
        "month": _TEXT,
        "parked": {"type": "boolean"},
        "providers": {"type": "object", "additionalProperties": _SIDE},
    },
}


def documents(table: DynamoTable) -> dict[str, Json]:
    """Return all documents by name; the table is for trying, and is empty afterwards."""
    found = seen()
    return {
        "items": items(found, table),
        "messages": messages(found),
        "machines": machines(found),
        "rules": rules(),
    }


def items(found: Seen, table: DynamoTable) -> dict[str, list[Json]]:
    """Return the typed items of the table by situation."""
    made: dict[str, list[Json]] = {}
    empty(table)
    for situation, write in _writes(found, table):
        write()
        made[situation] = sorted(empty(table), key=lambda item: str(item["pk"]))
    return made


def empty(table: DynamoTable) -> list[Json]:
    """Delete all items, and return them."""
    found = table.client.scan(TableName=table.name)["Items"]
    for item in found:
        key = {"pk": item["pk"], "sk": item["sk"]}
        table.client.delete_item(TableName=table.name, Key=key)
    return [*found]


def _writes(found: Seen, table: DynamoTable) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield each situation and what writes it into the empty table."""
    store, gates = DynamoJobStore(table, 90), DynamoGateStore(table)
    repeats, backfills = DynamoRepeats(table, 90), DynamoBackfills(table)
    for situation, job in found.jobs.items():
        yield f"job {situation}", lambda job=job: store.create(job)  # type: ignore[misc]
    for situation, gate in found.gates.items():
        yield f"gate {situation}", lambda gate=gate: gates.write(gate)  # type: ignore[misc]
    for situation, line in found.ledger.items():
        yield f"ledger {situation}", lambda line=line: DynamoLedger(table).record(line)  # type: ignore[misc]
    for situation, one in found.repeats.items():
        yield f"repeat {situation}", lambda one=one: repeats.claim(one)  # type: ignore[misc]
    yield "backfill", lambda: backfills.write(BACKFILL)
    frozen = FrozenObject(key="photos/a.jpg", job_id="0" * 32)
    yield "batch", lambda: backfills.freeze(BACKFILL.backfill_id, [[frozen]])
    yield "tally", lambda: backfills.note(BACKFILL.backfill_id, 0, Tally(count=1, in_work=1))


def messages(found: Seen) -> dict[str, dict[str, Json]]:
    """Return the bodies by queue and kind."""
    made: dict[str, dict[str, Json]] = {"dispatch": {}, "completions": {}, "prepare": {}}

    class Recorder:
        """Stands where SQS's client stands."""

        def send_message(self, *, QueueUrl: str, MessageBody: str, DelaySeconds: int) -> None:  # noqa: N803 boto's own
            """Keep a body."""
            body = json.loads(MessageBody)
            made[QueueUrl][_kind(body)] = body

    sqs = SqsMessages(Recorder(), "dispatch", "completions", "prepare")  # type: ignore[arg-type]
    for world in found.worlds:
        sent = world.messages
        for message in [*sent.dispatch, *sent.completions, *sent.prepares]:
            send = "ended" if message.type == "ended" else message.type
            _ = getattr(sqs, send)(message)
        for _, wake in sent.wakes:
            sqs.wake(wake, 0)
    return made


def _kind(body: Json) -> str:
    """Name a kind of message."""
    words = [body["type"]]
    if body["type"] == "ended":
        words += [body["outcome"]["status"], "unanswered" * (body["prediction_id"] is None)]
    if body["type"] == "wake":
        words += ["due" * bool(body["due_ms"])]
    if body["type"] == "paused":
        words += [body["reason"]]
    return " ".join(filter(None, words))


def machines(found: Seen) -> dict[str, dict[str, Json]]:
    """Return what machines carry around, by who reads it and situation."""
    looks = {name: look.model_dump(mode="json") for name, look in found.looks.items()}
    return {
        "poll": {name: json.loads(r.model_dump_json()) for name, r in found.requests.items()},
        "poll answer": {name: a.model_dump(mode="json") for name, a in found.answers.items()},
        "backfill machine": {"first": FIRST_LOOK, "finish": FINISH, **looks},
    }


def rules() -> dict[str, Json]:
    """Return the JSON Schemas by which this version reads, and the attributes it does not look at.

    Titles and descriptions are left out: they decide nothing.
    """
    schemas = {
        name: one.json_schema() if isinstance(one, TypeAdapter) else one.model_json_schema()
        for name, one in READ.items()
    }
    own = sorted(dynamodb._OWN)  # noqa: SLF001 what from_item leaves out
    return {"own attributes": own, "gate": _GATE, **_bare(schemas, names=True)}


def _bare(value: Json, *, names: bool = False) -> Json:
    """Return a schema without titles and descriptions; `names`: keys are names of fields."""
    if isinstance(value, list):
        return [_bare(one) for one in value]
    if not isinstance(value, dict):
        return value
    dropped = set() if names else {"title", "description"}
    return {
        key: _bare(one, names=key in ("properties", "$defs", "mapping") and not names)
        for key, one in value.items()
        if key not in dropped
    }
