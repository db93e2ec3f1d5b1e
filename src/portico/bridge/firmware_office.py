"""The server's end of an upgrade: its image, its verdicts, and a place for settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

import aiohttp
import structlog

from portico.bridge.identity import Identity
from portico.bridge.limits import (
    CONFIGURATION_UPLOAD,
    IMAGE_PIECE,
    IMAGE_SILENCE,
    SERVER_CONNECT,
    UPGRADE_SAY_WITHIN,
)
from portico.protocols.bridge import signing
from portico.protocols.bridge.fields import Nonsense
from portico.protocols.bridge.firmware import (
    CONFIGURATION,
    IMAGE,
    FirmwareReport,
    Verdict,
    encode_report,
    read_verdict,
)

log = structlog.get_logger()

_ANSWER_BYTES: Final = 4096


class NoImage(Exception):
    """The server does not give it now; ``again`` in so many seconds, None: never."""

    def __init__(self, again: float | None) -> None:
        super().__init__(f"again in {again}")
        self.again = again


class BrokenOff(Exception):
    """The rest of an image did not come."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What comes of an image: from byte ``start`` on."""

    start: int
    pieces: AsyncIterator[bytes]


class FirmwareOffice(Protocol):
    """Where images come from, and reports go."""

    def image(self, command: UUID, start: int) -> AbstractAsyncContextManager[Stream]:
        """:raises NoImage, BrokenOff: see there; also while it is read."""

    async def say(self, command: UUID, report: FirmwareReport) -> Verdict | None:
        """Whether it may go on; None: no answer. Said once."""

    async def keep(self, command: UUID, configuration: bytes) -> bool:
        """Whether the server has what the unit was set to. Said once."""


class ServerFirmware:
    """``{server}/bridge/v1/firmware/<command>`` and below, signed with the key."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, identity: Identity
    ) -> None:
        self._http = http
        self._url = url
        self._identity = identity

    @asynccontextmanager
    async def image(self, command: UUID, start: int) -> AsyncIterator[Stream]:
        headers = self._signed("GET", command, IMAGE, b"")
        # A packed image would have another sum.
        headers |= {"Range": f"bytes={start}-", "Accept-Encoding": "identity"}
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=SERVER_CONNECT, sock_read=IMAGE_SILENCE
        )
        try:
            async with self._http.get(
                f"{self._url}/{command}/{IMAGE}",
                headers=headers,
                allow_redirects=False,
                timeout=timeout,
            ) as response:
                if response.status not in {200, 206}:
                    log.warning("firmware.no_image", status=response.status)
                    raise _no_image(response)
                begin = start if response.status == 206 else 0
                yield Stream(begin, response.content.iter_chunked(IMAGE_PIECE))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BrokenOff(type(error).__name__) from error

    async def say(self, command: UUID, report: FirmwareReport) -> Verdict | None:
        body = encode_report(report)
        status, told = await self._post(command, "", body, UPGRADE_SAY_WITHIN)
        if status == 404:
            return Verdict.UNKNOWN
        if status != 200:
            log.warning("firmware.not_said", state=report.state, status=status)
            return None
        try:
            return read_verdict(told)
        except Nonsense as error:
            log.warning("firmware.not_said", state=report.state, error=str(error))
            return None

    async def keep(self, command: UUID, configuration: bytes) -> bool:
        status, _ = await self._post(
            command, CONFIGURATION, configuration, CONFIGURATION_UPLOAD
        )
        if status != 204:
            log.warning("firmware.not_kept", status=status)
        return status == 204

    def _signed(
        self, method: str, command: UUID, part: str, body: bytes
    ) -> dict[str, str]:
        identity = self._identity
        signature = signing.sign_firmware(
            identity.private_key, command, method=method, part=part, body=body
        )
        return {
            "Portico-Bridge": str(identity.known_id),
            "Portico-Signature": signing.to_base64url(signature),
        }

    async def _post(
        self, command: UUID, part: str, body: bytes, within: float
    ) -> tuple[int, bytes]:
        """Status and body; status 0: no answer."""
        try:
            async with self._http.post(
                f"{self._url}/{command}/{part}" if part else f"{self._url}/{command}",
                data=body,
                headers=self._signed("POST", command, part, body),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=within),
            ) as response:
                return response.status, await response.content.read(_ANSWER_BYTES)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("firmware.server_away", error=type(error).__name__)
            return 0, b""


def _no_image(response: aiohttp.ClientResponse) -> NoImage:
    """Only what is busy or broken is worth asking again."""
    if response.status != 429 and response.status < 500:
        return NoImage(None)
    told = response.headers.get("Retry-After", "")
    return NoImage(float(told) if told.isascii() and told.isdigit() else 0.0)
