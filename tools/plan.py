"""What many images cost and how long they take, from the stack's limits. No promise."""

import math
import time
from dataclasses import dataclass

from cutout.adapters.dynamodb import DynamoLine
from cutout.adapters.gate_store import DynamoGateStore
from cutout.gate import Gate, month_of
from cutout.settings import Settings
from tools.site import Site

_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Plan:
    """The figures that a person is asked with; money is micro-dollars.

    `least_microusd` and `most_microusd` differ where providers do. `left_microusd` is what the
    month's budget has left; None: there is no cap. `ends_in` is the UTC month in which it ends if
    the budget is smaller than the price; empty: the budget suffices, None: it never will.
    """

    count: int
    provider: str
    per_minute: float
    seconds: int
    waiting: int
    least_microusd: int
    most_microusd: int
    left_microusd: int | None
    ends_in: str | None


def plan_of(site: Site, count: int) -> Plan:
    """Return the figures for so many images of a stack, as it is now."""
    waiting = DynamoLine(site.table()).size()
    gate = DynamoGateStore(site.table()).read()
    return plan(count, waiting, gate, site.settings, round(time.time() * 1000))


def plan(count: int, waiting: int, gate: Gate, settings: Settings, now_ms: int) -> Plan:
    """Return the figures for so many images, behind those that wait already."""
    sides = [settings.provider(name) for name in settings.providers]
    first, prices = sides[0], [side.price_microusd for side in sides]
    spent = gate.spent_microusd if gate.month == month_of(now_ms) else 0
    cap = settings.monthly_budget_usd
    left = max(0, cap - spent) if cap else None
    return Plan(
        count=count,
        provider=first.name,
        per_minute=first.per_minute,
        seconds=math.ceil(60 * (count + waiting) / first.per_minute + first.expected_s),
        waiting=waiting,
        least_microusd=count * min(prices),
        most_microusd=count * max(prices),
        left_microusd=left,
        ends_in=ends_in(count + waiting, first.price_microusd, cap, left, now_ms),
    )


def ends_in(count: int, price: int, cap: int, left: int | None, now_ms: int) -> str | None:
    """Return the month in which the budget will have paid so many images, if nothing else spends.

    Returns:
        Empty: the present month's does; None: a month's budget does not pay a single one.
    """
    if left is None or not price or count <= left // price:
        return ""
    if cap < price:
        return None
    months = math.ceil((count - left // price) / (cap // price))
    year, month = map(int, month_of(now_ms).split("-"))
    years, index = divmod(month - 1 + months, _MONTHS)
    return f"{year + years}-{index + 1:02d}"


def sentences(plan: Plan) -> list[str]:
    """Return the figures as sentences for a person."""
    rate = f"{plan.per_minute:.0f} a minute at {plan.provider}"
    behind = f", behind {plan.waiting:,} that wait already" if plan.waiting else ""
    said = [
        f"{plan.count:,} images, at most {_price(plan)}: refused ones cost nothing.",
        f"They take about {duration(plan.seconds)} ({rate}{behind}).",
        "Uploads and API jobs go first: each of them makes it take longer.",
    ]
    if plan.left_microusd is not None:
        said.append(f"MonthlyBudgetUsd leaves {dollars(plan.left_microusd)} of this month.")
    if plan.ends_in:
        said.append(f"That is not enough: the others wait, and the last comes in {plan.ends_in}.")
    if plan.ends_in is None:
        said.append("That does not pay a single image: raise MonthlyBudgetUsd, or all will wait.")
    return said


def duration(seconds: int) -> str:
    """Return seconds in the unit that a person would use."""
    minutes = seconds / 60
    if minutes < 2:  # noqa: PLR2004 two of each unit before the next one
        return f"{seconds} s"
    if minutes < 2 * 60:
        return f"{minutes:.0f} min"
    hours = minutes / 60
    return f"{hours:.1f} h" if hours < 2 * 24 else f"{hours / 24:.1f} days"


def dollars(microusd: int) -> str:
    """Return an amount for a person."""
    return f"${microusd / 1e6:,.2f}"


def _price(plan: Plan) -> str:
    if plan.least_microusd == plan.most_microusd:
        return dollars(plan.most_microusd)
    both = f"{dollars(plan.least_microusd)} to {dollars(plan.most_microusd)}"
    return f"{both} (by which provider cuts them out)"
