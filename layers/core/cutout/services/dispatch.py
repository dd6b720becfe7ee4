"""Start waiting jobs as soon as the gate allows; keep one wake-up for when time opens it.

Everyone writes first and then reads (docs/decisions/0004): who freed a slot looks at the line after
that write, who joined the line looks at the gate after that one, so the two can't miss each other.

A create may take as long as the prediction itself, where its answer is the result. So an
invocation waits for the first of its creates that ends and refills its slot at once. It begins
creates only as long as the longest of them would end within the function's timeout. Then it frees
what ends, and if nobody takes that for a moment, it has another invocation go on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from cutout import gate as gates
from cutout.errors import CutoutError
from cutout.gate import Gate
from cutout.models import Wake
from cutout.observability import logger
from cutout.ports import Clock, Crew, Messages
from cutout.services.moves import Mover, Release
from cutout.services.planning import BATCH, Means, Plan, Planner, Start
from cutout.settings import CREATE_TIMEOUT_MS

SUBMIT_TIMEOUT_MS = 60_000  # the timeout of the `submit` function
CREATE_NEEDS_MS = CREATE_TIMEOUT_MS + 5_000  # and the records around it

# Whoever waits for creates looks at the line again after this time, for slots that others freed. A
# slot that is found so lay idle for a tenth of a second on average: a hundredth of a prediction.
LOOK_EVERY_MS = 200
# What one invocation has no time for is taken by another one within this, if there is one.
HAND_OVER_AFTER_MS = 2 * LOOK_EVERY_MS

WAKE_LEAD_MS = 1_000  # a queue delays by whole seconds, and delivers a little later than it says
LONGEST_SLEEP_MS = 3_000

type Attempt = Callable[[Start], Release | None]


@dataclass(slots=True)
class _Turn:
    """What one invocation knows of its own dispatching.

    Attributes:
        until_ms: it begins no create after this.
        releases: ends of attempts that the gate has not been told of yet.
        woken_for_ms: the wake-up that this invocation is; 0: none, or one that is not due yet.
        tried: jobs it has started.
        spare_since_ms: since when there is room for a job that it may not start; None: there is no
            such job.
        handed_over: at the last look such a job was left to another invocation.
    """

    until_ms: int
    releases: list[Release]
    woken_for_ms: int = 0
    tried: set[str] = field(default_factory=set)
    spare_since_ms: int | None = None
    handed_over: bool = False


class Dispatcher:
    """Starts waiting jobs, and sees to it that somebody looks again when more may start."""

    def __init__(  # noqa: PLR0913 the composition root names every one
        self,
        *,
        mover: Mover,
        planner: Planner,
        messages: Messages,
        clock: Clock,
        attempt: Attempt,
        crew: Crew[Release | None],
    ) -> None:
        """Keep the collaborators.

        Args:
            mover: moves the gate.
            planner: plans each move.
            messages: for the wake-up.
            clock: time.
            attempt: runs one attempt and returns what its end means for the gate.
            crew: runs attempts side by side; nobody else uses it.
        """
        self._mover = mover
        self._planner = planner
        self._messages = messages
        self._clock = clock
        self._attempt = attempt
        self._crew = crew

    def dispatch(
        self,
        releases: Sequence[Release] = (),
        *,
        woken_for_ms: int = 0,
        left_ms: int = SUBMIT_TIMEOUT_MS,
    ) -> None:
        """Free these slots, then start waiting jobs until gate, line or time say stop.

        Args:
            releases: the ends of attempts that the invocation was told of.
            woken_for_ms: when the wake-up was due that the invocation was told of; 0: of none. It
                comes a little early, because the queue delays by whole seconds; the rest is waited
                out here, after what came with it.
            left_ms: how long the invocation may still run.
        """
        now_ms = self._clock.now_ms()
        turn = _Turn(now_ms + left_ms - CREATE_NEEDS_MS, list(releases))
        try:
            if 0 < woken_for_ms - now_ms <= LONGEST_SLEEP_MS:
                self._look(turn)
                self._clock.sleep(max(0, woken_for_ms - self._clock.now_ms()) / 1000)
            turn.woken_for_ms = woken_for_ms
            self._work_through(turn)
        finally:
            while self._crew:  # a create that is under way is never left alone
                self._crew.ended(CREATE_NEEDS_MS / 1000)

    def _work_through(self, turn: _Turn) -> None:
        """Look, wait for the first create that ends, look again, until there is nothing to do."""
        while True:
            self._look_if_possible(turn)
            if not self._crew and (turn.spare_since_ms is None or turn.handed_over):
                return
            ended = self._crew.ended(LOOK_EVERY_MS / 1000)
            turn.releases += [release for release in ended if release is not None]

    def _look_if_possible(self, turn: _Turn) -> None:
        """Look; as long as creates are under way, a fault is no reason to leave them alone.

        What the gate could not be told now it is told at the next look.
        """
        try:
            self._look(turn)
        except CutoutError:
            if not self._crew:
                raise
            logger.exception("gate not moved")

    def _look(self, turn: _Turn) -> None:
        """Move the gate until that changes nothing: free, fill, plan the wake-up."""
        changed = True
        while changed:
            plans: list[Plan] = []
            changed = self._mover.move(partial(self._step, turn, plans))
            turn.releases, turn.woken_for_ms = [], 0
            plan = plans[-1]
            if plan.wake_ms is not None:
                self._send_wake(plan.wake_ms)
            for start in plan.starts:
                turn.tried.add(start.entry.job_id)
                self._crew.begin(partial(self._attempt, start))

    def _step(self, turn: _Turn, plans: list[Plan], gate: Gate, now_ms: int) -> Gate:
        """Return the gate after one move; of several computations the last one counts."""
        for release in turn.releases:
            gate = release.apply(gate, now_ms)
        if turn.woken_for_ms and gate.wake_ms <= turn.woken_for_ms:
            gate = gates.set_wake(gate, 0)
        creates = BATCH - len(self._crew) if now_ms <= turn.until_ms else 0
        since_ms = now_ms if turn.spare_since_ms is None else turn.spare_since_ms
        turn.handed_over = now_ms - since_ms >= HAND_OVER_AFTER_MS
        plan = self._planner.plan(gate, now_ms, Means(creates, turn.tried, turn.handed_over))
        turn.spare_since_ms = since_ms if plan.spare else None
        plans.append(plan)
        return plan.gate

    def _send_wake(self, due_ms: int) -> None:
        """Send the wake-up so that it comes a second or two before it is due.

        One that can't be sent is as good as lost, and void two seconds after it was due: no reason
        to leave the slots of this move without their attempts.
        """
        delay_s = max(0, due_ms - WAKE_LEAD_MS - self._clock.now_ms()) // 1000
        try:
            self._messages.wake(Wake(due_ms=due_ms), delay_s)
        except CutoutError:
            logger.exception("wake-up not sent")
