"""Ways to break template.yaml, each with the rule that must notice."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
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
    besides: dict[str, Any] = field(default_factory=dict)

    def __call__(self, source: Json) -> None:
        """Set or remove the value at the path, and set what else is needed."""
        for path, value in {**self.besides, self.path: self.value}.items():
            *way, last = (int(step) if step.isdecimal() else step for step in path.split("|"))
            place = source
            for step in way:
                place = place[step]
            if value is GONE:
                del place[last]
            else:
                place[last] = value

    def __str__(self) -> str:
        """Name the case in the test report."""
        return f"{self.rule.__name__}-{self.path.replace('|', '.')}"


def at(logical_id: str, path: str = "") -> str:
    """Return the path of a resource's property."""
    return f"Resources|{logical_id}|Properties" + (f"|{path}" if path else "")
