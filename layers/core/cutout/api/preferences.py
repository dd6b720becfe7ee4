"""The preferences of a request (RFC 7240): what is malformed or not known is ignored."""

import re

# API Gateway answers for the function after 29 s, and the function ends after 25.
MOST_WAIT_S = 20

_SEPARATORS = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')  # a comma in quotation marks is none
_SECONDS = re.compile(r"[0-9]{1,9}")


def wait_s(header: str | None) -> int:
    """Return how many seconds a caller prefers to wait for the end; at most 20, 0: none.

    Of a preference that is named twice the first one counts (section 2).
    """
    for preference in _SEPARATORS.split(header or ""):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            text = value.strip().removeprefix('"').removesuffix('"')
            return min(int(text), MOST_WAIT_S) if _SECONDS.fullmatch(text) else 0
    return 0
