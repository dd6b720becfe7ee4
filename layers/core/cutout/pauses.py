"""Why jobs wait for more than their turn: stable codes, and what people are told. Pure."""

SENTENCES = {
    "setup": "The provider refuses the key or the set-up; jobs wait until it is mended.",
    "out_of_credit": "The provider's account has no credit left; jobs wait until it is filled up.",
    "unavailable": "The provider failed several times in a row; it is tried again by itself.",
    "budget_reached": "The monthly budget is used up; jobs wait for a new month or a higher cap.",
}
_OTHER = "The provider is paused; jobs wait."


def sentence(code: str) -> str:
    """Return what people are told; a reason that only a newer version knows has a plain one."""
    return SENTENCES.get(code, _OTHER)
