import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from cutout.api.preferences import MOST_WAIT_S
from cutout.errors import ConfigurationError
from cutout.settings import PREFIX, Settings
from tests.stack import TEMPLATE, template
from tests.template.contract import PATTERNS
from tests.template.readers import needed_by
from tests.template.views import View, broken, current, listed, names_in

ROOT = TEMPLATE.parent
FIELDS = set(Settings.model_fields)
FUNCTIONS = [
    name
    for name, resource in template()["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
]
# The template does not set them: they follow from what else it says, and a test below compares.
DERIVED = {"max_receives"}


def environments(view: View, **parameters: object) -> dict[str, dict[str, str]]:
    """Return the variables of each function, by its folder."""
    found = {}
    for name, said in view.of("AWS::Lambda::Function").items():
        written = view.written[name]["Properties"]["CodeUri"]
        variables = said["Environment"]["Variables"]
        found[Path(written).name] = view.resolve(variables, **parameters)
    return found


def fields_in(variables: dict[str, str]) -> set[str]:
    """Return the settings that the variables stand for."""
    return {name.removeprefix(PREFIX).lower() for name in variables if name.startswith(PREFIX)}


def common_fields(view: View) -> set[str]:
    """Return the settings that every function gets."""
    return fields_in(view.source["Globals"]["Function"]["Environment"]["Variables"])


def unknown(view: View) -> set[str]:
    """Return the variables that no setting stands for."""
    return set(chain.from_iterable(map(fields_in, environments(view).values()))) - FIELDS


def test_every_variable_is_a_setting() -> None:
    """A function refuses to start with a variable that it does not know."""
    assert unknown(current()) == set()


def test_unknown_variable_is_found() -> None:
    """The check above fails on a variable without a setting."""

    def misspell(source: Any) -> None:
        variables = source["Globals"]["Function"]["Environment"]["Variables"]
        variables["CUTOUT_MAX_ATEMPTS"] = "3"

    assert unknown(broken(misspell)) == {"max_atempts"}


def test_every_setting_is_set_somewhere() -> None:
    """No setting is left at its default because the template forgot it."""
    set_fields = set(chain.from_iterable(map(fields_in, environments(current()).values())))

    assert FIELDS - set_fields == DERIVED


@pytest.mark.parametrize(
    "folder", sorted(app.parent.name for app in ROOT.glob("functions/*/app.py"))
)
def test_function_gets_what_it_reads(folder: str) -> None:
    """A function has each variable it reads, and no variable of its own that it does not."""
    view = current()
    given, common = fields_in(environments(view)[folder]), common_fields(view)

    needed = needed_by(folder) - DERIVED

    assert {field for field in needed - given if not field.endswith("_queue_url")} == set()
    assert given - common - needed == set()


def queues_known(view: View, function: str) -> set[str]:
    """Return the settings of a function that are addresses of queues."""
    folder = Path(view.written[function]["Properties"]["CodeUri"]).name
    return {
        field for field in fields_in(environments(view)[folder]) if field.endswith("_queue_url")
    }


def queues_allowed(view: View, function: str) -> set[str]:
    """Return the settings of the queues that a function may send to."""
    return {
        re.sub(r"(?<!^)(?=[A-Z])", "_", queue).lower() + "_url"
        for owner, statement in view.statements()
        if owner == function and "sqs:SendMessage" in listed(statement["Action"])
        for queue in names_in(statement["Resource"])
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_knows_the_queues_it_may_write_to(function: str) -> None:
    """A queue's address and the permission to send to it come together, or not at all."""
    view = current()

    assert queues_known(view, function) == queues_allowed(view, function)


def test_missing_address_is_found() -> None:
    """The check above fails on a permission without the address."""

    def forget(source: Any) -> None:
        function = source["Resources"]["WebhookFunction"]["Properties"]
        del function["Environment"]["Variables"]["CUTOUT_DISPATCH_QUEUE_URL"]

    view = broken(forget)

    assert queues_allowed(view, "WebhookFunction") - queues_known(view, "WebhookFunction") == {
        "dispatch_queue_url"
    }


def test_reading_is_understood() -> None:
    """The search through the builders finds what stands in them and in the services."""
    assert needed_by("submit") >= {"poll_state_machine_arn", "webhook_base_url", "jobs_table"}
    assert "dispatch_queue_url" in needed_by("webhook")
    assert "webhook_base_url" not in needed_by("webhook")


def started_with(view: View, **parameters: object) -> list[Settings]:
    """Return the settings of each function of a stack with these parameters."""
    return [Settings.from_env(env) for env in environments(view, **parameters).values()]


def allowed_values(name: str) -> list[object]:
    """Return the ends of a parameter's range, its choices and what its pattern takes."""
    said = template()["Parameters"][name]
    ends = [said[end] for end in ("MinValue", "MaxValue") if end in said]
    return [*ends, *said.get("AllowedValues", []), *PATTERNS.get(name, ([], []))[0]]


def test_defaults_are_the_same_twice() -> None:
    """The defaults of the template's parameters are those of the settings."""
    view = current()
    parameters = {
        name.removeprefix(PREFIX).lower()
        for name, value in view.source["Globals"]["Function"]["Environment"]["Variables"].items()
        if isinstance(value, dict) and value.get("Ref") in view.parameters
    }

    for settings in started_with(view):
        assert settings.model_dump(include=parameters) == Settings().model_dump(include=parameters)


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in template()["Parameters"] for value in allowed_values(name)],
)
def test_functions_start_with_every_allowed_value(name: str, value: object) -> None:
    """What the template lets a person choose, the functions accept."""
    assert started_with(current(), **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("MaxAttempts", 0), ("EachlabsMaxConcurrent", 101), ("OutputFormat", "gif")],
)
def test_functions_refuse_other_values(name: str, value: object) -> None:
    """The check above fails on a value that the template would have to refuse."""
    with pytest.raises(ConfigurationError, match="these settings are wrong"):
        started_with(current(), **{name: value})


def test_last_try_is_known() -> None:
    """Store knows after how many tries the queue gives up: it says why before the message goes."""
    queues = current().of("AWS::SQS::Queue")

    redrive = queues["CompletionsQueue"]["RedrivePolicy"]

    assert redrive["maxReceiveCount"] == Settings().max_receives


def test_a_waiting_call_of_the_api_ends_in_time() -> None:
    """Recording before and presigning after it have two seconds each; the gateway waits for 29."""
    timeout_s = current().written["ApiFunction"]["Properties"]["Timeout"]

    assert MOST_WAIT_S + 4 <= timeout_s < 29
