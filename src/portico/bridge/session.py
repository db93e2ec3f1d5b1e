"""One session with the server: handshake, then traffic both ways until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

import aiohttp
import structlog

from portico.bridge import limits
from portico.bridge.clock import ServerClock
from portico.bridge.finds import Finds
from portico.bridge.identity import Identity
from portico.bridge.lan import Lan
from portico.bridge.outbox import Outbox
from portico.bridge.sender import Sender
from portico.protocols.bridge.envelope import (
    PROTOCOL_VERSION,
    Ack,
    Auth,
    BridgeMessage,
    Busy,
    Challenge,
    Command,
    Nonsense,
    Ping,
    Pong,
    Ready,
    Refused,
    Roster,
    ServerMessage,
    decode_from_server,
    encode,
)

log = structlog.get_logger()

_CLOSE_NONSENSE: Final = 4400
_Message = TypeVar("_Message", Challenge, Ready)


class _Closed(Exception):
    """The server has closed during the handshake."""


class SilentServer(Exception):
    """No pong came in time."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What the server is told about this program."""

    url: str
    identity: Identity
    version: str
    lan: str | None


@dataclass(frozen=True, slots=True)
class Orders:
    """Who takes what the server sends."""

    roster: Callable[[Roster], Awaitable[None]]
    command: Callable[[Command], None]
    synced: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Home:
    """What every session works with."""

    hello: Hello
    orders: Orders
    outbox: Outbox
    lan: Lan
    clock: ServerClock
    finds: Finds


class Session:
    """One connection from challenge to close."""

    def __init__(self, home: Home, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._home = home
        self._clock = home.clock
        self._socket = socket
        self._sender = Sender(home.outbox, self._clock.monotonic)
        self._pings: dict[int, float] = {}
        self._ready_at: float | None = None

    def ready_for(self) -> float:
        return (
            0.0 if self._ready_at is None else self._clock.monotonic() - self._ready_at
        )

    async def run(self) -> None:
        """Returns when the server has closed.

        :raises Nonsense, SilentServer, OSError, aiohttp.ClientError: the other ends.
        """
        try:
            with suppress(_Closed):
                await self._handshake()
                await self._traffic()
        except Nonsense:
            await self._socket.close(code=_CLOSE_NONSENSE)
            raise

    async def close(self) -> None:
        if self._ready_at is not None:
            await self._sender.settled(limits.FINISH_SENDING)
        await self._socket.close(code=aiohttp.WSCloseCode.OK)

    async def _handshake(self) -> None:
        challenge = await self._expect(Challenge)
        identity = self._home.hello.identity
        sent = self._clock.monotonic()
        await self._send(
            Auth(
                bridge=identity.known_id,
                signature=identity.signature(challenge.nonce),
                protocol=PROTOCOL_VERSION,
                version=self._home.hello.version,
                lan=self._home.hello.lan,
            )
        )
        ready = await self._expect(Ready)
        self._learn_time(sent, ready.server_time)
        await self._home.orders.synced()
        self._ready_at = self._clock.monotonic()
        log.info("session.ready", session=ready.session)

    async def _expect(self, kind: type[_Message]) -> _Message:
        async with asyncio.timeout(limits.HANDSHAKE):
            message = await self._receive()
        if message is None:
            raise _Closed
        if not isinstance(message, kind):
            raise Nonsense("unexpected")
        return message

    async def _traffic(self) -> None:
        """Reader, sender, pings and presence, until the first of them ends."""
        works = (
            self._read(),
            self._sender.run(self._send),
            self._keep_pinging(),
            self._keep_reporting(),
            self._keep_telling_finds(),
        )
        tasks = [asyncio.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        while (message := await self._receive()) is not None:
            await self._handle(message)

    async def _handle(self, message: ServerMessage) -> None:
        match message:
            case Command():
                self._home.orders.command(message)
            case Ack(ids):
                await self._sender.stored(ids)
            case Refused(ids, reason):
                log.warning("server.refused", count=len(ids), reason=reason)
                await self._sender.stored(ids)
            case Busy(ids, retry_ms):
                self._sender.delayed(ids, retry_ms)
            case Pong(n, server_time):
                sent = self._pings.pop(n, None)
                if sent is not None:
                    self._learn_time(sent, server_time)
            case Roster():
                await self._home.orders.roster(message)
            case _:
                raise Nonsense("unexpected")

    async def _keep_pinging(self) -> None:
        """:raises SilentServer: a ping stayed without its pong."""
        n = 0
        while True:
            now = self._clock.monotonic()
            oldest = min(self._pings.values(), default=now)
            if now - oldest >= limits.PONG_WITHIN:
                raise SilentServer
            n += 1
            self._pings[n] = now
            await self._send(Ping(n))
            until_late = limits.PONG_WITHIN - (now - oldest)
            await asyncio.sleep(min(limits.PING_EVERY, max(until_late, 0.01)))

    async def _keep_reporting(self) -> None:
        while True:
            self._home.lan.changed.clear()
            for report in self._home.lan.presence():
                await self._send(report)
            await asyncio.sleep(limits.PRESENCE_AT_MOST_EVERY)
            rest = limits.PRESENCE_AT_LEAST_EVERY - limits.PRESENCE_AT_MOST_EVERY
            with suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._home.lan.changed.wait()

    async def _keep_telling_finds(self) -> None:
        finds = self._home.finds
        while True:
            finds.news.clear()
            if (found := finds.message()) is not None:
                await self._send(found)
                await asyncio.sleep(limits.FOUND_AT_MOST_EVERY)
            await finds.news.wait()

    def _learn_time(self, sent: float, server_ms: int) -> None:
        self._clock.learn(
            sent=sent, received=self._clock.monotonic(), server_ms=server_ms
        )

    async def _send(self, message: BridgeMessage) -> None:
        # A dead connection takes a buffer's worth of words without a sound, then none.
        async with asyncio.timeout(limits.PONG_WITHIN):
            await self._socket.send_str(encode(message))

    async def _receive(self) -> ServerMessage | None:
        """The next message; None when the server has closed.

        :raises Nonsense: see there.
        """
        frame = await self._socket.receive()
        if frame.type is aiohttp.WSMsgType.TEXT:
            return decode_from_server(frame.data)
        if frame.type in {
            aiohttp.WSMsgType.CLOSE,
            aiohttp.WSMsgType.CLOSING,
            aiohttp.WSMsgType.CLOSED,
        }:
            return None
        if frame.type is aiohttp.WSMsgType.ERROR:
            # A frame beyond RFC 6455 or the size limit, or a connection that broke.
            raise aiohttp.ClientConnectionError(type(frame.data).__name__)
        raise Nonsense("not_text")
