"""Races the search has found, each as short as it gets."""

import json

import pytest

from cutout.bootstrap import _limits
from cutout.errors import ProviderMisconfiguredError, ProviderRejectedError
from cutout.gate import Limits
from cutout.models import MAYBE_CREATED
from cutout.services.attempts import Attempts
from tests.fake_outside import FakeProvider
from tests.property.actions import TO_THE_END
from tests.property.books import Answer, Prediction
from tests.property.processes import Fate, Invocation
from tests.property.test_protocol import BEFORE_MIDNIGHT_MS
from tests.property.universe import Universe
from tests.property.verdict import problems
from tests.world import JPEG, World


@pytest.fixture
def universe() -> Universe:
    """Return a universe with one object that was just uploaded."""
    universe = Universe()
    universe.upload("shoe.jpg")
    return universe


def begin(universe: Universe) -> Invocation:
    """Begin a submit with the next message."""
    return universe.submit(universe.post.submit.receive(0, 1))


def submit_all(universe: Universe) -> None:
    """Let submit handle everything there is."""
    while universe.post.submit.visible():
        begin(universe).inline()


def told(universe: Universe, made: Prediction) -> None:
    """End a prediction well and deliver its webhook."""
    universe.books.finish(made, good=True)
    universe.receive(universe.books.webhooks.pop()).inline()


def twice_unanswered(universe: Universe, second: list[Answer]) -> tuple[Prediction, Prediction]:
    """Give up a first attempt that was created after all, and start a second one."""
    universe.books.script.extend([Answer.LOST, *second])
    submit_all(universe)
    universe.wait(240_000)
    submit_all(universe)
    universe.wait(5_000)
    submit_all(universe)
    first, last = universe.books.predictions.values()
    return first, last


def test_two_faults_in_a_row_before_create(universe: Universe) -> None:
    """What can't be presigned and can't be put back either is counted the same in both books."""
    begin(universe).run("presign", Fate.FAULT_BEFORE, Fate.FAULT_BEFORE)

    universe.heal()

    assert problems(universe) == []


def test_a_late_webhook_wins_while_the_second_create_is_unanswered(universe: Universe) -> None:
    """The second attempt, *maybe created*, is in the ledger although the job is over."""
    first, last = twice_unanswered(universe, [Answer.LOST])
    last.ended = "success"  # and its webhook never comes

    told(universe, first)
    universe.heal()

    assert problems(universe) == []


def test_a_late_webhook_wins_while_the_second_prediction_runs(universe: Universe) -> None:
    """The second prediction keeps its slot as long as it runs, though nobody waits for it."""
    first, _ = twice_unanswered(universe, [])

    told(universe, first)
    for _ in range(6):
        universe.deliver(finish=False)
        universe.wait(60_000)
    universe.upload("hat.jpg")
    submit_all(universe)

    assert universe.watch.violations == []


def test_a_slow_submit_does_not_free_the_slot_of_the_next_one(universe: Universe) -> None:
    """A slot whose taker stood still was freed and taken again; then the first one wakes up."""
    slow = begin(universe)
    slow.run("GateStore.write")
    slow.run(1)
    universe.wait(59_999)
    universe.reconcile().inline()
    begin(universe).run("Provider.create", Fate.GO)

    slow.run(TO_THE_END)
    universe.heal()

    assert problems(universe) == []


def test_a_slow_store_does_not_overwrite_the_next_versions_result(universe: Universe) -> None:
    """The object was overwritten and cut out anew between inspect and write."""
    begin(universe).inline()
    told(universe, universe.books.running()[0])
    slow = universe.store(universe.post.store.receive(0, 1)[0])
    slow.run("write_result")
    universe.upload("shoe.jpg", JPEG + b" B")
    universe.deliver()

    slow.run(TO_THE_END)
    universe.heal()

    assert problems(universe) == []


def test_the_webhook_comes_while_the_attempt_is_given_up(universe: Universe) -> None:
    """An attempt that was adopted is not given up as unknown: nothing is paid twice."""
    universe.books.script.append(Answer.LOST)
    begin(universe).inline()
    universe.wait(180_000)
    told(universe, universe.books.running()[0])
    queue = universe.post.submit
    queue.waiting.sort(key=lambda envelope: MAYBE_CREATED in envelope.body)  # the webhook first

    submit_all(universe)
    universe.wait(3_000)
    submit_all(universe)
    universe.heal()

    assert len(universe.books.predictions) == 1
    assert [line.why for line in universe.world.ledger.lines.values()] == ["created"]


