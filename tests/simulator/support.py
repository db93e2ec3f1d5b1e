"""What the simulator's tests share: a provisioning server and a registrar, recorded."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

MAC: Final = "0C1105000001"
WAIT_SECONDS: Final = 10.0
ACTION_URL: Final = "Config.Features.ACTIONURL."


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run an asynchronous test to its end."""

    async def limited() -> None:
        async with asyncio.timeout(60):
            await test

    asyncio.run(limited())


async def until(condition: Callable[[], object], *, seconds: float = 10.0) -> None:
    """Let the loop turn until ``condition`` holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - for conditions without an event
            await asyncio.sleep(0.01)


@dataclass
class Cloud:
    """Serves files under ``/p/s/`` with ETags, takes events at ``/e/…``, and records."""

    base: str = ""
    files: dict[str, str | bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 0
    etags: bool = True

    @property
    def url(self) -> str:
        return f"{self.base}/p/s/"

    def event_url(self, suffix: str, variables: str = "") -> str:
        return f"{self.base}/e/secret?event={suffix}{variables}"

    def paths(self) -> list[tuple[str, int]]:
        """Path (last part) and answered status of every request."""
        return [(path.rpartition("/")[2], status) for path, _, status in self.requests]

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        reply = self._reply(request)
        self.requests.append((request.path, request.query_string, reply.status))
        self.headers.append(dict(request.headers))
        return reply

    def _reply(self, request: web.BaseRequest) -> web.Response:
        if self.status:
            return web.Response(status=self.status)
        if request.path.startswith("/e/"):
            return web.Response(text="ok")
        content = self.files.get(request.path.rpartition("/")[2])
        if content is None:
            return web.Response(status=404)
        body = content.encode() if isinstance(content, str) else content
        if not self.etags:
            return web.Response(body=body)
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return web.Response(body=body, headers={"ETag": etag})


@asynccontextmanager
async def cloud() -> AsyncIterator[Cloud]:
    """A running :class:`Cloud` on a free port."""
    made = Cloud()
    runner = web.ServerRunner(web.Server(made.answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()


def action_urls(made: Cloud, **templates: str) -> str:
    """AutoP lines that switch action URLs on: suffix and further query variables."""
    lines = [f"{ACTION_URL}Enable = 1"]
    lines += [
        f"{ACTION_URL}{suffix} = {made.event_url(suffix, variables)}"
        for suffix, variables in templates.items()
    ]
    return "\n".join(lines) + "\n"
