"""Start, stop and take up backfills again; the machine in the stack does the work."""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import batched

from cutout import backfills
from cutout.adapters.backfills import DynamoBackfills
from cutout.backfills import Backfill, FrozenObject, Tally
from tools.site import Site
from tools.terminal import CannotError

_ALIVE = "RUNNING"


class Standing(StrEnum):
    """How a backfill stands; interrupted: its run was ended from outside and said nothing."""

    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    FINISHED = "finished"


@dataclass(frozen=True)
class Report:
    """A backfill and the sum of its batches' tallies."""

    backfill: Backfill
    standing: Standing
    tally: Tally

    @property
    def waiting(self) -> int:
        """Return how many images are not over."""
        return self.backfill.total - self.tally.over


class Runs:
    """The backfills of one stack."""

    def __init__(self, site: Site) -> None:
        """Keep the stack.

        Raises:
            CannotError: it has no backfill machine.
        """
        self._site = site
        self._store = DynamoBackfills(site.table())
        self._machine = site.outputs.get("BackfillStateMachineArn", "")
        if not self._machine:
            raise CannotError(
                "The stack has no BackfillStateMachineArn: deploy this version of it."
            )

    def start(self, prefix: str, objects: Sequence[FrozenObject], size: int) -> Backfill:
        """Keep the list, then start the first run; a crash in between leaves one to resume.

        Raises:
            CannotError: another backfill is running.
        """
        self.check_free()
        batches = list(batched(objects, size, strict=False))
        now = datetime.now(UTC)
        backfill = Backfill(
            backfill_id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
            prefix=prefix,
            total=len(objects),
            batches=len(batches),
            created_ms=round(1000 * now.timestamp()),
        )
        self._store.freeze(backfill.backfill_id, batches)
        return self._run(backfill, range(len(batches)))

    def resume(self, backfill_id: str) -> Backfill:
        """Start another run over the batches of which something waits.

        Raises:
            CannotError: there is no such backfill, nothing of it waits, its list is too old for
                another run, or one is running.
        """
        self.check_free()
        found = self.report(backfill_id)
        if not backfills.has_time_for_a_run(found.backfill, round(1000 * time.time())):
            raise CannotError(
                f"The list of {backfill_id} is too old for another run: start a new backfill of "
                f"{found.backfill.prefix or 'the whole bucket'}, which leaves out what is done."
            )
        noted = self._store.tallies(backfill_id)
        open_ = [n for n in range(found.backfill.batches) if not _is_over(noted, n)]
        if not open_:
            raise CannotError(f"All {found.backfill.total:,} images of {backfill_id} are over.")
        again = {"run": found.backfill.run + 1, "stopped": False, "ended_ms": None}
        return self._run(found.backfill.model_copy(update=again), open_)

    def stop(self, backfill_id: str) -> Report:
        """Have no further batch fed.

        Raises:
            CannotError: there is no such backfill, or it is not running.
        """
        found = self.report(backfill_id)
        if found.standing is not Standing.RUNNING:
            raise CannotError(f"The backfill {backfill_id} is {found.standing}, not running.")
        if self._store.write(found.backfill.model_copy(update={"stopped": True})) is None:
            raise CannotError(f"The backfill {backfill_id} has just ended.")
        return found

    def report(self, backfill_id: str) -> Report:
        """Return how a backfill stands.

        Raises:
            CannotError: there is no such backfill.
        """
        backfill = self._store.get(backfill_id)
        if backfill is None:
            raise CannotError(f"There is no backfill {backfill_id} (any more).")
        # Whether it runs is asked first: it may end before the rest is read, not begin.
        standing = self._standing(backfill)
        tally = backfills.total_of(self._store.tallies(backfill_id).values())
        return Report(self._store.get(backfill_id) or backfill, standing, tally)

    def all(self) -> list[Report]:
        """Return how all backfills stand, oldest first."""
        return [self.report(one.backfill_id) for one in self._store.all()]

    def check_free(self) -> None:
        """Raise `CannotError` when a backfill is running: the line has room for one."""
        pages = self._site.client("stepfunctions").get_paginator("list_executions")
        for page in pages.paginate(stateMachineArn=self._machine, statusFilter=_ALIVE):
            for one in page["executions"]:
                name = one["name"].rpartition(".")[0]
                raise CannotError(f"The backfill {name} is running: wait for it, or stop it.")

    def _standing(self, backfill: Backfill) -> Standing:
        if backfill.ended_ms is not None:
            return Standing.STOPPED if backfill.stopped else Standing.FINISHED
        if not self._is_alive(backfill):
            # It may have ended since the record was read.
            now = self._store.get(backfill.backfill_id)
            ended = now is not None and now.ended_ms is not None
            return self._standing(now) if now is not None and ended else Standing.INTERRUPTED
        return Standing.STOPPING if backfill.stopped else Standing.RUNNING

    def _is_alive(self, backfill: Backfill) -> bool:
        client = self._site.client("stepfunctions")
        arn = self._machine.replace(":stateMachine:", ":execution:") + f":{_name(backfill)}"
        try:
            return bool(client.describe_execution(executionArn=arn)["status"] == _ALIVE)
        except client.exceptions.ExecutionDoesNotExist:
            return False

    def _run(self, backfill: Backfill, batches: Sequence[int]) -> Backfill:
        """Write the record, then start its machine; the condition refuses a second one."""
        written = self._store.write(backfill)
        if written is None:
            raise CannotError(f"Somebody else has just started {backfill.backfill_id}.")
        order = {"backfill_id": written.backfill_id, "run": written.run, "batches": list(batches)}
        self._site.client("stepfunctions").start_execution(
            stateMachineArn=self._machine,
            name=_name(written),
            input=json.dumps(order, separators=(",", ":")),
        )
        return written


def _name(backfill: Backfill) -> str:
    """Return the name of the last run's execution."""
    return f"{backfill.backfill_id}.{backfill.run}"


def _is_over(tallies: Mapping[int, Tally], number: int) -> bool:
    """Tell whether nothing of a batch waits."""
    tally = tallies.get(number)
    return tally is not None and tally.over == tally.count
