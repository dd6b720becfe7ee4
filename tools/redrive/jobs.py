"""Failed jobs, and objects that were unreadable: which there are, and another run of each.

A run is opened by the code behind the jobs API's retry, with the user's own credentials: the API
puts every retry into the first lane and counts it against the usage plan, and thousands of them
are to go behind the uploads.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from cutout import unreadable
from cutout.adapters.dynamodb import DynamoJobStore, DynamoLedger
from cutout.adapters.handouts import S3Handouts
from cutout.adapters.lists import DynamoJobLists
from cutout.adapters.messages import SqsMessages
from cutout.adapters.s3 import S3ImageStore
from cutout.adapters.system import SystemClock
from cutout.errors import RequestError
from cutout.models import Job, JobState, Lane
from cutout.observability import EmfMetrics
from cutout.services.desk import Desk
from cutout.services.intake import Intake
from cutout.services.records import Records
from tools.site import Site

_PAGE = 100
_SIDE_BY_SIDE = 8  # most of the time is waiting for answers


def failed(site: Site) -> Iterator[Job]:
    """Yield the failed jobs, newest first."""
    return _ended(site, JobState.FAILED)


def unread(site: Site) -> Iterator[Job]:
    """Yield the jobs that were skipped because S3 did not hand out their objects."""
    skipped = _ended(site, JobState.SKIPPED)
    return (job for job in skipped if reason_of(job) in unreadable.CODES)


def _ended(site: Site, state: JobState) -> Iterator[Job]:
    """Yield the jobs in an end state, newest first."""
    lists = DynamoJobLists(site.table())
    store = DynamoJobStore(site.table(), site.settings.job_retention_days)
    places = lists.on_shelf(state, _PAGE)
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        while places:
            for job in pool.map(store.get, [place.job_id for place in places]):
                if job is not None and job.state is state:
                    yield job
            places = lists.on_shelf(state, _PAGE, places[-1])


def by_reason(jobs: list[Job]) -> Counter[str]:
    """Return how many jobs there are for each reason."""
    return Counter(reason_of(job) for job in jobs)


def reason_of(job: Job) -> str:
    """Return the code of why a job has no result."""
    return job.reason.code if job.reason is not None else "unknown"


def reopen(desk: Desk, jobs: list[Job]) -> Iterator[str | None]:
    """Open another run of each job; yield None, or the code of why it is refused one."""
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        yield from pool.map(lambda job: _reopened(desk, job), jobs)


def _reopened(desk: Desk, job: Job) -> str | None:
    try:
        desk.retry(job.job_id, Lane.BACKFILL)
    except RequestError as error:
        return error.code
    return None


def desk_of(site: Site) -> Desk:
    """Return the stack's desk, with the caller's credentials."""
    settings, clock, table = site.settings, SystemClock(), site.table()
    store = DynamoJobStore(table, settings.job_retention_days)
    records = Records(store, DynamoLedger(table), clock)
    images = S3ImageStore(site.client("s3"), settings.source_url_seconds, settings.work_bucket)
    messages = SqsMessages(
        site.client("sqs"),
        settings.dispatch_queue_url,
        settings.completions_queue_url,
        settings.prepare_queue_url,
    )
    intake = Intake(
        records=records,
        images=images,
        messages=messages,
        settings=settings,
        clock=clock,
        metrics=EmfMetrics(settings.stack_name, "none"),  # this is no function
    )
    return Desk(
        records=records,
        intake=intake,
        images=images,
        messages=messages,
        handouts=S3Handouts(site.client("s3")),
        settings=settings,
        clock=clock,
    )
