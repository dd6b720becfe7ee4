"""The one table of prices, and sums over it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True)
class Price:
    """US dollars for so many units, where it was read, and whether the figure was seen there.

    `free` is how many units an account has for nothing each month, whatever its age.
    """

    price: float
    per: int
    source: str
    verified: bool
    free: float = 0

    def of(self, units: float) -> float:
        """Return the dollars for some units."""
        return units * self.price / self.per


@cache
def table() -> dict[str, Price]:
    """Return every price by its name."""
    return {name: Price(**entry) for name, entry in _load().items() if isinstance(entry, dict)}


def read_on() -> date:
    """Return when the prices were read."""
    found: date = _load()["read_on"]
    return found


def dollars(units: Mapping[str, float]) -> dict[str, float]:
    """Return what each kind of unit costs.

    Raises:
        KeyError: there is no price for one.
    """
    return {name: table()[name].of(count) for name, count in units.items()}


def after_free(units: Mapping[str, float]) -> dict[str, float]:
    """Return what is left of each kind of unit in an account that runs nothing else.

    Raises:
        KeyError: there is no price for one.
    """
    return {name: max(0.0, count - table()[name].free) for name, count in units.items()}


def _load() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
