"""Images of firmware: ``/i/<token>/<name>`` for units that fetch theirs themselves, and
``GET /bridge/v1/firmware/<order>/image`` for bridges.

Parts of them, too, so that what broke off goes on. All transfers of a site share what it
may take of its line.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

import structlog

from portico.gateway import metrics
from portico.gateway.domain import Domain, StoreFailed
from portico.gateway.http import (
    ClientAddresses,
    Receive,
    Scope,
    Send,
    header,
    problem,
)
from portico.gateway.image_transfer import BrokenOff, Transfer
from portico.gateway.images_domain import Image, ImagesDomain
from portico.gateway.limits import Buckets, Pace
from portico.gateway.ranges import Part, Unsatisfiable, read_range
from portico.gateway.signed import Refused, read_signed
from portico.protocols.bridge import signing

log = structlog.get_logger(__name__)

PREFIX: Final = "/i/"
BRIDGE_PREFIX: Final = "/bridge/v1/firmware/"
IMAGE: Final = "image"
# Each is an open file and some pieces in memory.
MOST_TRANSFERS: Final = 200
# A house's units all at once, and some that left without a word.
MOST_OF_SITE: Final = 16
# A house that begins, and one whose line breaks off all the time.
_PER_SECOND, _BURST = 4.0, 60.0
_BUSY = (b"retry-after", b"30")
_AGAIN = (b"retry-after", b"2")
_HEADERS = [
    (b"content-type", b"application/octet-stream"),
    (b"accept-ranges", b"bytes"),
    # Nothing on the way keeps half a gigabyte, or gives it out when it was taken back.
    (b"cache-control", b"private, no-store"),
]
_ODD = re.compile(r"[^A-Za-z0-9._-]")


def is_image(path: str) -> bool:
    """Whether ``path`` is an image's."""
    if path.startswith(PREFIX):
        return True
    return path.startswith(BRIDGE_PREFIX) and path.endswith(f"/{IMAGE}")


class Images:
    """Gives units and bridges the images that they were told to fetch."""

    def __init__(self, domain: Domain, addresses: ClientAddresses, rate: int) -> None:
        """``rate``: bytes a second for each site; 0: as fast as it goes."""
        self._domain = domain
        self._images = ImagesDomain(domain)
        self._addresses = addresses
        self._asked = Buckets(_PER_SECOND, _BURST)
        self._lines = _Lines(rate)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            image = await self._find(scope, receive)
            result = await self._answer(image, scope, receive, send)
        except Refused as refused:
            result = refused.code
            headers = [_BUSY] if refused.status == 503 else []
            await problem(send, refused.status, refused.code, headers=headers)
        except StoreFailed:
            result = "try_again"
            await problem(send, 503, "try_again", headers=[_AGAIN])
        except BrokenOff as broken:
            # Its answer has no end: the server closes the connection.
            result = broken.result
            log.info("image_broken_off", result=result)
        metrics.IMAGES.labels(result).inc()

    async def _find(self, scope: Scope, receive: Receive) -> Image:
        """:raises Refused, StoreFailed: there is none."""
        path, method = scope["path"], scope["method"]
        is_bridge = path.startswith(BRIDGE_PREFIX)
        if method not in ({"GET"} if is_bridge else {"GET", "HEAD"}):
            raise Refused(405, "method_not_allowed")
        if not self._asked.take(self._addresses.of(scope)):
            raise Refused(429, "too_many")
        if is_bridge:
            order = path.removeprefix(BRIDGE_PREFIX).removesuffix(f"/{IMAGE}")
            request = await read_signed(
                self._domain, scope, receive, order=order, most=0, verify=_is_theirs
            )
            found = await self._images.for_bridge(request.bridge_id, request.command)
        else:
            token = path.removeprefix(PREFIX).partition("/")[0]
            found = await self._images.for_token(token)
        if found is None:
            raise Refused(404, "not_found")
        return found

    async def _answer(
        self, image: Image, scope: Scope, receive: Receive, send: Send
    ) -> str:
        """:raises Refused, StoreFailed: nothing has left.

        :raises BrokenOff: not all has left.
        """
        if scope["method"] == "HEAD":
            await _start(send, image, Part(0, image.size, is_whole=True))
            await send({"type": "http.response.body", "body": b""})
            return "head"
        try:
            part = read_range(
                header(scope, b"range"),
                header(scope, b"if-range"),
                size=image.size,
                etag=image.sha256,
            )
        except Unsatisfiable:
            beyond = (b"content-range", f"bytes */{image.size}".encode())
            await problem(send, 416, "no_such_part", headers=[beyond])
            return "no_such_part"
        with self._lines.one_more(image.site_id) as pace:
            file = await self._images.open(image)
            if file is None:
                log.error("image_lost", file=image.file)
                raise Refused(404, "not_found")
            try:
                await self._send(image, part, pace, file, receive, send)
            finally:
                await asyncio.to_thread(file.close)
        return "sent" if part.is_whole else "part_sent"

    async def _send(  # noqa: PLR0917 -- one request
        self,
        image: Image,
        part: Part,
        pace: Pace,
        file: IO[bytes],
        receive: Receive,
        send: Send,
    ) -> None:
        if not await self._images.note_begun(image):
            raise Refused(404, "not_found")
        await _start(send, image, part)
        await Transfer(self._images, image, part, pace).run(file, receive, send)


def _is_theirs(key: bytes, order: uuid.UUID, body: bytes, proof: bytes) -> bool:
    return signing.verify_firmware(
        key, order, method="GET", part=IMAGE, body=body, signature=proof
    )


async def _start(send: Send, image: Image, part: Part) -> None:
    name = _ODD.sub("_", image.name)
    headers = [
        *_HEADERS,
        (b"content-length", str(part.size).encode()),
        (b"etag", f'"{image.sha256}"'.encode()),
        (b"content-disposition", f'attachment; filename="{name}"'.encode()),
    ]
    if not part.is_whole:
        where = f"bytes {part.start}-{part.end - 1}/{image.size}"
        headers.append((b"content-range", where.encode()))
    status = 200 if part.is_whole else 206
    await send({"type": "http.response.start", "status": status, "headers": headers})


class _Lines:
    """The sites that are being sent to, each with the pace that its transfers share."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._paces: dict[uuid.UUID, Pace] = {}
        self._counts: Counter[uuid.UUID] = Counter()

    @contextmanager
    def one_more(self, site_id: uuid.UUID) -> Iterator[Pace]:
        """:raises Refused: there are too many."""
        if (
            self._counts.total() >= MOST_TRANSFERS
            or self._counts[site_id] >= MOST_OF_SITE
        ):
            raise Refused(503, "busy")
        self._counts[site_id] += 1
        metrics.IMAGES_NOW.inc()
        try:
            yield self._paces.setdefault(site_id, Pace(self._rate))
        finally:
            metrics.IMAGES_NOW.dec()
            self._counts[site_id] -= 1
            if not self._counts[site_id]:
                del self._counts[site_id], self._paces[site_id]
