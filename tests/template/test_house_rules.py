import pytest

from tests.template import (
    breaks_flow,
    breaks_shape,
    breaks_watch,
    rules_access,
    rules_alarms,
    rules_flow,
    rules_shape,
    rules_watch,
)
from tests.template.breaks import Break, Rule
from tests.template.views import View, broken, current

BREAKS = [*breaks_flow.BREAKS, *breaks_shape.BREAKS, *breaks_watch.BREAKS]
RULES = [
    *(*rules_flow.RULES, *rules_watch.RULES, *rules_alarms.RULES),
    *(*rules_access.RULES, *rules_shape.RULES),
]


@pytest.fixture
def view() -> View:
    """Return template.yaml."""
    return current()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_template_keeps(rule: Rule, view: View) -> None:
    """The template keeps the rule."""
    assert list(rule(view)) == []


@pytest.mark.parametrize("change", BREAKS, ids=str)
def test_rule_notices(change: Break, view: View) -> None:
    """Each rule says something new about a template that breaks it."""
    before = set(change.rule(view))

    after = set(change.rule(broken(change)))

    assert after - before


def test_every_rule_is_broken_once() -> None:
    """No rule is left without a template that it refuses."""
    assert {change.rule for change in BREAKS} == set(RULES)
