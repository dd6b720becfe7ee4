"""What a provider says in words, made fit for records, events and logs."""

import re

MAX_DETAIL = 300  # characters of a provider's sentence that are kept

# A URL as far as it may be told: up to its query, and up to the job in a webhook's path.
_URL = re.compile(r"(https?://[^\s?#\"'<>]+?)(?:(?<=/webhooks)/|[?#])[^\s\"'<>]*", re.IGNORECASE)


def shortened(text: object, key: str = "") -> str:
    """Return a provider's sentence on one line, at most 300 characters.

    A provider may quote what it was given: URLs lose their query, a webhook's its token, and the
    API key is replaced.
    """
    words = " ".join(str(text or "").split())
    return _URL.sub(r"\1", words.replace(key, "(key)") if key else words)[:MAX_DETAIL]
