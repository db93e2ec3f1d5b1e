"""Bridges' connections for remote control: ``/bridge/v1/remote/<session>``.

One connection serves one session (``docs/bridge-protocol.md``); the session ends with it.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog

from portico.gateway import metrics
from portico.gateway.bridge_session import Close, send_in_time
from portico.gateway.domain import Domain, StoreFailed
from portico.gateway.http import Message, Receive, Send
from portico.gateway.remote_domain import RemoteDomain, RemoteInfo
from portico.gateway.remote_rules import Place
from portico.protocols.bridge import signing
from portico.protocols.bridge.fields import Nonsense
from portico.protocols.bridge.remote import (
    MAX_STREAMS,
    Frame,
    FrameKind,
    Open,
    RemoteAuth,
    RemoteChallenge,
    RemoteReady,
    decode_hello,
    encode_hello,
)
from portico.tunnel.streams import Link, Stream, StreamOver

log = structlog.get_logger(__name__)

PREFIX = "/bridge/v1/remote/"
AUTH_SECONDS = 10.0
# A bridge says something every eight seconds.
SILENCE_SECONDS = 25.0
# As long as any line needs for a frame; a bridge that reads nothing ends then.
SEND_SECONDS = 20.0
POLL_SECONDS = 1.0
# From the contract: the session is over.
OVER = 4410


class Tunnel:
    """A session's connection to its device, through the bridge."""

    def __init__(self, info: RemoteInfo, place: Place, send: Send) -> None:
        self.info, self.place = info, place
        # Which of the device's two servers it has sent the browser to.
        self.tls = False
        self.heard_at = time.monotonic()
        self.requests = self.sent = 0
        self._send = send
        self._numbers = itertools.count(1)
        self.link = Link(self._write)
        self._reading: asyncio.Timeout | None = None
        self._code = 0

    async def open(self, asked: Open) -> Stream:
        """Ask the device. :raises StreamOver: the bridge is gone, or too much is asked."""
        if len(self.link.streams) >= MAX_STREAMS:
            raise StreamOver("busy")
        self.requests += 1
        stream = self.link.stream(next(self._numbers))
        await stream.send(FrameKind.OPEN, asked)
        return stream

    async def close(self, stream: Stream, *, is_done: bool) -> None:
        """Forget a stream, and tell the bridge if it was not done."""
        if is_done or stream.is_over:
            self.link.drop(stream.number)
            return
        try:
            await self.link.reset(stream.number, "given_up")
        except StreamOver:
            self.end()

    async def run(self, receive: Receive) -> None:
        """Read until the bridge hangs up. :raises Close: it is to be sent away."""
        try:
            async with asyncio.timeout(None) as self._reading:
                await self._read(receive)
        except TimeoutError:
            if not self._code:
                raise
        except Nonsense as error:
            raise Close(4400, str(error)) from None
        finally:
            self._reading = None
            self.link.end()
        if self._code:
            raise Close(self._code, "over")

    def end(self, code: int = OVER) -> None:
        """Send the bridge away, from wherever it is."""
        self._code = self._code or code
        self.link.end()
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.reschedule(asyncio.get_running_loop().time())

    async def _read(self, receive: Receive) -> None:
        while not self.link.is_over:
            message = await receive()
            if message["type"] != "websocket.receive":
                return
            raw = message.get("bytes")
            if not isinstance(raw, bytes):
                raise Nonsense("not_binary")
            self.heard_at = time.monotonic()
            frame = self.link.feed(raw)
            if frame is None:
                continue
            if frame.kind is not FrameKind.PING:
                raise Nonsense("unexpected")
            await self._answer_ping()

    async def _answer_ping(self) -> None:
        try:
            await self.link.send(Frame(FrameKind.PONG, 0))
        except StreamOver:
            return  # the loop ends

    async def _write(self, raw: bytes) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await self._send({"type": "websocket.send", "bytes": raw})


