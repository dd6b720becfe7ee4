"""Runs predictions: fetch, cut, wait, publish, end, call back."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.sandbox.cutter import UnreadableImageError, to_webp
from local.sandbox.delivery import Delivery, UndeliverableError
from local.sandbox.predictions import Prediction
from local.sandbox.registry import Registry

type Cut = Callable[[bytes], bytes]
type Payload = Callable[[Prediction], dict[str, Any]]

WAIT_SECONDS = 0.1
"""How long a waiting answer outlasts the order to stop."""

MAX_CUTS = 2
"""Cuts at a time: they are pure CPU, and the stack under test needs some too."""


def _no_payload(_: Prediction) -> dict[str, Any]:
    """Say nothing, for a provider without webhooks."""
    return {}


class Worker:
    """One thread per prediction; results are files in `folder`.

    Args:
        registry: Where predictions are recorded.
        delivery: How images are fetched and webhooks posted.
        cut: Removes a background: image bytes to PNG bytes.
        folder: Where results are written.
    """

    def __init__(self, registry: Registry, delivery: Delivery, cut: Cut, folder: Path) -> None:
        self._registry = registry
        self._delivery = delivery
        self._cut = cut
        self._folder = folder
        self._cutting = threading.Semaphore(MAX_CUTS)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Abandon what is running, but let cuts end: OpenCV aborts a process that exits in one."""
        self._stopping.set()
        for _ in range(MAX_CUTS):
            self._cutting.acquire()
        self._cutting.release(MAX_CUTS)

    def sleep(self, seconds: float) -> bool:
        """Wait, and return True if that time has passed, False if all has to stop."""
        return not self._stopping.wait(max(seconds, 0))

    def wait(self, prediction: Prediction) -> bool:
        """Wait for a prediction's end, and return True if it came, False if all has to stop."""
        while not prediction.over.wait(WAIT_SECONDS):
            if self._stopping.is_set():
                return False
        return True

    def result_path(self, prediction: Prediction) -> Path:
        """Return the file of a prediction's result."""
        return self._folder / prediction.result_name

    def start(self, prediction: Prediction, payload: Payload = _no_payload) -> None:
        """Begin a prediction; `payload` makes the body of its webhook when it has ended.

        An early webhook is posted before this returns, and so before the create is answered.
        """
        if prediction.fault_of("webhook_early"):
            self._run(prediction, payload)
        elif not prediction.fault_of("never_ends"):
            threading.Thread(target=self._run, args=(prediction, payload), daemon=True).start()

    def _run(self, prediction: Prediction, payload: Payload) -> None:
        failure = self._process(prediction)
        if not prediction.fault_of("webhook_early"):
            elapsed = self._registry.clock() - prediction.created_at
            if not self.sleep(prediction.seconds - elapsed):
                return
        self._registry.finish(prediction, failure)
        self._call_back(prediction, payload)

    def _process(self, prediction: Prediction) -> str | None:
        """Write the result and return None, or return why there is none."""
        if fault := prediction.fault_of("fail"):
            return fault.message
        try:
            image = self._delivery.fetch(prediction.request.image_url)
            with self._cutting:
                if not self._stopping.is_set():
                    result = self._cut(image)
                    if prediction.request.output_format == "webp":
                        result = to_webp(result)
                    self.result_path(prediction).write_bytes(result)
        except UndeliverableError as error:
            return f"image_url could not be fetched: {error}"
        except UnreadableImageError as error:
            return f"image_url is not an image: {error}"
        return None

    def _call_back(self, prediction: Prediction, payload: Payload) -> None:
        url = prediction.request.webhook_url
        if url is None or prediction.fault_of("webhook_lost"):
            return
        if (fault := prediction.fault_of("webhook_late")) and not self.sleep(fault.seconds):
            return
        for _ in range(2 if prediction.fault_of("webhook_twice") else 1):
            if self._registry.knows(prediction):
                self._post(prediction, url, payload(prediction))

    def _post(self, prediction: Prediction, url: str, body: dict[str, Any]) -> None:
        status, problem = None, None
        try:
            status = self._delivery.post(url, body)
        except UndeliverableError as error:
            problem = str(error)
        self._registry.record_webhook(prediction, status, problem)
