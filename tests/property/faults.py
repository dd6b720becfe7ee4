"""What a port call raises when it fails, and which calls the SDK may repeat."""

from cutout.errors import ProviderUnavailableError, ResultError, StorageError
from cutout.models import Job, JobState
from tests.property.books import ERRORS, Answer


def storage(_happened: bool) -> Exception:  # noqa: FBT001 a callback
    """An AWS service fails."""
    return StorageError("away")


def unanswered(happened: bool) -> Exception:  # noqa: FBT001 a callback
    """The connection to the provider breaks before or after it has done something."""
    return ERRORS[Answer.NEVER if happened else Answer.DOWN]()


def silent(_happened: bool) -> Exception:  # noqa: FBT001 a callback
    """The provider cannot be asked."""
    return ProviderUnavailableError("HTTP 503")


def unfetched(_happened: bool) -> Exception:  # noqa: FBT001 a callback
    """A download breaks."""
    return ResultError("result_unavailable", "away")


def bad(_happened: bool) -> Exception:  # noqa: FBT001 a callback
    """A download is not what it should be."""
    return ResultError("result_truncated", "the file ends early")


def outside_the_line(old: Job, new: Job) -> bool:
    """Tell whether a write is no transaction: those carry a token that makes them repeatable."""
    return JobState.QUEUED not in (old.state, new.state)
