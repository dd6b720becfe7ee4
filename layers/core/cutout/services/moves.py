"""One move of the gate: read, compute, write if nobody else moved, tell what changed for people."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from cutout import gate as gates
from cutout.errors import ConflictError, CutoutError
from cutout.gate import Gate
from cutout.models import ProviderPaused
from cutout.observability import logger
from cutout.ports import Clock, GateStore, Messages

_TRIES = 30
_BACKOFF_S = 0.01

type Step = Callable[[Gate, int], Gate]


@dataclass(frozen=True, slots=True)
class Release:
    """What the end of an attempt means for the gate.

    `attempt` is the slot to free, taken at `stamped_ms` (None: whenever); `refund`: nothing was
    created, the price comes back; `unsent`: create was not even sent, the stamp comes back too;
    `pause`: reason and until when; `strike`: the provider was unavailable; `recovered`: a create
    succeeded although the provider was in doubt.
    """

    provider: str
    attempt: str | None = None
    stamped_ms: int | None = None
    refund: bool = False
    unsent: bool = False
    pause: tuple[str, int] | None = None
    strike: bool = False
    recovered: bool = False

    def apply(self, gate: Gate, now_ms: int) -> Gate:
        """Return the gate after it."""
        if self.attempt is not None:
            gate = gates.release(
                gate,
                self.provider,
                self.attempt,
                stamped_ms=self.stamped_ms,
                refund=self.refund,
                unsent=self.unsent,
            )
        if self.recovered:
            gate = gates.recover(gate, self.provider)
        if self.strike:
            gate = gates.strike(gate, self.provider, now_ms)
        if self.pause is not None:
            gate = gates.pause(gate, self.provider, *self.pause)
        return gate


class Mover:
    """Moves the gate against other invocations that move it too."""

    def __init__(self, gate: GateStore, messages: Messages, clock: Clock) -> None:
        """Keep the collaborators."""
        self._gate = gate
        self._messages = messages
        self._clock = clock

    def move(self, step: Step) -> bool:
        """Apply a step until its write holds; False: it changes nothing, so nothing was written.

        Raises:
            ConflictError: other invocations moved first every time.
        """
        for attempt in range(_TRIES):
            found = self._gate.read()
            now_ms = self._clock.now_ms()  # after the read, so that no stamp is older than the gate
            before = gates.settle_time(found, now_ms)
            after = step(before, now_ms)
            if after == before:
                return False
            if self._gate.write(after) is not None:
                self._tell(before, after)
                return True
            self._clock.sleep(_BACKOFF_S * random.uniform(1, 2 + attempt))  # noqa: S311
        message = "the gate was moved by others every time"
        raise ConflictError(message)

    def _tell(self, before: Gate, after: Gate) -> None:
        """Announce a provider's pause and a reached budget, once each."""
        for name, side in after.providers.items():
            if side.pause_reason and not before.provider(name).pause_reason:
                self._announce(name, side.pause_reason, side.paused_until_ms)
        if after.parked and not before.parked:
            self._announce(None, "budget_reached", None)

    def _announce(self, provider: str | None, reason: str, until_ms: int | None) -> None:
        """Have one pause published.

        One that can't be sent is logged and shown by the gauges; it is no reason to leave the slots
        of this move without their attempts.
        """
        logger.warning("paused", extra={"provider": provider, "reason": reason})
        try:
            self._messages.paused(
                ProviderPaused(provider=provider, reason=reason, until_ms=until_ms)
            )
        except CutoutError:
            logger.exception("pause not announced", extra={"provider": provider})
