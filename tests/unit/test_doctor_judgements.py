"""What the doctor says about what it sees."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from cutout.errors import (
    MaybeCreatedError,
    ProviderError,
    ProviderMisconfiguredError,
    ProviderOutOfCreditError,
    ProviderRateLimitedError,
    ProviderUnavailableError,
)
from cutout.gate import Gate, ProviderSide, Slot
from cutout.settings import Settings
from tools.account import connect, is_loopback
from tools.doctor import bucket, credentials, gates, plumbing, route
from tools.doctor.access import named_in
from tools.doctor.findings import Finding, Status, as_dicts, exit_code, fault, listed, ok, warning
from tools.doctor.findings import unknown as not_seen
from tools.doctor.fixes import difference, merged

NOW_MS = 1_795_000_000_000  # 2026-11
SETTINGS = Settings()


def codes(findings: Any) -> list[str]:
    """Return the codes of what is not ok."""
    return [finding.code for finding in findings if finding.status is not Status.OK]


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([], 2),
        ([ok("a.a", "")], 0),
        ([ok("a.a", ""), warning("b.b", "")], 0),
        ([ok("a.a", ""), not_seen("b.b", "")], 2),
        ([not_seen("a.a", ""), fault("b.b", "")], 1),
    ],
)
def test_exit_code_is_of_the_worst(findings: list[Finding], code: int) -> None:
    """Nobody is healthy who was not looked at."""
    assert exit_code(findings) == code


def test_json_has_plain_words() -> None:
    """Code, status, message."""
    assert as_dicts([fault("a.b", "c")]) == [{"code": "a.b", "status": "fault", "message": "c"}]


def test_names_the_first_of_many() -> None:
    """In order, with the number of the others."""
    assert listed("gfedcba", 2) == "a, b and 5 more"
    assert listed(["b", "a"]) == "a, b"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, []),
        ({"input_prefix": "photos/"}, []),
        ({"input_prefix": "photos/", "include_paths": ("photos/*.jpg",)}, []),
        ({"input_prefix": "photos/", "include_paths": ("*.jpg",)}, []),
        ({"input_prefix": "photos/new/", "include_paths": ("photos/*",)}, []),
        ({"input_prefix": "photos/", "include_paths": ("pics/*",)}, ["paths.nothing_included"]),
        ({"input_prefix": "photos/", "include_paths": ("a/*", "photos/x*")}, []),
        ({"exclude_paths": ("*",)}, ["paths.all_excluded"]),
        ({"exclude_paths": ("*.tmp",)}, []),
        ({"input_prefix": "photos/", "exclude_paths": ("photos/*",)}, ["paths.all_excluded"]),
        ({"input_prefix": "photos/", "exclude_paths": ("photos/old/*",)}, []),
        ({"input_prefix": "a.cutout.png"}, ["paths.prefix_is_result"]),
        ({"input_prefix": "/photos/"}, ["paths.leading_slash"]),
        ({"result_suffix": "na"}, ["paths.suffix_in_names"]),
    ],
)
def test_finds_settings_that_leave_nothing(values: dict[str, Any], expected: list[str]) -> None:
    """Prefix, globs and suffix against each other."""
    assert codes(bucket.judge_paths(Settings(**values))) == expected


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, "provider.odd"),
        (ProviderMisconfiguredError("HTTP 401"), "provider.key_refused"),
        (ProviderOutOfCreditError("HTTP 402"), "provider.no_credit"),
        (ProviderRateLimitedError("HTTP 429"), "provider.busy"),
        (ProviderUnavailableError("no answer"), "provider.unreachable"),
        (MaybeCreatedError("no answer"), "provider.unreachable"),
    ],
)
def test_reads_the_providers_answer(error: ProviderError | None, code: str) -> None:
    """To the status of a made-up prediction."""
    found = credentials.judge_answer(SETTINGS.provider("eachlabs"), error)

    assert found.code == code
    assert found.status is not Status.OK


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [
        (404, "", "webhook.answers"),
        (404, "<html>parked</html>", "webhook.foreign"),
        (401, "", "webhook.blocked"),
        (403, '{"message":"Missing Authentication Token"}', "webhook.blocked"),
        (200, "", "webhook.broken"),
        (429, "", "webhook.broken"),
        (502, "", "webhook.broken"),
    ],
)
def test_reads_the_routes_answer(status: int, text: str, code: str) -> None:
    """Only a bare 404 is the function's."""
    assert route.judge_route("https://x", status, text).code == code


