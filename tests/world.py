"""The whole application on fakes, put together as `cutout.bootstrap` does, in virtual time."""

from collections.abc import Mapping
from typing import Any

from cutout import keys
from cutout.bootstrap import _limits
from cutout.gate import Limits
from cutout.models import AttemptEnded, Failed, Job, JobState, Lane, ObjectRef, Succeeded
from cutout.ports import Preparer
from cutout.providers.eachlabs import parse_webhook
from cutout.services.attempts import Attempts
from cutout.services.dispatch import Dispatcher
from cutout.services.endings import Endings
from cutout.services.inbox import PrepareInbox, StoreInbox, SubmitInbox
from cutout.services.intake import Intake
from cutout.services.moves import Mover
from cutout.services.planning import Planner
from cutout.services.preparing import Preparing
from cutout.services.publishing import Publisher
from cutout.services.reconcile import Reconciler
from cutout.services.records import Records
from cutout.services.storing import Storing
from cutout.services.webhooks import Webhooks
from cutout.settings import Settings
from tests.fake_outside import (
    FakePreparer,
    FakeProvider,
    FakeResultSource,
    FakeVerifier,
    InMemoryAnnouncer,
    InMemoryPolls,
    InMemoryStage,
    RecordingMetrics,
)
from tests.fakes import (
    InlineCrew,
    InMemoryGateStore,
    InMemoryImageStore,
    InMemoryJobStore,
    InMemoryLedger,
    InMemoryLine,
    InMemoryMessages,
    VirtualClock,
)

BUCKET = "images"
API = "https://api.test/v1"
# As much of a JPEG as its header shows: a grey one of 64 x 48 pixels, from its start to its end.
JPEG = (
    b"\xff\xd8"
    b"\xff\xc0\x00\x0b\x08\x00\x30\x00\x40\x01\x01\x11\x00"
    b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
    b" a photo"
    b"\xff\xd9"
)
PRICE = 17_000


