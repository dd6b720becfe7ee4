"""The jobs table: what a table that was restored by hand may lack."""

from collections.abc import Collection, Iterator

from cutout.adapters.dynamodb import INDEX
from cutout.adapters.lists import BY_SOURCE
from tools.doctor.findings import Finding, fault, listed, ok, warning
from tools.site import Site

TTL_ATTRIBUTE = "expires_at"


def check_table(site: Site) -> Iterator[Finding]:
    """Does the jobs table have its indexes, forget what is over, and can it be restored?"""
    name, dynamodb = site.settings.jobs_table, site.client("dynamodb")
    made = dynamodb.describe_table(TableName=name)["Table"]
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    on = ttl["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    local = site.account.is_local  # its CloudFormation makes tables without these two settings
    yield from judge_table(
        name,
        indexes=[index["IndexName"] for index in made.get("GlobalSecondaryIndexes", [])],
        forgets=local or (on and ttl.get("AttributeName") == TTL_ATTRIBUTE),
        restorable=local or recovery == "ENABLED",
    )


def judge_table(
    name: str, *, indexes: Collection[str], forgets: bool, restorable: bool
) -> Iterator[Finding]:
    """Say what the table lacks.

    A restored table has neither (DynamoDB Developer Guide, "Restore a table in DynamoDB").
    """
    missing = {INDEX, BY_SOURCE} - set(indexes)
    if missing:
        yield fault(
            "table.indexes",
            f"The jobs table {name} lacks {listed(missing)}, so jobs are not found: restore it "
            "again, with its indexes.",
        )
    if not forgets:
        yield warning(
            "table.forgets",
            f"The jobs table {name} keeps every record for ever: aws dynamodb update-time-to-live "
            f"--table-name {name} --time-to-live-specification "
            f"Enabled=true,AttributeName={TTL_ATTRIBUTE}",
        )
    if not restorable:
        yield warning(
            "table.backups",
            f"The jobs table {name} cannot be restored: aws dynamodb update-continuous-backups "
            f"--table-name {name} --point-in-time-recovery-specification "
            "PointInTimeRecoveryEnabled=true",
        )
    if not missing and forgets and restorable:
        yield ok("table.whole", "The jobs table has its indexes, forgets, and can be restored.")
