"""A small HTTP/1.1 server for the devices' action URLs.

Devices put values into the URL as they are, umlauts and all; aiohttp's parser and most
others answer 400 to that, and an opened door would go unreported. This one takes any
byte but blanks and controls, answers one request per connection, and bounds everything.
"""

from __future__ import annotations

import asyncio
import http
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

# Our templates fill to about 1 KiB; headers of devices to some 300 bytes.
_MAX_HEAD: Final = 8 * 1024
# Some models POST; what they post is read so that they see the answer, and dropped.
_MAX_BODY: Final = 16 * 1024
# A device on the LAN that needs longer is not asking us anything.
_TIMEOUT: Final = 10.0
# Many times the devices of any house.
_MAX_CONNECTIONS: Final = 256
_REQUEST_LINE: Final = re.compile(rb"(GET|POST) ([^\x00-\x20\x7f]+) HTTP/1\.[01]\r?\n")
_LENGTH: Final = re.compile(
    rb"\ncontent-length:[ \t]*(\d{1,6})[ \t]*\r?\n", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Request:
    """``path`` and ``query`` are raw; ``source`` is the peer's IP address."""

    path: bytes
    query: bytes
    source: str


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    # A JPEG; without one the answer is its own reason.
    jpeg: bytes = field(default=b"", repr=False)


Handler = Callable[[Request], Awaitable[Response]]


class HttpDoor:
    """Listens, reads one request per connection, and answers what ``handle`` says."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()

    async def open(self, host: str, port: int) -> tuple[str, int]:
        """Listen; returns what was bound.

        :raises OSError: it cannot be bound.
        """
        self._server = await asyncio.start_server(
            self._connected, host, port, limit=_MAX_HEAD
        )
        bound = self._server.sockets[0].getsockname()
        return str(bound[0]), int(bound[1])

    async def close(self) -> None:
        """Take no more connections, and finish those that are open."""
        if self._server is not None:
            self._server.close()
        if self._conversations:
            await asyncio.wait(self._conversations)

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # asyncio starts it as one
        if len(self._conversations) >= _MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._conversations.add(task)
        try:
            # A peer that goes away or talks forever gets no answer.
            with suppress(OSError):
                async with asyncio.timeout(_TIMEOUT):
                    await self._converse(reader, writer)
        finally:
            self._conversations.discard(task)
            writer.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        request = await _read(reader, writer)
        if isinstance(request, Request):
            response = await self._handle(request)
        else:
            response = Response(request)
        reason = http.HTTPStatus(response.status).phrase
        lines = [f"HTTP/1.1 {response.status} {reason}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        body = response.jpeg or reason.encode()
        kind = "image/jpeg" if response.jpeg else "text/plain"
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()


async def _read(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Request | int:
    """The request, or the status that refuses it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        return 431
    except asyncio.IncompleteReadError:
        return 400
    line = _REQUEST_LINE.match(head)
    if line is None:
        return 400
    if (length := _LENGTH.search(head)) is not None:
        if int(length[1]) > _MAX_BODY:
            return 413
        with suppress(asyncio.IncompleteReadError):
            await reader.readexactly(int(length[1]))
    path, _, query = line[2].partition(b"?")
    peer = writer.get_extra_info("peername")
    return Request(path, query, str(peer[0]) if peer else "")
