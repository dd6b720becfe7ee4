"""The alarm on loops: above what the limits can cause, and below what a loop does."""

import pytest

from cutout.services.reconcile import LOOK_EVERY_S, ROUNDS_EVERY_S
from tests.template.views import current

# Of each create: the upload that it comes from, its end, and the wake-up for its place in the rate
# window. One invocation each at the worst; the simulation sees 1.3 without the upload, because
# messages come together. An odd source has one more wake-up when its copy is ready.
USUAL, ODD = 3, 4
LOOKS_A_MINUTE = ROUNDS_EVERY_S // LOOK_EVERY_S
LOOP_A_MINUTE = 600  # a hop through SQS and a short run of the function take about 0.1 s


def allowed_a_minute(**parameters: object) -> float:
    """Return how many invocations a minute the alarm takes for usual."""
    said = current().resolve(
        current().of("AWS::CloudWatch::Alarm")["SubmitLoopAlarm"], **parameters
    )
    return float(said["Threshold"]) / (float(said["Period"]) / 60)


@pytest.mark.parametrize("creates", [1, 60, 100, 1000])
@pytest.mark.parametrize(
    ("providers", "limit"),
    [
        ("eachlabs", "EachlabsMaxPerMinute"),
        ("eachlabs,apiin", "EachlabsMaxPerMinute"),
        ("apiin", "ApiinMaxPerMinute"),
        ("apiin,eachlabs", "ApiinMaxPerMinute"),
        ("apiin, eachlabs", "ApiinMaxPerMinute"),
    ],
)
def test_what_the_limits_allow_is_no_loop(providers: str, limit: str, creates: int) -> None:
    """Whoever raises the limit of the first provider raises the alarm's threshold with it."""
    allowed = allowed_a_minute(Providers=providers, **{limit: creates})

    assert allowed >= creates * USUAL + LOOKS_A_MINUTE
    assert allowed + 0.1 >= creates * ODD + LOOKS_A_MINUTE


def test_a_loop_is_more_than_the_limits_allow() -> None:
    """At the limits that the template comes with, one message that leads to the next is seen."""
    assert allowed_a_minute() < LOOP_A_MINUTE


def test_a_large_upload_is_no_loop() -> None:
    """It takes hours of nothing but that; CloudWatch looks back for a day at the most."""
    said = current().of("AWS::CloudWatch::Alarm")["SubmitLoopAlarm"]

    assert 4 * 3600 <= said["Period"] * said["EvaluationPeriods"] <= 86_400
    assert said["TreatMissingData"] == "notBreaching"
