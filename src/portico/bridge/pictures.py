"""Pictures on order: taken in a process of its own, sent on a connection of its own.

So neither a stream that hangs nor a slow uplink is in the way of a door.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import quote
from uuid import UUID

import aiohttp
import structlog

from portico.bridge.errors import OpeningFailed
from portico.bridge.frame import MAX_BYTES, REASONS
from portico.bridge.identity import Identity
from portico.bridge.limits import PICTURE_UPLOAD, PICTURE_WITHIN
from portico.protocols.bridge import signing

log = structlog.get_logger()

# Main stream, then the small one.
_PATHS: Final = ("/live/ch00_0", "/live/ch00_1")
_COMMAND: Final = (sys.executable, "-m", "portico.bridge.frame")


@dataclass(frozen=True, slots=True)
class Camera:
    """Where a unit's video is, and who may see it."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)

    @property
    def urls(self) -> list[str]:
        host = f"[{self.host}]" if ":" in self.host else self.host
        account = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return [f"rtsp://{account}@{host}:{self.port}{path}" for path in _PATHS]


class Watched(Protocol):
    """What a picture can be taken of."""

    @property
    def urls(self) -> list[str]:
        """With credentials, the best first."""


class Delivery(Protocol):
    async def __call__(self, command: UUID, jpeg: bytes) -> None:
        """:raises OpeningFailed: the server does not have it."""


class Pictures:
    """Takes one picture at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        # Set once the bridge knows its server.
        self.deliver: Delivery | None = None

    async def take(self, command: UUID, camera: Watched) -> None:
        """Take a picture and deliver it.

        :raises OpeningFailed: see there.
        """
        async with self._turn:
            jpeg = await _frame(camera)
        if self.deliver is None:
            raise OpeningFailed("not_delivered")
        await self.deliver(command, jpeg)


class Upload:
    """``POST {server}/bridge/v1/pictures/<command>``, signed with the bridge's key."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, identity: Identity
    ) -> None:
        self._http = http
        self._url = url
        self._identity = identity

    async def __call__(self, command: UUID, jpeg: bytes) -> None:
        """:raises OpeningFailed: the server does not have it."""
        identity = self._identity
        signature = signing.sign_picture(identity.private_key, command, jpeg)
        headers = {
            "Content-Type": "image/jpeg",
            "Portico-Bridge": str(identity.known_id),
            "Portico-Signature": signing.to_base64url(signature),
        }
        try:
            async with self._http.post(
                f"{self._url}/{command}",
                data=jpeg,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=PICTURE_UPLOAD),
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("picture.not_delivered", error=type(error).__name__)
            raise OpeningFailed("not_delivered") from error
        if status != 204:
            log.warning("picture.not_delivered", status=status)
            raise OpeningFailed("not_delivered")


async def _frame(camera: Watched) -> bytes:
    """:raises OpeningFailed: no picture."""
    process = await asyncio.create_subprocess_exec(
        *_COMMAND,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PICTURE_WITHIN):
            # Not among the arguments: everybody on the box could read those.
            order = json.dumps({"urls": camera.urls}).encode()
            jpeg = await _exchange(process, order)
            code = await process.wait()
    except TimeoutError:
        raise OpeningFailed("no_answer") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code:
        reason = REASONS.get(code, "no_stream")
        raise OpeningFailed(reason, denied=reason == "unauthorized")
    if not 0 < len(jpeg) <= MAX_BYTES:
        raise OpeningFailed("no_stream")
    return jpeg


async def _exchange(process: asyncio.subprocess.Process, order: bytes) -> bytes:
    """All that the process writes, or a little more than it may."""
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        return b""
    stdin.write(order)
    stdin.close()
    found = bytearray()
    while len(found) <= MAX_BYTES and (part := await stdout.read(64 * 1024)):
        found += part
    if len(found) > MAX_BYTES:
        process.kill()
    return bytes(found)
