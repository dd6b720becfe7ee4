"""What the dashboard and the alarms show: measured once a minute."""

from collections.abc import Iterable

from cutout.gate import settle_time
from cutout.ports import Clock, GateStore, Line, Metrics


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

    def measure(self) -> None:
        """Emit every gauge once."""
        now_ms = self._clock.now_ms()
        gate = settle_time(self._gate.read(), now_ms)
        waiting = self._line.first(1, now_ms)
        oldest_ms = min((entry.available_ms for entry in waiting), default=now_ms)
        self._metrics.count("JobsWaiting", self._line.size())
        self._metrics.count("OldestWaitingSeconds", max(0, now_ms - oldest_ms) / 1000)
        self._metrics.count("SpentUsd", gate.spent_microusd / 1_000_000)
        self._metrics.count("BudgetParked", int(gate.parked))
        for name in self._providers:
            side = gate.provider(name)
            self._metrics.count("InFlight", len(side.slots), provider=name)
            self._metrics.count("CreatesLastMinute", len(side.stamps), provider=name)
            paused = bool(side.pause_reason) or side.paused_until_ms > now_ms
            self._metrics.count("ProviderPaused", int(paused), provider=name)
