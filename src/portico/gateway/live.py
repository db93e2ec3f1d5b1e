"""Live views of browsers: server-sent events, one stream a page."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from http.cookies import CookieError, SimpleCookie
from typing import Any

from portico.gateway import metrics
from portico.gateway.domain import Domain, LiveScope, StoreFailed
from portico.gateway.http import Receive, Scope, Send, header, problem

PREFIX = "/live/"
# What a page may hear of, and nothing else that is on the bus.
SUBJECTS = frozenset(
    {
        "presence.changed",
        "command.changed",
        "command.requested",
        "log.changed",
        "device.changed",
        "bridge.changed",
        "camera.changed",
        "lock.changed",
        "access.changed",
        "units.found",
        "remote.changed",
        "file.published",
    }
)
# What a property manager may hear of his communities, and where he may see the log.
MANAGED = frozenset({"presence.changed", "device.changed"})
LOGGED = "log.changed"
# About a company, or with no company about all; heard by whoever works in one.
NOTICES = "notices.changed"
# About a campaign of a company; heard by whoever works in it.
UPGRADES = "upgrade.changed"
# Proxies cut silent connections after 30 to 60 seconds.
BEAT_SECONDS = 15.0
# After a sign-out or a lost membership the stream ends within this time.
RECHECK_SECONDS = 60.0
# A browser that sleeps gets one "resync" instead of an old queue.
QUEUE = 200


class LiveStreams:
    """All browsers that watch through this gateway."""

    def __init__(self, domain: Domain, cookie_name: str) -> None:
        self._domain = domain
        self._cookie = cookie_name
        self._streams: set[_Stream] = set()

    def hint(self, subject: str, payload: dict[str, Any]) -> None:
        """Pass one hint on to those who may hear of its site."""
        if subject not in SUBJECTS | {NOTICES, UPGRADES}:
            return
        data = json.dumps({"subject": subject, **payload})
        message = f"event: hint\ndata: {data}\n\n".encode()
        for stream in self._streams:
            if _may_hear(stream.scope, subject, payload):
                stream.push(message)

    def close(self) -> None:
        """End all streams: browsers come back to the next process."""
        for stream in list(self._streams):
            stream.push(None)

    def _session(self, scope: Scope) -> str:
        try:
            jar = SimpleCookie(header(scope, b"cookie"))
        except CookieError:
            return ""
        morsel = jar.get(self._cookie)
        return morsel.value if morsel else ""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        session, wanted = self._session(scope), scope["path"][len(PREFIX) :]
        wanted = wanted.removeprefix("site/").strip("/")
        try:
            held = await self._domain.live_scope(session, wanted) if session else None
        except StoreFailed:
            await problem(send, 503, "try_again", headers=[(b"retry-after", b"5")])
            return
        if held is None:
            await problem(send, 401, "sign_in_first")
            return
        if not held.sites and not held.managed and wanted != "all":
            await problem(send, 404, "not_found")
            return
        stream = _Stream(held)
        self._streams.add(stream)
        metrics.LIVE.inc()
        watcher = asyncio.create_task(_until_gone(receive, stream))
        try:
            await self._feed(stream, session, wanted, send)
        finally:
            watcher.cancel()
            self._streams.discard(stream)
            metrics.LIVE.dec()

    async def _feed(
        self, stream: _Stream, session: str, wanted: str, send: Send
    ) -> None:
        headers = [
            (b"content-type", b"text/event-stream"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _send_part(send, b"retry: 2000\n\n")
        recheck = time.monotonic() + RECHECK_SECONDS
        while True:
            for message in await stream.wait(BEAT_SECONDS):
                if message is None:
                    await send({"type": "http.response.body", "body": b""})
                    return
                await _send_part(send, message)
            if time.monotonic() > recheck:
                recheck = time.monotonic() + RECHECK_SECONDS
                scope = await self._recheck(session, wanted, stream)
                if scope is None:
                    await send({"type": "http.response.body", "body": b""})
                    return
                stream.scope = scope

    async def _recheck(
        self, session: str, wanted: str, stream: _Stream
    ) -> LiveScope | None:
        try:
            return await self._domain.live_scope(session, wanted)
        except StoreFailed:
            return stream.scope


def _may_hear(scope: LiveScope, subject: str, payload: dict[str, Any]) -> bool:
    """Whether a hint is about what a browser may watch; what names nothing is not."""
    if subject == UPGRADES:
        company = payload.get("organization")
        return company is not None and company == scope.organization
    if subject != NOTICES:
        site = payload.get("site")
        if subject == LOGGED and site in scope.logged:
            return True
        return site in scope.sites or (subject in MANAGED and site in scope.managed)
    if scope.organization is None or "organization" not in payload:
        return False
    return payload["organization"] in {None, scope.organization}


class _Stream:
    """One browser's queue; None in it ends the stream."""

    def __init__(self, scope: LiveScope) -> None:
        self.scope = scope
        self._queue: list[bytes | None] = []
        self._wake = asyncio.Event()

    def push(self, message: bytes | None) -> None:
        if len(self._queue) >= QUEUE:
            self._queue = [b"event: resync\ndata: {}\n\n"]
        self._queue.append(message)
        self._wake.set()

    async def wait(self, seconds: float) -> Iterator[bytes | None]:
        """What came within ``seconds``, else a heartbeat."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return iter([b": beat\n\n"])
        self._wake.clear()
        queue, self._queue = self._queue, []
        return iter(queue)


async def _send_part(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _until_gone(receive: Receive, stream: _Stream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.push(None)
