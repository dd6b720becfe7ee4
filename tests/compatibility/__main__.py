"""`python -m tests.compatibility VERSION` keeps what the code here writes, as that version's set.

Run it when a version is released, and commit the folder: the next version is held to it.
"""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from moto import mock_aws

from cutout.adapters.aws import client
from cutout.adapters.dynamodb import DynamoTable
from tests.compatibility.written import documents
from tests.stack import create_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def main() -> None:
    """Write the documents."""
    (version,) = sys.argv[1:]
    os.environ |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    os.environ |= {"AWS_DEFAULT_REGION": "eu-central-1"}
    folder = Path(__file__).parent / version
    folder.mkdir(exist_ok=True)
    with mock_aws():
        dynamodb: DynamoDBClient = client("dynamodb")
        made = documents(DynamoTable(dynamodb, create_table(dynamodb)))
    for name, document in made.items():
        lines = [f"{json.dumps(key)}: {json.dumps(document[key])}" for key in sorted(document)]
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
