"""A local stack: the local AWS, the provider sandbox, and the application deployed to them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import httpx

from local import deploy, parameters, processes, services
from local.console import LocalError, stage
from local.endpoint import Endpoint
from local.guardian import Guardian

DIRECTORY = deploy.ROOT / ".local"
# Two seconds a prediction: quick, and still long enough to see that the work is asynchronous.
WARM_ENVIRONMENTS = 10  # the default of EachlabsMaxConcurrent: as many webhooks may come at once
SANDBOX_OPTIONS = ("--seconds", "2", "--cut", "grabcut")


@dataclass(frozen=True, kw_only=True)
class Stack(Endpoint):
    """A running stack, as `stack.json` describes it."""

    stack_name: str
    outputs: Mapping[str, str]
    api_key: str | None
    sandbox_url: str
    pids: Mapping[str, int]

    @property
    def api_url(self) -> str:
        """Return where the local AWS serves the API (`ApiUrl` names the host on AWS)."""
        url = urlsplit(self.outputs["ApiUrl"])
        api_id = (url.hostname or "").partition(".")[0]
        return f"{self.endpoint_url}/_aws/execute-api/{api_id}{url.path.rstrip('/')}"

    @classmethod
    def load(cls, directory: Path = DIRECTORY) -> Self | None:
        """Return the stack that `stack.json` describes, or None without one."""
        path = _description(directory)
        if not path.exists():
            return None
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            message = f"{path} does not describe a stack; end its processes and remove the file."
            raise LocalError(message) from error

    def save(self, directory: Path) -> None:
        """Write `stack.json`."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        _description(directory).write_text(text + "\n", encoding="utf-8")


def up(
    params: Mapping[str, str],
    directory: Path = DIRECTORY,
    *,
    preferred_port: int = services.PREFERRED_PORT,
    sandbox_options: Sequence[str] = SANDBOX_OPTIONS,
) -> Stack:
    """Start a stack that stays up, in place of the one that `up` started there before."""
    directory = directory.resolve()
    with _in_use(directory), Guardian(directory) as guardian:
        stack = _up(params, directory, preferred_port, sandbox_options, guardian)
    warm_up(stack)
    return stack


def warm_up(stack: Stack) -> None:
    """Have ten environments of the webhook function started, by calls that it answers with 404.

    In AWS ten cold starts run side by side in about a second. Here they share two processors and
    one interpreter and take ten: without this the first ten images' slots would stand idle so long.
    """
    with stage("Warmed up the webhook function"), ThreadPoolExecutor(WARM_ENVIRONMENTS) as calls:
        url = f"{stack.api_url}/webhooks/none/none/none"
        list(calls.map(lambda _: httpx.post(url, timeout=60), range(WARM_ENVIRONMENTS)))


def down(directory: Path = DIRECTORY) -> bool:
    """Stop the stack of that directory, and nothing else; tell whether one was running."""
    directory = directory.resolve()
    stack = Stack.load(directory)
    if stack is None:
        return False
    stopped = [processes.stop(pid, directory) for pid in stack.pids.values()]
    services.clean(directory)
    _description(directory).unlink()
    return any(stopped)


@contextmanager
def running(
    params: Mapping[str, str] | None = None,
    directory: Path = DIRECTORY,
    *,
    preferred_port: int = 0,
    sandbox_options: Sequence[str] = SANDBOX_OPTIONS,
) -> Iterator[Stack]:
    """Have a stack up for the time of the block."""
    directory = directory.resolve()
    # In use until the end: another `make demo` must not take this one's stack for a leftover.
    with _in_use(directory), Guardian(directory) as guardian:
        stack = _up(params or {}, directory, preferred_port, sandbox_options, guardian)
        try:
            yield stack
        finally:
            with stage("Stopped the stack"):
                down(directory)


def _in_use(directory: Path) -> AbstractContextManager[None]:
    return processes.locked(directory / "lock", wait=False)


def _up(
    params: Mapping[str, str],
    directory: Path,
    preferred_port: int,
    options: Sequence[str],
    guardian: Guardian,
) -> Stack:
    known = parameters.declared(deploy.TEMPLATE)
    parameters.resolve(known, "", params)  # a mistyped name is known before anything starts
    if Stack.load(directory):
        with stage("Stopped the stack that was left here"):
            down(directory)
    services.prepare(directory)
    with ExitStack() as undo:  # all of it or nothing
        undo.callback(services.clean, directory)
        port = services.free_port(preferred_port)
        with stage(f"Started the local AWS on port {port}"):
            aws_pid, endpoint = services.start_aws(undo, directory, port, guardian.watch)
        keys = parameters.api_keys(known, params)
        _put_api_keys(endpoint, keys)
        options = [*(f"--api-key={key}" for key in keys.values()), *options]
        with stage("Started the provider sandbox"):
            sandbox_pid, sandbox_url = services.start_sandbox(
                undo, directory, endpoint, options, guardian.watch
            )
        overrides = parameters.resolve(known, sandbox_url, params)
        outputs = deploy.build_and_deploy(endpoint, directory, overrides)
        stack = Stack(
            endpoint_url=endpoint.endpoint_url,
            region=endpoint.region,
            stack_name=deploy.STACK_NAME,
            outputs=outputs,
            api_key=_read_api_key(endpoint, outputs),
            pids={"aws": aws_pid, "sandbox": sandbox_pid},
            sandbox_url=sandbox_url,
        )
        stack.save(directory)
        undo.pop_all()
    return stack


def _description(directory: Path) -> Path:
    return directory / "stack.json"


def _put_api_keys(endpoint: Endpoint, keys: Mapping[str, str]) -> None:
    ssm = endpoint.client("ssm")
    for name, value in keys.items():
        ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)


def _read_api_key(endpoint: Endpoint, outputs: Mapping[str, str]) -> str | None:
    if "ApiKeyId" not in outputs:
        return None
    key = endpoint.client("apigateway").get_api_key(apiKey=outputs["ApiKeyId"], includeValue=True)
    return key.get("value")
