"""A stack takes a restored table, and leaves behind what is worth keeping when it goes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cutout.adapters.dynamodb import from_item
from local import deploy, parameters
from tests.e2e.shop import Shop, deployed, picture, until
from tools import site
from tools.account import connect
from tools.doctor.table import check_table

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

RESTORED = "cutout-jobs-restored"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack that is gone when the last test is over."""
    with deployed({}, tmp_path_factory.mktemp("stack")) as one:
        yield one


def test_a_stack_goes_on_with_a_restored_table(shop: Shop, tmp_path: Path) -> None:
    """Every function finds and may use it; what was before is in it, and the old one stays."""
    dynamodb, old = shop.stack.client("dynamodb"), shop.stack.outputs["JobsTableName"]
    cut(shop, "before.jpg")
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=old, TargetTableName=RESTORED, UseLatestRestorableTime=True
    )

    overrides = parameters.resolve(
        parameters.declared(deploy.TEMPLATE),
        shop.stack.sandbox_url,
        {"JobsTableName": RESTORED},
    )
    outputs = deploy.build_and_deploy(shop.stack, tmp_path, overrides)
    lacking = findings(shop)
    dynamodb.update_time_to_live(
        TableName=RESTORED,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
    )
    dynamodb.update_continuous_backups(
        TableName=RESTORED,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    cut(shop, "after.jpg")

    assert outputs["JobsTableName"] == RESTORED
    assert outputs["BucketName"] == shop.bucket
    assert keys(shop, RESTORED) == ["after.jpg", "before.jpg"]
    assert keys(shop, old) == ["before.jpg"]
    assert lacking == {"table.forgets", "table.backups"}
    assert findings(shop) == {"table.whole"}


def test_images_and_tables_outlive_the_stack(shop: Shop) -> None:
    """The bucket keeps its policy, too; the work bucket goes."""
    tables = shop.stack.client("dynamodb").list_tables()["TableNames"]
    images = shop.names()
    work = shop.stack.outputs["WorkBucketName"]

    cloudformation = shop.stack.client("cloudformation")
    cloudformation.delete_stack(StackName=shop.stack.stack_name)
    until(lambda: not stacks(shop), "the end of the stack")

    assert shop.stack.client("dynamodb").list_tables()["TableNames"] == tables
    assert shop.names() == images
    assert "DenyPlainHttp" in shop.s3.get_bucket_policy(Bucket=shop.bucket)["Policy"]
    assert work not in [bucket["Name"] for bucket in shop.s3.list_buckets()["Buckets"]]


def cut(shop: Shop, key: str) -> None:
    """Upload an image and wait for its cut-out."""
    shop.put(key, picture())
    name = key.replace(".jpg", ".cutout.png")
    until(lambda: name in shop.names(), name)


def keys(shop: Shop, table: str) -> list[str]:
    """Return the keys of the jobs in a table."""
    items = shop.stack.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
    return sorted(from_item(item)["key"] for item in items if item["sk"]["S"] == "job")


def findings(shop: Shop) -> set[str]:
    """Return the codes of what the doctor finds about the stack's table."""
    account = connect(endpoint_url=shop.stack.endpoint_url)
    return {finding.code for finding in check_table(site.read(account, shop.stack.stack_name))}


def stacks(shop: Shop) -> list[str]:
    """Return the stacks that are there."""
    found = shop.stack.client("cloudformation").list_stacks()["StackSummaries"]
    return [one["StackName"] for one in found if one["StackStatus"] != "DELETE_COMPLETE"]
