"""What the composition root makes, and when."""

import pytest

from cutout.bootstrap import _providers
from cutout.errors import ConfigurationError
from cutout.providers.apiin import ApiinProvider
from cutout.providers.eachlabs import EachlabsProvider


def test_a_provider_that_was_taken_out_can_still_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts may be in flight there; a name that nobody knows becomes nobody else."""
    monkeypatch.setenv("CUTOUT_PROVIDERS", "apiin")
    adapters = _providers()

    assert isinstance(adapters["eachlabs"], EachlabsProvider)
    assert isinstance(adapters["apiin"], ApiinProvider)
    with pytest.raises(ConfigurationError):
        adapters["remove-bg"]