def test_counts_dead_letters() -> None:
    """Each queue with messages is named with their number."""
    found = list(plumbing.judge_dead_letters({"A": 0, "B": 2, "C": 1}))

    assert [f.message.split(":")[0] for f in found] == ["B holds 2 messages", "C holds 1 message"]
    assert codes(plumbing.judge_dead_letters({"A": 0})) == []


@pytest.mark.parametrize(
    ("name", "state", "targets", "code"),
    [
        ("UploadsRule", "ENABLED", 1, "rules.enabled"),
        ("UploadsRule", "DISABLED", 1, "rules.disabled"),
        ("UploadsRule", "ENABLED", 0, "rules.no_target"),
        (plumbing.SCHEDULE, "DISABLED", 1, "reconcile.disabled"),
    ],
)
def test_judges_a_rule(name: str, state: str, targets: int, code: str) -> None:
    """On, and leading somewhere."""
    assert plumbing.judge_rule(name, state, targets).code == code


@pytest.mark.parametrize(
    ("suffix", "name", "expected"),
    [
        (".cutout", "images", []),
        (".other", "images", ["rules.loop_guard"]),
        (".cutout", "others", ["rules.bucket"]),
    ],
)
def test_holds_the_rule_against_the_settings(suffix: str, name: str, expected: list[str]) -> None:
    """Loop guard and bucket."""
    pattern = (
        '{"detail": {"bucket": {"name": ["images"]}, "object": {"key": '
        '[{"anything-but": {"wildcard": ["*.cutout.png", "*.cutout.webp"]}}]}}}'
    )

    assert codes(plumbing.judge_pattern(pattern, name, suffix)) == expected


@pytest.mark.parametrize(
    ("configuration", "reserved", "words"),
    [
        ({"State": "Active", "LastUpdateStatus": "Successful"}, None, ""),
        ({"State": "Inactive"}, 5, ""),
        ({"State": "Failed"}, None, "has State Failed"),
        ({"LastUpdateStatus": "Failed"}, None, "has LastUpdateStatus Failed"),
        ({"State": "Active"}, 0, "has a reserved concurrency of 0"),
    ],
)
def test_judges_a_function(configuration: dict[str, str], reserved: int | None, words: str) -> None:
    """Ready, and allowed to run."""
    assert plumbing.judge_function(configuration, reserved) == words


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (ProviderSide(), []),
        (ProviderSide(pause_reason="setup"), ["gate.paused"]),
        (
            ProviderSide(paused_until_ms=NOW_MS + 9, pause_reason="out_of_credit"),
            ["gate.paused"],
        ),
        (ProviderSide(paused_until_ms=NOW_MS + 9), ["gate.rate_limited"]),
        (ProviderSide(paused_until_ms=NOW_MS - 9), []),
        (ProviderSide(slots={"a.1": Slot(NOW_MS - gates.STALE_MS, 0, 0)}), []),
        (ProviderSide(slots={"a.1": Slot(NOW_MS - gates.STALE_MS - 1, 0, 0)}), ["gate.stuck"]),
    ],
)
def test_judges_a_provider_at_the_gate(side: ProviderSide, expected: list[str]) -> None:
    """Paused, slowed down, or held by leases that ended."""
    gate = Gate(month="2026-11", providers={"eachlabs": side})

    assert codes(gates.judge_gate(gate, SETTINGS, 0, NOW_MS)) == expected


