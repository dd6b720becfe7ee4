"""The application in memory with its queues, its provider's books and its schedule."""

from collections.abc import Callable
from itertools import chain

from cutout.errors import CutoutError
from cutout.gate import settle_time
from cutout.models import Job, Submission
from cutout.services.dispatch import SUBMIT_TIMEOUT_MS
from cutout.services.inbox import SubmitInbox
from cutout.services.moves import Release
from tests.fakes import NOON_MS, Version
from tests.property import faults
from tests.property.books import Books, Results, Webhook
from tests.property.crews import BoardCrew, End
from tests.property.post import Envelope, Post, Queue
from tests.property.processes import CrashError, Invocation, Switchboard
from tests.property.watch import Watch
from tests.world import BUCKET, JPEG, World

LIMITS = {"eachlabs_max_concurrent": 2, "eachlabs_max_per_minute": 4}
MINUTE_MS = 60_000
BATCH = 3
HEAL_MINUTES = 90
EXPECTED_ERRORS = (type(None), CutoutError, CrashError)


class Universe:
    """A world whose every port call can be crashed, and whose messages can be lost or doubled."""

    def __init__(
        self,
        *,
        versioned: bool = False,
        start_ms: int = NOON_MS,
        budget_microusd: int = 0,
        reliable: bool = True,
    ) -> None:
        self.world = World(versioned=versioned, **LIMITS)
        self.clock = self.world.clock
        self.clock.advance(start_ms - NOON_MS)
        self.budget_microusd = budget_microusd
        self.reliable = reliable
        self.board = Switchboard()
        self.books = Books()
        self.post = Post(self.board, self.clock, faults.storage)
        self.watch = Watch(self.world, self.books, lambda: self.budget_microusd, self.post)
        self.open: list[Invocation] = []
        self.not_ours: dict[str, Version] = {}
        self._tick_ms = start_ms
        self._connect()
        self.reconciler = self.world.new_reconciler()

    def _connect(self) -> None:
        """Route every port call through the board."""
        world, watch, connect = self.world, self.watch, self.board.connect
        for method in ("ended", "bring_home", "announce", "paused", "wake"):
            setattr(world.messages, method, getattr(self.post, method))
        world.results.bodies = Results()
        for method in ("create", "status"):
            setattr(world.provider, method, getattr(self.books, method))
        connect(world.jobs, "get", faults.storage)
        connect(world.jobs, "create", faults.storage, watch=watch.recorded)
        connect(
            world.jobs,
            "replace",
            faults.storage,
            watch=watch.replaced,
            repeatable=faults.outside_the_line,
        )
        connect(world.jobs, "standing", faults.storage)
        connect(world.line, "first", faults.storage)
        connect(world.gate, "read", faults.storage)
        connect(world.gate, "write", faults.storage, watch=watch.moved, repeatable=lambda *_: True)
        connect(world.ledger, "record", faults.storage)
        for method in ("inspect", "presign", "find_result"):
            connect(world.images, method, faults.storage)
        connect(world.images, "write_result", faults.storage, watch=watch.stored)
        connect(world.provider, "create", faults.unanswered)
        connect(world.provider, "status", faults.silent)
        connect(world.results, "fetch", faults.unfetched)
        connect(world.verifier, "verify", faults.bad)
        connect(world.announcer, "publish", faults.storage)
        connect(world.announcer, "publish_pause", faults.storage)
        connect(world.clock, "sleep", None)
        self.books.watch = watch.created
        sent = world.provider.create

        def create(image_url: str, webhook_url: str | None, output_format: str) -> Submission:
            watch.arrived(self.clock.now_ms())  # before it stands still: it is on its way
            return sent(image_url, webhook_url, output_format)

        world.provider.create = create  # type: ignore[method-assign]  # one more wrapping

    def upload(self, key: str, body: bytes = JPEG) -> None:
        """The owner writes an object, and S3 says so."""
        self.clock.advance(1)
        self.world.images.put(BUCKET, key, body)
        self.post.uploaded(BUCKET, key)

    def foreign(self, key: str) -> None:
        """The owner writes an object under the name a result of this key would like to take."""
        name = self.world.result_of(key)
        if (BUCKET, name) not in self.world.images.objects:
            body = f"not by Cutout, {len(self.not_ours)}".encode()
            self.not_ours[name] = self.world.images.put(BUCKET, name, body)

    # Invocations. Each stands still before its first port call.

    def submit(self, envelopes: list[Envelope]) -> Invocation:
        """Begin a `submit` with these messages, as functions/submit does it."""
        dies_ms = self.clock.now_ms() + SUBMIT_TIMEOUT_MS

        def begin(create: Callable[[], None], lost: End) -> Invocation:
            return self._begin(create, dies_ms, lost)

        crew = BoardCrew[Release | None](self.board, begin, self.clock.sleep)
        dispatcher = self.world.new_dispatcher(budget_microusd=self.budget_microusd, crew=crew)
        inbox = SubmitInbox(self.world.intake, self.world.endings, dispatcher)
        failed: list[Envelope] = []

        def work() -> None:
            for envelope in envelopes:
                try:
                    inbox.handle(envelope.record())
                except Exception:  # noqa: BLE001 as Powertools' batch processor
                    failed.append(envelope)
            inbox.dispatch(dies_ms - self.clock.now_ms())

        def end(error: BaseException | None) -> None:
            crew.die()
            self.post.submit.give_back(envelopes if error else failed)

        crew.owner = self._begin(work, dies_ms, end)
        return crew.owner

    def store(self, envelope: Envelope) -> Invocation:
        """Begin a `store` with this message."""

        def end(error: BaseException | None) -> None:
            self.post.store.give_back([envelope] if error else [])

        dies_ms = self.clock.now_ms() + 60_000
        return self._begin(lambda: self.world.store_inbox.handle(envelope.record()), dies_ms, end)

    def receive(self, webhook: Webhook) -> Invocation:
        """Begin a `webhook`; one that fails is not sent again."""
        parts = webhook.job_id, webhook.token, webhook.body
        dies_ms = self.clock.now_ms() + 10_000
        return self._begin(lambda: self.world.webhooks.receive("eachlabs", *parts), dies_ms)

    def reconcile(self) -> Invocation:
        """Begin a `reconcile`."""
        return self._begin(self.reconciler.run, self.clock.now_ms() + 55_000)

    def _begin(
        self,
        work: Callable[[], None],
        dies_ms: int,
        end: Callable[[BaseException | None], None] = lambda _: None,
    ) -> Invocation:
        """Note an invocation that is in progress until it ends."""

        def ended(error: BaseException | None) -> None:
            self.open.remove(invocation)
            self.watch.must(repr(error), isinstance(error, EXPECTED_ERRORS))
            end(error)

        invocation = Invocation(self.board, work, dies_ms, ended)
        self.open.append(invocation)
        return invocation

    # Time, and what it brings.

    def wait(self, ms: int) -> None:
        """Let time pass: the schedule ticks, and Lambda kills what runs for too long."""
        end_ms = self.clock.now_ms() + ms
        while (tick_ms := self._tick_ms + MINUTE_MS) <= end_ms:
            self._advance(tick_ms)
            self._tick_ms = tick_ms
            if self.reliable:
                self.reconcile().inline()
            else:
                self.watch.ticks_missed = True
        self._advance(end_ms)

    def _advance(self, now_ms: int) -> None:
        """Move the clock."""
        self.clock.advance(max(0, now_ms - self.clock.now_ms()))
        for invocation in [i for i in self.open if i.dies_ms <= self.clock.now_ms()]:
            invocation.kill()

    def heal(self, *, keep_script: bool = False) -> None:
        """No more faults and no cap: let everything come to its end."""
        if not keep_script:
            self.books.script.clear()
        self.budget_microusd = 0
        self.reliable = True
        for invocation in list(self.open):
            invocation.run(10_000)
        for _ in range(HEAL_MINUTES):
            self.deliver()
            if self.is_quiet():
                return
            self.wait(MINUTE_MS)

    def deliver(self, *, finish: bool = True) -> None:
        """Deliver everything that can be, and let the provider finish everything."""
        submit, store = self.post.submit, self.post.store
        while True:
            for made in self.books.running() * finish:
                self.books.finish(made, good=True)
            if self.books.webhooks:
                self.receive(self.books.webhooks.pop(0)).inline()
            elif submit.visible():
                self.submit(submit.receive(0, BATCH)).inline()
            elif store.visible():
                self.store(store.receive(0, 1)[0]).inline()
            else:
                return

    def is_quiet(self) -> bool:
        """Tell whether nothing is left to happen."""
        gate = settle_time(self.world.gate.gate, self.clock.now_ms())
        unfinished = [j for j in self.jobs() if not j.is_over or not j.announced]
        slots = list(chain.from_iterable(side.slots for side in gate.providers.values()))
        waiting = self.post.submit.waiting + self.post.store.waiting
        return not unfinished and not slots and not waiting and not self.books.webhooks

    def jobs(self) -> list[Job]:
        """Return all jobs."""
        return list(self.world.jobs.records.values())

    def queue(self, name: str) -> Queue:
        """Return a queue by its function."""
        return self.post.submit if name == "submit" else self.post.store