def test_a_failure_comes_before_the_answer_to_create(universe: Universe) -> None:
    """The ledger keeps saying that this prediction failed."""
    slow = begin(universe)
    slow.run("Ledger.record")
    universe.books.finish(universe.books.running()[0], good=False)
    universe.receive(universe.books.webhooks.pop()).inline()
    submit_all(universe)

    slow.run(TO_THE_END)

    assert [line.why for line in universe.world.ledger.lines.values()] == ["failed"]


def test_the_month_turns_while_the_gate_is_read() -> None:
    """A price is reserved in the month of its stamp, so that it can come back."""
    universe = Universe(start_ms=BEFORE_MIDNIGHT_MS)
    universe.wait(50_000)
    universe.upload("shoe.jpg")
    begin(universe).run("GateStore.write", Fate.CRASH_AFTER)
    universe.wait(45_000)
    universe.upload("hat.jpg")
    slow = begin(universe)
    slow.run("GateStore.read")
    universe.wait(30_000)  # reconcile frees the first one's slot in the new month

    slow.run(TO_THE_END)
    universe.heal()

    assert problems(universe) == []


def test_a_slow_submit_records_an_attempt_whose_price_was_refunded(universe: Universe) -> None:
    """An attempt that nobody can have created is not in one book only."""
    slow = begin(universe)
    slow.run("GateStore.write")
    slow.run(1)
    universe.clock.advance(50_000)
    universe.reconcile().inline()

    slow.run("presign", Fate.CRASH_AFTER)
    universe.heal()

    assert problems(universe) == []


def test_storing_outlasts_the_lease_of_a_second_unanswered_create(universe: Universe) -> None:
    """The second attempt is in the ledger although store crashed for minutes on the first one."""
    first, last = twice_unanswered(universe, [Answer.LOST])
    last.ended = "success"  # and its webhook never comes
    told(universe, first)
    submit_all(universe)
    for _ in range(10):
        for envelope in universe.post.store.receive(0, 1):
            universe.store(envelope).run("fetch", Fate.CRASH_BEFORE)
        universe.wait(60_000)
        submit_all(universe)

    universe.heal()

    assert problems(universe) == []


def test_a_fault_at_one_slot_does_not_stop_reconcile(universe: Universe) -> None:
    """Another image is asked for, whatever becomes of an attempt that its job has left."""
    first, last = twice_unanswered(universe, [])
    told(universe, first)
    universe.deliver(finish=False)
    universe.upload("hat.jpg")
    submit_all(universe)
    for made in (last, *universe.books.predictions.values()):
        made.ended = "success"  # and its webhook never comes
    universe.clock.advance(70_000)
    one = universe.reconcile()

    one.run("status")
    one.run("send", Fate.FAULT_BEFORE)
    one.run(TO_THE_END)

    (hat,) = [job for job in universe.jobs() if job.key == "hat.jpg"]
    told_of = [json.loads(envelope.body)["job_id"] for envelope in universe.post.store.waiting]
    assert hat.job_id in told_of


def test_refused_images_do_not_hold_up_the_others() -> None:
    """Twenty images wait for a fail-over that is paused; the next one starts at the first."""
    world = World(providers=("eachlabs", "apiin"))
    second = FakeProvider(world.clock, "second")
    attempts = Attempts(
        records=world.records,
        endings=world.endings,
        images=world.images,
        messages=world.messages,
        polls=world.polls,
        providers={"eachlabs": world.provider, "apiin": second},
        settings=world.settings,
        clock=world.clock,
        metrics=world.metrics,
    )
    limits: dict[str, Limits] = {
        name: _limits(world.settings.provider(name)) for name in world.settings.providers
    }
    dispatcher = world.new_dispatcher(limits=limits, attempt=attempts.run)
    second.script.append(ProviderMisconfiguredError("HTTP 401"))
    world.provider.script.extend([ProviderRejectedError("HTTP 400")] * 20)
    for number in range(21):
        world.clock.advance(1000)
        world.upload(f"{number}.jpg")
        dispatcher.dispatch()

    assert len(world.provider.creates) == 21
