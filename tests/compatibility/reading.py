"""The sets of the versions, and how the code of today reads what is in them."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # no stubs
from pydantic import TypeAdapter

from cutout.adapters.backfills import DynamoBackfills
from cutout.adapters.dynamodb import DynamoJobStore, DynamoLine, DynamoTable, from_item
from cutout.adapters.gate_store import DynamoGateStore, pack
from cutout.adapters.repeats import DynamoRepeats
from cutout.models import LedgerLine, Repeat
from tests.compatibility.written import READ

type Json = Any

FOLDER = Path(__file__).parent
VERSIONS = sorted(
    (path.name for path in FOLDER.iterdir() if (path / "rules.json").exists()),
    key=lambda name: [int(part) for part in name.split(".")],
)
BEFORE = VERSIONS[-1]


@cache
def kept(version: str, name: str) -> dict[str, Json]:
    """Return a document of a version."""
    found: dict[str, Json] = json.loads((FOLDER / version / f"{name}.json").read_text("utf-8"))
    return found


def refusals(kind: str, value: Json, version: str = BEFORE) -> Iterator[str]:
    """Yield what a version does not like about a value; nothing if it reads none of the kind."""
    validator = Draft202012Validator(kept(version, "rules").get(kind, True))
    for error in validator.iter_errors(value):
        yield f"{error.json_path}: {error.message}"


def kind_of(item: Json) -> str:
    """Return which rules an item is read by."""
    kind = item["pk"]["S"].partition("#")[0]
    if kind == "backfill":
        return str(item["sk"]["S"].partition("#")[0])
    return {"queue": "place", "backfills": "backfill"}.get(kind, str(kind))


def plain(item: Json, version: str = BEFORE) -> Json:
    """Return what a version looks at in an item, as JSON has it; the gate's text is opened."""
    own = kept(version, "rules")["own attributes"]
    decode = TypeDeserializer().deserialize
    values = {name: decode(value) for name, value in item.items() if name not in own}
    found = json.loads(json.dumps(values, default=int))
    if kind_of(item) == "gate":
        found["providers"] = json.loads(found["providers"])
    return found


def read(table: DynamoTable, item: Json) -> Json:
    """Return what the adapter of an item finds in the table."""
    return _READERS[kind_of(item)](table, item)


def _job(table: DynamoTable, item: Json) -> Json:
    job = DynamoJobStore(table, 90).get(item["pk"]["S"].removeprefix("job#"))
    return job and job.model_dump(mode="json", exclude_none=True)


def _place(table: DynamoTable, _: Json) -> Json:
    (entry,) = DynamoLine(table).first(5, 0)
    return entry.model_dump(mode="json")


def _gate(table: DynamoTable, _: Json) -> Json:
    values = pack(DynamoGateStore(table).read())
    return values | {"providers": json.loads(values["providers"])}


def _ledger(table: DynamoTable, item: Json) -> Json:
    found = table.get(item["pk"]["S"], item["sk"]["S"])
    return found and LedgerLine.model_validate(from_item(found)).model_dump()


def _repeat(table: DynamoTable, item: Json) -> Json:
    found = DynamoRepeats(table, 90).claim(Repeat.model_validate(plain(item)))
    return found and found.model_dump(exclude_none=True)


def _backfill(table: DynamoTable, item: Json) -> Json:
    found = DynamoBackfills(table).get(item["sk"]["S"])
    return found and found.model_dump(exclude_none=True)


def _batch(table: DynamoTable, item: Json) -> Json:
    objects = DynamoBackfills(table).batch(item["pk"]["S"].removeprefix("backfill#"), 0)
    return {"objects": [one.model_dump() for one in objects]}


def _tally(table: DynamoTable, item: Json) -> Json:
    return DynamoBackfills(table).tallies(item["pk"]["S"].removeprefix("backfill#"))[0].model_dump()


_READERS: Mapping[str, Callable[[DynamoTable, Json], Json]] = {
    "job": _job,
    "place": _place,
    "gate": _gate,
    "ledger": _ledger,
    "repeat": _repeat,
    "backfill": _backfill,
    "batch": _batch,
    "tally": _tally,
}


def again(kind: str, body: Json) -> Json:
    """Return a message as it is after it was read."""
    one = READ[kind]
    if isinstance(one, TypeAdapter):
        return one.dump_python(one.validate_python(body), mode="json")
    return one.model_validate(body).model_dump(mode="json")


def with_more(value: Json) -> Json:
    """Return a value with a field of a newer version everywhere, and a number more in each slot."""
    if isinstance(value, list):
        is_slot = len(value) == 4 and isinstance(value[0], str)
        return [*map(with_more, value), *([7] if is_slot else [])]
    if isinstance(value, dict):
        found = {name: with_more(one) for name, one in value.items()}
        if "providers" in found:  # its fields are names
            del found["providers"]["quality"]
        return found | {"quality": {"verdict": "ok"}}
    return value
