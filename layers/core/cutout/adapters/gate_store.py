"""The gate item: one versioned write per move, packed so that it stays in few write units.

DynamoDB charges a write per started KB. The stamps are most of the item, so they are stored as
differences: at the defaults (10 slots, 100 stamps) the item is under 2 KB (docs/decisions/0004).
"""

import json
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

from cutout.adapters.dynamodb import DynamoTable, from_item, to_item
from cutout.gate import Gate, ProviderSide, Slot


class DynamoGateStore:
    """The one gate item of the stack."""

    def __init__(self, table: DynamoTable) -> None:
        """Keep the table."""
        self._table = table

    def read(self) -> Gate:
        """Return the gate as it is now (consistent); a new stack's is empty."""
        item = self._table.get("gate", "gate")
        return unpack(from_item(item)) if item is not None else Gate()

    def write(self, gate: Gate) -> Gate | None:
        """Write the gate on the condition that `gate.version` is still the stored one."""
        written = replace(gate, version=gate.version + 1)
        item = to_item({"pk": "gate", "sk": "gate"} | pack(written))
        return written if self._table.put_version(item, gate.version) else None


def pack(gate: Gate) -> dict[str, Any]:
    """Return the gate as plain attributes; `providers` is a JSON text without blanks."""
    providers = {
        name: {
            "slots": [
                [attempt, slot.until_ms, slot.stamped_ms, slot.price_microusd]
                for attempt, slot in side.slots.items()
            ],
            "stamps": [*side.stamps[:1], *(b - a for a, b in pairwise(side.stamps))],
            "paused": [side.paused_until_ms, side.pause_reason, side.strikes],
        }
        for name, side in gate.providers.items()
    }
    return {
        "version": gate.version,
        "month": gate.month,
        "spent_microusd": gate.spent_microusd,
        "wake_ms": gate.wake_ms,
        "parked": gate.parked,
        "providers": json.dumps(providers, separators=(",", ":")),
    }


def unpack(values: dict[str, Any]) -> Gate:
    """Return the gate that `pack` packed; what a newer version put behind or beside is left out."""
    providers = {
        name: ProviderSide(
            slots={attempt: Slot(*numbers[:3]) for attempt, *numbers in side["slots"]},
            stamps=tuple(accumulate(side["stamps"])),
            paused_until_ms=side["paused"][0],
            pause_reason=side["paused"][1],
            strikes=side["paused"][2],
        )
        for name, side in json.loads(values["providers"]).items()
    }
    return Gate(
        version=int(values["version"]),
        month=str(values["month"]),
        spent_microusd=int(values["spent_microusd"]),
        wake_ms=int(values["wake_ms"]),
        parked=bool(values["parked"]),
        providers=providers,
    )
