"""Which calls reached AWS's services: the local AWS records them as CloudTrail would."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.endpoint import CREDENTIALS, Endpoint

_TARGET = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"
_PAGE = 50
_MOST = 10_000  # what the local AWS keeps; it forgets the oldest


@dataclass(frozen=True)
class Call:
    """One recorded call; `identity` is the access key it was signed with."""

    service: str
    name: str
    identity: str
    at: float
    parameters: Mapping[str, Any]

    @property
    def is_ours(self) -> bool:
        """Tell whether a function or a provider made it, and not the benchmark itself."""
        return self.identity != CREDENTIALS["AWS_ACCESS_KEY_ID"]


class Trail:
    """The record of one local AWS, from the moment this is made."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._url = endpoint.endpoint_url
        self._region = endpoint.region
        self._http = httpx.Client(trust_env=False, timeout=60)
        switch = {"cloudtrail._recording_enabled": "true"}
        self._http.post(f"{self._url}/_ministack/config", json=switch).raise_for_status()
        self.began = time.time()

    def calls(self) -> list[Call]:
        """Return the calls since it began, oldest first.

        Raises:
            ValueError: there were more than the local AWS keeps.
        """
        found = {event["EventId"]: event for event in self._events()}
        if len(found) >= _MOST:
            message = "the local AWS recorded more calls than it keeps; measure fewer images"
            raise ValueError(message)
        return [_call(event) for event in reversed(found.values())]

    def stop(self) -> None:
        """Record no more."""
        switch = {"cloudtrail._recording_enabled": "false"}
        self._http.post(f"{self._url}/_ministack/config", json=switch).raise_for_status()

    def _events(self) -> Iterator[dict[str, Any]]:
        """Yield newest first; pages overlap by what happened at the same moment."""
        end = time.time()
        while True:
            page = self._page(end)
            yield from page
            if len(page) < _PAGE:
                return
            end = page[-1]["EventTime"]

    def _page(self, end: float) -> list[dict[str, Any]]:
        """Ask for one page; boto3 would round the time to whole seconds."""
        body = json.dumps({"StartTime": self.began, "EndTime": end, "MaxResults": _PAGE})
        headers = {"X-Amz-Target": _TARGET, "Content-Type": "application/x-amz-json-1.1"}
        request = AWSRequest("POST", self._url + "/", headers=headers, data=body)
        credentials = Credentials(*CREDENTIALS.values())
        SigV4Auth(credentials, "cloudtrail", self._region).add_auth(request)
        answer = self._http.post(self._url + "/", headers=dict(request.headers), content=body)
        events: list[dict[str, Any]] = answer.raise_for_status().json()["Events"]
        return events


def _call(event: Mapping[str, Any]) -> Call:
    detail = json.loads(event["CloudTrailEvent"])
    return Call(
        service=event["EventSource"].partition(".")[0],
        name=event["EventName"],
        identity=event["AccessKeyId"],
        at=event["EventTime"],
        parameters=detail["requestParameters"] or {},
    )
