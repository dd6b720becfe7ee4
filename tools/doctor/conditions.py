"""Whether a condition of a policy holds for requests that can be foreseen. Pure.

The rules are those of the IAM User Guide, "IAM JSON policy elements: Condition operators".
"""

import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

# What a request says, by key in lower case: each value that it may have, None where it has no such
# key. A key that is not here may have any.
type Context = Mapping[str, Sequence[str | None]]

_NUMBERS: dict[str, Callable[[float, float], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}


def holds(condition: Mapping[str, Mapping[str, Any]], context: Context) -> bool | None:
    """Tell whether a statement's whole condition holds; None if that depends on what is unknown."""
    return every(
        _one(name, key, listed(wanted), context)
        for name, block in condition.items()
        for key, wanted in block.items()
    )


def every(verdicts: Iterable[bool | None]) -> bool | None:
    """Return whether all hold; None if one is unknown and none is false."""
    seen = set(verdicts)
    if False in seen:
        return False
    return None if None in seen else True


def listed(value: object) -> list[str]:
    """Return what a policy gives as one text or as a list of them."""
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


def like(pattern: str, text: str) -> bool:
    """Tell whether a text matches a pattern with IAM's wildcards."""
    parts = [{"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern]
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _one(name: str, key: str, wanted: list[str], context: Context) -> bool | None:
    """Tell whether one operator holds for one key; None if the possible values disagree."""
    possible = context.get(key.lower())
    if possible is None or any("${" in text for text in wanted):
        return None
    verdicts = {_of_value(name, value, wanted) for value in possible}
    return verdicts.pop() if len(verdicts) == 1 else None


def _of_value(name: str, value: str | None, wanted: list[str]) -> bool | None:
    """Tell whether an operator holds for a value; None as value: the request has no such key."""
    set_operator, _, plain = name.removesuffix("IfExists").rpartition(":")
    if plain == "Null":
        return (value is None) is (wanted[0].lower() == "true")
    negated = "Not" in plain
    if value is None:
        if set_operator == "ForAnyValue":
            return False
        return negated or name.endswith("IfExists") or set_operator == "ForAllValues"
    found = [_matches(plain.replace("Not", ""), value, one) for one in wanted]
    if None in found:
        return None
    return any(found) is not negated


def _matches(name: str, value: str, wanted: str) -> bool | None:
    """Tell whether a value is the wanted one by an operator; None: an operator not known here."""
    match name:
        case "StringEquals" | "BinaryEquals":
            return value == wanted
        case "StringEqualsIgnoreCase" | "Bool":
            return value.lower() == wanted.lower()
        case "StringLike" | "ArnLike" | "ArnEquals":
            return like(wanted, value)
        case "IpAddress":
            return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
        case _ if name.startswith("Numeric"):
            return _NUMBERS[name.removeprefix("Numeric")](float(value), float(wanted))
    return None
