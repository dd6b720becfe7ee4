"""Template parameters: what `PARAMS` says, and what the template declares."""

import os
import platform
import shlex
from collections.abc import Mapping
from pathlib import Path

from samcli.yamlhelper import yaml_parse

from local.console import LocalError

# Provider -> the template parameter that names its key, and the variable that holds its value.
_KEYS = {
    "EachlabsApiKeyParameter": "EACHLABS_API_KEY",
    "ApiinApiKeyParameter": "APIIN_API_KEY",
}
_SANDBOX_KEY = "sandbox-key"
_ARCHITECTURES = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x86_64", "amd64": "x86_64"}


def parse(text: str) -> dict[str, str]:
    """Read `Key=Value 'Key2=a b'`, quoted as in a shell; values may be empty."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        message = f"PARAMS is not quoted as in a shell ({error}): {text}"
        raise LocalError(message) from error
    params: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (equals and name.isalnum()):
            message = f"PARAMS must be Key=Value pairs, this is none: {word}"
            raise LocalError(message)
        params[name] = value
    return params


def declared(template: Path) -> dict[str, str]:
    """Return the template's parameters with their defaults ("" where there is none)."""
    parameters = yaml_parse(template.read_text(encoding="utf-8")).get("Parameters", {})
    return {name: str(entry.get("Default", "")) for name, entry in parameters.items()}


def refuse_unknown(known: Mapping[str, str], chosen: Mapping[str, str]) -> None:
    """Raise `LocalError` if the user named a parameter that the template does not have."""
    unknown = sorted(set(chosen) - set(known))
    if unknown:
        message = f"template.yaml has no parameter {', '.join(unknown)}."
        raise LocalError(message)


def resolve(
    known: Mapping[str, str], sandbox_url: str, chosen: Mapping[str, str]
) -> dict[str, str]:
    """Return the overrides of a local deployment; what the user chose wins."""
    refuse_unknown(known, chosen)
    local = {
        "Architecture": architecture(),
        "EachlabsBaseUrl": f"{sandbox_url}/v1",
        "ApiinBaseUrl": sandbox_url,
    }
    return {name: value for name, value in local.items() if name in known} | dict(chosen)


def api_keys(known: Mapping[str, str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the SSM parameters that hold the providers' keys, by name."""
    names = {**known, **chosen}
    return {
        names[parameter]: os.environ.get(variable) or _SANDBOX_KEY
        for parameter, variable in _KEYS.items()
        if names.get(parameter)
    }


def architecture() -> str:
    """Return this machine's architecture in Lambda's words."""
    machine = platform.machine().lower()
    try:
        return _ARCHITECTURES[machine]
    except KeyError:
        message = f"Lambda has no architecture for this machine ({machine})."
        raise LocalError(message) from None
