"""What every AWS adapter shares: client settings and the translation of failures."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cutout.errors import ConfigurationError, StorageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Regional, virtual-host and SigV4 URLs explicitly: a presigned URL of the global endpoint is
# redirected for new buckets elsewhere and its signature then fails (PEERS P9).
CLIENT_CONFIG = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=20,
)
S3_CONFIG = CLIENT_CONFIG.merge(
    Config(
        signature_version="s3v4",
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
    )
)


def client(service: str, config: Config = CLIENT_CONFIG) -> Any:  # noqa: ANN401 boto3 types each service on its own
    """Return a client of an AWS service with our timeouts and retries."""
    return boto3.client(service, config=config)  # type: ignore[call-overload]


def s3_client() -> "S3Client":
    """Return a client of S3 whose presigned URLs name the regional endpoint."""
    return boto3.client("s3", config=S3_CONFIG)


_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"})
# A KMS key that is disabled, or waits for its deletion, can be enabled again by a person.
_KEY_OFF = frozenset({"KMS.DisabledException", "KMS.KMSInvalidStateException"})


def code_of(error: ClientError) -> str:
    """Return the error code AWS gave, for example `PreconditionFailed` or `404`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_denied(code: str) -> bool:
    """Tell whether an AWS error code says that a permission is missing."""
    return code in _DENIED


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn AWS failures inside into our errors; `what` is the sentence's beginning.

    Raises:
        ConfigurationError: a permission is missing, or a KMS key is switched off.
        StorageError: everything else.
    """
    try:
        yield
    except ClientError as error:
        message = f"{what}: {code_of(error)}"
        if is_denied(code_of(error)) or code_of(error) in _KEY_OFF:
            raise ConfigurationError(message) from error
        raise StorageError(message) from error
    except BotoCoreError as error:
        message = f"{what}: {type(error).__name__}"
        raise StorageError(message) from error
