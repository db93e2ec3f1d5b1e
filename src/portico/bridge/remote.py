"""Remote control: a unit's own pages for a browser far away, on a connection of its own.

The order names one session. The bridge connects outwards, proves who it is, and serves
that session's requests to that unit until its time is over or the server has enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import structlog
from yarl import URL

from portico.bridge import limits
from portico.bridge.clock import ServerClock
from portico.bridge.errors import OpeningFailed
from portico.bridge.identity import Identity
from portico.bridge.remote_device import Refused, RemoteDevice
from portico.bridge.unit import Unit
from portico.protocols.bridge import signing
from portico.protocols.bridge.fields import Nonsense
from portico.protocols.bridge.remote import (
    MAX_FRAME_BYTES,
    MAX_STREAMS,
    Frame,
    FrameKind,
    Open,
    RemoteAuth,
    RemoteChallenge,
    RemoteOrder,
    RemoteReady,
    decode_hello,
    encode_hello,
    read_remote_order,
)
from portico.tunnel.streams import Link, Stream, StreamOver

log = structlog.get_logger()

_PATH: Final = "/bridge/v1/remote/"


@dataclass(frozen=True, slots=True)
class RemoteHome:
    """Where the server is, and who we are to it."""

    http: aiohttp.ClientSession
    # The bridge's own server, http(s)://host[:port][/path].
    server: str
    identity: Identity

    def url(self, order: RemoteOrder) -> str:
        """:raises OpeningFailed: not an address that a bridge would connect to."""
        base = self.server.rstrip("/")
        if order.at is not None:
            at = _origin(order.at)
            # Never in the clear where the bridge's own session is not.
            if at is None or (base.startswith("https:") and at.scheme != "https"):
                raise OpeningFailed("bad_command")
            base = str(at).rstrip("/")
        return "ws" + base.removeprefix("http") + _PATH + str(order.session)


class RemoteControl:
    """The sessions that this bridge serves, one per unit."""

    def __init__(self, clock: ServerClock) -> None:
        self._clock = clock
        self._sessions: dict[str, asyncio.Task[None]] = {}
        # Set once the bridge knows its server.
        self.home: RemoteHome | None = None

    async def begin(self, unit: Unit, data: Mapping[str, Any], expires_at: int) -> None:
        """Connect for one session; returns when the server has accepted us.

        :raises OpeningFailed: see there.
        """
        try:
            order = read_remote_order(data)
        except Nonsense as error:
            raise OpeningFailed("bad_command") from error
        mac = unit.device.mac
        others = [s for of, s in self._sessions.items() if of != mac]
        if len(others) >= limits.REMOTE_SESSIONS:
            raise OpeningFailed("overloaded")
        await self._end(mac)
        address = await unit.web_address(expires_at=expires_at)
        if self.home is None:
            raise OpeningFailed("no_tunnel")
        url = self.home.url(order)
        device = RemoteDevice(address, unit.openings)
        session = _Session(unit, device, order, self._clock)
        ready = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(
            session.run(self.home, url, ready), name=f"remote {mac}"
        )
        self._sessions[mac] = task
        task.add_done_callback(lambda done: self._ended(mac, done))
        await ready

    async def close(self) -> None:
        for mac in tuple(self._sessions):
            await self._end(mac)

    async def _end(self, mac: str) -> None:
        task = self._sessions.get(mac)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    def _ended(self, mac: str, task: asyncio.Task[None]) -> None:
        if self._sessions.get(mac) is task:
            del self._sessions[mac]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("remote.failed", mac=mac, error=type(error).__name__)


class _Session:
    """One session from its connection to its end."""

    def __init__(
        self, unit: Unit, device: RemoteDevice, order: RemoteOrder, clock: ServerClock
    ) -> None:
        self._unit = unit
        self._device = device
        self._order = order
        self._clock = clock
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._heard = clock.monotonic()

    async def run(
        self, home: RemoteHome, url: str, ready: asyncio.Future[None]
    ) -> None:
        """Serve until the end; ``ready`` is told how the beginning went."""
        mac, why = self._unit.device.mac, "closed"
        try:
            async with asyncio.timeout(self._left()):
                why = await self._connected(home, url, ready)
        except (aiohttp.ClientError, OSError, StreamOver) as error:
            # TimeoutError is an OSError.
            why = type(error).__name__
        except Nonsense as error:
            why = f"nonsense: {error}"
        finally:
            if not ready.done():
                log.warning("remote.not_connected", mac=mac, error=why)
                ready.set_exception(OpeningFailed("no_tunnel"))
            for task in self._tasks.values():
                task.cancel()
            try:
                await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            finally:  # cancelled once more
                await self._device.close()
        log.info("remote.ended", mac=mac, why=why)

    def _left(self) -> float:
        return (self._order.until - self._clock.now_ms()) / 1000

    async def _connected(
        self, home: RemoteHome, url: str, ready: asyncio.Future[None]
    ) -> str:
        async with asyncio.timeout(limits.REMOTE_HANDSHAKE):
            socket = await home.http.ws_connect(
                url,
                max_msg_size=MAX_FRAME_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=limits.FINISH_SENDING),
            )
        async with socket:
            async with asyncio.timeout(limits.REMOTE_HANDSHAKE):
                await self._greet(home.identity, socket)
            log.info("remote.begun", mac=self._unit.device.mac)
            ready.set_result(None)
            link = Link(socket.send_bytes)
            pinging = asyncio.create_task(self._keep_pinging(link, socket))
            try:
                await self._read(link, socket)
            finally:
                link.end()
                pinging.cancel()
        return f"closed {socket.close_code}"

    async def _greet(
        self, identity: Identity, socket: aiohttp.ClientWebSocketResponse
    ) -> None:
        """:raises Nonsense, TypeError: no server of this protocol."""
        challenge = decode_hello(await _text(socket))
        if not isinstance(challenge, RemoteChallenge):
            raise Nonsense("unexpected")
        signature = signing.sign_remote(
            identity.private_key, challenge.nonce, self._order.session
        )
        address = self._device.address
        auth = RemoteAuth(
            identity.known_id,
            signature,
            self._order.secret,
            address.host,
            address.port,
        )
        await socket.send_str(encode_hello(auth))
        if not isinstance(decode_hello(await _text(socket)), RemoteReady):
            raise Nonsense("unexpected")

    async def _read(self, link: Link, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.BINARY:
                raise Nonsense("not_binary")
            self._heard = self._clock.monotonic()
            frame = link.feed(message.data)
            if frame is None:
                self._drop_reset(link)
            elif isinstance(frame.payload, Open):
                self._begin(link, frame.stream, frame.payload)

    def _begin(self, link: Link, number: int, asked: Open) -> None:
        """:raises Nonsense: the number is in use, or there are too many."""
        if len(self._tasks) >= MAX_STREAMS:
            raise Nonsense("oversized", "streams")
        stream = link.stream(number)
        task = asyncio.create_task(self._serve(link, stream, asked))
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number, None))

    def _drop_reset(self, link: Link) -> None:
        for number, stream in tuple(link.streams.items()):
            if stream.is_over and (task := self._tasks.get(number)) is not None:
                task.cancel()
                link.drop(number)

    async def _serve(self, link: Link, stream: Stream, asked: Open) -> None:
        reason = ""
        try:
            if self._unit.address != self._device.address:
                # It moved or went; who answers there now is not known.
                reason = "moved"
            else:
                await self._device.serve(stream, asked)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            reason = "unreachable"
        except (aiohttp.ClientError, OSError):
            reason = "no_answer"
        except (Refused, Nonsense, ValueError):
            reason = "refused"
        except StreamOver as over:
            reason = "" if over.reason == "gone" else "given_up"
        if reason:
            await _quietly(link.reset(stream.number, reason))
        else:
            link.drop(stream.number)

    async def _keep_pinging(
        self, link: Link, socket: aiohttp.ClientWebSocketResponse
    ) -> None:
        while True:
            await asyncio.sleep(limits.REMOTE_PING_EVERY)
            silent = self._clock.monotonic() - self._heard
            if silent > limits.REMOTE_SILENCE:
                await socket.close()
                return
            await _quietly(link.send(Frame(FrameKind.PING, 0)))


async def _quietly(work: Any) -> None:
    try:
        await work
    except StreamOver:
        return  # the reader sees it too, and ends


async def _text(socket: aiohttp.ClientWebSocketResponse) -> str:
    """:raises Nonsense: the server closes, or says something else."""
    message = await socket.receive()
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise Nonsense("not_text")
    return str(message.data)


def _origin(text: str) -> URL | None:
    """``scheme://host[:port]`` and nothing behind it, or None."""
    try:
        url = URL(text)
    except ValueError:
        return None
    is_bare = url.path in {"", "/"} and not url.query_string and url.user is None
    is_web = url.scheme in {"http", "https"} and bool(url.host)
    return url if is_bare and is_web else None
