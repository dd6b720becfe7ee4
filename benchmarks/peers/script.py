"""The script that a good engineer writes in an afternoon: asyncio, a semaphore, a rate limiter.

It starts from a list of uploaded images, presigns each, creates, waits for the webhook, downloads
the result and puts it beside the original. It keeps no record, checks nothing, survives no crash
and has to be started by somebody; and it has what no script on a laptop has, a public address for
webhooks. Usage: `python -m benchmarks.peers.script`, with a `Task` as JSON on standard input.
"""

import asyncio
import json
import sys
import time
from collections import deque
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx

from local.endpoint import Endpoint

MODEL = "eachlabs-bg-remover-v1"
WINDOW_SECONDS = 60.0
MARGIN_SECONDS = 0.1  # a request takes a moment, and not always the same
RETRY_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Task:
    """What to do: cut out these keys of a bucket, at a provider with these limits."""

    endpoint_url: str
    provider_url: str
    bucket: str
    keys: list[str]
    api_key: str = "sandbox-key"
    concurrent: int = 10
    per_minute: int = 100


class RateLimiter:
    """At most so many creates in any minute."""

    def __init__(self, per_minute: int) -> None:
        self._sent: deque[float] = deque(maxlen=per_minute)
        self._lock = asyncio.Lock()

    async def wait(self) -> None:
        """Return when one more create may be sent."""
        async with self._lock:
            if len(self._sent) == self._sent.maxlen:
                opens = self._sent[0] + WINDOW_SECONDS + MARGIN_SECONDS
                await asyncio.sleep(max(0.0, opens - time.monotonic()))
            self._sent.append(time.monotonic())


class Listener:
    """Receives webhooks on loopback, one short connection each."""

    def __init__(self) -> None:
        self.url = ""
        self._ended: dict[str, asyncio.Future[dict[str, Any]]] = {}

    def expect(self, number: int) -> asyncio.Future[dict[str, Any]]:
        """Return the future webhook of an image."""
        return self._ended.setdefault(str(number), asyncio.get_running_loop().create_future())

    async def start(self) -> asyncio.Server:
        """Listen on a free port."""
        server = await asyncio.start_server(self._receive, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        body = await reader.readexactly(int(headers["content-length"]))
        self._ended[lines[0].split()[1].strip("/")].set_result(json.loads(body))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


class Script:
    """The script's few functions and what they share."""

    def __init__(self, task: Task, http: httpx.AsyncClient, listener: Listener) -> None:
        self._task = task
        self._http = http
        self._listener = listener
        self._s3 = Endpoint(endpoint_url=task.endpoint_url).client("s3")
        self._slots = asyncio.Semaphore(task.concurrent)
        self._limiter = RateLimiter(task.per_minute)

    async def run(self) -> None:
        """Cut out everything."""
        await asyncio.gather(*(self._cut_out(n, key) for n, key in enumerate(self._task.keys)))

    async def _cut_out(self, number: int, key: str) -> None:
        async with self._slots:
            await self._limiter.wait()
            ended = self._listener.expect(number)
            await self._create(number, key)
            result_url = (await ended)["output"]
        png = (await self._http.get(result_url)).raise_for_status().content
        target = f"{key.rpartition('.')[0]}.cutout.png"
        await asyncio.to_thread(self._s3.put_object, Bucket=self._task.bucket, Key=target, Body=png)

    async def _create(self, number: int, key: str) -> None:
        parameters = {"Bucket": self._task.bucket, "Key": key}
        image_url = self._s3.generate_presigned_url("get_object", Params=parameters)
        body = {
            "model": MODEL,
            "input": {"image_url": image_url},
            "webhook_url": f"{self._listener.url}/{number}",
        }
        headers = {"X-API-Key": self._task.api_key}
        url = f"{self._task.provider_url}/v1/prediction/"
        while (answer := await self._http.post(url, json=body, headers=headers)).is_error:
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                answer.raise_for_status()
            await asyncio.sleep(RETRY_SECONDS)


async def main(task: Task) -> float:
    """Do it and return the seconds it took."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=60))
        listener = Listener()
        await stack.enter_async_context(await listener.start())
        started = time.monotonic()
        await Script(task, http, listener).run()
        return time.monotonic() - started


if __name__ == "__main__":
    json.dump({"seconds": asyncio.run(main(Task(**json.load(sys.stdin))))}, sys.stdout)
