"""Every exception of the application, grouped by what happens next.

CutoutError
├── ConfigurationError             a person must change the setup
├── ConflictError                  somebody else wrote first too often: the message comes again
├── StorageError                   an AWS call failed for a passing reason: the message comes again
│   └── ObjectMissingError         the object, or this version of it, is not there
├── ImageError                     the source cannot be cut out; `code` is the reason
├── PreparingFailedError           this machine failed to prepare a source: the message comes again
├── ResultError                    the provider's result cannot be published; `code` is the reason
├── SourceReplacedError            the object's current version is not the job's
├── LeaseHeldError                 another invocation is storing this job: come back later
├── NewerVersionError              only a newer version knows what to do: kept for it
├── WebhookRejectedError           the caller gets 404 and no hint
├── RequestError                   the jobs API says no; `code` and sentence go to the caller
│   ├── RequestInvalidError        the request must be changed (422)
│   ├── NotThereError              no such job, no such object (404)
│   └── NotNowError                the job's state does not allow it (409)
└── ProviderError                  DESIGN 4.4: what a provider's answer means for the attempt
    ├── ProviderRejectedError      this image is refused there
    ├── ProviderKeyUnreadableError the key cannot be read just now: nothing was sent
    ├── ProviderMisconfiguredError the key or the set-up is wrong: every image would fail
    ├── ProviderOutOfCreditError   the account is empty: every image would fail
    ├── ProviderRateLimitedError   429: the key pauses, the attempt does not count
    ├── ProviderUnavailableError   nothing was created: try again later
    ├── MaybeCreatedError          the answer was lost: the prediction may exist and may be charged
    └── PredictionUnknownError     the provider does not know this prediction id

Class names are public: the state machine matches `ErrorEquals` on them. No message holds a key, a
token or a presigned URL.
"""

RESULT_UNAVAILABLE = "result_unavailable"  # code of a result that may be had another time


class CutoutError(Exception):
    """Base of all errors of this application."""


class ConfigurationError(CutoutError):
    """A setting, parameter or permission is missing or wrong."""


class ConflictError(CutoutError):
    """A conditional write lost against other writers until the tries were used up."""


class StorageError(CutoutError):
    """An AWS service refused or failed a call for a reason that may pass."""


class ObjectMissingError(StorageError):
    """The object, or the version of it that was asked for, does not exist."""


class LeaseHeldError(CutoutError):
    """Another invocation holds the storing lease of this job."""


class NewerVersionError(CutoutError):
    """A record or a message of a newer version needs what this version does not know.

    A message comes again, and is kept in its dead-letter queue for that version.
    """


class SourceReplacedError(CutoutError):
    """The source has another current version than the one of the job."""


class ImageError(CutoutError):
    """A source cannot be cut out, whoever tries.

    Attributes:
        code: stable reason code, for example `truncated_image` (DESIGN 4.3).
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the reason code beside the sentence for people."""
        super().__init__(message)
        self.code = code


class PreparingFailedError(CutoutError):
    """A source could not be prepared for a reason of this machine, such as a full disk."""


class ResultError(CutoutError):
    """A provider's result must not be published.

    Attributes:
        code: stable reason code, for example `result_truncated` (DESIGN 4.3).
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the reason code beside the sentence for people."""
        super().__init__(message)
        self.code = code


class WebhookRejectedError(CutoutError):
    """A webhook call is malformed, unknown or not authentic."""


class RequestError(CutoutError):
    """The jobs API refuses a request; the sentence says what the caller can do.

    Attributes:
        code: stable code of the problem.
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the sentence for people."""
        super().__init__(message)
        self.code = code


class RequestInvalidError(RequestError):
    """The request as it is will never be accepted (422)."""


class NotThereError(RequestError):
    """There is no such job, or no such object in the bucket (404)."""


class NotNowError(RequestError):
    """The state of the job does not allow it (409)."""


class ProviderError(CutoutError):
    """Base of everything a provider's answer can mean besides success."""


class ProviderRejectedError(ProviderError):
    """The provider refuses this image (400); another provider may take it."""


class ProviderKeyUnreadableError(ProviderError):
    """AWS does not hand out the provider's key just now; the provider was not asked."""


class ProviderMisconfiguredError(ProviderError):
    """The provider refuses the key or does not know the model (401, 403, 404)."""


class ProviderOutOfCreditError(ProviderError):
    """The provider's account has no credit left (402)."""


class ProviderRateLimitedError(ProviderError):
    """The provider answered 429.

    Attributes:
        retry_after_s: seconds the provider asked to wait; None when it did not say.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        """Keep the provider's Retry-After beside the sentence."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ProviderUnavailableError(ProviderError):
    """The provider could not be reached or said 500 or 503: nothing was created."""


class MaybeCreatedError(ProviderError):
    """The create call was sent and its answer lost (read timeout, 502, 504)."""


class PredictionUnknownError(ProviderError):
    """The provider does not know the prediction id."""
