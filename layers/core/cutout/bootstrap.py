"""The composition root: the only module that reads the environment and knows concrete classes.

Each function has a builder of its own, which imports and connects to no more than it needs.
Everything is built at the first event and kept as long as the execution environment lives.
"""

# ruff: noqa: PLC0415 imports inside the builders keep each function's cold start its own
import gc
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from typing import TYPE_CHECKING

from cutout.adapters.system import SystemClock, ThreadCrew
from cutout.observability import EmfMetrics

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from cutout.adapters.dynamodb import DynamoJobStore, DynamoTable
    from cutout.adapters.messages import SqsMessages
    from cutout.adapters.s3 import S3ImageStore
    from cutout.adapters.work import S3WorkStore
    from cutout.api.door import Door
    from cutout.gate import Limits
    from cutout.ports import ApiKey, Provider
    from cutout.services.backfilling import Backfilling
    from cutout.services.delivery import DeliveryWatch
    from cutout.services.gauges import Gauges
    from cutout.services.inbox import PrepareInbox, StoreInbox, SubmitInbox
    from cutout.services.intake import Intake
    from cutout.services.polling import Polling
    from cutout.services.reconcile import Reconciler
    from cutout.services.records import Records
    from cutout.services.webhooks import Webhooks
    from cutout.settings import ProviderSettings, Settings

API_KEY_CACHE_S = 300  # a rotated key is found within five minutes
RESULT_BYTES_PER_INPUT_BYTE = 5  # PEERS P22: a PNG is about five times its JPEG
# A small MaxInputBytes says nothing of images on the web; /tmp has room for four of these.
MIN_RESULT_BYTES = 128 * 2**20

# A slot's lease is longer than the hold of an attempt by two rounds of reconcile, which gives the
# attempt up, or extends the lease of a prediction that is known to run.
LEASE_MARGIN_MS = 120_000


@dataclass(frozen=True, slots=True)
class ReconcileApp:
    """What `reconcile` does: repair, measure, and look after the bucket."""

    reconciler: "Reconciler"
    gauges: "Gauges"
    delivery: "DeliveryWatch"


def _once[T](build: Callable[[], T]) -> Callable[[], T]:
    """Return the builder, run at most once and with the garbage collector at rest.

    What is imported stays; the collector would look through all of it several times, for 20 ms of
    every cold start (docs/benchmarks.md).
    """

    @cache
    @wraps(build)
    def built() -> T:
        gc.disable()
        try:
            return build()
        finally:
            gc.enable()

    return built


@cache
def settings() -> "Settings":
    """Return the settings of this execution environment."""
    from cutout.settings import Settings

    return Settings.from_env(os.environ)


def _metrics() -> EmfMetrics:
    """Return the metrics of this stack."""
    config = settings()
    return EmfMetrics(config.stack_name, config.monitoring)


@_once
def submit_inbox() -> "SubmitInbox":
    """Build what `submit` does."""
    from cutout.adapters.aws import client
    from cutout.adapters.dynamodb import DynamoLine
    from cutout.adapters.gate_store import DynamoGateStore
    from cutout.adapters.polls import StepFunctionsPolls
    from cutout.gate import Limits
    from cutout.services.attempts import Attempts
    from cutout.services.dispatch import Dispatcher
    from cutout.services.endings import Endings
    from cutout.services.inbox import SubmitInbox
    from cutout.services.moves import Mover
    from cutout.services.planning import BATCH, Planner

    config, clock, metrics = settings(), SystemClock(), _metrics()
    images, messages, records = _images(), _all_messages(), _records()
    endings = Endings(
        records=records,
        messages=messages,
        settings=config,
        clock=clock,
        metrics=metrics,
    )
    attempts = Attempts(
        records=records,
        endings=endings,
        images=images,
        messages=messages,
        polls=StepFunctionsPolls(client("stepfunctions"), config.poll_state_machine_arn),
        providers=_providers(),
        settings=config,
        clock=clock,
        metrics=metrics,
    )
    limits: dict[str, Limits] = {n: _limits(config.provider(n)) for n in config.providers}
    dispatcher = Dispatcher(
        mover=Mover(DynamoGateStore(_table()), messages, clock),
        planner=Planner(DynamoLine(_table()), limits, config.monthly_budget_usd),
        messages=messages,
        clock=clock,
        attempt=attempts.run,
        crew=ThreadCrew(BATCH),
    )
    return SubmitInbox(_intake(), endings, dispatcher)


@_once
def webhook_app() -> "Webhooks":
    """Build what `webhook` does; it knows no key and no provider's address."""
    from cutout.providers import eachlabs
    from cutout.services.webhooks import Webhooks

    return Webhooks(
        store=_store(),
        messages=_messages(),
        parsers={"eachlabs": eachlabs.parse_webhook},
        metrics=_metrics(),
    )


