"""Streams of frames on one connection, each with a window of its own in both directions.

Neither end ever waits for a stream's reader while it reads the connection: what a stream
may send is bounded by what its reader has granted, so that memory is too.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from portico.protocols.bridge.fields import Nonsense
from portico.protocols.bridge.remote import (
    CHUNK_BYTES,
    MAX_FREE,
    Frame,
    FrameKind,
    Head,
    Open,
    ReceiveWindow,
    SendWindow,
    decode_frame,
    encode_frame,
)

Write = Callable[[bytes], Awaitable[None]]
# What the owner of a connection deals with; the rest belongs to a stream.
_OWNERS: Final = frozenset({FrameKind.OPEN, FrameKind.PING, FrameKind.PONG})


class StreamOver(Exception):
    """The other end has given the stream up, or the connection broke.

    ``reason`` is a word of the contract; ``gone`` for the connection.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Stream:
    """One exchange with the device: frames out and in, as far as the windows allow."""

    def __init__(self, number: int, link: Link) -> None:
        self.number = number
        self._link = link
        self._inbox: deque[Frame] = deque()
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._sending, self._receiving = SendWindow(), ReceiveWindow()
        self._over = ""
        # Frames without a cost that have come so far.
        self._free = 0

    async def send(
        self, kind: FrameKind, payload: bytes | Open | Head | int | str = b""
    ) -> None:
        """Send one frame, when there is room for it.

        :raises StreamOver: see there.
        """
        frame = Frame(kind, self.number, payload)
        cost = frame.cost
        while cost and self._sending.left <= 0 and not self._over:
            self._room.clear()
            await self._room.wait()
        if self._over:
            raise StreamOver(self._over)
        self._sending.take(cost)
        await self._link.send(frame)

    async def send_data(self, data: bytes) -> None:
        """Send ``data`` in pieces. :raises StreamOver: see there."""
        for start in range(0, len(data), CHUNK_BYTES):
            await self.send(FrameKind.DATA, data[start : start + CHUNK_BYTES])

    async def receive(self) -> Frame:
        """The next frame for us; having it makes room for another.

        :raises StreamOver: nothing comes any more.
        """
        while not self._inbox:
            if self._over:
                raise StreamOver(self._over)
            self._news.clear()
            await self._news.wait()
        frame = self._inbox.popleft()
        if frame.cost and (grant := self._receiving.eaten(frame.cost)):
            await self._link.send(Frame(FrameKind.CREDIT, self.number, grant))
        return frame

    def feed(self, frame: Frame) -> None:
        """Take what the other end sent. :raises Nonsense: more than it may."""
        if frame.kind is FrameKind.CREDIT and isinstance(frame.payload, int):
            self._sending.grant(frame.payload)
            self._room.set()
        elif frame.kind is FrameKind.RESET:
            self.fail(str(frame.payload))
        else:
            self._receiving.arrived(frame.cost)
            self._free += not frame.cost
            if self._free > MAX_FREE:
                raise Nonsense("oversized", "stream")
            self._inbox.append(frame)
            self._news.set()

    def fail(self, reason: str) -> None:
        """Wake whoever waits: it is over."""
        self._over = self._over or reason
        self._news.set()
        self._room.set()

    @property
    def is_over(self) -> bool:
        return bool(self._over)


class Link:
    """All streams of one connection; ``write`` sends a binary message."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self.streams: dict[int, Stream] = {}
        self.is_over = False

    async def send(self, frame: Frame) -> None:
        """:raises StreamOver: the connection is gone."""
        if self.is_over:
            raise StreamOver("gone")
        try:
            await self._write(encode_frame(frame))
        except (OSError, RuntimeError) as error:  # gone, or it does not read
            self.end()
            raise StreamOver("gone") from error

    def stream(self, number: int) -> Stream:
        """A new stream of that number."""
        if number in self.streams:
            raise Nonsense("bad_field", "stream")
        made = self.streams[number] = Stream(number, self)
        return made

    def drop(self, number: int) -> None:
        """The stream is done; what still comes for it is for nobody."""
        self.streams.pop(number, None)

    async def reset(self, number: int, reason: str) -> None:
        """Give a stream up, and say so."""
        if self.streams.pop(number, None) is not None and not self.is_over:
            await self.send(Frame(FrameKind.RESET, number, reason))

    def feed(self, raw: bytes) -> Frame | None:
        """Take one message; returns the frame when it is the owner's to deal with.

        :raises Nonsense: it breaks the contract.
        """
        frame = decode_frame(raw)
        if frame.kind in _OWNERS:
            return frame
        stream = self.streams.get(frame.stream)
        if stream is not None:
            stream.feed(frame)
        return None

    def end(self) -> None:
        """The connection is gone, and all streams with it."""
        self.is_over = True
        for stream in self.streams.values():
            stream.fail("gone")
        self.streams.clear()
