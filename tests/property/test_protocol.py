"""Any interleaving of anything, and at the end one result per image and every cent explained."""

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.fakes import NOON_MS
from tests.property.actions import Action, actions
from tests.property.universe import Universe
from tests.property.verdict import problems
from tests.world import PRICE

BEFORE_MIDNIGHT_MS = 1_769_903_880_000  # 2026-01-31T23:58:00Z: the month turns
DEEP = os.environ.get("CUTOUT_HYPOTHESIS_PROFILE") == "deep"


class Protocol(RuleBasedStateMachine):
    """Uploads, queues, webhooks, schedule, provider: all of them at their worst.

    There is one rule of many actions because hypothesis leaves whole rules out of most runs, and
    without uploads, invocations and faults together nothing is tried.
    """

    def __init__(self) -> None:
        super().__init__()
        self.universe = Universe()

    @initialize(
        versioned=st.booleans(),
        start_ms=st.sampled_from([NOON_MS, BEFORE_MIDNIGHT_MS]),
        cap=st.sampled_from([0, 3, 8]),
        reliable=st.booleans(),
    )
    def begin(self, *, versioned: bool, start_ms: int, cap: int, reliable: bool) -> None:
        """Choose the bucket, the date, the cap, and whether reconcile runs every minute."""
        self.universe = Universe(
            versioned=versioned,
            start_ms=start_ms,
            budget_microusd=cap * PRICE,
            reliable=reliable,
        )

    @rule(action=actions())
    def act(self, action: Action) -> None:
        """Let something happen."""
        action(self.universe)

    @invariant()
    def nothing_is_violated(self) -> None:
        """Every write was allowed."""
        assert self.universe.watch.violations == []

    def teardown(self) -> None:
        """Heal the world, and let everything come to its end."""
        if not self.universe.watch.violations:
            self.universe.heal()
            assert problems(self.universe) == []
        for invocation in list(self.universe.open):
            invocation.kill()


TestProtocol = Protocol.TestCase
TestProtocol.settings = settings(
    max_examples=20_000 if DEEP else 1_000,
    stateful_step_count=50 if DEEP else 40,
    derandomize=not DEEP,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=list(Phase) if DEEP else [Phase.generate],  # what fails by default is shrunk by `deep`
)