class Tunnels:
    """The connections that this gateway process holds, by session."""

    def __init__(
        self,
        domain: Domain,
        remote: RemoteDomain,
        place_of: Callable[[RemoteInfo, str, int], Place],
    ) -> None:
        self._domain, self._remote = domain, remote
        self._place_of = place_of
        self._tunnels: dict[uuid.UUID, Tunnel] = {}
        self._came: dict[uuid.UUID, asyncio.Event] = {}
        self._look = asyncio.Event()
        self._stopping = False

    def get(self, session: uuid.UUID) -> Tunnel | None:
        tunnel = self._tunnels.get(session)
        return None if tunnel is None or tunnel.link.is_over else tunnel

    async def wait(self, session: uuid.UUID, seconds: float) -> Tunnel | None:
        """The session's connection, when it comes within ``seconds``."""
        if (tunnel := self.get(session)) is not None:
            return tunnel
        came = self._came.setdefault(session, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await came.wait()
        except TimeoutError:
            self._came.pop(session, None)
        return self.get(session)

    # The bridge's end

    async def serve(self, path: str, receive: Receive, send: Send) -> None:
        """Accept, authenticate, and hold the connection until it ends."""
        if (await receive())["type"] != "websocket.connect":
            return
        await send({"type": "websocket.accept"})
        tunnel: Tunnel | None = None
        code = 1000
        try:
            tunnel = await self._authenticated(path, receive, send)
            await self._begin(tunnel, send)
            await tunnel.run(receive)
        except Close as close:
            code = close.code
            log.info("remote_closed", code=code, reason=str(close))
        except StoreFailed:
            code = 1013
        finally:
            if tunnel is not None:
                await self._end(tunnel)
        await send_in_time(send, {"type": "websocket.close", "code": code})

    async def _authenticated(self, path: str, receive: Receive, send: Send) -> Tunnel:
        try:
            session = uuid.UUID(path.removeprefix(PREFIX))
        except ValueError:
            raise Close(4404, "no session") from None
        if self._stopping:
            raise Close(1012, "stopping")
        nonce = secrets.token_bytes(signing.NONCE_BYTES)
        challenge = encode_hello(RemoteChallenge(nonce))
        if not await send_in_time(send, {"type": "websocket.send", "text": challenge}):
            raise Close(1000, "hung up")
        try:
            async with asyncio.timeout(AUTH_SECONDS):
                auth = _read_auth(await receive())
        except TimeoutError:
            raise Close(4408, "no auth") from None
        bridge = await self._domain.bridge(auth.bridge)
        if bridge is None or not signing.verify_remote(
            bridge.public_key, nonce, session, signature=auth.signature
        ):
            metrics.REFUSED.labels("remote_auth").inc()
            raise Close(4401, "not authenticated")
        info = await self._remote.attach(session, auth.bridge, auth.secret)
        if info is None:
            metrics.REFUSED.labels("remote_session").inc()
            raise Close(OVER, "no such session of this bridge")
        return Tunnel(info, self._place_of(info, auth.host, auth.port), send)

    async def _begin(self, tunnel: Tunnel, send: Send) -> None:
        info = tunnel.info
        ready = encode_hello(RemoteReady(info.until))
        await send_in_time(send, {"type": "websocket.send", "text": ready})
        self._tunnels[info.id] = tunnel
        metrics.REMOTE.set(len(self._tunnels))
        if (came := self._came.pop(info.id, None)) is not None:
            came.set()
        log.info("remote_begun", session=str(info.id))

    async def _end(self, tunnel: Tunnel) -> None:
        tunnel.link.end()
        if self._tunnels.get(tunnel.info.id) is tunnel:
            del self._tunnels[tunnel.info.id]
            metrics.REMOTE.set(len(self._tunnels))
        try:
            await self._note_use(tunnel)
            await self._remote.broke(tunnel.info.id)
        except StoreFailed as error:  # its time will be over
            log.error("remote_end_not_stored", error=str(error))

    # The clock and the end

    def hint(self, subject: str) -> None:
        """Something that sessions stand on has changed: look now."""
        if self._tunnels and subject in _GROUND:
            self._look.set()

    async def run(self) -> None:
        """End what may not go on; until cancelled."""
        while True:
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            if self._tunnels:
                try:
                    await self._check()
                except StoreFailed as error:
                    log.error("remote_check_failed", error=str(error))

    async def _check(self) -> None:
        held = dict(self._tunnels)
        for tunnel in held.values():
            await self._note_use(tunnel)
        going = await self._remote.still_runs(held)
        silent = time.monotonic() - SILENCE_SECONDS
        for session, tunnel in held.items():
            if session not in going or tunnel.heard_at < silent:
                tunnel.end()

    async def _note_use(self, tunnel: Tunnel) -> None:
        requests, sent = tunnel.requests, tunnel.sent
        tunnel.requests = tunnel.sent = 0
        if requests or sent:
            await self._remote.note_use(tunnel.info.id, requests, sent)

    async def close(self) -> None:
        """Send everybody away: the process stops."""
        self._stopping = True
        for tunnel in tuple(self._tunnels.values()):
            tunnel.end(1012)


_GROUND = frozenset(
    {"remote.changed", "device.changed", "bridge.changed", "bridge.revoked"}
)


def _read_auth(message: Message) -> RemoteAuth:
    if message["type"] != "websocket.receive":
        raise Close(1000, "hung up")
    try:
        auth: Any = decode_hello(message.get("text") or "")
    except Nonsense as error:
        raise Close(4400, str(error)) from None
    if not isinstance(auth, RemoteAuth):
        raise Close(4401, "auth comes first")
    return auth
