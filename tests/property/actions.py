"""What can happen next, as values that say so when a run fails."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from hypothesis import strategies as st

from tests.property.books import Answer
from tests.property.processes import FATES, Fate
from tests.property.universe import BATCH, Universe
from tests.world import BUCKET, JPEG, PRICE

TO_THE_END = 10_000
SOURCES = ("shoe.jpg", "shoe.png", "hat.jpg", "cap.jpg")
BODIES = (JPEG + b" A", JPEG + b" B")
ANSWERS = (*Answer, Answer.LOST, Answer.LOST, Answer.LOST)
# The calls between which a protocol breaks, if it does; "send" is any message.
PORTS = (
    "GateStore.read",
    "GateStore.write",
    "JobStore.get",
    "JobStore.replace",
    "Ledger.record",
    "presign",
    "Provider.create",
    "write_result",
    "publish",
    "send",
)

SECONDS = (1, 3, 12, 30, 55, 61, 130, 250, 1500)
RARELY = 0.3

type Deed = Literal["upload", "foreign", "delete", "event"]
type Function = Literal["submit", "store", "webhook", "reconcile"]


@dataclass(frozen=True)
class Owner:
    """The owner of the bucket writes or deletes something, or S3 tells of an object again."""

    what: Deed
    key: str
    body: bytes

    def __call__(self, universe: Universe) -> None:
        """Do it."""
        if self.what == "foreign":
            universe.foreign(self.key)
        elif self.what == "delete":
            universe.world.images.objects.pop((BUCKET, self.key), None)
        elif self.what == "event":
            universe.post.uploaded(BUCKET, self.key)
        else:
            universe.upload(self.key, self.body)


@dataclass(frozen=True)
class Invoke:
    """An invocation begins, for any message there is; it goes until somewhere, or meets fates."""

    what: Function
    pick: int
    twice: bool
    until: int | str
    fates: tuple[Fate, ...]

    def __call__(self, universe: Universe) -> None:
        """Do it."""
        webhooks, post = universe.books.webhooks, universe.post
        if self.what == "webhook" and webhooks:
            call = webhooks.pop(self.pick % len(webhooks))
            webhooks.extend([call] * self.twice)
            begun = universe.receive(call)
        elif self.what == "store" and post.store.visible():
            begun = universe.store(post.store.receive(self.pick, 1, twice=self.twice)[0])
        elif self.what == "reconcile":
            begun = universe.reconcile()
        else:
            begun = universe.submit(post.submit.receive(self.pick, BATCH, twice=self.twice))
        begun.run(self.until, *self.fates)


@dataclass(frozen=True)
class GoOn:
    """An invocation in progress goes on."""

    pick: int
    until: int | str
    fates: tuple[Fate, ...]

    def __call__(self, universe: Universe) -> None:
        """Do it."""
        if universe.open:
            universe.open[self.pick % len(universe.open)].run(self.until, *self.fates)


@dataclass(frozen=True)
class Lose:
    """A webhook or a wake-up never comes."""

    what: Literal["webhook", "wake"]
    pick: int

    def __call__(self, universe: Universe) -> None:
        """Do it."""
        webhooks, wakes = universe.books.webhooks, universe.post.wakes()
        if self.what == "webhook" and webhooks:
            webhooks.pop(self.pick % len(webhooks))
        elif self.what == "wake" and wakes:
            universe.post.submit.waiting.remove(wakes[self.pick % len(wakes)])


@dataclass(frozen=True)
class Say:
    """The provider answers the next creates so."""

    answers: tuple[Answer, ...]

    def __call__(self, universe: Universe) -> None:
        """Do it."""
        universe.books.script.extend(self.answers)


@dataclass(frozen=True)
class Finish:
    """A prediction ends."""

    pick: int
    good: bool

    def __call__(self, universe: Universe) -> None:
        """Do it."""
        running = universe.books.running()
        if running:
            universe.books.finish(running[self.pick % len(running)], good=self.good)


@dataclass(frozen=True)
class Wait:
    """Time passes; where the schedule is not reliable, without reconcile."""

    seconds: int

    def __call__(self, universe: Universe) -> None:
        """Do it."""
        universe.wait(1000 * self.seconds)


@dataclass(frozen=True)
class Deliver:
    """All goes well for a moment; `finish`: at the provider too."""

    finish: bool

    def __call__(self, universe: Universe) -> None:
        """Do it."""
        universe.deliver(finish=self.finish)


@dataclass(frozen=True)
class Raise:
    """The month's cap is raised."""

    images: int

    def __call__(self, universe: Universe) -> None:
        """Do it."""
        if universe.budget_microusd:
            universe.budget_microusd += self.images * PRICE


type Action = Owner | Invoke | GoOn | Lose | Say | Finish | Wait | Deliver | Raise


def _until(luck: Random) -> int | str:
    """Return where an invocation stands still: at its end, before a call, after some calls."""
    port = luck.choice(PORTS)
    where: list[int | str] = [TO_THE_END, port, port, luck.randrange(13)]
    return luck.choice(where)


def _fates(luck: Random) -> tuple[Fate, ...]:
    """Return what the calls after that meet; nothing: the invocation stays there, in progress."""
    return tuple(luck.choice(FATES) for _ in range(luck.choice([0, 0, 1, 2])))


def _owner(luck: Random) -> Owner:
    """Mostly an upload."""
    what: list[Deed] = ["upload", "upload", "upload", "upload", "foreign", "delete", "event"]
    return Owner(luck.choice(what), luck.choice(SOURCES), luck.choice(BODIES))


def _invoke(luck: Random) -> Invoke:
    """Any function; `submit` is where most can go wrong."""
    what: list[Function] = ["submit", "submit", "submit", "store", "store", "webhook", "reconcile"]
    return Invoke(
        luck.choice(what), luck.randrange(4), luck.random() < RARELY, _until(luck), _fates(luck)
    )


# Each with its weight.
_KINDS: list[tuple[int, Callable[[Random], Action]]] = [
    (10, lambda luck: Owner("upload", luck.choice(SOURCES), luck.choice(BODIES))),
    (6, _owner),
    (30, _invoke),
    (18, lambda luck: GoOn(luck.randrange(4), _until(luck), _fates(luck))),
    (6, lambda luck: Lose(luck.choice(["webhook", "wake"]), luck.randrange(4))),
    (6, lambda luck: Say(tuple(luck.choices(ANSWERS, k=luck.randint(1, 3))))),
    (12, lambda luck: Finish(luck.randrange(4), luck.random() > RARELY)),
    (18, lambda luck: Wait(luck.choice(SECONDS))),
    (6, lambda luck: Deliver(luck.random() > RARELY)),
    (2, lambda luck: Raise(luck.randint(1, 3))),
]


@st.composite
def actions(draw: st.DrawFn) -> Action:
    """Draw one of very many actions, each kind as often as its weight says.

    Hypothesis draws one number and not the parts: it likes small and repeated choices, which make
    most runs of fifty steps the same five, while here only rare combinations break anything.
    """
    number = draw(st.integers(0, 2**20 - 1))
    if number == 0:
        return Wait(1)  # what a failing run shrinks to
    luck = Random(number)
    makers = [make for _, make in _KINDS]
    return luck.choices(makers, [weight for weight, _ in _KINDS])[0](luck)
