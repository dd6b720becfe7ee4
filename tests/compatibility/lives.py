"""Lives of jobs on fakes: what the application keeps and sends in every situation it knows.

The lives are lived by the use cases themselves, so that a field which one of them begins to set is
seen here. They are deterministic but for tokens and pauses, which nothing depends on.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from cutout.backfills import Look
from cutout.errors import (
    CutoutError,
    MaybeCreatedError,
    ProviderMisconfiguredError,
    ProviderRejectedError,
    ProviderUnavailableError,
    ResultError,
    StorageError,
)
from cutout.gate import Gate
from cutout.models import (
    Announce,
    Failed,
    Job,
    LedgerLine,
    Outcome,
    Pending,
    PollAnswer,
    PollRequest,
    Prepare,
    Repeat,
    Succeeded,
)
from cutout.services.polling import Polling
from tests.front import Front
from tests.unit.test_backfilling import LOOK, Shelf
from tests.unit.test_reconcile import reconciler
from tests.world import World

HEIC = b"\x00\x00\x00\x18ftypheic a photo"
URL = "https://cdn.test/1.png"


@dataclass
class Seen:
    """What was kept, by situation, and everything that was sent."""

    jobs: dict[str, Job] = field(default_factory=dict)
    gates: dict[str, Gate] = field(default_factory=dict)
    ledger: dict[str, LedgerLine] = field(default_factory=dict)
    repeats: dict[str, Repeat] = field(default_factory=dict)
    worlds: list[World] = field(default_factory=list)
    requests: dict[str, PollRequest] = field(default_factory=dict)
    answers: dict[str, PollAnswer] = field(default_factory=dict)
    looks: dict[str, Look] = field(default_factory=dict)

    def world(self, **settings: object) -> World:
        """Return a new world, whose messages are kept."""
        world = World(**settings)  # type: ignore[arg-type]  # fields of Settings
        self.worlds.append(world)
        return world

    def job(self, situation: str, world: World, job: Job) -> Job:
        """Keep a job as it is now, and the gate and the ledger with it, where they are new."""
        self.jobs[situation] = world.job(job)
        gate = replace(world.gate.gate, version=0)
        if gate not in self.gates.values():
            self.gates[situation] = gate
        self.ledger |= {line.why: line for line in world.ledger.lines.values()}
        return self.jobs[situation]


def seen() -> Seen:
    """Return what all lives have left behind."""
    found = Seen()
    for live in LIVES:
        live(found)
    return found


def _plain(found: Seen) -> None:
    """An upload that succeeds, with a failed download and a late event on the way."""
    world = found.world()
    job = found.job("queued", world, world.upload())
    world.dispatcher.dispatch()
    found.job("submitted", world, job)
    token = world.provider.creates[-1].token
    body = {"exec_id": "prediction-1", "status": "succeeded", "output": URL}
    world.webhooks.receive("eachlabs", job.job_id, token, json.dumps(body).encode())
    ended = world.ended(job)
    with suppress(ResultError):
        world.results.bodies.clear()
        world.storing.store(ended, last_try=False)
    found.job("storing", world, job)
    world.clock.advance(1_000)
    world.announcer.fail("publish", StorageError("away"))
    with suppress(StorageError):
        world.storing.store(world.ended(job), last_try=False)
    found.job("succeeded, not announced", world, job)
    world.dispatcher.dispatch([world.endings.settle(ended)])
    world.storing.announce(Announce(job_id=job.job_id, run=1))
    found.job("succeeded", world, job)


def _odd(found: Seen) -> None:
    """A source that must be prepared."""
    world = found.world(versioned=True)
    job = found.job("preparing", world, world.upload("shoe.heic", HEIC))
    world.preparer.error = StorageError("away")
    with suppress(CutoutError):
        world.preparing.prepare(Prepare(job_id=job.job_id))
    found.job("preparing, tried before", world, job)
    world.preparer.error = None
    world.preparing.prepare(Prepare(job_id=job.job_id))
    found.job("queued, prepared", world, job)


def _skipped(found: Seen) -> None:
    """A source without bytes, and a job that is cancelled."""
    world = found.world()
    job = found.job("skipped, not announced", world, world.upload(body=b""))
    world.storing.announce(Announce(job_id=job.job_id, run=1))
    found.job("skipped", world, job)
    other = Front(world).desk.cancel(world.upload("other.jpg").job_id)
    found.job("cancelled", world, other)


def _lost(found: Seen) -> None:
    """A create that was never answered, and is given up."""
    world = found.world()
    world.provider.script.append(MaybeCreatedError("no answer"))
    job = found.job("submitting", world, world.submitted())
    world.clock.advance(600_000)
    reconciler(world).run()
    for message in [m for m in world.messages.dispatch if m.type == "ended"]:
        world.endings.settle(message)
    found.job("queued, given up once", world, job)


def _failed(found: Seen) -> None:
    """Failed predictions, outages, a bad result; then refused by all, and retried."""
    world = found.world(providers=("eachlabs", "apiin"))
    other = world.add_provider("apiin")
    job = world.submitted()
    token = world.provider.creates[-1].token
    body = {"exec_id": "prediction-1", "status": "failed", "error": "no subject"}
    world.webhooks.receive("eachlabs", job.job_id, token, json.dumps(body).encode())
    release = world.endings.settle(world.ended(job, failed="no subject"))
    found.job("queued, failed once", world, job)
    world.clock.advance(5_000)
    world.dispatcher.dispatch([release])
    world.verifier.error = ResultError("result_opaque", "nothing was cut out")
    bad = world.ended(job)
    world.storing.store(bad, last_try=False)
    found.job("queued, excluded", world, job)
    world.verifier.error = None
    for provider in (world.provider, other):
        provider.script.append(ProviderRejectedError("HTTP 400"))
    world.dispatcher.dispatch([world.endings.settle(bad)])
    found.job("failed, not announced", world, job)
    world.storing.announce(Announce(job_id=job.job_id, run=1))
    found.job("failed", world, job)
    Front(world).desk.retry(job.job_id)
    found.job("queued, second run", world, job)


def _paused(found: Seen) -> None:
    """An outage, a refused key, and a used-up budget."""
    world = found.world()
    world.provider.script += [ProviderUnavailableError("HTTP 503")] * 2
    world.provider.script.append(ProviderMisconfiguredError("HTTP 401"))
    job = world.submitted()
    for _ in range(2):
        world.clock.advance(60_000)
        world.dispatcher.dispatch()
    found.job("queued, stalled", world, job)
    poor = found.world(monthly_budget_usd=17_000)
    poor.submitted()
    found.job("queued, parked", poor, poor.submitted("other.jpg"))


def _on_the_web(found: Seen) -> None:
    """An image on the web, asked for with an Idempotency-Key."""
    world = found.world()
    front = Front(world)
    order = {"image_url": "https://example.com/shoe.jpg?a=b"}
    headers = {"Idempotency-Key": "order-7"}
    front.repeats.fail("settle", StorageError("away"))
    for situation in ("claimed", "settled"):
        front.call("POST", "/jobs", order, headers=headers)
        (found.repeats[situation],) = front.repeats.kept.values()
    (job,) = world.jobs.records.values()
    found.job("queued, on the web", world, job)


def _polled(found: Seen) -> None:
    """A prediction that is asked for, and each of the machine's answers."""
    world = found.world(eachlabs_completion="poll")
    world.submitted()
    (request,) = world.polls.started
    polling = Polling(world.jobs, world.providers, world.clock)
    outcomes: dict[str, Outcome] = {
        "wait": Pending(),
        "tell": Succeeded(result_url=URL),
        "tell a failure": Failed(code="provider_failed", message="no subject"),
    }
    for situation, outcome in outcomes.items():
        world.provider.outcomes["prediction-1"] = outcome
        found.answers[situation] = polling.ask(request)
    found.answers["stop"] = polling.ask(request.model_copy(update={"number": 9}))
    found.requests = {"first": request, "again": found.answers["wait"].request}


def _backfilled(found: Seen) -> None:
    """A batch that is asked for, and looked at again."""
    world = found.world()
    shelf = Shelf("a.jpg", "b.jpg", world=world)
    found.looks["asked"] = shelf.service.look(LOOK)
    shelf.accept()
    found.looks["again"] = shelf.service.look(found.looks["asked"])
    job = next(iter(world.jobs.records.values()))
    found.job("queued, of a backfill", world, job)


type Life = Callable[[Seen], None]
LIVES: list[Life] = [
    _plain,
    _odd,
    _skipped,
    _lost,
    _failed,
    _paused,
    _on_the_web,
    _polled,
    _backfilled,
]
