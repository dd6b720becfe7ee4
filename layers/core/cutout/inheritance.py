"""What a result takes over from its source, and what must not come along. Pure.

A result inherits what its owner said about the picture. It does not inherit what a tool, or AWS,
said about the source's bytes: beside other bytes that is wrong, and some readers act on it.
"""

import re
from collections.abc import Mapping

from cutout import keys

MAX_METADATA_BYTES = 2048  # S3 User Guide, "Working with object metadata": user-defined metadata

_WORD = "(?<![a-z0-9])(%s)(?![a-z0-9])"

# What stays behind: patterns that are looked for in a name in lower case, each with its reason.
_TAGS = {
    "^aws:": "AWS's own, which nobody else may set (S3 User Guide, object tagging)",
    "^guarddutymalwarescanstatus$": (
        "GuardDuty's verdict on other bytes; by its guide, bucket policies deny it to others"
    ),
    "^cutout$": "asks Cutout to leave an object alone; a result is left alone anyway",
}
_METADATA = {
    r"md5|sha[-_]?(1|2|3|224|256|384|512)(?!\d)|crc[-_]?(8|16|32|64)|blake[23]|xxh|adler32": (
        "a digest of other bytes; rclone compares `md5chksum` with what it downloads, and fails"
    ),
    "(check|chk)[-_]?sum|" + _WORD % "crc|digest|e-?tag|hmac|signature|[a-z0-9]*hash": (
        "the same under its other names"
    ),
    "[-_]attrs$": "`s3cmd-attrs` and `mc-attrs` hold a file's digest and times in one value",
    _WORD % "[abcm]time|crtime" + "|last[-_]?modified|modified[-_]?time": (
        "when another file was written; rclone, s3fs and DataSync take it for this one's"
    ),
    "^(x-amz|x-goog|x-ms)-|^encryptiondata$": (
        "what a client or another cloud notes of the bytes: the S3 Encryption Client's keys "
        "(`x-amz-key-v2`, `x-amz-iv`, `x-amz-3`), their length, their hash"
    ),
    "^content[-_]|^(file|object)[-_]?size$|^mime[-_]?type$": "another file's length, type, name",
    "^cutout-": "Cutout's own marks, which say where these bytes come from",
}


def inherited_tags(theirs: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of the source that its result has, too."""
    return {name: value for name, value in theirs.items() if not _any(_TAGS, name)}


def inherited_cache_control(theirs: str | None) -> str | None:
    """Return the source's Cache-Control without `immutable`; None if nothing else was in it.

    A replaced source's result keeps its key, so that a cache that never asks again is wrong.
    """
    parts = re.findall(r'(?:[^,"]|"[^"]*"?)+', theirs or "")
    kept = [part.strip() for part in parts if part.strip().lower() != "immutable"]
    return ", ".join(part for part in kept if part) or None


def inherited(theirs: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """Return the source's user metadata and ours, trimming theirs to S3's 2 KB.

    Names and values count as UTF-8 bytes; ours always fit and win.
    """
    kept = dict(ours)
    left = MAX_METADATA_BYTES - sum(len(name) + len(value) for name, value in ours.items())
    for name, value in sorted(theirs.items()):
        if _any(_METADATA, name):
            continue
        text = value if value.isascii() else keys.metadata_value(value)
        left -= len(name) + len(text)
        if left < 0:
            break
        kept.setdefault(name, text)
    return kept


def _any(table: Mapping[str, str], name: str) -> bool:
    """Tell whether a name stays behind."""
    return any(re.search(pattern, name.lower()) for pattern in table)
