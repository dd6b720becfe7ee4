"""The poll machine asks until it knows, and never longer than it may."""

import pytest

from cutout.errors import ProviderUnavailableError
from cutout.models import AttemptEnded, Failed, JobState, Outcome, Pending, PollRequest, Succeeded
from cutout.services.polling import FORGIVEN_UNKNOWN, Polling
from tests.fakes import NOON_MS
from tests.world import World

ENDS: list[Outcome] = [
    Succeeded(result_url="https://cdn.test/1.png"),
    Failed(code="provider_failed", message="no subject"),
]


def polling(world: World) -> Polling:
    """Return what `poll` does."""
    return Polling(world.jobs, {"eachlabs": world.provider}, world.clock)


def a_request(world: World, **changes: object) -> PollRequest:
    """Submit an image and return what its machine asks."""
    request = PollRequest(
        job_id=world.submitted().job_id,
        number=1,
        provider="eachlabs",
        prediction_id="prediction-1",
        wait_s=9,
        until_ms=NOON_MS + 270_000,
    )
    return request.model_copy(update=changes)


@pytest.mark.parametrize("outcome", ENDS)
def test_an_end_is_told(world: World, outcome: Outcome) -> None:
    """The body is the same sentence that a webhook says."""
    request = a_request(world)
    world.provider.outcomes["prediction-1"] = outcome

    answer = polling(world).ask(request)

    ended = AttemptEnded.model_validate_json(answer.body)
    assert answer.next == "tell"
    assert (ended.job_id, ended.number, ended.outcome) == (request.job_id, 1, outcome)


@pytest.mark.parametrize(("asked", "least", "most"), [(0, 1, 1), (1, 1, 2), (3, 3, 5), (99, 3, 5)])
def test_a_running_prediction_is_asked_again(
    world: World, asked: int, least: int, most: int
) -> None:
    """Soon at first, then less often, in whole seconds."""
    request = a_request(world, asked=asked)
    world.provider.outcomes["prediction-1"] = Pending()

    answer = polling(world).ask(request)

    assert (answer.next, answer.request.asked) == ("wait", asked + 1)
    assert least <= answer.request.wait_s <= most


@pytest.mark.parametrize(("left_ms", "expected"), [(1_000, "wait"), (999, "stop")])
def test_a_machine_stops_in_time(world: World, left_ms: int, expected: str) -> None:
    """What it can't ask any more is left to `reconcile`."""
    request = a_request(world, until_ms=NOON_MS + left_ms)
    world.provider.outcomes["prediction-1"] = Pending()

    assert polling(world).ask(request).next == expected


@pytest.mark.parametrize(
    ("asked", "expected"), [(FORGIVEN_UNKNOWN - 1, "wait"), (FORGIVEN_UNKNOWN, "tell")]
)
def test_an_unknown_prediction_is_forgiven_at_first(
    world: World, asked: int, expected: str
) -> None:
    """It may not be found at once after its create."""
    answer = polling(world).ask(a_request(world, asked=asked))

    assert answer.next == expected
    assert ("prediction_unknown" in answer.body) is (expected == "tell")


@pytest.mark.parametrize("changes", [{"job_id": "0" * 32}, {"number": 2}])
def test_an_unknown_attempt_is_not_asked_for(world: World, changes: dict[str, object]) -> None:
    """The machine stops."""
    request = a_request(world, **changes)
    world.provider.outcomes["prediction-1"] = ENDS[0]

    assert polling(world).ask(request).next == "stop"


@pytest.mark.parametrize("failed", ["", "no subject"])
def test_an_attempt_that_is_over_is_not_asked_for(world: World, failed: str) -> None:
    """A webhook was faster."""
    request = a_request(world)
    (job,) = world.jobs.records.values()
    if failed:
        world.endings.settle(world.ended(job, failed=failed))
    else:
        world.storing.store(world.ended(job), last_try=False)
    world.provider.outcomes["prediction-1"] = ENDS[0]

    assert polling(world).ask(request).next == "stop"
    assert world.states() == [JobState.QUEUED if failed else JobState.SUCCEEDED]


def test_a_provider_that_is_away_is_the_machines_business(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error's class name is what its Retry knows."""
    request = a_request(world)

    def away(_: str) -> Outcome:
        message = "HTTP 503"
        raise ProviderUnavailableError(message)

    monkeypatch.setattr(world.provider, "status", away)

    with pytest.raises(ProviderUnavailableError):
        polling(world).ask(request)
