"""The creates of one `submit`, each of which may stand still by itself."""

from collections.abc import Callable

from tests.property.processes import Invocation, Switchboard

type End = Callable[[BaseException | None], None]
type Begin = Callable[[Callable[[], None], End], Invocation]


class BoardCrew[T]:
    """Runs creates where the search lets them; else one after the other, when they are waited for.

    They die with the invocation they belong to, and it with them.
    """

    def __init__(self, board: Switchboard, begin: Begin, sleep: Callable[[float], None]) -> None:
        """Take the board, what begins an invocation that the search may let go on, and time."""
        self._board = board
        self._begin = begin
        self._sleep = sleep
        self._calls: dict[Invocation, list[T]] = {}
        self.owner: Invocation | None = None

    def __len__(self) -> int:
        return len(self._calls)

    def begin(self, work: Callable[[], T]) -> None:
        """Begin a call; it stands still before its first port call."""
        returned: list[T] = []
        call = self._begin(lambda: returned.append(work()), self._lost)
        self._calls[call] = returned

    def ended(self, timeout_s: float) -> list[T]:
        """Return what the calls returned that have ended; run the first one if none has."""
        if not self._calls:
            self._sleep(timeout_s)
        returned: list[T] = self._board.call("Crew.ended", self._collect, None)
        return returned

    def _collect(self) -> list[T]:
        """Run the first call to its end if none has ended; a crash in it is a crash of all."""
        if not any(call.done for call in self._calls):
            for first in list(self._calls)[:1]:
                first.finish()
        ended = [call for call in self._calls if call.done]
        for call in ended:
            if call.error is not None:
                raise call.error
        return [value for call in ended for value in self._calls.pop(call)]

    def _lost(self, error: BaseException | None) -> None:
        """Have the invocation die with a call that the search has let crash."""
        if error is not None and self.owner is not None and self.owner.stands_still:
            self.owner.kill()

    def die(self) -> None:
        """Let the calls die whose invocation is gone."""
        for call in list(self._calls):
            call.kill()
        self._calls.clear()
