import json
import re
from typing import Any

import pytest
from cfnlint import api

from cutout import errors
from cutout.backfills import AT_ONCE
from tests.stack import TEMPLATE
from tests.template.views import View, current, names_in

ROOT = TEMPLATE.parent
LIVES_S = {"EXPRESS": 300, "STANDARD": 31_536_000}  # how long AWS lets an execution live
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
# Error names that AWS makes; all others are class names of ours.
OF_AWS = ("States.", "Lambda.")


@pytest.fixture(params=sorted(path.name for path in (ROOT / "statemachines").iterdir()))
def file(request: pytest.FixtureRequest) -> str:
    """Return the name of each definition's file."""
    return str(request.param)


@pytest.fixture
def machine(file: str) -> dict[str, Any]:
    """Return the definition of each state machine."""
    definition: dict[str, Any] = json.loads((ROOT / "statemachines" / file).read_text("utf-8"))
    return definition


@pytest.fixture
def deployed(file: str) -> dict[str, Any]:
    """Return what the template says of the machine."""
    (said,) = [m for m in machines(current()) if m["DefinitionUri"] == f"statemachines/{file}"]
    return said


def states_of(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return all states by name, those inside a Map too."""
    found: dict[str, dict[str, Any]] = dict(definition["States"])
    for state in definition["States"].values():
        found |= states_of(state["ItemProcessor"]) if state["Type"] == "Map" else {}
    return found


def lint(definition: dict[str, Any]) -> list[str]:
    """Return what cfn-lint says of a definition; it does not look behind a DefinitionUri."""
    inlined = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": "arn:aws:iam::123456789012:role/any", "Definition": definition},
    }
    # The text stands for the placeholders' ARNs; what they are is not what is looked at.
    text = PLACEHOLDER.sub("aws", json.dumps({"Resources": {"Machine": inlined}}))
    return [match.rule.id for match in api.lint(text)]


def test_definition_is_sound(machine: dict[str, Any]) -> None:
    """Every state exists, has a known type and leads somewhere."""
    assert lint(machine) == []


def test_unsound_definition_is_found(machine: dict[str, Any]) -> None:
    """The check above fails on a state of an unknown type."""
    first = machine["States"][machine["StartAt"]]
    first["Type"] = "Tasc"

    assert "E3601" in lint(machine)


def unknown_errors(definition: dict[str, Any]) -> set[str]:
    """Return the error names in a definition that neither AWS nor we raise."""
    named = {
        name
        for state in states_of(definition).values()
        for handler in [*state.get("Retry", []), *state.get("Catch", [])]
        for name in handler["ErrorEquals"]
    }
    return {name for name in named if not name.startswith(OF_AWS) and not hasattr(errors, name)}


def test_error_names_exist(machine: dict[str, Any]) -> None:
    """Step Functions compares class names letter by letter, so each one must be ours."""
    assert unknown_errors(machine) == set()


def test_renamed_error_is_found(machine: dict[str, Any]) -> None:
    """The check above fails when an error gets another name."""
    retried = [state for state in states_of(machine).values() if "Retry" in state]
    retried[0]["Retry"][0]["ErrorEquals"].append("ProviderGoneError")

    assert unknown_errors(machine) == {"ProviderGoneError"}


def test_passing_faults_of_a_question_are_retried() -> None:
    """Each by its own name: Step Functions knows no base classes."""
    machine = json.loads((ROOT / "statemachines" / "poll.asl.json").read_text("utf-8"))
    retried = {name for retry in machine["States"]["Ask"]["Retry"] for name in retry["ErrorEquals"]}
    passing = [
        errors.ProviderUnavailableError,
        errors.ProviderRateLimitedError,
        errors.ProviderKeyUnreadableError,
        errors.MaybeCreatedError,
        errors.StorageError,
    ]

    assert {error.__name__ for error in passing} <= retried
    assert errors.ConfigurationError.__name__ not in retried


def machines(view: View) -> list[dict[str, Any]]:
    """Return what the template says of its state machines."""
    kind = "AWS::Serverless::StateMachine"
    return [one["Properties"] for one in view.written.values() if one["Type"] == kind]


def test_placeholders_are_substituted() -> None:
    """Each `${Placeholder}` has a substitution, and each substitution a placeholder."""
    for said in machines(current()):
        text = (ROOT / said["DefinitionUri"]).read_text("utf-8")

        assert set(PLACEHOLDER.findall(text)) == set(said["DefinitionSubstitutions"])


def test_every_definition_is_deployed() -> None:
    """No definition lies about that no machine uses."""
    deployed = {said["DefinitionUri"] for said in machines(current())}

    assert deployed == {f"statemachines/{p.name}" for p in (ROOT / "statemachines").iterdir()}


def test_machine_ends_in_time(machine: dict[str, Any], deployed: dict[str, Any]) -> None:
    """An execution ends before AWS ends it, and each task before the machine."""
    tasks = [state for state in states_of(machine).values() if state["Type"] == "Task"]

    assert machine["TimeoutSeconds"] <= LIVES_S[deployed["Type"]]
    assert all(0 < task["TimeoutSeconds"] < machine["TimeoutSeconds"] for task in tasks)


def test_machine_waits_for_its_function(machine: dict[str, Any], deployed: dict[str, Any]) -> None:
    """A task does not give up while its function may still answer."""
    view = current()
    asked = [s for s in states_of(machine).values() if "FunctionName" in s.get("Parameters", {})]

    assert asked
    for state in asked:
        (placeholder,) = PLACEHOLDER.findall(state["Parameters"]["FunctionName"])
        (function,) = names_in(deployed["DefinitionSubstitutions"][placeholder])
        limit = view.of("AWS::Lambda::Function")[function]["Timeout"]
        assert state["TimeoutSeconds"] >= limit


def test_only_what_lasts_is_not_express(deployed: dict[str, Any]) -> None:
    """A backfill takes hours; and no machine is traced, whose input names predictions."""
    express = deployed["DefinitionUri"] != "statemachines/backfill.asl.json"

    assert deployed["Type"] == ("EXPRESS" if express else "STANDARD")
    assert deployed.get("Tracing") is None


def test_states_explain_themselves(machine: dict[str, Any]) -> None:
    """Each state has a comment, each task says what is retried and where faults lead."""
    handled = {"Comment", "Retry", "Catch"}
    wanted = {"Task": handled, "Map": handled, "Choice": {"Comment", "Default"}}

    lacking = {
        name: wanted.get(state["Type"], {"Comment"}) - set(state)
        for name, state in states_of(machine).items()
    }

    assert {name: what for name, what in lacking.items() if what} == {}


def test_as_many_batches_are_in_work_as_their_size_is_derived_from() -> None:
    """The machine's constant and the code's are one."""
    definition = json.loads((ROOT / "statemachines" / "backfill.asl.json").read_text("utf-8"))

    assert definition["States"]["Feed"]["MaxConcurrency"] == AT_ONCE