@_once
def poll_app() -> "Polling":
    """Build what `poll` does."""
    from cutout.services.polling import Polling

    return Polling(_store(), _providers(), SystemClock())


@_once
def prepare_inbox() -> "PrepareInbox":
    """Build what `prepare` does."""
    from cutout.adapters.isolated import IsolatedPreparer
    from cutout.adapters.preparing import PillowPreparer
    from cutout.services.inbox import PrepareInbox
    from cutout.services.preparing import Preparing

    preparing = Preparing(
        records=_records(),
        images=_images(),
        preparer=IsolatedPreparer(PillowPreparer()),
        stage=_work(),
        messages=_messages(),
        clock=SystemClock(),
        metrics=_metrics(),
    )
    return PrepareInbox(preparing)


@_once
def store_completions() -> "StoreInbox":
    """Build what `store` does."""
    from cutout.adapters.aws import client
    from cutout.adapters.guarded import GuardedTransport
    from cutout.adapters.imaging import PillowVerifier
    from cutout.adapters.messages import EventBridgeAnnouncer, SqsMessages
    from cutout.adapters.results import HttpResultSource, plain_hosts
    from cutout.providers.http import new_client
    from cutout.services.inbox import StoreInbox
    from cutout.services.publishing import Publisher
    from cutout.services.storing import Storing
    from cutout.settings import PROVIDERS

    config = settings()
    hosts = plain_hosts(config.provider(name).base_url for name in PROVIDERS)
    http = new_client(GuardedTransport(hosts))
    most = max(MIN_RESULT_BYTES, config.max_input_bytes * RESULT_BYTES_PER_INPUT_BYTE)
    storing = Storing(
        records=_records(),
        publisher=Publisher(_images(), config),
        results=HttpResultSource(http, most, _work()),
        verifier=PillowVerifier(),
        announcer=EventBridgeAnnouncer(client("events")),
        messages=SqsMessages(client("sqs"), config.dispatch_queue_url, ""),  # wake-ups only
        settings=config,
        clock=SystemClock(),
        metrics=_metrics(),
    )
    return StoreInbox(storing, config.max_receives)


@_once
def reconcile_app() -> ReconcileApp:
    """Build what `reconcile` does."""
    from cutout.adapters.delivery import S3Delivery
    from cutout.adapters.dynamodb import DynamoLine
    from cutout.adapters.gate_store import DynamoGateStore
    from cutout.services.delivery import DeliveryWatch
    from cutout.services.gauges import Gauges
    from cutout.services.moves import Mover
    from cutout.services.reconcile import Reconciler

    config, clock, metrics = settings(), SystemClock(), _metrics()
    gate, line = DynamoGateStore(_table()), DynamoLine(_table())
    reconciler = Reconciler(
        index=_store(),
        records=_records(),
        line=line,
        mover=Mover(gate, _all_messages(), clock),
        messages=_all_messages(),
        providers=_providers(),
        settings=config,
        clock=clock,
        metrics=metrics,
    )
    gauges = Gauges(gate=gate, line=line, providers=config.providers, clock=clock, metrics=metrics)
    delivery = DeliveryWatch(S3Delivery(_s3(), config.images_bucket), clock, metrics)
    return ReconcileApp(reconciler, gauges, delivery)


@_once
def api_door() -> "Door":
    """Build what `api` does."""
    from cutout.adapters.dynamodb import DynamoLine
    from cutout.adapters.gate_store import DynamoGateStore
    from cutout.adapters.handouts import S3Handouts
    from cutout.adapters.lists import DynamoJobLists
    from cutout.adapters.repeats import DynamoRepeats
    from cutout.api.counter import Counter
    from cutout.api.door import Door
    from cutout.api.routes import resolver
    from cutout.services.desk import Desk
    from cutout.services.overview import Overview
    from cutout.services.repeating import Repeating

    config, clock = settings(), SystemClock()
    images, messages, records = _images(), _all_messages(), _records()
    handouts = S3Handouts(_s3())
    desk = Desk(
        records=records,
        intake=_intake(),
        images=images,
        messages=messages,
        handouts=handouts,
        settings=config,
        clock=clock,
    )
    overview = Overview(
        store=records.store,
        lists=DynamoJobLists(_table()),
        line=DynamoLine(_table()),
        gate=DynamoGateStore(_table()),
        limits={name: _limits(config.provider(name)) for name in config.providers},
        settings=config,
        clock=clock,
    )
    counter = Counter(
        desk=desk,
        overview=overview,
        repeating=Repeating(
            DynamoRepeats(_table(), config.job_retention_days), records.store, clock
        ),
        handouts=handouts,
        settings=config,
        clock=clock,
    )
    return Door(resolver(counter))


