"""Every error as a problem (RFC 9457): a stable code, and a sentence that says what to do."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, Field

from cutout.errors import NotNowError, NotThereError, RequestError

CONTENT_TYPE = "application/problem+json"
_STATUS = {NotThereError: HTTPStatus.NOT_FOUND, NotNowError: HTTPStatus.CONFLICT}


class Fault(BaseModel):
    """What is wrong in one place of a request."""

    where: Annotated[str, Field(description="Part of the request, for example body.key.")]
    message: str


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: Annotated[str, Field(description="urn:cutout:problem:{code}")]
    title: str
    status: int
    detail: Annotated[str, Field(description="What to do about it; for people.")]
    code: Annotated[str, Field(description="Stable; branch on this.")]
    errors: list[Fault] = Field(default_factory=list)


def response(
    status: HTTPStatus,
    code: str,
    detail: str,
    errors: list[Fault] | None = None,
    headers: dict[str, str] | None = None,
) -> Response[str]:
    """Return the response of a problem."""
    problem = Problem(
        type=f"urn:cutout:problem:{code}",
        title=status.phrase,
        status=status,
        detail=detail,
        code=code,
        errors=errors or [],
    )
    return Response(
        status_code=status,
        content_type=CONTENT_TYPE,
        body=problem.model_dump_json(),
        headers={"Cache-Control": "no-store"} | (headers or {}),
    )


def of_refusal(error: RequestError) -> Response[str]:
    """Return the response of a refused request."""
    status = _STATUS.get(type(error), HTTPStatus.UNPROCESSABLE_ENTITY)
    return response(status, error.code, str(error))
