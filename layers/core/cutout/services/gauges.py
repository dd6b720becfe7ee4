"""What the dashboard and the alarms show: measured once a minute, and sent while it says anything.

CloudWatch charges a metric for every hour in which it is sent. A stack that does nothing therefore
sends nothing, and its alarms take silence for good (`TreatMissingData: notBreaching`).
"""

from collections.abc import Iterable, Mapping

from cutout.gate import Gate, settle_time
from cutout.ports import Clock, GateStore, Line, Metrics

SPENT = "SpentUsd"  # it stands still for most of a month and is no reason to send

type _Gauge = tuple[str, str | None]  # the metric, and the provider if it is one's own


class Gauges:
    """In flight, waiting, creates in the last minute, spend, pauses."""

    def __init__(
        self,
        *,
        gate: GateStore,
        line: Line,
        providers: Iterable[str],
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """Keep the collaborators."""
        self._gate = gate
        self._line = line
        self._providers = tuple(providers)
        self._clock = clock
        self._metrics = metrics
        self._last: Mapping[_Gauge, float] | None = None

    def measure(self) -> None:
        """Send every gauge while one of them is above zero or has moved since the last round.

        So each falls to zero once before all are silent. What the last round saw is known as long
        as the execution environment lives: a new one that finds nothing going on stays silent, and
        in that rare case a graph ends without its zero.
        """
        now_ms = self._clock.now_ms()
        gate = settle_time(self._gate.read(), now_ms)
        found = {**self._waiting(gate, now_ms), **self._sides(gate, now_ms)}
        going_on = any(value for (name, _), value in found.items() if name != SPENT)
        if going_on or self._last not in (None, found):
            for (name, provider), value in found.items():
                own = {} if provider is None else {"provider": provider}
                self._metrics.count(name, value, **own)
        self._last = found

    def _waiting(self, gate: Gate, now_ms: int) -> dict[_Gauge, float]:
        """Return how the line stands, and the month's money.

        The gate remembers that images wait for the budget until it is moved again; without an image
        in the line nobody moves it, and nobody waits.
        """
        size = self._line.size()
        entries = self._line.first(1, now_ms)
        oldest_ms = min((entry.available_ms for entry in entries), default=now_ms)
        return {
            ("JobsWaiting", None): size,
            ("OldestWaitingSeconds", None): max(0, now_ms - oldest_ms) / 1000,
            (SPENT, None): gate.spent_microusd / 1_000_000,
            ("BudgetParked", None): int(gate.parked and size > 0),
        }

    def _sides(self, gate: Gate, now_ms: int) -> dict[_Gauge, float]:
        """Return how each provider's side of the gate stands."""
        found: dict[_Gauge, float] = {}
        for name in self._providers:
            side = gate.provider(name)
            paused = bool(side.pause_reason) or side.paused_until_ms > now_ms
            found["InFlight", name] = len(side.slots)
            found["CreatesLastMinute", name] = len(side.stamps)
            found["ProviderPaused", name] = int(paused)
        return found
