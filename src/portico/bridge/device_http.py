"""One HTTP exchange with a device: digest, bounds, and what a failure means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import IO, Final

import aiohttp
from aiohttp import (
    ClientHandlerType,
    ClientMiddlewareType,
    ClientRequest,
    ClientResponse,
)
from yarl import URL

from portico.bridge.address import LanAddress
from portico.bridge.errors import OpeningFailed
from portico.bridge.limits import LAN_CONNECT, LAN_KEEPALIVE, LAN_TOTAL
from portico.protocols.akuvox.local_api import MAX_BODY_BYTES, Request

# Some firmwares close slowly; more than one idle connection is never needed.
_CONNECTIONS_PER_DEVICE: Final = 2


class Account(Enum):
    """Whose digest a request may carry; devices keep their secrets apart."""

    NONE = auto()
    API = auto()
    OPENING = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    # Found by their names in any case.
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that goes as the form of a request, read while it is sent."""

    field: str
    name: str
    file: IO[bytes]

    def form(self) -> aiohttp.FormData:
        self.file.seek(0)
        form = aiohttp.FormData()
        kind = "application/octet-stream"
        form.add_field(self.field, self.file, filename=self.name, content_type=kind)
        return form


class Unreachable(Exception):
    """No connection came about: the device was not told anything."""


class NoAnswer(Exception):
    """The request may have reached the device; its answer did not reach us."""


class TooLate(Exception):
    """The time to send had passed; nothing (more) was sent."""


@asynccontextmanager
async def lan_session() -> AsyncIterator[aiohttp.ClientSession]:
    """The one HTTP client for all devices: no cookies, no proxies, no compression."""
    connector = aiohttp.TCPConnector(
        limit=0,
        limit_per_host=_CONNECTIONS_PER_DEVICE,
        keepalive_timeout=LAN_KEEPALIVE,
        use_dns_cache=False,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        # `identity`: what a device packs small may unpack huge.
        headers={"Accept-Encoding": "identity", "User-Agent": "portico-bridge"},
        trust_env=False,
    ) as session:
        yield session


class DeviceHttp:
    """Exchanges with one device at one address.

    Keeps the digest state of its two accounts: a nonce that is still good saves the
    round trip of the challenge.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: LanAddress,
        *,
        api: tuple[str, str],
        opening: tuple[str, str],
    ) -> None:
        self._session = session
        self.address = address
        self._accounts = {
            Account.NONE: None,
            Account.API: _digest(*api),
            Account.OPENING: _digest(*opening),
        }

    async def send(
        self,
        request: Request,
        account: Account,
        *,
        may_send: Callable[[], bool] = lambda: True,
        connect: float = LAN_CONNECT,
        total: float = LAN_TOTAL,
        most: int = MAX_BODY_BYTES,
        upload: Upload | None = None,
    ) -> Answer:
        """Send once, and once more with digest if the device asks for it.

        :param may_send: asked before each of the two.
        :param most: bytes that the answer may have.
        :param upload: goes in place of a body.
        :raises Unreachable, NoAnswer, TooLate: see there.
        """
        layers: list[ClientMiddlewareType] = [_Once(may_send)]
        if (digest := self._accounts[account]) is not None:
            layers.insert(0, digest)
        timeout = aiohttp.ClientTimeout(
            total=total, connect=connect, sock_connect=connect
        )
        try:
            async with self._session.request(
                request.method,
                # Encoded by us; a second encoding would break passwords and digest.
                URL(self.address.base + request.target, encoded=True),
                data=upload.form() if upload else request.body,
                headers=request.headers,
                allow_redirects=False,
                timeout=timeout,
                middlewares=layers,
            ) as response:
                body = await _body(response, most)
                return Answer(response.status, body, response.headers)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable(type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NoAnswer(type(error).__name__) from error


class _Once:
    """Innermost layer: decides at the last moment, and keeps aiohttp from repeating.

    aiohttp repeats a GET on its own when a kept-alive connection breaks under it. A
    door must not be opened by a repetition, so these errors leave under other names.
    """

    def __init__(self, may_send: Callable[[], bool]) -> None:
        self._may_send = may_send

    async def __call__(
        self, request: ClientRequest, handler: ClientHandlerType
    ) -> ClientResponse:
        if not self._may_send():
            raise TooLate
        try:
            return await handler(request)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable(type(error).__name__) from error
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise NoAnswer(type(error).__name__) from error


async def _body(response: ClientResponse, most: int) -> bytes:
    chunks = bytearray()
    async for chunk in response.content.iter_chunked(8192):
        chunks += chunk
        if len(chunks) > most:
            response.close()
            raise NoAnswer("oversized")
    return bytes(chunks)


def _digest(user: str, password: str) -> aiohttp.DigestAuthMiddleware | None:
    """None where digest cannot be: no user, or a colon in it.

    Basic is left out on purpose: it hands the password to whoever answers.
    """
    if not user or ":" in user:
        return None
    return aiohttp.DigestAuthMiddleware(user, password, preemptive=True)


def failed(error: Unreachable | NoAnswer | TooLate) -> OpeningFailed:
    """The contract's reason for an exchange that did not come to an answer."""
    reasons = {Unreachable: "unreachable", NoAnswer: "no_answer", TooLate: "expired"}
    return OpeningFailed(reasons[type(error)])