@_once
def backfilling() -> "Backfilling":
    """Build what `backfill` does."""
    from cutout.adapters.aws import client
    from cutout.adapters.backfills import DynamoBackfills, DynamoJobStates
    from cutout.adapters.messages import EventBridgeAnnouncer, EventBridgeRequests
    from cutout.services.backfilling import Backfilling

    config, events = settings(), client("events")
    return Backfilling(
        backfills=DynamoBackfills(_table()),
        jobs=DynamoJobStates(_table()),
        images=_images(),
        requests=EventBridgeRequests(events),
        announcer=EventBridgeAnnouncer(events),
        settings=config,
        clock=SystemClock(),
    )


@cache
def _table() -> "DynamoTable":
    """Return the jobs table."""
    from cutout.adapters.aws import client
    from cutout.adapters.dynamodb import DynamoTable

    return DynamoTable(client("dynamodb"), settings().jobs_table)


@cache
def _store() -> "DynamoJobStore":
    """Return the job records, which are their own index."""
    from cutout.adapters.dynamodb import DynamoJobStore

    return DynamoJobStore(_table(), settings().job_retention_days)


@cache
def _intake() -> "Intake":
    """Return the way in for objects."""
    from cutout.services.intake import Intake

    return Intake(
        records=_records(),
        images=_images(),
        messages=_all_messages(),
        settings=settings(),
        clock=SystemClock(),
        metrics=_metrics(),
    )


@cache
def _records() -> "Records":
    """Return the job records and the ledger."""
    from cutout.adapters.dynamodb import DynamoLedger
    from cutout.services.records import Records

    return Records(_store(), DynamoLedger(_table()), SystemClock())


@cache
def _s3() -> "S3Client":
    """Return the one client of S3; making one takes as long as many a request."""
    from cutout.adapters.aws import s3_client

    return s3_client()


@cache
def _images() -> "S3ImageStore":
    """Return the user's bucket."""
    from cutout.adapters.s3 import S3ImageStore

    config = settings()
    return S3ImageStore(_s3(), config.source_url_seconds, config.work_bucket)


@cache
def _messages() -> "SqsMessages":
    """Return the queues most functions send to."""
    from cutout.adapters.aws import client
    from cutout.adapters.messages import SqsMessages

    config = settings()
    return SqsMessages(client("sqs"), config.dispatch_queue_url, config.completions_queue_url)


@cache
def _all_messages() -> "SqsMessages":
    """Return all internal queues."""
    from cutout.adapters.aws import client
    from cutout.adapters.messages import SqsMessages

    config = settings()
    return SqsMessages(
        client("sqs"),
        config.dispatch_queue_url,
        config.completions_queue_url,
        config.prepare_queue_url,
    )


class _Adapters(dict[str, "Provider"]):
    """The providers' adapters by name, each made when it is asked for.

    Attempts may be in flight at a provider that was taken out of `Providers` since: it is still
    asked how they stand, and none is started there, because the gate has no limits for it.
    """

    def __missing__(self, name: str) -> "Provider":
        """Make an adapter; an unknown name raises `ConfigurationError`."""
        adapter = self[name] = _provider(settings().provider(name))
        return adapter


@cache
def _providers() -> "Mapping[str, Provider]":
    """Return the adapters of all providers."""
    return _Adapters()


def _provider(config: "ProviderSettings") -> "Provider":
    """Return a provider's adapter."""
    from cutout.providers.http import PATIENT_TIMEOUT, new_client

    key = _api_key(config.api_key_parameter)
    if config.name == "apiin":
        from cutout.providers.apiin import ApiinProvider

        return ApiinProvider(new_client(timeout=PATIENT_TIMEOUT), config.base_url, key, _work())
    from cutout.providers.eachlabs import EachlabsProvider

    return EachlabsProvider(new_client(), config.base_url, key)


@cache
def _work() -> "S3WorkStore":
    """Return the WorkBucket."""
    from cutout.adapters.work import S3WorkStore

    return S3WorkStore(_s3(), settings().work_bucket)


def _api_key(parameter: str) -> "ApiKey":
    """Return a provider's key, which is kept in an SSM SecureString."""
    from cutout.adapters.aws import client
    from cutout.adapters.ssm import SSM_CONFIG, SecretParameter

    return SecretParameter(client("ssm", SSM_CONFIG), parameter, API_KEY_CACHE_S, SystemClock())


def _limits(config: "ProviderSettings") -> "Limits":
    """Return what the gate needs to know of a provider."""
    from cutout.gate import Limits

    return Limits(
        max_concurrent=config.max_concurrent,
        max_per_minute=config.max_per_minute,
        price_microusd=config.price_microusd,
        lease_ms=config.hold_ms + LEASE_MARGIN_MS,
    )
