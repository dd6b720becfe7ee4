"""Start the poll machine."""

from typing import TYPE_CHECKING

from cutout.adapters.aws import translated
from cutout.models import PollRequest

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class StepFunctionsPolls:
    """One Express execution per attempt."""

    def __init__(self, client: "SFNClient", machine_arn: str) -> None:
        """Keep the client and the machine."""
        self._client = client
        self._machine_arn = machine_arn

    def start(self, request: PollRequest) -> None:
        """Have a prediction polled until it ends or the machine's time is over."""
        with translated("starting the poll machine failed"):
            self._client.start_execution(
                stateMachineArn=self._machine_arn,
                name=f"{request.job_id}-{request.number}",
                input=request.model_dump_json(),
            )
