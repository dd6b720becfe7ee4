"""Feed a backfill's frozen list batch by batch, on behalf of the backfill machine.

Level-triggered: every look reads the list, the jobs and the bucket as they are, so that any look
may be lost, repeated or overlap with another. An object that is asked for twice has one job.
"""

from collections.abc import Sequence
from typing import Any

from cutout import backfills, keys
from cutout.backfills import MOST_ASKS, Finish, FrozenObject, Look, Tally
from cutout.errors import ConflictError, ObjectMissingError
from cutout.models import ObjectRef
from cutout.observability import logger
from cutout.ports import Announcer, Backfills, Clock, ImageStore, JobStates, Requests
from cutout.settings import Settings


class Backfilling:
    """One look at one batch, and the end of a run; waiting and retries are the machine's."""

    def __init__(  # noqa: PLR0913 the composition root names every one
        self,
        *,
        backfills: Backfills,
        jobs: JobStates,
        images: ImageStore,
        requests: Requests,
        announcer: Announcer,
        settings: Settings,
        clock: Clock,
    ) -> None:
        """Keep the collaborators."""
        self._backfills = backfills
        self._jobs = jobs
        self._images = images
        self._requests = requests
        self._announcer = announcer
        self._settings = settings
        self._clock = clock

    def handle(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Do what the machine asks for, and return what it carries on with."""
        message = backfills.read_message(event)
        if isinstance(message, Finish):
            self.finish(message)
            return None
        return self.look(message).model_dump(mode="json")

    def look(self, look: Look) -> Look:
        """Ask for what has no job yet, and return whether to look again and when.

        A batch is done when nothing of it waits, the backfill was stopped, or this is not its run
        any more; and when objects have no job although they were asked for again and again: their
        requests are then in a dead-letter queue, and another run takes them up.

        Raises:
            StorageError: not this time; a repetition does no harm.
        """
        done = look.model_copy(update={"next": "done"})
        backfill = self._backfills.get(look.backfill_id)
        if backfill is None or backfill.run != look.run or backfill.stopped:
            return done
        objects = self._backfills.batch(look.backfill_id, look.batch)
        states = self._jobs.states([one.job_id for one in objects])
        absent = [one for one in objects if one.job_id not in states]
        due = [one for one in absent if self._is_unchanged(one)]
        changed = len(absent) - len(due)
        tally = backfills.tally_of(len(objects), states.values(), changed)
        self._backfills.note(look.backfill_id, look.batch, tally)
        asks = bool(due) and look.asked < MOST_ASKS
        if asks:
            self._ask(due)
        return self._again(look, tally, asked=asks) if asks or tally.in_work else done

    def finish(self, finish: Finish) -> None:
        """Publish the end of a run, once; a repetition after a crash may publish it again."""
        backfill = self._backfills.get(finish.backfill_id)
        if backfill is None or backfill.run != finish.run or backfill.ended_ms is not None:
            return
        tally = backfills.total_of(self._backfills.tallies(finish.backfill_id).values())
        self._announcer.publish_backfill(backfill, tally)
        logger.info(
            "backfill finished",
            extra={"backfill_id": backfill.backfill_id, "run": backfill.run} | tally.model_dump(),
        )
        ended = backfill.model_copy(update={"ended_ms": self._clock.now_ms()})
        if self._backfills.write(ended) is None:
            raise ConflictError("the backfill was written by others meanwhile")

    def _is_unchanged(self, one: FrozenObject) -> bool:
        """Tell whether the object is still the frozen version, and no copy of a result.

        What `submit` would not record is known here: only that and what is out of scope by its
        key, which the list does not have.
        """
        try:
            source = self._images.describe(self._ref(one))
        except ObjectMissingError:
            return False
        return keys.job_id(source) == one.job_id and keys.JOB_METADATA not in source.metadata

    def _ask(self, due: Sequence[FrozenObject]) -> None:
        """Ask for objects."""
        self._requests.ask([self._ref(one) for one in due])
        logger.info("objects asked for", extra={"count": len(due)})

    def _again(self, look: Look, tally: Tally, *, asked: bool) -> Look:
        """Return the next look."""
        provider = self._settings.provider(self._settings.providers[0])
        pause_s = backfills.pause_s(look, tally.over, tally.count, provider.per_minute)
        changes = {"over": tally.over, "wait_s": pause_s, "asked": look.asked + asked}
        return look.model_copy(update=changes)

    def _ref(self, one: FrozenObject) -> ObjectRef:
        """Name an object of the stack's bucket."""
        return ObjectRef(bucket=self._settings.images_bucket, key=one.key)
