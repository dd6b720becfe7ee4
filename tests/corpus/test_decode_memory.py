"""The largest files that are taken fit into the function that prepares them."""

import pytest

from cutout.adapters.isolated import CPU_SECONDS, DATA_BYTES
from tests.corpus.large import KINDS, measured


@pytest.mark.soak
@pytest.mark.parametrize("name", KINDS)
def test_a_hundred_megapixels_fit_into_memory_and_time(name: str) -> None:
    """Of every format and mode, turned and with a profile; with a third to spare of the time."""
    megabytes, seconds = measured(name)

    assert megabytes < DATA_BYTES / 2**20
    assert seconds < CPU_SECONDS * 2 / 3
