"""The commands of docs/operations.md, run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.deploy import ROOT
from local.endpoint import CREDENTIALS
from tests.e2e.shop import Shop

pytestmark = pytest.mark.e2e

# The CLI's first version takes SQS elsewhere unless each command names the endpoint.
LOCAL_AWS = """set -euo pipefail
aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }
"""


def test_documented_commands_work(shop: Shop) -> None:
    """Every command of docs/operations.md, in its order; the last ones delete the stack."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```shell\n(.+?)^```", text, re.DOTALL | re.MULTILINE)
    bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env = bare | {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": shop.stack.endpoint_url,
        "AWS_DEFAULT_REGION": shop.stack.region,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NEW_KEY": "sandbox-key",
    }

    script = LOCAL_AWS + "\n".join(blocks)
    command = ["bash", "-c", script]
    done = subprocess.run(  # noqa: S603 - our own document
        command, cwd=ROOT, env=env, check=False, timeout=240, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Healthy: 0 faults" in done.stdout
