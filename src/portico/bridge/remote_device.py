"""The unit's own web server, and nothing else: one request or WebSocket at a time.

What is asked comes from a browser somewhere, what is answered from a unit that nobody
vouches for. So the connector reaches that one address and no other, whatever either says;
redirects are the browser's to follow.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
import structlog
from multidict import CIMultiDict
from yarl import URL

from portico.bridge.address import LanAddress
from portico.bridge.limits import (
    LAN_CONNECT,
    REMOTE_CONNECTIONS,
    REMOTE_READ,
    REMOTE_SOCKETS,
)
from portico.bridge.openings import Openings
from portico.protocols.bridge.remote import (
    CHUNK_BYTES,
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_MESSAGE_BYTES,
    FrameKind,
    Head,
    Headers,
    Open,
    is_header,
)
from portico.tunnel.streams import Stream, StreamOver

log = structlog.get_logger()

HTTPS_PORT: Final = 443
# Ours to set, or of this connection only.
_NOT_PASSED: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
        *("content-length", "host", "expect"),
    }
)
_WEBSOCKET: Final = frozenset(
    {
        *("sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"),
        *("sec-websocket-protocol", "sec-websocket-accept"),
    }
)
# aiohttp sets these by itself unless told not to.
_AUTOMATIC: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class Refused(Exception):
    """Something would have led elsewhere than to the unit."""


class _Pinned(aiohttp.TCPConnector):
    """Connects to one host at two ports, whatever a redirect or a mistake says."""

    def __init__(self, targets: frozenset[tuple[str, int]], **options: Any) -> None:
        super().__init__(**options)
        self._targets = targets

    async def connect(self, req: aiohttp.ClientRequest, *args: Any, **more: Any) -> Any:
        """:raises Refused: it leads elsewhere."""
        if (req.url.host, req.url.port) not in self._targets:
            raise Refused
        return await super().connect(req, *args, **more)


class RemoteDevice:
    """Exchanges with the web pages of one unit at one address."""

    def __init__(self, address: LanAddress, openings: Openings) -> None:
        self.address = address
        self._openings = openings
        self._turns = asyncio.Semaphore(REMOTE_CONNECTIONS)
        self._sockets = asyncio.Semaphore(REMOTE_SOCKETS)
        secure = LanAddress(address.host, HTTPS_PORT)
        self._bases = {False: address.base, True: "https" + secure.base[4:]}
        ports = (address.port, HTTPS_PORT)
        connector = _Pinned(
            frozenset((address.host, port) for port in ports),
            # Our callers take turns.
            limit=0,
            # Units sign their certificates themselves. This leg is the home's network.
            ssl=False,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_AUTOMATIC,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=LAN_CONNECT, sock_read=REMOTE_READ
            ),
        )

    async def close(self) -> None:
        await self._session.close()

    async def serve(self, stream: Stream, asked: Open) -> None:
        """Answer one request of the browser's.

        :raises StreamOver: the browser is gone. :raises aiohttp.ClientError, TimeoutError,
            Refused: it cannot be answered.
        """
        url = self._url(asked)
        async with self._sockets if asked.websocket else self._turns:
            await self._openings.over()
            if asked.websocket:
                await self._websocket(stream, asked, url)
            else:
                await self._http(stream, asked, url)

    def _url(self, asked: Open) -> URL:
        """:raises Refused: the target is no path."""
        url = URL(self._bases[asked.tls] + asked.target, encoded=True)
        if url.host != self.address.host or url.user is not None:
            raise Refused
        return url

    async def _http(self, stream: Stream, asked: Open, url: URL) -> None:
        headers = _to_device(asked.headers)
        if asked.length is not None:
            headers["Content-Length"] = str(asked.length)
        async with self._session.request(
            asked.method,
            url,
            headers=headers,
            data=_body(stream, asked.length) if asked.length else None,
            allow_redirects=False,
        ) as answer:
            head = Head(answer.status, _from_device(answer.raw_headers))
            await stream.send(FrameKind.HEAD, head)
            async for part in answer.content.iter_chunked(CHUNK_BYTES):
                await self._openings.over()
                await stream.send(FrameKind.DATA, part)
        await stream.send(FrameKind.END)

    async def _websocket(self, stream: Stream, asked: Open, url: URL) -> None:
        offered = [
            each.strip()
            for name, value in asked.headers
            if name.lower() == "sec-websocket-protocol"
            for each in value.split(",")
        ]
        try:
            socket = await self._session.ws_connect(
                url.with_scheme("wss" if asked.tls else "ws"),
                protocols=offered,
                headers=_to_device(asked.headers, _WEBSOCKET),
                max_msg_size=MAX_MESSAGE_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=LAN_CONNECT),
            )
        except aiohttp.WSServerHandshakeError as error:
            await stream.send(FrameKind.HEAD, Head(max(error.status, 400), ()))
            await stream.send(FrameKind.END)
            return
        async with socket:
            chosen = socket.protocol
            headers = (("sec-websocket-protocol", chosen),) if chosen else ()
            await stream.send(FrameKind.HEAD, Head(101, headers))
            await _both_ways(stream, socket, self._openings)


async def _both_ways(
    stream: Stream, socket: aiohttp.ClientWebSocketResponse, openings: Openings
) -> None:
    """Pass messages until either end closes."""
    tasks = {
        asyncio.create_task(_to_browser(stream, socket, openings)),
        asyncio.create_task(_to_unit(stream, socket)),
    }
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _to_browser(
    stream: Stream, socket: aiohttp.ClientWebSocketResponse, openings: Openings
) -> None:
    async for message in socket:
        await openings.over()
        if message.type is aiohttp.WSMsgType.TEXT:
            await stream.send(FrameKind.TEXT, message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await stream.send(FrameKind.BINARY, message.data)
    code = socket.close_code or 1011
    # 1005 and 1006 are never sent: they stand for "none" and "broken".
    await stream.send(FrameKind.CLOSE, code if code not in {1005, 1006} else 1000)


async def _to_unit(stream: Stream, socket: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        frame = await stream.receive()
        if frame.kind is FrameKind.TEXT:
            await socket.send_str(str(frame.payload))
        elif frame.kind is FrameKind.BINARY and isinstance(frame.payload, bytes):
            await socket.send_bytes(frame.payload)
        elif frame.kind is FrameKind.CLOSE and isinstance(frame.payload, int):
            await socket.close(code=frame.payload)
            return


async def _body(stream: Stream, length: int) -> AsyncIterator[bytes]:
    """Exactly ``length`` bytes: more or less would be another request for the unit.

    :raises StreamOver: it is not so long.
    """
    left = length
    while left:
        frame = await stream.receive()
        if frame.kind is not FrameKind.DATA or not isinstance(frame.payload, bytes):
            raise StreamOver("bad_length")
        left -= len(frame.payload)
        if left < 0:
            raise StreamOver("bad_length")
        yield frame.payload


def _to_device(
    headers: Headers, also: frozenset[str] = frozenset()
) -> CIMultiDict[str]:
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in headers:
        if name.lower() not in _NOT_PASSED | also:
            passed.add(name, value)
    return passed


def _from_device(raw: tuple[tuple[bytes, bytes], ...]) -> Headers:
    """:raises Refused: too many or too long."""
    found = []
    size = 0
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        is_length = name.lower() == "content-length"
        if is_header(name, value) and (is_length or name.lower() not in _NOT_PASSED):
            found.append((name, value))
            size += len(name) + len(value)
    if len(found) > MAX_HEADERS or size > MAX_HEADER_BYTES:
        raise Refused
    return tuple(found)
