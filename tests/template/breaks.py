"""Ways to break template.yaml, each with the rule that must notice."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.template.views import Json, View

GONE = object()
type Rule = Callable[[View], Iterator[str]]


@dataclass(frozen=True)
class Break:
    """One change to a copy of the template."""

    rule: Rule
    path: str
    value: Any = GONE

    def __call__(self, source: Json) -> None:
        """Set or remove the value at the path."""
        *way, last = (int(step) if step.isdecimal() else step for step in self.path.split("|"))
        place = source
        for step in way:
            place = place[step]
        if self.value is GONE:
            del place[last]
        else:
            place[last] = self.value

    def __str__(self) -> str:
        """Name the case in the test report."""
        return f"{self.rule.__name__}-{self.path.replace('|', '.')}"


def at(logical_id: str, path: str = "") -> str:
    """Return the path of a resource's property."""
    return f"Resources|{logical_id}|Properties" + (f"|{path}" if path else "")
