"""Stacks of the end-to-end tests: one for each module, unless a test needs its own."""

from collections.abc import Iterator

import pytest

from tests.e2e.shop import Shop, deployed


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack with the default parameters and a provider that takes half a second."""
    with deployed({}, tmp_path_factory.mktemp("stack")) as one:
        yield one
