"""The routes: each parses, calls one use case, and shows what came of it."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Header, Query
from pydantic import BaseModel

from cutout.api import preferences, problems
from cutout.api.counter import Counter
from cutout.api.problems import Fault, Problem
from cutout.api.views import JobPage, JobRequest, JobView, UploadRequest, UploadView
from cutout.errors import ConflictError, NotThereError, RequestError, StorageError
from cutout.models import JobState
from cutout.observability import logger

PAGE = 20
MOST = 50
NO_STORE = {"Cache-Control": "no-store"}

_JOB_PATH = re.compile(r"/jobs/[^/]+/*")
_METHODS: Mapping[re.Pattern[str], str] = {
    re.compile(r"/jobs/*"): "GET, POST",
    _JOB_PATH: "DELETE, GET",
    re.compile(r"/jobs/[^/]+/retry/*"): "POST",
    re.compile(r"/uploads/*"): "POST",
}
_ALWAYS = {
    400: "The body is not a JSON object.",
    403: "No API key, or a wrong one.",
    415: "The body is not application/json.",
    413: "The body is too large.",
    422: "The request must be changed; the sentence says how.",
    429: "Too many requests, or the month's quota is used up.",
    503: "A service behind the API did not answer; try again.",
}
_UNKNOWN = {404: "There is no such job."}

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same key and request again have the same answer.",
    ),
]

Prefer = Annotated[
    str | None,
    Header(
        alias="Prefer",
        description=(
            "wait=20 (RFC 7240) answers at the job's end if that comes within so many seconds, at "
            "most 20; Preference-Applied then says how many were meant."
        ),
    ),
]


def resolver(counter: Counter) -> APIGatewayRestResolver:
    """Return the resolver of the jobs API."""
    app = APIGatewayRestResolver(enable_validation=True)
    _jobs(app, counter)
    _one_job(app, counter)
    _uploads(app, counter)
    _errors(app)
    return app


def _jobs(app: APIGatewayRestResolver, counter: Counter) -> None:
    """Routes of /jobs."""
    accepted = {202: (JobView, "The job; its state says whether it is over already.")}
    documented = _responses(accepted, {404: "There is no object with this key."})

    @app.post(
        "/jobs",
        summary="Ask for the cut-out of an object or of an image on the web",
        operation_id="createJob",
        responses=documented,
    )
    def create(
        body: JobRequest, idempotency_key: IdempotencyKey = None, prefer: Prefer = None
    ) -> Response[JobView]:
        wait_s = preferences.wait_s(prefer)
        job, waited = counter.create(body, idempotency_key, wait_s)
        base = "./" if app.current_event.path.endswith("/") else "./jobs/"  # right on any stage
        headers = {"Location": f"{base}{job.job_id}"}
        if waited:
            headers["Preference-Applied"] = f"wait={wait_s}"
        return _json(HTTPStatus.ACCEPTED, counter.view(job), headers)

    @app.get(
        "/jobs",
        summary="List the jobs of an object, or in a state, newest first",
        operation_id="listJobs",
        responses=_responses({200: (JobPage, "A page of jobs.")}, {}),
    )
    def page(
        key: Annotated[str | None, Query(min_length=1, max_length=1024)] = None,
        state: Annotated[JobState | None, Query()] = None,
        cursor: Annotated[str | None, Query(max_length=300)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = PAGE,
    ) -> Response[JobPage]:
        return _json(HTTPStatus.OK, counter.page(key, state, cursor, limit))


def _one_job(app: APIGatewayRestResolver, counter: Counter) -> None:
    """Routes of /jobs/{job_id}."""
    one = {200: (JobView, "The job.")}
    late = {409: "The state of the job does not allow it."}

    @app.get(
        "/jobs/<job_id>",
        summary="See where a job stands",
        operation_id="getJob",
        responses=_responses(one, _UNKNOWN),
    )
    def get(job_id: str) -> Response[JobView]:
        return _json(HTTPStatus.OK, counter.view(counter.desk.find(job_id)))

    @app.delete(
        "/jobs/<job_id>",
        summary="Cancel a job that waits",
        operation_id="cancelJob",
        responses=_responses(one, _UNKNOWN | late),
    )
    def cancel(job_id: str) -> Response[JobView]:
        return _json(HTTPStatus.OK, counter.view(counter.desk.cancel(job_id)))

    @app.post(
        "/jobs/<job_id>/retry",
        summary="Run a job again that failed, was skipped, or whose result was deleted",
        operation_id="retryJob",
        responses=_responses({202: (JobView, "The job, in a new run.")}, _UNKNOWN | late),
    )
    def retry(job_id: str, idempotency_key: IdempotencyKey = None) -> Response[JobView]:
        return _json(HTTPStatus.ACCEPTED, counter.view(counter.retry(job_id, idempotency_key)))


def _uploads(app: APIGatewayRestResolver, counter: Counter) -> None:
    """Routes of /uploads."""

    @app.post(
        "/uploads",
        summary="Get a form that uploads one image",
        operation_id="createUpload",
        responses=_responses({201: (UploadView, "The form.")}, {}),
    )
    def upload(body: UploadRequest) -> Response[UploadView]:
        return _json(HTTPStatus.CREATED, counter.upload(body))


def _errors(app: APIGatewayRestResolver) -> None:
    """Every exception as a problem; none shows where it came from."""

    def not_found(_: NotFoundError) -> Response[str]:
        return _no_route(app.current_event.http_method.upper(), app.current_event.path)

    for kind, answer in {
        RequestError: problems.of_refusal,
        RequestValidationError: _invalid,
        NotFoundError: not_found,
        StorageError: _unavailable,
        ConflictError: _unavailable,
        Exception: _broken,
    }.items():
        app.exception_handler(kind)(answer)


def _invalid(error: RequestValidationError) -> Response[str]:
    """Answer a request that does not have the documented form."""
    faults = [
        Fault(where=".".join(map(str, fault["loc"])), message=str(fault["msg"]))
        for fault in error.errors()
    ]
    detail = "; ".join(f"{fault.where}: {fault.message}" for fault in faults)
    return problems.response(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail, faults)


def _no_route(method: str, path: str) -> Response[str]:
    """Answer a path or a method that is none of ours."""
    allowed = next((said for form, said in _METHODS.items() if form.fullmatch(path)), None)
    if allowed is None:
        detail = "There is no such route; docs/openapi.json lists what there is."
        return problems.response(HTTPStatus.NOT_FOUND, "unknown_route", detail)
    if method in allowed.split(", "):  # the router's characters are fewer than a path may have
        return problems.of_refusal(NotThereError("unknown_job", "No job has an id like this."))
    return problems.response(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "wrong_method",
        f"This route takes {allowed}.",
        headers={"Allow": allowed},
    )


def _unavailable(_: Exception) -> Response[str]:
    """Answer while AWS is busy."""
    logger.exception("request not answered")
    detail = "A service behind the API did not answer; try again in a moment."
    return problems.response(
        HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, headers={"Retry-After": "1"}
    )


def _broken(_: Exception) -> Response[str]:
    """Answer a fault of our own."""
    logger.exception("request failed")
    detail = "Something is wrong inside Cutout; the logs of its api function say what."
    return problems.response(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail)


def _json(
    status: HTTPStatus,
    body: BaseModel,
    headers: dict[str, str] | None = None,
) -> Response[Any]:
    """Return a view as JSON."""
    return Response(
        status_code=status,
        content_type="application/json",
        body=body,
        headers=NO_STORE | (headers or {}),
    )


def _responses(good: Mapping[int, tuple[type, str]], bad: dict[int, str]) -> Any:  # noqa: ANN401 Powertools' form
    """Return the documentation of a route's answers."""
    fine = {
        status: {"description": said, "content": {"application/json": {"model": model}}}
        for status, (model, said) in good.items()
    }
    wrong = {
        status: {"description": said, "content": {problems.CONTENT_TYPE: {"model": Problem}}}
        for status, said in sorted((_ALWAYS | bad).items())
    }
    return fine | wrong
