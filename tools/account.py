"""The AWS account that is looked at: the user's own, or the local stack's."""

import ipaddress
import os
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from local.endpoint import CREDENTIALS

_CONFIG = Config(
    connect_timeout=5,
    read_timeout=15,
    retries={"mode": "standard", "total_max_attempts": 3},
    user_agent_extra="cutout-tools",
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where and as whom calls are made; its clients may be used by several threads."""

    session: Any
    region: str
    endpoint_url: str | None = None
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _making: Lock = field(default_factory=Lock, repr=False, compare=False)

    @property
    def is_local(self) -> bool:
        """Tell whether this is an AWS on this machine."""
        return self.endpoint_url is not None and is_loopback(self.endpoint_url)

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 types each service on its own
        """Return the client of a service; making one is slow and not safe in threads."""
        with self._making:
            if service not in self._clients:
                self._clients[service] = self._new_client(service)
            return self._clients[service]

    def _new_client(self, service: str) -> Any:  # noqa: ANN401 - as above
        local = Config(proxies={}) if self.is_local else Config()
        return self.session.client(
            service,
            region_name=self.region,
            endpoint_url=self.endpoint_url,
            config=_CONFIG.merge(local),
        )


def connect(
    profile: str | None = None, region: str | None = None, endpoint_url: str | None = None
) -> Account:
    """Return the account of the user's profile; a local AWS has a root user of its own.

    The user's real keys are not sent to a server on this machine. AWS_REGION is heeded as the
    AWS CLI does it; boto3 by itself knows AWS_DEFAULT_REGION only.
    """
    if endpoint_url is not None and is_loopback(endpoint_url):
        session: Any = boto3.session.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=region or "us-east-1",
        )
    else:
        session = boto3.session.Session(
            profile_name=profile, region_name=region or os.environ.get("AWS_REGION")
        )
    return Account(
        session=session, region=str(session.region_name or ""), endpoint_url=endpoint_url or None
    )


def is_loopback(url: str) -> bool:
    """Tell whether a URL is of this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_denied(code: str) -> bool:
    """Tell whether an AWS error code says that the caller may not."""
    return code in _DENIED
