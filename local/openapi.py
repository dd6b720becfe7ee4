"""`python -m local.openapi`: write docs/openapi.json from the routes of the jobs API."""

import json
from pathlib import Path
from typing import Any, cast

from aws_lambda_powertools.event_handler.openapi.models import APIKey, APIKeyIn

from cutout.api.counter import Counter
from cutout.api.routes import resolver

PATH = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"

_DESCRIPTION = (
    "Ask for a cut-out and follow it. `ApiUrl` in the stack's outputs is the server; every call "
    "needs the stack's API key. Errors are problems as RFC 9457 has them."
)


def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    routes = resolver(cast("Counter", None))  # the form of the routes does not depend on it
    text = routes.get_openapi_json_schema(
        title="Cutout",
        version="1",
        description=_DESCRIPTION,
        security_schemes={"ApiKey": APIKey(name="x-api-key", in_=APIKeyIn.header)},
        security=[{"ApiKey": []}],
    )
    return cast("dict[str, Any]", json.loads(text))


def main() -> None:
    """Write the document."""
    PATH.write_text(json.dumps(document(), indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
