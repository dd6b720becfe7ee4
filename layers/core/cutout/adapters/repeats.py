"""Answers to Idempotency-Keys, in the jobs table; kept from the request on for as long as jobs."""

from typing import Any

from cutout.adapters.aws import translated
from cutout.adapters.dynamodb import DynamoTable, from_item, to_item
from cutout.models import Repeat

_DAY_S = 86_400
_SK = "repeat"


class DynamoRepeats:
    """One item for each key; the key itself is not stored, only its hash."""

    def __init__(self, table: DynamoTable, retention_days: int) -> None:
        """Keep the table."""
        self._table = table
        self._retention_s = retention_days * _DAY_S

    def claim(self, repeat: Repeat) -> Repeat | None:
        """Keep a first request; return what is kept already if it is not the first."""
        if self._table.put_version(self._item(repeat), 0):
            return None
        item = self._table.get(_pk(repeat.key_sha256), _SK)
        # Forgotten in between: the next try of this request will find it free.
        return Repeat.model_validate(from_item(item)) if item is not None else None

    def settle(self, repeat: Repeat) -> None:
        """Keep the job of a claimed request."""
        self._table.put(self._item(repeat))

    def forget(self, key_sha256: str) -> None:
        """Let a claim go whose request was refused."""
        key = to_item({"pk": _pk(key_sha256), "sk": _SK})
        with translated("writing the jobs table failed"):
            self._table.client.delete_item(TableName=self._table.name, Key=key)

    def _item(self, repeat: Repeat) -> dict[str, Any]:
        """Return the item as it is stored."""
        own = {
            "pk": _pk(repeat.key_sha256),
            "sk": _SK,
            "expires_at": repeat.at_ms // 1000 + self._retention_s,
        }
        return to_item(own | repeat.model_dump(mode="json"))


def _pk(key_sha256: str) -> str:
    """Return the partition of a key."""
    return f"repeat#{key_sha256}"
