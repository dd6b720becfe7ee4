"""Check a webhook call and pass it on: the only code the open internet can reach.

The form is checked before the table is read; malformed, unknown, wrong token and another
prediction's id are all the same 404 (DESIGN 4.5).
"""

import hmac
import re
from collections.abc import Mapping

from cutout.errors import WebhookRejectedError
from cutout.models import Attempt, AttemptEnded, Job, Pending
from cutout.observability import logger
from cutout.ports import JobStore, Messages, Metrics, WebhookParser
from cutout.tokens import token_hash

MAX_BODY_BYTES = 65_536  # seed 000 shows four short fields; a data URI would not be Eachlabs'
_JOB_ID = re.compile(r"[0-9a-f]{32}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes, base64url without padding


class Webhooks:
    """Verifies by the attempt's token; what it says is believed only for that attempt."""

    def __init__(
        self,
        *,
        store: JobStore,
        messages: Messages,
        parsers: Mapping[str, WebhookParser],
        metrics: Metrics,
    ) -> None:
        """Keep the collaborators."""
        self._store = store
        self._messages = messages
        self._parsers = parsers
        self._metrics = metrics

    def receive(self, provider: str, job_id: str, token: str, body: bytes) -> None:
        """Verify one call and say its sentence to both queues.

        Args:
            provider: the path's provider.
            job_id: the path's job id.
            token: the path's token; never logged.
            body: the raw request body.

        Raises:
            WebhookRejectedError: the caller gets 404; no work was done.
        """
        try:
            self._accept(provider, job_id, token, body)
        except WebhookRejectedError as error:
            self._metrics.count("WebhookRejected")
            logger.info("webhook rejected", extra={"reason": str(error)})
            raise

    def _accept(self, provider: str, job_id: str, token: str, body: bytes) -> None:
        """Check in the order of cost: form, body, record, token, prediction."""
        parse = self._parsers.get(provider)
        if parse is None or not _JOB_ID.fullmatch(job_id) or not _TOKEN.fullmatch(token):
            message = "malformed path"
            raise WebhookRejectedError(message)
        if len(body) > MAX_BODY_BYTES:
            message = "body too large"
            raise WebhookRejectedError(message)
        prediction_id, outcome = parse(body)
        job = self._store.get(job_id)
        attempt = _authentic(job, provider, token) if job is not None else None
        if attempt is None:
            message = "unknown job or wrong token"
            raise WebhookRejectedError(message)
        if attempt.prediction_id not in (None, prediction_id):
            message = "another prediction's id"
            raise WebhookRejectedError(message)
        if isinstance(outcome, Pending):
            return  # a status word we do not know is pending, never done (DESIGN 4.4)
        self._messages.ended(
            AttemptEnded(
                job_id=job_id,
                number=attempt.number,
                provider=provider,
                prediction_id=prediction_id,
                outcome=outcome,
            )
        )


def _authentic(job: Job, provider: str, token: str) -> Attempt | None:
    """Return the attempt this token was made for; every hash is compared in constant time."""
    given = token_hash(token)
    found = None
    for attempt in job.attempts:
        same = hmac.compare_digest(given, attempt.token_sha256)
        if same and attempt.provider == provider:
            found = attempt
    return found
