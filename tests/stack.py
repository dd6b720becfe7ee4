"""The resources of template.yaml, created in moto as the template says."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

TEMPLATE = Path(__file__).parent.parent / "template.yaml"


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags, kept as one-entry dictionaries."""


def _tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """Turn `!Ref Name` into {"Ref": "Name"}, and the like."""
    match node:
        case yaml.ScalarNode():
            value: Any = loader.construct_scalar(node)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix == "Ref" else f"Fn::{suffix}": value}


yaml.add_multi_constructor("!", _tag, Loader=Loader)


@cache
def template(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return template.yaml, or another template."""
    return load(path.read_text("utf-8"))


def load(text: str) -> dict[str, Any]:
    """Return what a template, or a part of one, says."""
    loaded: dict[str, Any] = yaml.load(text, Loader)  # noqa: S506 it derives from SafeLoader
    return loaded


def properties(logical_id: str) -> dict[str, Any]:
    """Return what the template says of one resource."""
    found: dict[str, Any] = template()["Resources"][logical_id]["Properties"]
    return found


def create_table(client: "DynamoDBClient", logical_id: str = "JobsTable") -> str:
    """Create the table with the template's keys and indexes; return its name."""
    said = properties(logical_id)
    parts = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    made: Any = {part: said[part] for part in parts if part in said}
    client.create_table(TableName=logical_id, **made)
    return logical_id


def create_bucket(client: "S3Client", *, versioned: bool = False) -> str:
    """Create the images bucket; the user's own one may be versioned."""
    said = properties("ImagesBucket")
    bucket = "images-111122223333"
    location: Any = {"LocationConstraint": client.meta.region_name}
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
    (choice,) = said["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    _, _, rule = choice["Fn::If"]  # without a KMS key
    encryption: Any = {
        "Rules": [{"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}]
    }
    client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=encryption)
    if versioned:
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def create_queue(client: "SQSClient", logical_id: str) -> str:
    """Create a queue with the template's timings; return its URL."""
    said = properties(logical_id)
    names: Any = ("MessageRetentionPeriod", "VisibilityTimeout")
    made = {name: str(said[name]) for name in names if name in said}
    return client.create_queue(QueueName=logical_id, Attributes=made)["QueueUrl"]
