"""Another version of this repository, as it stands in its history, and how it deploys itself."""

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.deploy import ROOT
from local.endpoint import Endpoint

_DEPLOY = """
import json, sys
from pathlib import Path
from local import deploy
from local.endpoint import Endpoint

url, directory, overrides = sys.argv[1:]
made = deploy.build_and_deploy(Endpoint(endpoint_url=url), Path(directory), json.loads(overrides))
Path(directory, "outputs.json").write_text(json.dumps(made))
"""


class Earlier:
    """The files of a commit, in a directory of their own."""

    def __init__(self, commit: str, directory: Path) -> None:
        """Take the files out of the history; skip the test where that has not got them."""
        self._root = directory
        known = _git("cat-file", "-e", f"{commit}^{{commit}}")
        if known.returncode:
            pytest.skip(f"the history here has no commit {commit}: this is a shallow clone")
        archive = io.BytesIO(_git("archive", commit).stdout)
        with tarfile.open(fileobj=archive) as files:
            files.extractall(directory, filter="data")

    def build_and_deploy(
        self, endpoint: Endpoint, directory: Path, overrides: Mapping[str, str]
    ) -> dict[str, str]:
        """Build and deploy that version by its own code; return the stack's outputs."""
        arguments = [endpoint.endpoint_url, str(directory), json.dumps(dict(overrides))]
        subprocess.run(  # noqa: S603 our own interpreter and code
            [sys.executable, "-c", _DEPLOY, *arguments],
            cwd=self._root,
            env=os.environ | {"PYTHONPATH": str(self._root)},
            check=True,
        )
        outputs: dict[str, str] = json.loads((directory / "outputs.json").read_text("utf-8"))
        return outputs


def _git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run git in this repository; without git the answer is that of a failure."""
    try:
        return subprocess.run(  # noqa: S603 its arguments are ours
            ["git", *arguments],  # noqa: S607 wherever it is installed
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(arguments, 1, b"", b"")
