"""The minutes after delivery was switched on, on moto and in virtual time."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from cutout.settings import Settings
from tests.fakes import NOON_MS, VirtualClock
from tests.stack import create_bucket, create_table
from tools.account import Account
from tools.doctor import __main__ as doctor
from tools.doctor import delivery, rounds
from tools.site import Site

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.integration

REGION = "eu-central-1"
NOON_S = NOON_MS / 1000
ON: Any = {"EventBridgeConfiguration": {}}


class Watched(VirtualClock):
    """A clock that notes when the bucket's first object was there."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        super().__init__()
        self._s3, self._bucket = s3, bucket
        self.sent_ms: int | None = None

    def now_ms(self) -> int:
        """Look at the bucket whenever somebody asks for the time."""
        now_ms = super().now_ms()
        if self.sent_ms is None and "Contents" in self._s3.list_objects_v2(Bucket=self._bucket):
            self.sent_ms = now_ms
        return now_ms


@pytest.fixture
def site(fake_account: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a stack, deployed long ago, of which only the delivery is looked at."""
    with mock_aws():
        account = Account(session=boto3.session.Session(region_name=REGION), region=REGION)
        bucket = create_bucket(account.client("s3"))
        keep_notifications(account.client("s3"), monkeypatch)
        table = create_table(account.client("dynamodb"))
        monkeypatch.setattr(rounds, "CHECKS", {"bucket": delivery.check_delivery})
        yield Site(
            account=account,
            name="shop",
            status="CREATE_COMPLETE",
            created_s=0.0,
            outputs={},
            resources={},
            settings=Settings(images_bucket=bucket, jobs_table=table),
        )


def keep_notifications(s3: "S3Client", monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the configuration kept as S3 does it: moto forgets EventBridge's, which is empty."""
    kept: dict[str, Any] = {}

    def put(*, NotificationConfiguration: dict[str, Any], **_: Any) -> None:  # noqa: N803 boto3's
        kept.clear()
        kept.update(NotificationConfiguration)

    monkeypatch.setattr(s3, "put_bucket_notification_configuration", put)
    monkeypatch.setattr(s3, "get_bucket_notification_configuration", lambda **_: dict(kept))


def look(site: Site, monkeypatch: pytest.MonkeyPatch, *options: str) -> Watched:
    """Run the doctor on the stack and return the clock that it ran by."""
    clock = Watched(site.client("s3"), site.settings.images_bucket)
    monkeypatch.setattr(doctor, "open_site", lambda _: replace(site, clock=clock))
    doctor.main([site.name, "--json", *options])
    return clock


def codes(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return what the doctor found, by code."""
    findings = json.loads(capsys.readouterr().out)["findings"]
    return {finding["code"]: finding["message"] for finding in findings}


def switch_on(site: Site) -> None:
    """Have the bucket deliver its events."""
    site.client("s3").put_bucket_notification_configuration(
        Bucket=site.settings.images_bucket, NotificationConfiguration=ON
    )


def test_trial_waits_after_the_doctor_switched_delivery_on(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For the five minutes that S3 takes, and it says what came before."""
    clock = look(site, monkeypatch, "--fix", "--send", "--yes")

    found = codes(capsys)
    assert clock.sent_ms == NOON_MS + 300_000
    assert "bucket.delivery_off" not in found
    assert "make backfill STACK=shop" in found["bucket.delivery_young"]
    assert "send.no_job" in found  # moto delivers nothing; nobody waited longer than for that


@pytest.mark.parametrize(("age_s", "expected_s"), [(0, 300), (100, 200), (299, 1), (300, 0)])
def test_trial_waits_on_a_young_stack(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, age_s: int, expected_s: int
) -> None:
    """For the rest of the five minutes since its rule is what it is."""
    switch_on(site)
    young = replace(site, listening_s=NOON_S - age_s)

    clock = look(young, monkeypatch, "--send", "--yes")

    assert clock.sent_ms == NOON_MS + 1000 * expected_s


def test_trial_does_not_wait_for_a_local_stack(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """There delivery is in force at once."""
    switch_on(site)
    account = replace(site.account, endpoint_url="http://127.0.0.1:4566")

    assert delivery.settling_ms(replace(site, account=account)) == 0
    assert delivery.settling_ms(site) == 300_000


def test_young_delivery_is_a_warning(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the seconds that are left, and not for longer than that."""
    switch_on(site)

    look(replace(site, listening_s=NOON_S - 60), monkeypatch)
    young = codes(capsys)
    look(replace(site, listening_s=NOON_S - 301), monkeypatch)
    old = codes(capsys)

    assert "next 240 s" in young["bucket.delivery_young"]
    assert [*old] == ["bucket.delivery"]
