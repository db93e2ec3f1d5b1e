"""A small unit with the local API under digest, for what the simulator cannot script."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from tests.waiting import LONGEST_SECONDS

MAC = "0C1105AABBCC"
_PAIRS = re.compile(r'(\w+)="?([^",]+)"?')
Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def envelope(
    data: object = None, *, retcode: int = 0, message: str = "OK"
) -> web.Response:
    body = {"retcode": retcode, "action": "", "message": message, "data": data or {}}
    return web.json_response(body)


def page(result: int) -> web.Response:
    html = f"<html><input id=hcSingleResult type=hidden value='{result}'></html>"
    return web.Response(text=html, content_type="text/html")


@dataclass
class Device:
    """Counts what reaches it; ``answers`` overrides single paths."""

    mac: str = MAC
    model: str = "R20A"
    firmware: str = "320.30.11.63"
    api: tuple[str, str] = ("admin", "api-pass")
    opening: tuple[str, str] = ("open", "open-pass")
    port: int = 0

    def __post_init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, str, bool]] = []  # method, path?query, allowed
        self.trigs: list[Any] = []
        self.doors: list[str] = []
        self.connections: set[int] = set()
        self.changed = asyncio.Condition()
        self._nonces: set[str] = set()
        self._runner: web.ServerRunner | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        server = web.Server(self._handle)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def wait(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(LONGEST_SECONDS), self.changed:
            await self.changed.wait_for(condition)

    async def report(
        self, listen: str, suffix: str, *, secret: str = "", **values: str
    ) -> int:
        """Send an action URL to the bridge as a device does; returns the status."""
        fields = {"event": suffix, **values, "mac": self.mac, "ip": self.address}
        query = "&".join(f"{name}={value}" for name, value in fields.items())
        path = secret or f"secret-{self.mac}"
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{listen}/e/{path}?{query}") as response,
        ):
            return response.status

    def count(self, path: str) -> int:
        return sum(target.split("?")[0] == path for _, target, _ in self.requests)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername")[1])
        account = self._account(request.path)
        allowed = account is None or self._is_allowed(request, *account)
        self.requests.append((request.method, request.path_qs, allowed))
        async with self.changed:
            self.changed.notify_all()
        if not allowed:
            nonce = secrets.token_hex(8)
            self._nonces.add(nonce)
            challenge = f'Digest realm="HTTP API", nonce="{nonce}", qop="auth"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        response = await self._answer(request)
        async with self.changed:
            self.changed.notify_all()
        return response

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/api/relay/trig":
            self.trigs.append((await request.json())["data"])
        if request.path.startswith("/fcgi/"):
            self.doors.append(request.query["DoorNum"])
        async with self.changed:
            self.changed.notify_all()
        if (special := self.answers.get(request.path)) is not None:
            return await special(request)
        if request.path == "/api/system/info":
            status = {
                "Model": self.model,
                "MAC": ":".join(re.findall("..", self.mac)),
                "FirmwareVersion": self.firmware,
                "HardwareVersion": "1.0",
            }
            return envelope({"Status": status})
        if request.path == "/api/relay/trig":
            return envelope()
        return web.Response(status=404)

    def _account(self, path: str) -> tuple[str, str] | None:
        if path.startswith("/api/"):
            return self.api
        return self.opening if path == "/fcgi/OpenDoor" else None

    def _is_allowed(self, request: web.BaseRequest, user: str, password: str) -> bool:
        given = dict(_PAIRS.findall(request.headers.get("Authorization", "")))
        if given.get("nonce") not in self._nonces or given.get("username") != user:
            return False
        realm, uri = given["realm"], request.raw_path
        first = _md5(f"{user}:{realm}:{password}")
        second = _md5(f"{request.method}:{uri}")
        middle = ":".join(given[name] for name in ("nonce", "nc", "cnonce", "qop"))
        return bool(given["response"] == _md5(f"{first}:{middle}:{second}"))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@asynccontextmanager
async def running_device(**attributes: Any) -> AsyncIterator[Device]:
    device = Device(**attributes)
    await device.start()
    try:
        yield device
    finally:
        await device.stop()
