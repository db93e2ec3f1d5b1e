"""What the server wants a unit to hold, and telling it what became of that."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Final, Protocol
from uuid import UUID

import aiohttp
import structlog

from portico.bridge.errors import OpeningFailed
from portico.bridge.identity import Identity
from portico.protocols.bridge import signing
from portico.protocols.bridge.access import (
    MAX_LIST_BYTES,
    AccessList,
    AccessReport,
    AccessUser,
    encode,
    read_list,
)
from portico.protocols.bridge.fields import Nonsense

log = structlog.get_logger()

# A few megabytes over a slow uplink.
_WITHIN: Final = 60.0
# A lost report costs a second reading of the whole unit; a short break of the uplink
# is not worth that. After these the server asks again by itself.
_AGAIN_AFTER: Final = (1.0, 3.0, 9.0)


class Office(Protocol):
    """Where lists come from, and reports go."""

    async def fetch(self, command: UUID) -> AccessList:
        """:raises OpeningFailed: ``no_list``."""

    async def photo(self, command: UUID, user: AccessUser) -> bytes | None:
        """The photo of an entry of that list; None: it could not be had."""

    async def report(self, command: UUID, report: AccessReport) -> None:
        """Deliver, or log that it could not be: the server asks again then."""


class ServerOffice:
    """``GET`` and ``POST {server}/bridge/v1/access/<command>``, signed with the key, and
    ``GET …/faces/<id>`` below."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, identity: Identity
    ) -> None:
        self._http = http
        self._url = url
        self._identity = identity

    async def fetch(self, command: UUID) -> AccessList:
        """:raises OpeningFailed: ``no_list``: the server did not give one."""
        status, body = await self._send("GET", command, b"")
        if status != 200:
            log.warning("access.no_list", command=str(command), status=status)
            raise OpeningFailed("no_list")
        try:
            return read_list(body)
        except Nonsense as error:
            log.warning("access.no_list", command=str(command), error=str(error))
            raise OpeningFailed("no_list") from error

    async def photo(self, command: UUID, user: AccessUser) -> bytes | None:
        """The photo of an entry of that list; None: it could not be had."""
        if user.face is None:
            return None
        body, status = b"", 0
        for pause in (*_AGAIN_AFTER, None):
            status, body = await self._send("GET", command, b"", f"faces/{user.id}")
            if 200 <= status < 500 and status != 429:
                break
            if pause is not None:
                await asyncio.sleep(pause)
        is_it = hashlib.sha256(body).hexdigest() == user.face.sha256
        if status != 200 or not is_it:
            log.warning("access.no_photo", command=str(command), status=status)
            return None
        return body

    async def report(self, command: UUID, report: AccessReport) -> None:
        """Deliver, or log that it could not be."""
        body, status = encode(report), 0
        for pause in (*_AGAIN_AFTER, None):
            status, _ = await self._send("POST", command, body)
            if 200 <= status < 500 and status != 429:
                break
            if pause is not None:
                await asyncio.sleep(pause)
        if status != 204:
            log.warning("access.not_reported", command=str(command), status=status)

    async def _send(
        self, method: str, command: UUID, body: bytes, part: str = ""
    ) -> tuple[int, bytes]:
        """Status and body; status 0: no answer."""
        identity = self._identity
        signature = signing.sign_access(
            identity.private_key,
            command,
            method=f"{method} {part}" if part else method,
            body=body,
        )
        headers = {
            "Portico-Bridge": str(identity.known_id),
            "Portico-Signature": signing.to_base64url(signature),
        }
        try:
            async with self._http.request(
                method,
                f"{self._url}/{command}/{part}" if part else f"{self._url}/{command}",
                data=body or None,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=_WITHIN),
            ) as response:
                raw = bytearray()
                async for chunk in response.content.iter_chunked(64 * 1024):
                    raw += chunk
                    if len(raw) > MAX_LIST_BYTES:
                        return 0, b""
                return response.status, bytes(raw)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("access.server_away", error=type(error).__name__)
            return 0, b""