class World:
    """Every collaborator by name, and the shortest way through one image's life."""

    def __init__(self, *, versioned: bool = False, **settings: object) -> None:
        values: dict[str, Any] = {"images_bucket": BUCKET, "webhook_base_url": API} | settings
        self.settings = Settings(**values)
        self.clock = VirtualClock()
        self.metrics = RecordingMetrics()
        self.jobs = InMemoryJobStore()
        self.line = InMemoryLine(self.jobs)
        self.gate = InMemoryGateStore()
        self.ledger = InMemoryLedger()
        self.images = InMemoryImageStore(self.clock, versioned=versioned)
        self.messages = InMemoryMessages(self.clock)
        self.provider = FakeProvider(self.clock)
        self.polls = InMemoryPolls()
        self.results = FakeResultSource()
        self.verifier = FakeVerifier()
        self.announcer = InMemoryAnnouncer()
        self.records = Records(self.jobs, self.ledger, self.clock)
        self.intake = Intake(records=self.records, images=self.images, **self._common())
        self.providers = {"eachlabs": self.provider}
        self.endings = Endings(records=self.records, **self._common())
        self.attempts = Attempts(
            records=self.records,
            endings=self.endings,
            images=self.images,
            polls=self.polls,
            providers=self.providers,
            **self._common(),
        )
        self.dispatcher = self.new_dispatcher()
        self.storing = Storing(
            records=self.records,
            publisher=Publisher(self.images, self.settings),
            results=self.results,
            verifier=self.verifier,
            announcer=self.announcer,
            messages=self.messages,
            settings=self.settings,
            clock=self.clock,
            metrics=self.metrics,
        )
        self.stage = InMemoryStage()
        self.preparer = FakePreparer()
        self.preparing = self.new_preparing(self.preparer)
        self.webhooks = Webhooks(
            store=self.jobs,
            messages=self.messages,
            parsers={"eachlabs": parse_webhook},
            metrics=self.metrics,
        )
        self.submit_inbox = SubmitInbox(self.intake, self.endings, self.dispatcher)
        self.prepare_inbox = PrepareInbox(self.preparing)
        self.store_inbox = StoreInbox(self.storing, self.settings.max_receives)

    def _common(self) -> dict[str, Any]:
        """Return what several use cases are made of."""
        return {
            "messages": self.messages,
            "settings": self.settings,
            "clock": self.clock,
            "metrics": self.metrics,
        }

    def new_preparing(self, preparer: Preparer) -> Preparing:
        """Return the use case of `prepare` with another decoder."""
        return Preparing(
            records=self.records,
            images=self.images,
            preparer=preparer,
            stage=self.stage,
            messages=self.messages,
            clock=self.clock,
            metrics=self.metrics,
        )

    def new_dispatcher(
        self,
        *,
        limits: Mapping[str, Limits] | None = None,
        budget_microusd: int | None = None,
        **changes: object,
    ) -> Dispatcher:
        """Return one more dispatcher on the same gate and line."""
        if limits is None:
            limits = {name: _limits(self.settings.provider(name)) for name in self.providers}
        if budget_microusd is None:
            budget_microusd = self.settings.monthly_budget_usd
        values: dict[str, Any] = {
            "mover": Mover(self.gate, self.messages, self.clock),
            "planner": Planner(self.line, limits, budget_microusd),
            "messages": self.messages,
            "clock": self.clock,
            "attempt": self.attempts.run,
            "crew": InlineCrew(self.clock),
        }
        return Dispatcher(**(values | changes))

    def new_reconciler(self, **changes: object) -> Reconciler:
        """Return what `reconcile` does, with the stack's providers."""
        values: dict[str, Any] = {
            "index": self.jobs,
            "records": self.records,
            "line": self.line,
            "mover": Mover(self.gate, self.messages, self.clock),
            "providers": self.providers,
        }
        return Reconciler(**(self._common() | values | changes))

    def add_provider(self, name: str) -> FakeProvider:
        """Have another provider, after those that are there."""
        self.providers[name] = FakeProvider(self.clock, name)
        self.dispatcher = self.new_dispatcher()
        return self.providers[name]

    def upload(self, key: str = "shoe.jpg", body: bytes = JPEG, **attributes: object) -> Job:
        """Put an object and tell Cutout; return its job."""
        self.images.put(BUCKET, key, body, **attributes)
        job = self.intake.accept(ObjectRef(bucket=BUCKET, key=key), Lane.UPLOAD)
        assert job is not None
        return job

    def submitted(self, key: str = "shoe.jpg", **attributes: object) -> Job:
        """Upload and dispatch; return the job as it is then."""
        job = self.upload(key, **attributes)  # type: ignore[arg-type]  # put's attributes
        self.dispatcher.dispatch()
        return self.job(job)

    def job(self, job: Job) -> Job:
        """Return the job as it is stored now."""
        return self.jobs.records[job.job_id]

    def ended(
        self, job: Job, *, failed: str = "", url: str = "https://cdn.test/1.png"
    ) -> AttemptEnded:
        """Return the sentence that the job's last attempt ended."""
        attempt = self.job(job).attempts[-1]
        if failed:
            outcome: Succeeded | Failed = Failed(code="provider_failed", message=failed)
        else:
            outcome = Succeeded(result_url=url)
            self.results.bodies.setdefault(url, b"a cut-out of " + job.key.encode())
        return AttemptEnded(
            job_id=job.job_id,
            number=attempt.number,
            provider=attempt.provider,
            prediction_id=attempt.prediction_id or f"late-{attempt.number}",
            outcome=outcome,
        )

    def states(self) -> list[JobState]:
        """Return the states of all jobs, in the order of their keys."""
        return [job.state for job in sorted(self.jobs.records.values(), key=lambda j: j.key)]

    def result_of(self, key: str = "shoe.jpg") -> str:
        """Return the name a result of this key takes first."""
        return keys.result_names(BUCKET, key, ".cutout", "png")[0]
