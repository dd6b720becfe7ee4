"""Schemathesis against the OpenAPI document, on the deployed stack: whatever the document allows.

No 5xx, no status and no content type that the document does not name, and bodies as it says.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local import openapi
from tests.e2e.shop import Shop, deployed

pytestmark = pytest.mark.e2e

# Of each of six operations; a minute in all.
EXAMPLES = 60
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
GENEROUS = {"ApiRatePerSecond": "10000", "ApiBurst": "5000", "MonthlyBudgetUsd": "0.01"}

# Without its security: schemathesis would make up API keys of its own.
DOCUMENT = {name: said for name, said in openapi.document().items() if name != "security"}
schema = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack that throttles nobody, and whose jobs stay in line."""
    with deployed(GENEROUS, tmp_path_factory.mktemp("stack")) as one:
        yield one


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_answers_as_documented(case: schemathesis.Case[Any], stack: Shop) -> None:
    """Whatever is sent."""
    headers = {"x-api-key": stack.stack.api_key or ""}

    case.call_and_validate(base_url=stack.stack.api_url, headers=headers, checks=CHECKS)
