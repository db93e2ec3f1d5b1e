"""HTTP for devices that put raw UTF-8 into their request line.

Units fill ``$user_name`` into an action URL as it is. httptools refuses such a line, and
the opening by "Jürgen" would be lost: escape what is not ASCII before it parses.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HIGH = re.compile(rb"[\x80-\xff]")
_METHODS = (b"GET ", b"POST ")


def escape_request_line(data: bytes) -> bytes:
    """``data`` with the non-ASCII bytes of its first line percent-encoded.

    Only for the beginning of a request: a body must keep its length. A line that is cut
    in two by the network is only escaped in its first part; then httptools refuses it.
    """
    if data.isascii() or not data.startswith(_METHODS):
        return data
    # The parser also takes a bare line feed for the end of the line.
    line, end, rest = data.partition(b"\n")
    return _HIGH.sub(lambda match: b"%%%02X" % match[0][0], line) + end + rest


class JoinedWrites:
    """A transport that sends an answer's head together with the first of its body.

    uvicorn writes them one after the other, each with a system call and a packet of its
    own; for answers as short as ours that is a third of the work.
    """

    __slots__ = ("_held", "_loop", "raw")

    def __init__(self, raw: asyncio.Transport) -> None:
        self.raw = raw
        self._held = b""
        self._loop = asyncio.get_running_loop()

    def write(self, data: bytes) -> None:
        if self._held:
            data, self._held = self._held + data, b""
        elif data.startswith(b"HTTP/1.1 "):
            # A stream may have nothing to say for a while: it does not wait for that.
            self._held = data
            self._loop.call_soon(self._flush)
            return
        self.raw.write(data)

    def _flush(self) -> None:
        if self._held:
            self.write(b"")

    def close(self) -> None:
        self._flush()
        self.raw.close()

    def is_closing(self) -> bool:
        return self.raw.is_closing()


class TolerantProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with :func:`escape_request_line` and joined writes."""

    # Between the first byte of a message and its last.
    _under_way = False

    def connection_made(  # type: ignore[override]  # as uvicorn narrows it
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        # Only what uvicorn does with it is there.
        self.transport = JoinedWrites(transport)  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        # A body may begin with "GET " too. Escaped it would outgrow its Content-Length,
        # and its end would be read as the next request.
        super().data_received(data if self._under_way else escape_request_line(data))

    def on_message_begin(self) -> None:
        self._under_way = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade() and not self._should_upgrade():
            # Such as h2c. The parser stops behind such a request, and uvicorn would wait
            # for ever: the error makes it answer 400 and close.
            raise ValueError("unsupported upgrade")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._under_way = False
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        joined: Any = self.transport
        self.transport = joined.raw
        super().handle_websocket_upgrade()
