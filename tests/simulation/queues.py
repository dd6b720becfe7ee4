"""Queues that feed functions as on AWS: so many invocations at once, redelivery, dead letters.

Every message carries the depth of the invocation that sent it, as Lambda's recursive loop detection
counts it: whoever is no Lambda function, or is invoked by none (API Gateway, the schedule), begins
a chain (Lambda Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops").
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from tests.simulation.processes import Timeline

MAX_DEPTH = 16  # the same page: "approximately 16 times in the same chain of requests"
MAX_RECEIVES = 5  # as the template says

type End = Callable[[BaseException | None], None]


class Invoke(Protocol):
    """Runs an invocation."""

    def __call__(self, work: Callable[[], None], depth: int, end: End) -> None:
        """Run this work at this depth of a chain, and tell how it ended."""
        ...


@dataclass(slots=True)
class Letter:
    """A message in a queue, with the depth of the invocation that sent it; 0: none did."""

    body: Any
    depth: int
    receives: int = 0


@dataclass
class Source:
    """A queue and its event source, as the template sets them up.

    Attributes:
        timeline: when things happen.
        invoke: runs an invocation.
        work: what the function does with the bodies of a batch.
        visibility_ms: after this what was not handled comes back.
        batch: so many messages an invocation takes at the most.
        most_at_once: so many invocations run at once.
        brake: Lambda stops a chain of more than 16 invocations, as it does by default.
        deepest: the deepest invocation so far.
        stopped: how many receives Lambda has stopped.
    """

    timeline: Timeline
    invoke: Invoke
    work: Callable[[list[Any]], None]
    visibility_ms: int
    batch: int
    most_at_once: int
    brake: bool
    waiting: deque[Letter] = field(default_factory=deque)
    dead: list[Letter] = field(default_factory=list)
    busy: int = 0
    deepest: int = 0
    stopped: int = 0

    def put(self, letter: Letter) -> None:
        """Deliver a message as soon as one more invocation may run."""
        self.waiting.append(letter)
        self._feed()

    def _feed(self) -> None:
        """Run invocations as long as there are messages and more may run."""
        while self.waiting and self.busy < self.most_at_once:
            count = min(self.batch, len(self.waiting))
            letters = [self.waiting.popleft() for _ in range(count)]
            passed = [letter for letter in letters if self._passes(letter)]
            if passed:
                self.busy += 1
                depth = 1 + max(letter.depth for letter in passed)
                self.deepest = max(self.deepest, depth)
                bodies = [letter.body for letter in passed]
                self.invoke(partial(self.work, bodies), depth, partial(self._ended, passed))

    def _passes(self, letter: Letter) -> bool:
        """Tell whether Lambda lets a message through; else it is a failed receive."""
        letter.receives += 1
        if not self.brake or letter.depth + 1 <= MAX_DEPTH:
            return True
        self.stopped += 1
        self._back(letter)
        return False

    def _ended(self, letters: list[Letter], error: BaseException | None) -> None:
        """Make room for another invocation; what was not handled comes back."""
        self.busy -= 1
        for letter in letters if error is not None else []:
            self._back(letter)
        self.timeline.at(self.timeline.now_ms, self._feed)

    def _back(self, letter: Letter) -> None:
        """Bring a message back after its visibility timeout, or never again."""
        if letter.receives >= MAX_RECEIVES:
            self.dead.append(letter)
        else:
            again_ms = self.timeline.now_ms + self.visibility_ms
            self.timeline.at(again_ms, partial(self.put, letter))
