"""The commands of all documents, run as they stand there."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.deploy import ROOT
from local.endpoint import CREDENTIALS
from tests.e2e.shop import Shop

pytestmark = pytest.mark.e2e

# In the order of a reader; the last commands of the last one delete the stack.
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/api.md", "docs/operations.md")
# What these tests are part of, or what takes the place of a stack that the reader has up.
LEFT_OUT = ("setup", "test", "soak", "demo", "deploy", "up", "down")
# The CLI's first version takes SQS elsewhere unless each command names the endpoint.
LOCAL_AWS = """set -euo pipefail
aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }
curl() { command curl --no-progress-meter --fail-with-body "$@"; }
aws ssm delete-parameter --name /cutout/eachlabs-api-key
"""


def commands(document: str) -> str:
    """Return the commands of a document, without those that are left out."""
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```shell\n(.+?)^ *```", text, re.DOTALL | re.MULTILINE)
    left_out = re.compile(rf" *make ({'|'.join(LEFT_OUT)})\b")
    lines = [line for block in blocks for line in block.splitlines()]
    return "\n".join(line for line in lines if not left_out.match(line))


def placeholders(shop: Shop) -> dict[str, str]:
    """Return what a reader puts in the place of a word."""
    return {
        "YOUR_KEY": "sandbox-key",
        "YOUR_BUCKET": shop.bucket,
        "YOUR_API_KEY_ID": shop.stack.outputs["ApiKeyId"],
        "photo.jpg": "samples/chair.jpg",
    }


def test_documented_commands_work(shop: Shop) -> None:
    """Every command, in its order, against a stack on the local AWS."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env = bare | {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": shop.stack.endpoint_url,
        "AWS_DEFAULT_REGION": shop.stack.region,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NEW_KEY": "sandbox-key",
        "MOMENT": datetime.now(UTC).isoformat(timespec="seconds"),
        "CUTOUT_API_URL": shop.stack.api_url,
        "CUTOUT_API_KEY": shop.stack.api_key or "",
    }
    script = LOCAL_AWS + "\n".join(map(commands, DOCUMENTS))
    for word, value in placeholders(shop).items():
        script = script.replace(word, value)

    done = subprocess.run(  # noqa: S603 - our own documents
        ["/bin/bash", "-c", script],
        cwd=ROOT,
        env=env,
        check=False,
        timeout=300,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Healthy: 0 faults" in done.stdout


def test_no_document_is_left_out() -> None:
    """Whatever has commands is run above."""
    mine = [ROOT.glob("*.md"), *((ROOT / name).rglob("*.md") for name in ("docs", "examples"))]
    documents = [path for paths in mine for path in paths]

    with_commands = {
        str(path.relative_to(ROOT)) for path in documents if "```shell" in path.read_text("utf-8")
    }

    assert with_commands == set(DOCUMENTS)
