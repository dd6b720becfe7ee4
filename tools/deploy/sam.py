"""The SAM CLI: builds for one architecture, and asks its questions with our default answers."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from samcli.yamlhelper import yaml_dump, yaml_parse

from local.deploy import ROOT, precompile

BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"

_BIN = Path(sys.executable).parent


def build(architecture: str) -> int:
    """Build for this architecture, since the layers hold compiled code; return the exit code."""
    code = _run("build", "--parameter-overrides", f"Architecture={architecture}")
    if code == 0:
        precompile(BUILT.parent)
    return code


def deploy(built: Path, name: str, region: str, answers: Mapping[str, str]) -> int:
    """Deploy a build by `sam deploy --guided` and return its exit code.

    What the user answers is not kept: the next deployment reads it from the stack. SAM offers to
    save it all the same, so the configuration it reads and writes is a copy of samconfig.toml
    beside the build.
    """
    config = built.with_name("samconfig.toml")
    shutil.copyfile(ROOT / "samconfig.toml", config)
    # A file, because values with spaces and empty values do not survive SAM's own quoting.
    values = built.with_name("answers.yaml")
    values.write_text(json.dumps(dict(answers), ensure_ascii=False), encoding="utf-8")
    return _run(
        *("deploy", "--guided", "--stack-name", name, "--region", region),
        *("--template-file", str(told(built, answers)), "--config-file", str(config)),
        *("--parameter-overrides", f"file://{values}"),  # SAM does not decode a URI
    )


def told(built: Path, answers: Mapping[str, str]) -> Path:
    """Write the built template with what SAM's questions lack, and return the path of the copy.

    SAM takes an empty answer for none and asks with the template's default instead, so where the
    answer is empty, the default is too. CloudFormation refuses another architecture than the one
    that the layers were built for.
    """
    template = yaml_parse(built.read_text(encoding="utf-8"))
    declared = template["Parameters"]
    for name in [name for name, value in answers.items() if not value]:
        declared[name]["Default"] = ""
    architecture = answers["Architecture"]
    declared["Architecture"] |= {
        "Default": architecture,
        "AllowedValues": [architecture],
        "ConstraintDescription": (
            f"{architecture}, which this was built for; make deploy ARCHITECTURE=... builds for "
            "another one"
        ),
    }
    path = built.with_name("deploy.yaml")
    path.write_text(yaml_dump(template), encoding="utf-8")
    return path


def _run(*arguments: str) -> int:
    """Run the SAM CLI at the user's terminal."""
    # `sam build` looks for the runtime's Python there.
    path = f"{_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    env = os.environ | {"PATH": path, "SAM_CLI_TELEMETRY": "0"}
    command = [str(_BIN / "sam"), *arguments]
    return subprocess.run(command, env=env, cwd=ROOT, check=False).returncode  # noqa: S603 ours
