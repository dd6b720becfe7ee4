"""Build and deploy the application to the local AWS with the SAM CLI."""

import compileall
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from py_compile import PycInvalidationMode

from local import parameters
from local.console import stage
from local.endpoint import CREDENTIALS, Endpoint
from local.processes import locked, run

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"
STACK_NAME = "cutout"

_BIN = Path(sys.executable).parent
_SOURCES = ("functions", "layers", "statemachines")
_ARTIFACTS = "cutout-artifacts"
# Not .aws-sam/build: `make deploy` builds there, perhaps for another architecture.
_BUILD = ROOT / ".aws-sam" / "local"
_STAMP = _BUILD / "fingerprint"
_LOCK = ROOT / ".aws-sam" / "local.lock"


def build_and_deploy(
    endpoint: Endpoint, directory: Path, overrides: Mapping[str, str]
) -> dict[str, str]:
    """Build what has changed, deploy it, and return the stack's outputs.

    One stack at a time: they share the build, which must not change below another's deploy.
    """
    with locked(_LOCK):
        _build_changes(directory, overrides.get("Architecture", parameters.architecture()))
        with stage("Deployed with sam deploy"):
            return _deploy(endpoint, directory, overrides)


def build(directory: Path) -> None:
    """Build what has changed, so that the next deployment need not; the log is in `directory`."""
    with locked(_LOCK):
        _build_changes(directory, parameters.architecture())


def _build_changes(directory: Path, architecture: str) -> None:
    current = fingerprint(architecture)
    if not (_STAMP.exists() and _STAMP.read_text(encoding="ascii") == current):
        with stage("Built with sam build"):
            _build(directory, architecture)
        _STAMP.write_text(current, encoding="ascii")


def _build(directory: Path, architecture: str) -> None:
    command = [
        *(_sam(), "build", "--cached", "--parallel"),
        *("--template-file", str(TEMPLATE)),
        *("--build-dir", str(_BUILD), "--cache-dir", str(ROOT / ".aws-sam" / "local-cache")),
        *("--config-file", str(_no_config(directory))),
        *("--parameter-overrides", f"Architecture={architecture}"),
    ]
    run(command, env=_environment(), cwd=ROOT, log=directory / "build.log")
    precompile(_BUILD)


def precompile(build: Path) -> None:
    """Put compiled modules beside the sources of a build, for faster cold starts.

    Without them every new execution environment compiles every module it imports. Their validity
    is not tied to time stamps, which do not survive the way into a layer.
    """
    mode = PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(build, quiet=2, stripdir=str(build), invalidation_mode=mode)


def _deploy(endpoint: Endpoint, directory: Path, overrides: Mapping[str, str]) -> dict[str, str]:
    endpoint.client("s3").create_bucket(Bucket=_ARTIFACTS)
    # A file, because values with spaces and empty values do not survive SAM's own quoting.
    values = directory / "parameters.yaml"
    values.write_text(json.dumps(dict(overrides), ensure_ascii=False), encoding="utf-8")
    command = [
        *(_sam(), "deploy", "--stack-name", STACK_NAME),
        *("--template-file", str(_BUILD / "template.yaml")),
        *("--s3-bucket", _ARTIFACTS, "--region", endpoint.region),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset"),
        *("--config-file", str(_no_config(directory))),
        *("--parameter-overrides", f"file://{values}"),  # SAM does not decode a URI
    ]
    env = _environment() | {"AWS_ENDPOINT_URL": endpoint.endpoint_url}
    run(command, env=env, cwd=ROOT, log=directory / "deploy.log")
    found = endpoint.client("cloudformation").describe_stacks(StackName=STACK_NAME)
    outputs = found["Stacks"][0].get("Outputs", [])
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def fingerprint(architecture: str, root: Path = ROOT) -> str:
    """Return a digest over everything that `sam build` reads."""
    files = [
        path
        for source in _SOURCES
        for path in (root / source).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    digest = hashlib.sha256(f"{architecture} {sys.version_info}".encode())
    for path in sorted([root / "template.yaml", *files]):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"\n{path.relative_to(root)} {content}".encode())
    return digest.hexdigest()


def _sam() -> str:
    return str(_BIN / "sam")


def _no_config(directory: Path) -> Path:
    # samconfig.toml is for real accounts: its profile, region and bucket do not belong here.
    config = directory / "samconfig.toml"
    config.write_text("version = 0.1\n", encoding="utf-8")
    return config


def _environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return inherited | {
        **CREDENTIALS,
        # sam build looks for python3.13 there.
        "PATH": f"{_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.5",  # the default of 5 s is most of a local deployment
        "COLUMNS": "160",  # the width of its tables of events in the log
    }
