"""One image, or a part of one, on its way: in pieces, and not faster than it may go."""

from __future__ import annotations

import asyncio
import time
from typing import IO, Final

import structlog

from portico.gateway import metrics
from portico.gateway.domain import StoreFailed
from portico.gateway.http import Receive, Send
from portico.gateway.images_domain import Image, ImagesDomain
from portico.gateway.limits import Pace
from portico.gateway.ranges import Part

log = structlog.get_logger(__name__)

# What a server holds before it waits for the client, twice over.
PIECE_BYTES: Final = 128 * 1024
# A client that takes no piece for so long is gone, or as good as.
STALLED_SECONDS: Final = 60.0
# How often it is noted how far it is.
NOTE_SECONDS: Final = 2.0


class BrokenOff(Exception):
    """The rest does not leave; ``result`` says why, for the count."""

    def __init__(self, result: str) -> None:
        super().__init__(result)
        self.result = result


class Transfer:
    """Sends ``part`` of ``image``, whose head has left already.

    What a unit fetches itself it writes once it has all: the last part of the image leaves
    only if that may be.
    """

    def __init__(
        self, domain: ImagesDomain, image: Image, part: Part, pace: Pace
    ) -> None:
        self._domain = domain
        self._image = image
        self._part = part
        self._pace = pace
        self._noted = time.monotonic()

    async def run(self, file: IO[bytes], receive: Receive, send: Send) -> None:
        """:raises BrokenOff: before the end; then the connection must not go on."""
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.to_thread(file.seek, self._part.start)
            at = self._part.start
            while at < self._part.end:
                piece = await self._piece(file, at)
                at += len(piece)
                if gone.done():
                    raise BrokenOff("client_left")
                await self._ask(at)
                await self._send(send, piece, more=at < self._part.end)
        finally:
            gone.cancel()

    async def _piece(self, file: IO[bytes], at: int) -> bytes:
        size = min(PIECE_BYTES, self._part.end - at)
        await self._pace.take(size)
        try:
            piece = await asyncio.to_thread(file.read, size)
        except OSError:
            piece = b""
        if len(piece) != size:
            log.error("image_unreadable", file=self._image.file, at=at)
            raise BrokenOff("unreadable")
        return piece

    async def _ask(self, at: int) -> None:
        """Whether what goes up to ``at`` may leave."""
        is_last = at == self._image.size and not self._image.by_bridge
        try:
            if is_last:
                may_leave = await self._domain.may_finish(self._image)
            elif at == self._part.end or self._is_due():
                may_leave = await self._domain.note_sent(self._image, at)
            else:
                return
        except StoreFailed:
            # Nobody knows: how far it is may stay unknown, whether it is written may not.
            may_leave = not is_last
        if not may_leave:
            raise BrokenOff("taken_back")

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now - self._noted < NOTE_SECONDS:
            return False
        self._noted = now
        return True

    @staticmethod
    async def _send(send: Send, piece: bytes, *, more: bool) -> None:
        message = {"type": "http.response.body", "body": piece, "more_body": more}
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await send(message)
        except TimeoutError:
            raise BrokenOff("stalled") from None
        metrics.IMAGE_BYTES.inc(len(piece))


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
