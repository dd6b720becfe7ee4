"""What the doctor found: one sentence each about what is wrong and what to do."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

HEALTHY, ILL, BLIND = 0, 1, 2


class Status(StrEnum):
    """How bad it is; `unknown`: it could not be looked at, so nobody may call it healthy."""

    OK = "ok"
    WARNING = "warning"
    UNKNOWN = "unknown"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of one check.

    Attributes:
        code: stable, `{check}.{what}`, for example `bucket.delivery_off`.
        status: how bad it is.
        message: what is so, and what to do about it.
    """

    code: str
    status: Status
    message: str


def ok(code: str, message: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(code, Status.OK, message)


def warning(code: str, message: str) -> Finding:
    """Return that something works, and may not for long or not as meant."""
    return Finding(code, Status.WARNING, message)


def unknown(code: str, message: str) -> Finding:
    """Return that something could not be looked at."""
    return Finding(code, Status.UNKNOWN, message)


def fault(code: str, message: str) -> Finding:
    """Return that something is broken."""
    return Finding(code, Status.FAULT, message)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 0: healthy, 1: faults found, 2: no fault found, but not everything was seen."""
    found = {finding.status for finding in findings}
    if Status.FAULT in found:
        return ILL
    return BLIND if Status.UNKNOWN in found or not found else HEALTHY


def as_dicts(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Return the findings as JSON has them."""
    return [{**asdict(finding), "status": finding.status.value} for finding in findings]


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return names for a sentence, the first few of many."""
    every = sorted(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
