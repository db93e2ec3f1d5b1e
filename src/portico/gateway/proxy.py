"""One public port: what is not the gateway's is streamed to web and back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import structlog
from multidict import CIMultiDict
from yarl import URL

from portico.gateway import metrics
from portico.gateway.http import (
    ClientAddresses,
    Message,
    Receive,
    Scope,
    Send,
    header,
    problem,
)

log = structlog.get_logger(__name__)

# RFC 9110 7.6.1, and what we set ourselves: a client must not choose who he is.
_NOT_PASSED = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization te trailer"
    b" transfer-encoding upgrade x-forwarded-for x-forwarded-proto x-forwarded-host"
    b" forwarded".split()
)
_CHUNK = 64 * 1024
# A page or report that takes longer belongs into a job.
_TOTAL_SECONDS = 120
# What a page is sent takes its own time, but not slower than this in the long run: so an
# image of firmware comes through a line of half a megabit, and nobody holds web for hours.
_SLOWEST_BYTES = 64 * 1024
# The largest that a page takes is such an image.
_MOST_BYTES = 513 * 1024 * 1024
_CONNECT_SECONDS = 5
# Enough for every thread of web; more would only queue there instead of here.
_CONNECTIONS = 200
_RETRY = (b"retry-after", b"2")


class Proxy:
    """Passes requests to the web role at ``base``."""

    def __init__(self, base: str, addresses: ClientAddresses, scheme: str) -> None:
        self._base = base
        self._addresses = addresses
        self._scheme = scheme
        self._client: aiohttp.ClientSession | None = None

    def _session(self) -> aiohttp.ClientSession:
        if self._client is None:
            self._client = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            )
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def _headers(self, scope: Scope) -> CIMultiDict[str]:
        headers: CIMultiDict[str] = CIMultiDict()
        for name, value in scope["headers"]:
            if name not in _NOT_PASSED:
                headers.add(name.decode("latin-1"), value.decode("latin-1"))
        headers["X-Forwarded-For"] = self._addresses.of(scope)
        headers["X-Forwarded-Proto"] = self._scheme
        return headers

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = scope["raw_path"].decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        address = f"{self._base}{target}{'?' if query else ''}{query}"
        length = _length(scope)
        if length > _MOST_BYTES:
            await problem(send, 413, "too_large")
            return
        has_body = bool(
            header(scope, b"content-length") or header(scope, b"transfer-encoding")
        )
        started = False
        try:
            async with self._session().request(
                scope["method"],
                URL(address, encoded=True),
                headers=self._headers(scope),
                data=_body(receive) if has_body else None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=_TOTAL_SECONDS + length / _SLOWEST_BYTES,
                    sock_connect=_CONNECT_SECONDS,
                ),
            ) as answer:
                headers = [
                    (name.lower(), value)
                    for name, value in answer.raw_headers
                    if name.lower() not in _NOT_PASSED
                ]
                started = True
                await send(_start(answer.status, headers))
                async for part in answer.content.iter_chunked(_CHUNK):
                    await send(_part(part, more=True))
                await send(_part(b"", more=False))
                metrics.PROXIED.labels("ok").inc()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            metrics.PROXIED.labels("failed").inc()
            log.warning("web_unreachable", error=type(error).__name__)
            if not started:
                await problem(send, 503, "starting", headers=[_RETRY])


def _start(status: int, headers: list[tuple[bytes, bytes]]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def _part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _length(scope: Scope) -> int:
    text = header(scope, b"content-length")
    # The server has refused what is no number.
    return int(text) if text.isdecimal() else 0


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    began, size = time.monotonic(), 0
    while True:
        patience = began + _TOTAL_SECONDS + size / _SLOWEST_BYTES - time.monotonic()
        async with asyncio.timeout(patience):
            message = await receive()
        if message["type"] != "http.request":
            raise ConnectionResetError("client went away")
        part = message.get("body", b"")
        size += len(part)
        if part:
            yield part
        if not message.get("more_body"):
            return
