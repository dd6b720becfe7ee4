"""All predictions, with the limits and faults that apply to new ones."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from local.sandbox.faults import Fault, Faults
from local.sandbox.limits import KeyLimits
from local.sandbox.predictions import CreateRequest, Prediction, RejectedError, Settings, Tariff
from local.sandbox.report import Report


class Registry:
    """The predictions of all providers; every method may be called from any thread.

    Args:
        tariffs: What each provider charges.
        settings: How each of them behaves at first.
        clock: A monotonic clock in seconds.
    """

    def __init__(
        self,
        tariffs: dict[str, Tariff],
        settings: dict[str, Settings],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.providers = frozenset(tariffs)
        self._tariffs = tariffs
        self._settings = dict(settings)
        self._faults = Faults()
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget all predictions, arrivals and counts; settings and faults stay."""
        with self._lock:
            self._report = Report(self.clock())
            self._predictions: dict[str, Prediction] = {}
            self._results: dict[str, Prediction] = {}
            self._limits: defaultdict[tuple[str, str], KeyLimits] = defaultdict(KeyLimits)

    def change_settings(self, changes: dict[str, Any], provider: str | None = None) -> None:
        """Change fields of the settings of one provider, or of all."""
        with self._lock:
            for name in [provider] if provider else list(self._settings):
                self._settings[name] = replace(self._settings[name], **changes)

    def order_faults(self, faults: list[Fault]) -> None:
        """Replace all ordered faults."""
        with self._lock:
            self._faults.replace(faults)

    def admit(self, request: CreateRequest) -> Prediction:
        """Create a prediction; a refused create uses up neither limit nor, at a limit, a fault.

        Raises:
            RejectedError: A limit is reached (429), or a fault says so.
        """
        with self._lock:
            fault = self._faults.find(request.provider, request.image_url)
            if fault and fault.kind == "create_status" and not fault.created:
                self._faults.use(fault)
                raise RejectedError(fault.status, "Ordered fault", "create_status", fault)
            now, settings = self.clock(), self._settings[request.provider]
            self._limits[request.provider, request.key].take(now, settings)
            self._faults.use(fault)
            prediction = Prediction(request, fault, now, settings.seconds, settings.form)
            self._predictions[prediction.id] = prediction
            self._results[prediction.result_name] = prediction
            self._report.created(prediction)
            tariff = self._tariffs[request.provider]
            if not tariff.success_only:
                self._report.charged(tariff.micro_usd)
            return prediction

    def reject(
        self, provider: str, image_url: str | None, error: RejectedError, *, webhook: bool
    ) -> None:
        """Note that a create was refused."""
        with self._lock:
            self._report.rejected(self.clock(), provider, image_url, error, webhook=webhook)

    def knows(self, prediction: Prediction) -> bool:
        """Tell whether a prediction has not been forgotten by a reset."""
        with self._lock:
            return prediction.id in self._predictions

    def finish(self, prediction: Prediction, failure: str | None) -> None:
        """End a prediction, with the text of its failure if it failed, and free its slot."""
        with self._lock:
            prediction.ended_at = self.clock()
            prediction.message = failure or ""
            prediction.state = "failed" if failure else "succeeded"
            if prediction.id in self._predictions:
                self._report.ended(prediction)
                tariff = self._tariffs[prediction.request.provider]
                if tariff.success_only and not failure:
                    self._report.charged(tariff.micro_usd)
                self._limits[prediction.request.provider, prediction.request.key].release()
            prediction.over.set()

    def poll(self, provider: str, prediction_id: str) -> Prediction | None:
        """Count a poll and return what it asks for, if there is such a prediction."""
        with self._lock:
            self._report.polled()
            prediction = self._predictions.get(prediction_id)
            if prediction is None or prediction.request.provider != provider:
                return None
            prediction.polls += 1
            return prediction

    def fetch_result(self, name: str) -> Prediction | None:
        """Count a download and return whose result it is, if that is ready."""
        with self._lock:
            prediction = self._results.get(name)
            if prediction is None or prediction.state != "succeeded":
                return None
            prediction.fetches += 1
            return prediction

    def record_webhook(
        self, prediction: Prediction, status_code: int | None, problem: str | None
    ) -> None:
        """Note one webhook, with the status it got or why it got none."""
        with self._lock:
            if prediction.id in self._predictions:
                self._report.posted(self.clock(), prediction, status_code, problem)

    def report(self) -> dict[str, Any]:
        """Tell all that happened since the start or the last reset."""
        with self._lock:
            return self._report.as_dict()
