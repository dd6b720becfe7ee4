"""What every test starts with: fake credentials, loopback sockets only, nothing cached."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from pytest_socket import socket_allow_hosts

from cutout import bootstrap
from local.guardian import follow_make
from tests.world import World

# How long an example takes says something about the machine, nothing about the code.
settings.register_profile("cutout", deadline=None)
settings.load_profile("cutout")

EVENTS = Path(__file__).parent.parent / "events"
LOOPBACK = ["127.0.0.1", "::1", "localhost"]


def pytest_configure() -> None:
    """End with the `make` that started the tests; the stacks they have up end with them."""
    follow_make()


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup() -> None:
    """Let sockets reach this machine and nothing else."""
    socket_allow_hosts(LOOPBACK, allow_unix_socket=True)


@pytest.fixture(autouse=True)
def fake_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep real credentials, profiles and instance roles out of every test."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SECURITY_TOKEN", "SESSION_TOKEN"):
        monkeypatch.setenv(f"AWS_{name}", "testing")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(autouse=True)
def fresh_builders() -> Iterator[None]:
    """Empty what `cutout.bootstrap` keeps as long as an execution environment lives."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    """Clear every cached builder."""
    for builder in vars(bootstrap).values():
        if hasattr(builder, "cache_clear") and builder.__module__ == bootstrap.__name__:
            builder.cache_clear()


@pytest.fixture
def load_event() -> Callable[[str], dict[str, Any]]:
    """Return the function that reads a sample: `load_event("submit/wake")`."""

    def load(name: str) -> dict[str, Any]:
        event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text("utf-8"))
        return event

    return load


@pytest.fixture
def world() -> World:
    """Return the application on fakes, with the default settings."""
    return World()
