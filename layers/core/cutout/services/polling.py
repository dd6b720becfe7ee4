"""Ask a provider once how a prediction stands, on behalf of the poll machine."""

import random
from collections.abc import Mapping

from cutout.errors import PredictionUnknownError
from cutout.models import AttemptEnded, Failed, Outcome, Pending, PollAnswer, PollRequest
from cutout.ports import Clock, JobStore, Provider

# Pauses between questions in whole seconds, as the machine's Wait state has it: the first is short,
# none is longer than 5 s, and from the second on they are drawn, so that many machines drift apart.
PAUSES_S = ((1, 1), (1, 2), (2, 3), (3, 5))
FORGIVEN_UNKNOWN = 3  # a prediction may not be found at once after its create


class Polling:
    """One question; retries and waiting are the machine's."""

    def __init__(self, store: JobStore, providers: Mapping[str, Provider], clock: Clock) -> None:
        """Keep the collaborators."""
        self._store = store
        self._providers = providers
        self._clock = clock

    def ask(self, request: PollRequest) -> PollAnswer:
        """Return what the machine does next.

        Raises:
            ProviderError: no answer this time; the machine asks again.
        """
        job = self._store.get(request.job_id)
        attempt = job.attempt(request.number) if job is not None else None
        if job is None or job.is_over or attempt is None or attempt.ended is not None:
            return PollAnswer(next="stop", request=request)
        outcome = self._status(request)
        if not isinstance(outcome, Pending):
            message = AttemptEnded(
                job_id=request.job_id,
                number=request.number,
                provider=request.provider,
                prediction_id=request.prediction_id,
                outcome=outcome,
            )
            return PollAnswer(next="tell", request=request, body=message.model_dump_json())
        least, most = PAUSES_S[min(request.asked, len(PAUSES_S) - 1)]
        wait_s = random.randint(least, most)  # noqa: S311
        if self._clock.now_ms() + 1000 * wait_s > request.until_ms:
            return PollAnswer(next="stop", request=request)
        changes = {"wait_s": wait_s, "asked": request.asked + 1}
        return PollAnswer(next="wait", request=request.model_copy(update=changes))

    def _status(self, request: PollRequest) -> Outcome:
        """Ask; a prediction that stays unknown has failed."""
        try:
            return self._providers[request.provider].status(request.prediction_id)
        except PredictionUnknownError:
            if request.asked < FORGIVEN_UNKNOWN:
                return Pending()
            return Failed(code="prediction_unknown", message="the provider forgot the prediction")
