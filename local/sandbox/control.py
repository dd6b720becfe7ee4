"""The control plane for tests under `/_sandbox/`: report, faults, settings, reset."""

from typing import Any

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from local.sandbox.faults import Fault
from local.sandbox.predictions import Form
from local.sandbox.registry import Registry

_FAULTS = TypeAdapter(list[Fault])


class _Changes(BaseModel):
    """The body of a change of settings; what it leaves out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    provider: str | None = None
    seconds: float | None = Field(default=None, ge=0)
    max_concurrent: int | None = Field(default=None, ge=0)
    max_per_minute: int | None = Field(default=None, ge=0)
    form: Form | None = None


def blueprint(registry: Registry) -> Blueprint:
    """Serve the control plane; it needs no key, since only this machine reaches it."""
    routes = Blueprint("control", __name__, url_prefix="/_sandbox")

    @routes.get("/report")
    def report() -> Response:
        return jsonify(registry.report())

    @routes.post("/reset")
    def reset() -> tuple[str, int]:
        registry.reset()
        return "", 204

    @routes.put("/faults")
    def order_faults() -> tuple[str, int]:
        registry.order_faults(_FAULTS.validate_python(request.get_json()))
        return "", 204

    @routes.delete("/faults")
    def clear_faults() -> tuple[str, int]:
        registry.order_faults([])
        return "", 204

    @routes.put("/settings")
    def change_settings() -> tuple[str, int]:
        changes = _Changes.model_validate(request.get_json())
        if changes.provider not in {None, *registry.providers}:
            return "unknown provider", 400
        registry.change_settings(
            changes.model_dump(exclude_none=True, exclude={"provider"}), changes.provider
        )
        return "", 204

    @routes.errorhandler(ValidationError)
    def invalid(error: ValidationError) -> tuple[Any, int]:
        return error.errors(include_url=False, include_context=False), 400

    return routes
