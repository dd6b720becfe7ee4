"""DynamoDB's request units of a recorded sequence of calls, by AWS's rules; pure.

The local AWS records each call with its parameters but not what it consumed. So the calls are
applied here, in their order, to a copy of the table as it was before them. Rules
(docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html and
capacity-mode page): a write unit is 1 KB, a consistent read unit 4 KB, half of it eventually
consistent; a transactional write counts double on the table, once on an index; a failed condition
costs the write of the item that is there; moving an item inside an index is a delete and a put.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, NamedTuple, Self

type Item = Mapping[str, Any]
type Parameters = Mapping[str, Any]

KB = 1024
READ_BYTES = 4 * KB
_INDEX_KEYS = {"ByShelf": ("shelf", "updated_ms"), "BySource": ("source", "created_ms")}


class Units(NamedTuple):
    """Read request units, and write request units of the table and of its indexes."""

    read: float = 0
    write: float = 0
    index_write: float = 0

    def plus(self, other: "Units") -> "Units":
        """Return the sum."""
        return Units(*(mine + its for mine, its in zip(self, other, strict=True)))


@dataclass
class Table:
    """The items by their keys, as they stand after the calls so far."""

    items: dict[tuple[str, str], Item]

    @classmethod
    def of(cls, items: Iterable[Item]) -> Self:
        """Begin with these items."""
        return cls({_key(item): item for item in items})

    def apply(self, name: str, call: Parameters) -> Units:
        """Apply one call and return what it consumes.

        Raises:
            ValueError: a call that the application does not make.
        """
        match name:
            case "GetItem":
                found = self.items.get(_key(call["Key"]))
                return _read([found] if found else [], consistent=bool(call.get("ConsistentRead")))
            case "Query":
                return self._query(call)
            case "PutItem":
                return self._write([{"Put": call}], 1)
            case "DeleteItem":
                return self._write([{"Delete": call}], 1)
            case "TransactWriteItems":
                return self._write(call["TransactItems"], 2)
        message = f"no rule for {name}"
        raise ValueError(message)

    def _write(self, elements: Sequence[Parameters], factor: int) -> Units:
        """Apply puts and deletes together, or none of them when a condition does not hold."""
        writes = [next(iter(element.items())) for element in elements]
        holds = all(self._holds(write) for _, write in writes)
        total = Units()
        for kind, write in writes:
            new = write["Item"] if kind == "Put" else None
            key = _key(new or write["Key"])
            old = self.items.get(key)
            largest = max(size(old or {}), size(new or {}) if holds else 0)
            total = total.plus(Units(write=factor * max(1, ceil(largest / KB))))
            if holds:
                total = total.plus(Units(index_write=_index_units(old, new)))
                self._set(key, new)
        return total

    def _holds(self, write: Parameters) -> bool:
        """Tell whether a condition holds, of the two that the application makes."""
        condition = write.get("ConditionExpression")
        stored = self.items.get(_key(write.get("Item") or write["Key"]))
        if condition is None:
            return True
        if condition.startswith("attribute_not_exists"):
            return stored is None
        expected = write["ExpressionAttributeValues"][":expected"]
        return stored is not None and stored.get("version") == expected

    def _set(self, key: tuple[str, str], new: Item | None) -> None:
        if new is None:
            self.items.pop(key, None)
        else:
            self.items[key] = new

    def _query(self, call: Parameters) -> Units:
        """Return what the items cost that the key conditions of this table's queries select.

        The first page of a query is charged with all of them, the next ones with nothing.
        """
        if "ExclusiveStartKey" in call:
            return Units()
        values, index = call["ExpressionAttributeValues"], call.get("IndexName")
        if index:
            before = int(values[":before"]["N"])
            found = [
                _projected(item, index)
                for item in self.items.values()
                if item.get("shelf") == values[":shelf"] and int(item["updated_ms"]["N"]) < before
            ]
        else:
            prefix = values.get(":lane", {"S": ""})["S"]
            partition = values[":pk"]["S"]
            keys = sorted(k for k in self.items if k[0] == partition and k[1].startswith(prefix))
            found = [self.items[key] for key in keys]
        return _read(found[: call.get("Limit")], consistent=bool(call.get("ConsistentRead")))


def size(item: Item) -> int:
    """Return an item's bytes by AWS's rule for item sizes.

    (docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html)
    """
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    kind, content = next(iter(value.items()))
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            digits = content.lstrip("-").replace(".", "").strip("0")
            return ceil(len(digits) / 2) + 1
        case "L":
            return 3 + sum(1 + _value_size(entry) for entry in content)
        case "M":
            return 3 + sum(
                1 + len(name.encode()) + _value_size(entry) for name, entry in content.items()
            )
    return 1  # a truth value, or nothing


def _read(items: Sequence[Item], *, consistent: bool) -> Units:
    units = max(1, ceil(sum(size(item) for item in items) / READ_BYTES))
    return Units(read=units if consistent else units / 2)


def _index_units(old: Item | None, new: Item | None) -> int:
    """Return the writes that the change of one item causes in both indexes."""
    units = 0
    for index in _INDEX_KEYS:
        before, after = _projected(old, index), _projected(new, index)
        if before != after:
            units += sum(max(1, ceil(size(entry) / KB)) for entry in (before, after) if entry)
    return units


def _projected(item: Item | None, index: str) -> Item:
    """Return what an index keeps of an item (its keys); nothing if the item lacks one."""
    names = ("pk", "sk", *_INDEX_KEYS[index])
    return {name: item[name] for name in names} if item and set(names) <= set(item) else {}


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]
