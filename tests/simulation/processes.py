"""Invocations that take virtual time: each stands still while the others go on.

Each runs in a thread of its own, and only one thread ever runs, so that nothing depends on the
machine. The threads are used again, because there are more invocations than images.
"""

import heapq
from collections.abc import Callable, Collection
from itertools import count
from threading import Semaphore, Thread

from tests.fakes import VirtualClock

type Event = Callable[[], None]


class CrashError(BaseException):
    """The execution environment disappears; nothing in the application may catch it."""


class Timeline:
    """What happens when, and whose turn it is.

    `on_pause` is called with an invocation, or a part of one, whenever it stands still or ends.
    """

    def __init__(self, clock: VirtualClock, start_ms: int) -> None:
        self.clock = clock
        self.now_ms = start_ms
        self.current: Process | None = None
        self.on_pause: Callable[[Process], None] = lambda _: None
        self._events: list[tuple[int, int, Event]] = []
        self._tie = count()
        self._idle: list[Stage] = []
        clock.sleep = self.sleep  # type: ignore[method-assign]  # whoever sleeps lets others go on

    def at(self, time_ms: float, event: Event) -> None:
        """Let something happen at a time."""
        heapq.heappush(self._events, (round(time_ms), next(self._tie), event))

    def run(self) -> None:
        """Let everything happen."""
        while self._events:
            self.now_ms, _, event = heapq.heappop(self._events)
            self.set_clock()
            event()
        while self._idle:
            self._idle.pop().close()

    def set_clock(self, skew_ms: int = 0) -> None:
        """Set the clock of whoever runs next."""
        self.clock.advance(self.now_ms + skew_ms - self.clock.now_ms())

    def begin(
        self,
        work: Event,
        end: Callable[["Process"], None] = lambda _: None,
        skew_ms: int = 0,
        depth: int = 1,
    ) -> "Process":
        """Begin an invocation, or a part of one, and run it until it stands still or ends."""
        stage = self._idle.pop() if self._idle else Stage()
        process = Process(self, stage, work, end, skew_ms, depth)
        process.go_on()
        return process

    def sleep(self, seconds: float) -> None:
        """Let time pass for whoever runs now."""
        me = self.current
        if me is None:
            self.clock.advance(round(1000 * seconds))
            return
        self.at(self.now_ms + 1000 * seconds, me.go_on)
        me.stand_still()

    def await_any(self, others: Collection["Process"], timeout_s: float) -> None:
        """Stand still until one of these has ended, or the time is over."""
        me = self.current
        if me is None or any(one.done for one in others):
            return
        me.awaits = ticket = object()

        def wake() -> None:
            if me.awaits is ticket:
                me.awaits = None
                me.go_on()

        for one in others:
            one.on_done.append(wake)
        self.at(self.now_ms + 1000 * timeout_s, wake)
        me.stand_still()

    def rest(self, stage: "Stage") -> None:
        """Take back the thread of a process that has ended."""
        self._idle.append(stage)


class Process:
    """One invocation, or one create inside of it; `depth` is its place in its chain."""

    def __init__(  # noqa: PLR0917 only the timeline makes them
        self,
        timeline: Timeline,
        stage: "Stage",
        work: Event,
        end: Callable[["Process"], None],
        skew_ms: int,
        depth: int,
    ) -> None:
        self._timeline = timeline
        self._stage = stage
        self._work = work
        self._end = end
        self.skew_ms = skew_ms
        self.depth = depth
        self.error: BaseException | None = None
        self.killed = False
        self.done = False
        self.awaits: object | None = None
        self.on_done: list[Event] = []

    def go_on(self) -> None:
        """Run until it stands still or ends; whoever calls this stands still meanwhile."""
        timeline, before = self._timeline, self._timeline.current
        timeline.current = self
        timeline.set_clock(self.skew_ms)
        self._stage.switch(self._main)
        timeline.current = before
        timeline.set_clock(before.skew_ms if before else 0)
        timeline.on_pause(self)
        if self.done:
            timeline.rest(self._stage)
            self._end(self)
            for wake in self.on_done:
                timeline.at(timeline.now_ms, wake)

    def stand_still(self) -> None:
        """Let whoever made this one go on; comes back when it is its turn again."""
        self._stage.give_back()
        if self.killed:
            raise CrashError

    def _main(self) -> None:
        """Run the whole work."""
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 whoever waits for it hears of it
            self.error = error
        self.done = True


class Stage:
    """A thread that runs one process after the other, and only when it is told to."""

    def __init__(self) -> None:
        self._turn = Semaphore(0)
        self._back = Semaphore(0)
        self._play: Event | None = None
        Thread(target=self._main, daemon=True).start()

    def switch(self, play: Event) -> None:
        """Begin or go on with a play, until it stands still or is over."""
        self._play = play
        self._turn.release()
        self._back.acquire()

    def give_back(self) -> None:
        """Stand still in the middle of the play."""
        self._back.release()
        self._turn.acquire()

    def close(self) -> None:
        """End the thread."""
        self._play = None
        self._turn.release()

    def _main(self) -> None:
        """Run what comes."""
        self._turn.acquire()
        while self._play is not None:
            self._play()
            self._back.release()
            self._turn.acquire()


class VirtualCrew[T]:
    """The creates of one invocation, side by side in virtual time; they die with it."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._running: dict[Process, list[T]] = {}

    def __len__(self) -> int:
        return len(self._running)

    def begin(self, work: Callable[[], T]) -> None:
        """Begin a call."""
        returned: list[T] = []
        me = self._timeline.current
        skew_ms, depth = (me.skew_ms, me.depth) if me else (0, 1)
        call = self._timeline.begin(lambda: returned.append(work()), skew_ms=skew_ms, depth=depth)
        self._running[call] = returned

    def ended(self, timeout_s: float) -> list[T]:
        """Return what calls returned that have ended; a crash of one is a crash of all."""
        self._timeline.await_any(self._running, timeout_s)
        ended = [call for call in self._running if call.done]
        if any(call.error is not None for call in ended):
            for call in self._running:
                call.killed = True
            self._running.clear()
            raise CrashError
        return [value for call in ended for value in self._running.pop(call)]
