"""Secrets: SSM SecureStrings, read by name, cached, and not given up for a hiccup of AWS."""

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cutout.adapters.aws import CLIENT_CONFIG, code_of, is_denied
from cutout.errors import ConfigurationError, ProviderKeyUnreadableError
from cutout.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

# A create waits for the answer with its slot taken, so it waits briefly: at most ten seconds.
SSM_CONFIG = CLIENT_CONFIG.merge(
    Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
)
ASK_AGAIN_MS = 5_000  # so long nobody asks again after a failure, or for a key just read

# GetParameter's errors that a person has to mend (Systems Manager API Reference). InvalidKeyId is
# also what a disabled or deleted KMS key looks like.
_WRONG = frozenset(
    {"ParameterNotFound", "ParameterVersionNotFound", "InvalidKeyId", "ValidationException"}
)


@dataclass(frozen=True, slots=True)
class _Held:
    """A value as it was read at `read_ms`, and until when nobody asks for it again."""

    value: str
    read_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why there is no value, and until when nobody tries again."""

    kind: type[ConfigurationError | ProviderKeyUnreadableError]
    message: str
    until_ms: int


class SecretParameter:
    """One SecureString. Of many threads that need it at once, one asks SSM."""

    def __init__(self, ssm: "SSMClient", name: str, max_age_s: int, clock: Clock) -> None:
        """Keep the client, the parameter's name and how long its value may be cached."""
        self._ssm = ssm
        self._name = name
        self._max_age_ms = 1000 * max_age_s
        self._clock = clock
        self._asking = Lock()
        self._held: _Held | None = None
        self._failure: _Failure | None = None

    def value(self) -> str:
        """Return the value; never log it.

        While somebody asks for a newer one, and when AWS does not answer, the old one goes on.

        Raises:
            ConfigurationError: the parameter is missing, unreadable or empty.
            ProviderKeyUnreadableError: AWS did not answer, and there is no old value.
        """
        held = self._held
        if held is None:
            with self._asking:
                return self._current()
        if self._clock.now_ms() < held.until_ms or not self._asking.acquire(blocking=False):
            return held.value
        try:
            return self._current()
        finally:
            self._asking.release()

    def renewed(self, refused: str) -> str:
        """Return what the parameter holds now, for a caller whose key was refused.

        It is `refused` again if that was just read, or if AWS does not answer.

        Raises:
            ConfigurationError: the parameter is missing, unreadable or empty.
        """
        with self._asking:
            held, now_ms = self._held, self._clock.now_ms()
            if held is None or held.value != refused or now_ms - held.read_ms < ASK_AGAIN_MS:
                return refused if held is None else held.value
            self._held = _Held(held.value, held.read_ms, now_ms)
            return self._current()

    def _current(self) -> str:
        """Return the value, asked for if it is time to; the caller holds the lock."""
        held, failure, now_ms = self._held, self._failure, self._clock.now_ms()
        if held is not None and now_ms < held.until_ms:
            return held.value
        if held is None and failure is not None and now_ms < failure.until_ms:
            raise failure.kind(failure.message)
        try:
            value = self._read()
        except ProviderKeyUnreadableError as error:
            if held is None:
                self._fail(error)
                raise
            self._held = _Held(held.value, held.read_ms, self._clock.now_ms() + ASK_AGAIN_MS)
            return held.value
        except ConfigurationError as error:
            self._held = None
            self._fail(error)
            raise
        now_ms = self._clock.now_ms()
        self._held = _Held(value, now_ms, now_ms + self._max_age_ms)
        return value

    def _fail(self, error: ConfigurationError | ProviderKeyUnreadableError) -> None:
        """Have those who waited for the answer fail alike, without a question of their own."""
        until_ms = self._clock.now_ms() + ASK_AGAIN_MS
        self._failure = _Failure(type(error), str(error), until_ms)

    def _read(self) -> str:
        """Ask SSM."""
        try:
            answer = self._ssm.get_parameter(Name=self._name, WithDecryption=True)
        except ClientError as error:
            code = code_of(error)
            message = f"the SSM parameter {self._name} cannot be read: {code}"
            if code in _WRONG or is_denied(code):
                raise ConfigurationError(message) from error
            raise ProviderKeyUnreadableError(message) from error
        except BotoCoreError as error:
            message = f"the SSM parameter {self._name} cannot be read: {type(error).__name__}"
            raise ProviderKeyUnreadableError(message) from error
        value = answer["Parameter"]["Value"].strip()
        if not value:
            message = f"the SSM parameter {self._name} is empty"
            raise ConfigurationError(message)
        return value
