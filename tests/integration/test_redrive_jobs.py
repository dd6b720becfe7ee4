"""Which jobs a redrive finds, on moto's table."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from cutout.adapters.dynamodb import DynamoJobStore
from cutout.models import JobState, Reason
from cutout.settings import Settings
from tests.examples import a_job
from tests.stack import create_table
from tools.account import Account
from tools.redrive import jobs
from tools.site import Site

pytestmark = pytest.mark.integration

REGION = "eu-central-1"
ENDS = [
    (JobState.FAILED, "provider_rejected"),
    (JobState.SKIPPED, "already_done"),
    (JobState.SKIPPED, "archived"),
    (JobState.SKIPPED, "unreadable_encryption"),
]


@pytest.fixture
def site(fake_account: None) -> Iterator[Site]:
    """Return a stack with a job of each end."""
    with mock_aws():
        account = Account(session=boto3.session.Session(region_name=REGION), region=REGION)
        table = create_table(account.client("dynamodb"))
        site = Site(
            account=account,
            name="cutout",
            status="CREATE_COMPLETE",
            created_s=0.0,
            outputs={},
            resources={},
            settings=Settings(jobs_table=table),
        )
        store = DynamoJobStore(site.table(), 90)
        for state, code in ENDS:
            reason = Reason(code=code, message="So it was.")
            store.create(a_job(f"{code}.jpg", state=state, reason=reason))
        yield site


def test_failed_jobs_are_found(site: Site) -> None:
    """Skipped ones are no failures."""
    assert [jobs.reason_of(job) for job in jobs.failed(site)] == ["provider_rejected"]


def test_jobs_of_unreadable_objects_are_found(site: Site) -> None:
    """They were skipped, and may be readable by now."""
    found = {jobs.reason_of(job) for job in jobs.unread(site)}

    assert found == {"archived", "unreadable_encryption"}
