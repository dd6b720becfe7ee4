"""What a provider says in words, made fit for records, events and logs."""

import re

MAX_DETAIL = 300  # characters of a provider's sentence that are kept

# A URL as far as it may be told: up to its query, and up to the job in a webhook's path.
_URL = re.compile(r"(https?://[^\s?#\"'<>]+?)(?:(?<=/webhooks)/|[?#])[^\s\"'<>]*", re.IGNORECASE)


def shortened(text: object) -> str:
    """Return a provider's sentence on one line, at most 300 characters.

    URLs in it lose their query, and a webhook's its token: a provider may quote what it was given.
    """
    return _URL.sub(r"\1", " ".join(str(text or "").split()))[:MAX_DETAIL]
