"""What PARAMS says, and what a local deployment overrides."""

from pathlib import Path

import pytest

from local import parameters
from local.console import LocalError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("MaxAttempts=2", {"MaxAttempts": "2"}),
        ("A=1  B=2", {"A": "1", "B": "2"}),
        ("IncludePaths='a b/**, c/*.jpg' B=2", {"IncludePaths": "a b/**, c/*.jpg", "B": "2"}),
        ("'IncludePaths=a b'", {"IncludePaths": "a b"}),
        ("InputPrefix= B=''", {"InputPrefix": "", "B": ""}),
        ("WebhookBaseUrl=https://x.example/?a=b", {"WebhookBaseUrl": "https://x.example/?a=b"}),
        ("A=1 A=2", {"A": "2"}),
    ],
)
def test_parse_reads_shell_words(text: str, expected: dict[str, str]) -> None:
    """Values keep spaces, commas and equals signs, and may be empty."""
    assert parameters.parse(text) == expected


@pytest.mark.parametrize("text", ["Key", "=value", "A=1 b-c=2", "A='open"])
def test_parse_refuses_what_is_no_pair(text: str) -> None:
    """A typing error is reported with the word that is wrong."""
    with pytest.raises(LocalError, match="PARAMS"):
        parameters.parse(text)


def test_declared_returns_defaults(tmp_path: Path) -> None:
    """Parameters are read with CloudFormation's own tags beside them."""
    template = tmp_path / "template.yaml"
    template.write_text(
        "Parameters:\n  A: {Type: Number, Default: 3}\n  B: {Type: String}\n"
        "Outputs:\n  C: {Value: !Ref A}\n"
    )

    assert parameters.declared(template) == {"A": "3", "B": ""}


def test_resolve_points_the_declared_parameters_at_the_sandbox() -> None:
    """Parameters that the template does not have are left out."""
    known = {"EachlabsBaseUrl": "https://api.eachlabs.ai/v1", "MaxAttempts": "3"}

    overrides = parameters.resolve(known, "http://127.0.0.1:9", {"MaxAttempts": "1"})

    assert overrides == {"EachlabsBaseUrl": "http://127.0.0.1:9/v1", "MaxAttempts": "1"}


def test_resolve_lets_the_user_win() -> None:
    """A value of the user replaces the local one."""
    known = {"ApiinBaseUrl": ""}

    overrides = parameters.resolve(known, "http://127.0.0.1:9", {"ApiinBaseUrl": "http://x"})

    assert overrides == {"ApiinBaseUrl": "http://x"}


def test_resolve_refuses_unknown_parameters() -> None:
    """A mistyped name is reported instead of ignored."""
    with pytest.raises(LocalError, match="no parameter MaxAtempts"):
        parameters.resolve({"MaxAttempts": "3"}, "http://127.0.0.1:9", {"MaxAtempts": "1"})


def test_api_keys_follow_the_names_of_their_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key from the environment goes to the parameter that the stack will read."""
    monkeypatch.setenv("EACHLABS_API_KEY", "mine")
    monkeypatch.delenv("APIIN_API_KEY", raising=False)
    known = {"EachlabsApiKeyParameter": "/a", "ApiinApiKeyParameter": "/b"}

    keys = parameters.api_keys(known, {"EachlabsApiKeyParameter": "/mine"})

    assert keys == {"/mine": "mine", "/b": "sandbox-key"}


@pytest.mark.parametrize(
    ("machine", "expected"), [("x86_64", "x86_64"), ("aarch64", "arm64"), ("arm64", "arm64")]
)
def test_architecture_speaks_lambda(
    machine: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's name is translated."""
    monkeypatch.setattr("platform.machine", lambda: machine)

    assert parameters.architecture() == expected