@pytest.mark.parametrize(
    ("spent", "month", "expected"),
    [
        (0, "2026-11", []),
        (89_999_999, "2026-11", []),
        (90_000_000, "2026-11", ["gate.budget_low"]),
        (99_983_000, "2026-11", ["gate.budget_low"]),
        (99_983_001, "2026-11", ["gate.budget"]),
        (100_000_000, "2026-10", []),
    ],
)
def test_judges_the_budget(spent: int, month: str, expected: list[str]) -> None:
    """Used up when not even one more image fits."""
    gate = Gate(month=month, spent_microusd=spent)

    assert codes(gates.judge_gate(gate, SETTINGS, 0, NOW_MS)) == expected
    no_cap = replace_cap(0)
    assert codes(gates.judge_gate(gate, no_cap, 0, NOW_MS)) == []


def replace_cap(microusd: int) -> Settings:
    """Return the settings with another cap."""
    return SETTINGS.model_copy(update={"monthly_budget_usd": microusd})


def test_names_the_reasons_of_failures() -> None:
    """By their number; none is fine."""
    found = gates.judge_failures(Counter(provider_rejected=1, attempts_exhausted=3))

    assert "4 images failed: 3 attempts_exhausted, 1 provider_rejected" in found.message
    assert gates.judge_failures(Counter()).status is Status.OK


def test_merges_notifications() -> None:
    """EventBridge is added, the answer's own fields go, nothing else changes."""
    before = {"QueueConfigurations": [{"Id": "mine"}], "ResponseMetadata": {"RequestId": "1"}}

    after = merged(before)

    assert after == {"QueueConfigurations": [{"Id": "mine"}], "EventBridgeConfiguration": {}}
    changed = [line for line in difference(before, after) if line[:1] in "+-"]
    assert any('"EventBridgeConfiguration": {}' in line for line in changed)
    assert not any("mine" in line for line in changed)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:4566", True),
        ("http://localhost:4566", True),
        ("http://[::1]:1", True),
        ("https://dynamodb.us-east-1.amazonaws.com", False),
        ("http://10.0.0.1", False),
    ],
)
def test_knows_this_machine(url: str, *, local: bool) -> None:
    """By address or name."""
    assert is_loopback(url) is local


def test_never_shows_real_keys_to_a_local_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The local AWS has a root user of its own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")

    account = connect(endpoint_url="http://127.0.0.1:4566")

    assert account.session.get_credentials().access_key == "test"
    assert account.is_local


def test_reads_roles_from_a_key_policy() -> None:
    """Those that are allowed, in both forms; the account's root is not a role."""
    policy = {
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": ["arn:a:role/x", "arn:a:root"]}},
            {"Effect": "Allow", "Principal": {"AWS": "arn:a:role/y"}},
            {"Effect": "Deny", "Principal": {"AWS": "arn:a:role/z"}},
            {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}},
        ]
    }

    assert named_in(policy) == {"arn:a:role/x", "arn:a:role/y"}


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("OK", []),
        ("INSUFFICIENT_DATA", []),
        ("ALARM", ["loop.found"]),
        (None, ["loop.no_alarm"]),
    ],
)
def test_a_loop_is_a_fault(state: str | None, code: list[str]) -> None:
    """The alarm knows; one that was deleted knows nothing."""
    assert codes([plumbing.judge_loop(state)]) == code


def test_the_loop_alarm_is_the_stacks_own() -> None:
    """The doctor asks for it by the name that CloudFormation gave it; a stack may have none."""
    asked: list[list[str]] = []

    def client(service: str) -> Any:
        def describe_alarms(AlarmNames: list[str]) -> Any:  # noqa: N803 boto3's spelling
            asked.append(AlarmNames)
            return {"MetricAlarms": [{"StateValue": "ALARM"}] if service == "cloudwatch" else []}

        return SimpleNamespace(describe_alarms=describe_alarms)

    resources = {("AWS::CloudWatch::Alarm", "SubmitLoopAlarm"): "cutout-SubmitLoopAlarm-1A2B"}
    with_alarm: Any = SimpleNamespace(resources=resources, client=client)
    without: Any = SimpleNamespace(resources={}, client=client)

    found = [*plumbing.check_loop(with_alarm), *plumbing.check_loop(without)]

    assert codes(found) == ["loop.found"]
    assert asked == [["cutout-SubmitLoopAlarm-1A2B"]]
