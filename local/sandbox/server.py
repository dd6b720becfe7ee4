"""Puts the sandbox together and runs it on a loopback port."""

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.serving import WSGIRequestHandler, make_server

from local.sandbox import apiin, control, cutter, eachlabs, results
from local.sandbox.answers import refused
from local.sandbox.delivery import Delivery
from local.sandbox.predictions import RejectedError, Settings
from local.sandbox.registry import Registry
from local.sandbox.worker import Worker

HOST = "127.0.0.1"
POLL_SECONDS = 0.05
"""How long stopping takes at most."""

CUTS = {"grabcut": cutter.cut, "flat": cutter.cut_flat}


@dataclass(frozen=True)
class Options:
    """What the command line says.

    Attributes:
        port: TCP port; 0 for any free one.
        aws_endpoint_url: The local AWS, which webhooks to API Gateway's hosts go to.
        cut: A key of `CUTS`.
        api_keys: The keys that are accepted.
        settings: Eachlabs' processing time and limits at the start.
        apiin_settings: Those of API in One, and the form of its answers.
    """

    port: int = 0
    aws_endpoint_url: str = "http://127.0.0.1:4566"
    cut: str = "grabcut"
    api_keys: list[str] = field(default_factory=lambda: ["sandbox-key"])
    settings: Settings = field(default_factory=Settings)
    apiin_settings: Settings = apiin.DEFAULTS


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Log nothing: a request line would show up thousands of times."""


class Sandbox:
    """A running sandbox; a context manager that starts and stops it.

    Args:
        options: Port, key, limits and the like.
        clock: A monotonic clock in seconds.
    """

    def __init__(self, options: Options, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="cutout-sandbox-")
        self._delivery = Delivery(options.aws_endpoint_url)
        tariffs = {eachlabs.NAME: eachlabs.TARIFF, apiin.NAME: apiin.TARIFF}
        settings = {eachlabs.NAME: options.settings, apiin.NAME: options.apiin_settings}
        self.registry = Registry(tariffs, settings, clock)
        self._worker = Worker(
            self.registry, self._delivery, CUTS[options.cut], Path(self._folder.name)
        )
        app = _app(self.registry, self._worker, options.api_keys)
        self._server = make_server(
            HOST, options.port, app, threaded=True, request_handler=_QuietHandler
        )
        self.port = self._server.port
        self.url = f"http://{HOST}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True
        )

    def __enter__(self) -> Self:
        """Start serving."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop serving; whatever still runs is abandoned."""
        self._worker.stop()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._delivery.close()
        self._folder.cleanup()


def _app(registry: Registry, worker: Worker, api_keys: list[str]) -> Flask:
    app = Flask(__name__)
    app.register_blueprint(eachlabs.blueprint(registry, worker, api_keys))
    app.register_blueprint(apiin.blueprint(registry, worker, api_keys))
    app.register_blueprint(results.blueprint(registry, worker))
    app.register_blueprint(control.blueprint(registry))

    @app.before_request
    def no_redirects() -> Response | None:
        """Answer 404 to a path without its slash; no provider documents a redirect."""
        if isinstance(request.routing_exception, RequestRedirect):
            return refused(RejectedError(404, "Not Found"))
        return None

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        return refused(RejectedError(error.code or 500, error.name))

    return app
