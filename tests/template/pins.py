"""The requirements files, read without installing anything."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIN = re.compile(r"(?P<name>[\w.-]+)(\[[\w,-]+\])?==(?P<version>[\w.+!]+)( ;[^\\]*)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
# Which groups of pyproject.toml each compiled file holds; None is [project].
GROUPS: dict[str, tuple[str | None, ...]] = {
    "layers/core/requirements.txt": (None,),
    "layers/imaging/requirements.txt": ("imaging",),
    "requirements-dev.txt": (None, "imaging", "dev"),
    "requirements-local-aws.txt": ("local-aws",),
    "requirements-runtime.txt": ("runtime",),
    "requirements-uv.txt": ("uv",),
}


def pins(text: str) -> dict[str, str]:
    """Return the pinned versions of a compiled file."""
    found = map(PIN.fullmatch, text.splitlines())
    return {canonicalize_name(pin["name"]): pin["version"] for pin in found if pin}


def unhashed(text: str) -> Iterator[str]:
    """Yield each line that is neither a pin nor a hash, and each pin without a hash."""
    lines = text.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if PIN.fullmatch(line):
            if not HASH.fullmatch(following):
                yield f"{line} has no hash"
        elif not HASH.fullmatch(line):
            yield f"neither a pin nor a hash: {line}"


def wanted(root: Path, file: str) -> list[Requirement]:
    """Return the requirements of pyproject.toml that a compiled file must meet."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    lines: list[str] = []
    for group in GROUPS[file]:
        lines += (
            project["dependency-groups"][group] if group else project["project"]["dependencies"]
        )
    return [Requirement(line) for line in lines]


def drift(requirements: list[Requirement], pinned: dict[str, str]) -> Iterator[str]:
    """Yield each requirement that the pins do not meet."""
    for requirement in requirements:
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None:
            yield f"{requirement} is not pinned"
        elif version not in requirement.specifier:
            yield f"{requirement} is pinned to {version}"
