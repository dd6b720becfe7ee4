"""Objects that are there and that S3 hands out to nobody who asks as Cutout does. Pure.

That does not pass by itself, so it is a reason to skip an object and none to come again. Whether an
object is one of these is said by S3's errors, by its answer to HEAD, and in part by its listings.
"""

from typing import Final

from cutout.models import Reason, UnreadableCode

ARCHIVED: Final = "archived"
ENCRYPTED: Final = "unreadable_encryption"
CODES: Final = frozenset({ARCHIVED, ENCRYPTED})

# GLACIER_IR is not among them: it is read at once (S3 User Guide, "Restoring an archived object").
_ARCHIVE_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_RESTORED = 'ongoing-request="false"'  # S3 API Reference, HeadObject, x-amz-restore

_BY_ERROR: dict[str, UnreadableCode] = {
    "InvalidObjectState": ARCHIVED,  # S3 API Reference, GetObject
    # What S3 says to a GET of an object of SSE-C that comes without its key. None of the other
    # causes of this code can be met by a GET that names an object, a version, a range and an ETag.
    "InvalidRequest": ENCRYPTED,
    # The KMS key was deleted. A disabled one, or one that waits for its deletion, can be had back:
    # that is the set-up's fault (adapters/aws.py).
    "KMS.NotFoundException": ENCRYPTED,
}
_SENTENCES: dict[UnreadableCode, str] = {
    ARCHIVED: (
        "The object is archived (S3 Glacier or an archive tier), so it cannot be read. Restore it: "
        "it is cut out once the restored copy is there."
    ),
    ENCRYPTED: (
        "The object is encrypted with a key that S3 does not have (SSE-C, or a KMS key that was "
        "deleted), so it cannot be read. Upload it again with S3's own encryption or a KMS key."
    ),
}


def reason(code: UnreadableCode) -> Reason:
    """Return the reason with a sentence that says what can be done."""
    return Reason(code=code, message=_SENTENCES[code])


def by_error(error_code: str) -> UnreadableCode | None:
    """Return what S3's error to a GET means for good; None if it means nothing like that."""
    return _BY_ERROR.get(error_code)


def by_head(storage_class: str, archive_status: str, restore: str) -> UnreadableCode | None:
    """Return `archived` if S3's answer to HEAD says so, else None.

    Args:
        storage_class: `x-amz-storage-class`; empty for STANDARD.
        archive_status: `x-amz-archive-status`, which S3 Intelligent-Tiering has for its archive
            tiers; a restored object leaves them.
        restore: `x-amz-restore`, which tells of a restored copy beside an archived object.
    """
    archived = bool(archive_status) or storage_class in _ARCHIVE_CLASSES
    return ARCHIVED if archived and _RESTORED not in restore else None
