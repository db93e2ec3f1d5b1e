"""A scripted counterpart that follows docs/bridge-protocol.md, written from scratch.

It speaks raw JSON on purpose: nothing here uses the encoders that it tests.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import WSCloseCode, web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from portico.protocols.bridge import signing
from tests.bridge.fake_firmware import FirmwareDesk
from tests.waiting import LONGEST_SECONDS

Frame = dict[str, Any]


@dataclass
class Gateway:
    """State and script of the fake; change the attributes while it runs."""

    tokens: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    roster: Frame = field(default_factory=dict)
    # How far server time is from this machine's wall clock.
    shift_ms: int = 0
    # Enrolments to register but not to answer.
    lost_enrolments: int = 0
    enrol_status: int = 0
    # Close with this code instead of `ready`, as long as it is set.
    refuse_with: int = 0
    acks: bool = True
    pongs: bool = True
    session_status: int = 0
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self.roster = self.roster or roster()
        self.keys: dict[str, bytes] = {}
        self.frames: list[Frame] = []
        self.auths: list[Frame] = []
        self.enrolments: list[Frame] = []
        self.close_codes: list[int | None] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.changed = asyncio.Condition()
        # Those that were signed as the contract has it, by their commands.
        self.pictures: dict[str, bytes] = {}
        self.picture_status = 204
        # What a unit should hold, and what was said of it, by commands.
        self.access_list: Frame = {"revision": "1", "users": [], "schedules": []}
        self.reports: list[tuple[str, Frame]] = []
        self.firmware = FirmwareDesk(self.changed, self.keys)
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def now(self) -> int:
        return int(time.time() * 1000) + self.shift_ms

    async def start(self) -> Self:
        app = web.Application()
        app.router.add_post("/bridge/v1/enrol", self._enrol)
        app.router.add_get("/bridge/v1/session", self._session)
        app.router.add_post("/bridge/v1/pictures/{command}", self._picture)
        app.router.add_route("*", "/bridge/v1/access/{command}", self._access)
        self.firmware.add_to(app)
        self._runner = web.AppRunner(app, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self.tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        for socket in self.sockets:
            await socket.close(code=WSCloseCode.SERVICE_RESTART)
        self.sockets.clear()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def cut(self, code: int = WSCloseCode.SERVICE_RESTART) -> None:
        """Close the present session."""
        await self.sockets[-1].close(code=code)

    async def send(self, frame: Frame) -> None:
        await self.sockets[-1].send_str(json.dumps(frame))

    async def command(self, mac: str, **changes: Any) -> str:
        """Send an ``open_relay`` command; returns its id."""
        frame: Frame = {
            "t": "command",
            "id": str(uuid.uuid4()),
            "mac": mac,
            "kind": "open_relay",
            "data": {"relay": {"kind": "local", "number": 1}, "hold_seconds": 3},
            "expires_at": self.now() + 8000,
        }
        frame |= changes
        await self.send(frame)
        return str(frame["id"])

    def of(self, kind: str, /, **fields: Any) -> list[Frame]:
        """Received frames of one type whose fields have these values."""
        wanted = {"t": kind, **fields}
        return [f for f in self.frames if wanted.items() <= f.items()]

    async def wait(self, condition: Callable[[], Any]) -> Any:
        """Wait until ``condition`` is true; checked after every frame and session."""
        async with asyncio.timeout(LONGEST_SECONDS), self.changed:
            await self.changed.wait_for(condition)
        return condition()

    async def result(self, command: str) -> Frame:
        """The first result of ``command``."""
        found = await self.wait(lambda: self.of("result", id=command))
        return dict(found[0])

    async def ready(self, sessions: int = 1) -> None:
        """Wait for the given number of accepted sessions, and first words of the last."""
        await self.wait(lambda: len(self.auths) >= sessions)

    async def online(self, mac: str) -> Frame:
        """Wait until the newest presence calls the device online."""
        found = await self.wait(lambda: self._presence(mac, online=True))
        return dict(found)

    def _presence(self, mac: str, *, online: bool) -> Frame | None:
        newest = None
        for frame in self.of("presence"):
            for device in frame["devices"]:
                if device["mac"] == mac:
                    newest = device
        return newest if newest and newest["online"] is online else None

    async def offline(self, mac: str) -> Frame:
        found = await self.wait(lambda: self._presence(mac, online=False))
        return dict(found)

    async def _note(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def _enrol(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.enrolments.append(body)
        await self._note()
        if self.enrol_status:
            return web.Response(status=self.enrol_status, headers={"Retry-After": "0"})
        token, key = body["token"], body["public_key"]
        if token not in self.tokens:
            return web.Response(status=404)
        spent = self.tokens[token]
        if spent is not None and spent[0] != key:
            return web.Response(status=404)
        bridge = spent[1] if spent else str(uuid.uuid4())
        self.tokens[token] = (key, bridge)
        self.keys[bridge] = signing.from_base64url(key)
        if self.lost_enrolments:
            self.lost_enrolments -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"bridge_id": bridge})

    async def _picture(self, request: web.Request) -> web.Response:
        command, jpeg = request.match_info["command"], await request.read()
        public = self.keys[request.headers["Portico-Bridge"]]
        signature = signing.from_base64url(request.headers["Portico-Signature"])
        text = b"portico-picture-v1\n" + command.encode() + b"\n"
        text += hashlib.sha256(jpeg).digest()
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
        if self.picture_status == 204:
            self.pictures[command] = jpeg
        return web.Response(status=self.picture_status)

    async def _access(self, request: web.Request) -> web.Response:
        command, body = request.match_info["command"], await request.read()
        key = Ed25519PublicKey.from_public_bytes(
            self.keys[request.headers["Portico-Bridge"]]
        )
        text = f"portico-access-v1\n{request.method}\n{command}\n".encode()
        signature = signing.from_base64url(request.headers["Portico-Signature"])
        key.verify(signature, text + hashlib.sha256(body).digest())
        if request.method == "GET":
            return web.json_response(self.access_list)
        self.reports.append((command, json.loads(body)))
        await self._note()
        return web.Response(status=204)

    async def _session(self, request: web.Request) -> web.StreamResponse:
        if self.session_status:
            return web.Response(status=self.session_status)
        socket = web.WebSocketResponse(max_msg_size=64 * 1024)
        await socket.prepare(request)
        try:
            if await self._welcome(socket):
                await self._converse(socket)
        finally:
            self.close_codes.append(socket.close_code)
            await self._note()
        return socket

    async def _welcome(self, socket: web.WebSocketResponse) -> bool:
        nonce = secrets.token_bytes(32)
        await socket.send_json(
            {
                "t": "challenge",
                "nonce": signing.to_base64url(nonce),
                "server_time": self.now(),
            }
        )
        auth = await socket.receive_json(timeout=LONGEST_SECONDS)
        assert auth["t"] == "auth"
        public = self.keys.get(auth["bridge"], b"")
        signature = signing.from_base64url(auth["signature"])
        good = signing.verify(
            public, nonce, uuid.UUID(auth["bridge"]), signature=signature
        )
        code = self.refuse_with or (0 if good else 4401)
        if code:
            await socket.close(code=code)
            return False
        session = secrets.token_hex(8)
        ready = {"t": "ready", "session": session, "server_time": self.now()}
        await socket.send_json(ready)
        await socket.send_json(self.roster)
        self.sockets.append(socket)
        self.auths.append(auth)
        await self._note()
        return True

    async def _converse(self, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            frame = json.loads(message.data)
            self.frames.append(frame)
            # The bridge may be killed under the answer.
            with suppress(ConnectionError):
                if frame["t"] == "ping" and self.pongs:
                    pong = {"t": "pong", "n": frame["n"], "server_time": self.now()}
                    await socket.send_json(pong)
                elif frame["t"] in {"event", "result"} and self.acks:
                    await socket.send_json({"t": "ack", "ids": [frame["id"]]})
            await self._note()


def roster(*devices: Frame, revision: str = "1") -> Frame:
    return {"t": "roster", "revision": revision, "devices": list(devices)}


def roster_device(mac: str, **changes: Any) -> Frame:
    device: Frame = {
        "mac": mac,
        "model": "R20A",
        "address": None,
        "api_user": "admin",
        "api_password": "api-pass",
        "open_user": "open",
        "open_password": "open-pass",
        "event_secret": f"secret-{mac}",
        "guests": [],
        "provisioning": None,
        "rtsp_user": "video",
        "rtsp_password": "rtsp-pass",
    }
    return device | changes


@asynccontextmanager
async def running_gateway(**attributes: Any) -> AsyncIterator[Gateway]:
    gateway = Gateway(**attributes)
    gateway.tokens.setdefault("token-1", None)
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()
