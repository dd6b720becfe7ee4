"""Invocations that stand still at every port call, until a test says what becomes of the call."""

from collections.abc import Callable
from enum import Enum, auto
from threading import Semaphore, Thread
from typing import Any


class CrashError(BaseException):
    """The execution environment disappears; nothing in the application may catch it."""


class Fate(Enum):
    """What becomes of one port call.

    `REPEATED`: a conditional write took effect, its answer was lost, and the SDK's own repetition
    of the call then said that somebody else had written.
    """

    GO = auto()
    CRASH_BEFORE = auto()
    CRASH_AFTER = auto()
    FAULT_BEFORE = auto()
    FAULT_AFTER = auto()
    REPEATED = auto()


FATES = [fate for fate in Fate if fate is not Fate.GO]

type Pilot = Callable[[str], Fate]
type FaultOf = Callable[[bool], Exception] | None


def go_on(_port: str) -> Fate:
    """Let every call happen."""
    return Fate.GO


class Switchboard:
    """Every port call passes here and meets its fate."""

    def __init__(self) -> None:
        self.pilot: Pilot = go_on

    def connect(
        self,
        fake: object,
        method: str,
        fault: FaultOf,
        *,
        watch: Callable[..., None] | None = None,
        repeatable: Callable[..., bool] = lambda *_: False,
    ) -> None:
        """Route a method of a fake through the board.

        Args:
            fake: the fake, changed in place.
            method: the method.
            fault: the error it may raise, told whether the call took effect; None: it never does.
            watch: looks at the result and the arguments right after the effect.
            repeatable: tells from the arguments whether `Fate.REPEATED` is possible.
        """
        effect = getattr(fake, method)
        port = f"{type(fake).__name__}.{method}"

        def call(*args: Any, **kwargs: Any) -> Any:
            def watched() -> Any:
                result = effect(*args, **kwargs)
                if watch is not None:
                    watch(result, *args)
                return result

            return self.call(port, watched, fault, repeatable=repeatable(*args))

        setattr(fake, method, call)

    def call(
        self, port: str, effect: Callable[[], Any], fault: FaultOf, *, repeatable: bool = False
    ) -> Any:
        """Ask for the fate of one call, and let it happen so."""
        fate = self.pilot(port)
        if fate is Fate.CRASH_BEFORE:
            raise CrashError(port)
        if fate is Fate.FAULT_BEFORE and fault is not None:
            raise fault(False)  # noqa: FBT003 it took no effect
        result = effect()
        if fate is Fate.CRASH_AFTER:
            raise CrashError(port)
        if fate is Fate.FAULT_AFTER and fault is not None:
            raise fault(True)  # noqa: FBT003 it took effect
        return None if fate is Fate.REPEATED and repeatable else result


class Invocation:
    """One function invocation in a thread of its own; only one thread ever runs at a time."""

    def __init__(
        self, board: Switchboard, work: Callable[[], None], dies_ms: int, end: Callable[..., None]
    ) -> None:
        self._board = board
        self._work = work
        self._end = end
        self._fate = Fate.GO
        self._port = ""
        self._turn = Semaphore(0)
        self._stopped = Semaphore(0)
        self.error: BaseException | None = None
        self.stands_still = False
        self._is_inline = False
        self._thread: Thread | None = None
        self.dies_ms = dies_ms
        self.done = False

    def run(self, until: int | str, *fates: Fate) -> None:
        """Let so many port calls happen, or those before one of this name.

        The calls that come next meet these fates, and there it stands still again. One that runs
        inside of another one goes on, and is killed, with that one only.
        """
        if self.done or self._is_inline:
            return
        if self._thread is None:
            self._thread = Thread(target=self._main, daemon=True)
            self._switch(self._thread, Fate.GO)
        elif isinstance(until, str) and not fates and not self.done:
            self._switch(self._thread, Fate.GO)  # wherever it stands, it goes on
        if isinstance(until, str):
            while not self.done and until not in self._port:
                self._switch(self._thread, Fate.GO)
        steps = 0 if isinstance(until, str) else until
        for one in [Fate.GO] * steps + list(fates):
            if self.done:
                return
            self._switch(self._thread, one)

    def inline(self) -> None:
        """Run it to its end here, each call as the board's pilot says."""
        self._is_inline = True
        self._main()
        self._end(self.error)

    def finish(self) -> None:
        """Run it to its end, from wherever it stands."""
        if self._thread is None:
            self.inline()
        while not self.done:
            self.run(1)

    def kill(self) -> None:
        """Crash it at the call it stands at."""
        while not (self.done or self._is_inline):
            self.run(0, Fate.CRASH_BEFORE)

    def _switch(self, thread: Thread, fate: Fate) -> None:
        """Let its thread run until the next port call or the end."""
        before, self._board.pilot = self._board.pilot, self._pause
        self._fate = fate
        if thread.ident is None:
            thread.start()
        else:
            self._turn.release()
        self._stopped.acquire()
        self._board.pilot = before
        if self.done:
            thread.join()
            self._end(self.error)

    def _pause(self, port: str) -> Fate:
        """Stand still at a port call."""
        self._port = port
        self.stands_still = True
        self._stopped.release()
        self._turn.acquire()
        self.stands_still = False
        return self._fate

    def _main(self) -> None:
        """Run the whole invocation."""
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 the queue hears of it
            self.error = error
        self.done = True
        self._stopped.release()
