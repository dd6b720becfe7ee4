"""Idempotency-Key: the same request again has the same answer, another one with its key has none.

The first request with a key is claimed before anything is done and settled when its job is known.
A crash in between leaves the claim; the repetition then does the request again, which for the same
version of an object, or the same key's image_url, is the same job.

What is kept of a key goes before its job: it is counted from the request, a job from its end. A
repetition after that does the request again, as after a crash. Only a job that was over already
when the key came goes first; as long as its result stands, nothing is paid again.
"""

import hashlib
import json
from collections.abc import Callable, Mapping

from cutout.errors import RequestError, RequestInvalidError
from cutout.models import Job, Repeat
from cutout.ports import Clock, JobStore, Repeats

KEY_REUSED = "This Idempotency-Key was used for another request; choose a new one."


class Repeating:
    """Answers repetitions."""

    def __init__(self, repeats: Repeats, store: JobStore, clock: Clock) -> None:
        """Keep the collaborators."""
        self._repeats = repeats
        self._store = store
        self._clock = clock

    def once(self, key: str | None, request: Mapping[str, str], act: Callable[[], Job]) -> Job:
        """Return what `act` returned the first time this key came with this request.

        Args:
            key: the caller's Idempotency-Key; None: nothing is remembered.
            request: what makes the request the same.
            act: does it.

        Raises:
            RequestInvalidError: the key came with another request before.
        """
        if key is None:
            return act()
        claim = Repeat(
            key_sha256=_hash(key),
            request_sha256=_hash(json.dumps(dict(request), sort_keys=True)),
            at_ms=self._clock.now_ms(),
        )
        known = self._repeats.claim(claim)
        if known is not None and known.request_sha256 != claim.request_sha256:
            raise RequestInvalidError("idempotency_key_reused", KEY_REUSED)
        job = self._store.get(known.job_id) if known is not None and known.job_id else None
        return job if job is not None else self._first(claim, act)

    def _first(self, claim: Repeat, act: Callable[[], Job]) -> Job:
        """Act, and keep the job; a refused request does not bind its key."""
        try:
            job = act()
        except RequestError:
            self._repeats.forget(claim.key_sha256)
            raise
        self._repeats.settle(claim.model_copy(update={"job_id": job.job_id}))
        return job


def job_id_of(key: str | None) -> str | None:
    """Return the id of the image_url job an Idempotency-Key names (DESIGN 4.3); None: any."""
    return _hash(f"image_url {key}")[:32] if key is not None else None


def _hash(text: str) -> str:
    """Return the SHA-256 of a text in hex."""
    return hashlib.sha256(text.encode()).hexdigest()
