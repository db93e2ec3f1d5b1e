"""Bridges: enrolment, one WebSocket session each, commands out, events in.

The contract is ``docs/bridge-protocol.md``. A session costs one task and no timers of its
own: bridges ping, and one sweep closes those that went silent.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import secrets
import time
import uuid
from typing import Any

import structlog

from portico.gateway import metrics
from portico.gateway.bridge_session import Close, Session, send_in_time
from portico.gateway.domain import Domain, Refused, StoreFailed
from portico.gateway.http import (
    ClientAddresses,
    Receive,
    Scope,
    Send,
    TooLarge,
    problem,
    read_body,
    respond,
)
from portico.gateway.inbox import Inbox
from portico.gateway.limits import Buckets
from portico.gateway.presence import PresenceCollector
from portico.gateway.rosters import Rosters
from portico.kernel.clock import to_ms, utcnow
from portico.protocols.bridge import envelope, signing
from portico.protocols.bridge import messages as wire

log = structlog.get_logger(__name__)

ENROL_PATH = "/bridge/v1/enrol"
SESSION_PATH = "/bridge/v1/session"
# From the contract: no auth within this time, no session.
AUTH_SECONDS = 10.0
# A bridge pings every 20 seconds.
SILENCE_SECONDS = 65.0
TOUCH_SECONDS = 20.0
POLL_SECONDS = 1.0
# Guessing 144-bit tokens is hopeless; this keeps the attempt from costing anything.
ENROL_PER_SECOND, ENROL_BURST = 0.2, 10.0
_JSON = (b"content-type", b"application/json")
# The base of action URLs, which devices store in fields of 127 characters.
_LAN_URL = re.compile(
    r"https?://(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?", re.ASCII
)
_MOST_LAN_URL = 127


class BridgeSessions:
    """All bridges that are connected to this gateway process."""

    def __init__(
        self,
        domain: Domain,
        inbox: Inbox,
        presence: PresenceCollector,
        addresses: ClientAddresses,
        gateway_id: str,
    ) -> None:
        self._domain = domain
        self._inbox = inbox
        self._presence = presence
        self._addresses = addresses
        self._enrolments = Buckets(ENROL_PER_SECOND, ENROL_BURST)
        self._gateway_id = gateway_id
        self._numbers = itertools.count(1)
        self._by_bridge: dict[uuid.UUID, Session] = {}
        self._by_site: dict[str, Session] = {}
        self._rosters = Rosters(self._by_site, self._spawn)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    # Enrolment

    async def enrol(self, scope: Scope, receive: Receive, send: Send) -> None:
        """``POST /bridge/v1/enrol``."""
        if scope["method"] != "POST":
            await problem(
                send, 405, "method_not_allowed", headers=[(b"allow", b"POST")]
            )
            return
        if not self._enrolments.take(self._addresses.of(scope)):
            metrics.REFUSED.labels("enrol_rate").inc()
            await problem(
                send, 429, "too_many_tries", headers=[(b"retry-after", b"30")]
            )
            return
        try:
            token, key, version = _read_enrolment(await read_body(receive))
            bridge_id = await self._domain.enrol(token, key, version)
        except (TooLarge, ValueError):
            metrics.REFUSED.labels("enrol_malformed").inc()
            await problem(send, 422, "malformed")
        except Refused as error:
            metrics.REFUSED.labels("enrol_token").inc()
            await problem(send, error.status, error.code, str(error))
        except StoreFailed:
            await problem(send, 503, "try_again", headers=[(b"retry-after", b"2")])
        else:
            body = json.dumps({"bridge_id": bridge_id}).encode()
            await respond(send, 200, body, [_JSON])

    # One session

    async def serve(self, receive: Receive, send: Send) -> None:
        """``/bridge/v1/session``: accept, authenticate, serve until it ends."""
        if (await receive())["type"] != "websocket.connect":
            return
        await send({"type": "websocket.accept"})
        session: Session | None = None
        try:
            session = await self._authenticated(receive, send)
            await self._begin(session)
            await session.run(receive)
        except Close as close:
            metrics.BRIDGE_CLOSED.labels(str(close.code)).inc()
            log.info("bridge_closed", code=close.code, reason=close.reason)
            await _close(send, close.code)
        except StoreFailed:
            await _close(send, 1013)
        finally:
            if session is not None:
                await self._end(session)

    async def _authenticated(self, receive: Receive, send: Send) -> Session:
        if self._stopping:
            raise Close(1012, "stopping")
        nonce = secrets.token_bytes(signing.NONCE_BYTES)
        challenge = wire.Challenge(nonce, to_ms(utcnow()))
        if not await send_in_time(
            send, {"type": "websocket.send", "text": envelope.encode(challenge)}
        ):
            raise Close(1000, "hung up")
        try:
            async with asyncio.timeout(AUTH_SECONDS):
                message = await receive()
        except TimeoutError:
            raise Close(4408, "no auth") from None
        auth = _read_auth(message)
        bridge = await self._domain.bridge(auth.bridge)
        if bridge is None or not signing.verify(
            bridge.public_key, nonce, auth.bridge, signature=auth.signature
        ):
            metrics.REFUSED.labels("bridge_auth").inc()
            raise Close(4401, "not authenticated")
        name = f"{self._gateway_id}:{next(self._numbers)}:{secrets.token_hex(4)}"[:63]
        return Session(
            info=bridge,
            name=name,
            auth=auth,
            send=send,
            domain=self._domain,
            inbox=self._inbox,
            presence=self._presence,
        )

    async def _begin(self, session: Session) -> None:
        info, auth = session.info, session.auth
        started = await self._domain.begin_session(
            info.id, session.name, _lan_url(auth), auth.version
        )
        if not started:
            raise Close(4403, "revoked")
        older = self._by_bridge.get(info.id)
        if older is not None:
            self._dismiss(older, 4409, "replaced")
        self._by_bridge[info.id] = session
        self._by_site[str(info.site_id)] = session
        metrics.BRIDGES.set(len(self._by_bridge))
        await session.push(wire.Ready(session.name, to_ms(utcnow())))
        await session.send_roster()
        for command_id in await self._domain.waiting_commands(info.id):
            self._spawn(session.send_command(command_id))
        log.info("bridge_connected", bridge=str(info.id), version=auth.version)

    async def _end(self, session: Session) -> None:
        session.ended = True
        self._drop(session)
        try:
            await self._domain.end_session(session.info.id, session.name)
        except StoreFailed as error:  # the sweep of dead sessions will find it
            log.error("session_end_not_stored", error=str(error))

    def _drop(self, session: Session) -> None:
        """Take ``session`` out of the maps; a newer one of its site stays."""
        info, site = session.info, str(session.info.site_id)
        if self._by_bridge.get(info.id) is session:
            del self._by_bridge[info.id]
        if self._by_site.get(site) is session:
            del self._by_site[site]
        metrics.BRIDGES.set(len(self._by_bridge))

    def _dismiss(self, session: Session, code: int, reason: str) -> None:
        """Close ``session`` without waiting for a peer that may not read."""
        self._drop(session)
        self._spawn(session.close(code, reason))

    # Hints and the clock

    def hint(self, subject: str, payload: dict[str, Any]) -> None:
        """React to one hint of the bus."""
        if subject == "command.requested":
            session = self._by_site.get(payload["site"])
            if session is not None:
                self._spawn(session.send_command(uuid.UUID(payload["command"])))
        elif subject in {"device.changed", "roster.changed"}:
            self._rosters.hint(payload.get("site", ""))
        elif subject == "bridge.revoked":
            self._close_bridge(payload, 4403, "revoked")
        elif subject == "bridge.session":
            session = self._by_bridge.get(uuid.UUID(payload["bridge"]))
            if session is not None and session.name != payload["session"]:
                self._close_bridge(payload, 4409, "replaced")

    def _close_bridge(self, payload: dict[str, Any], code: int, reason: str) -> None:
        session = self._by_bridge.get(uuid.UUID(payload["bridge"]))
        if session is not None:
            self._dismiss(session, code, reason)

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.create_task(_guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_note_crash)
        return task

    async def run(self) -> None:
        """Touch, poll for lost hints, close the silent; until cancelled."""
        next_touch = time.monotonic() + TOUCH_SECONDS
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self._poll()
                if time.monotonic() >= next_touch:
                    next_touch = time.monotonic() + TOUCH_SECONDS
                    await self._touch()
            except StoreFailed as error:
                log.error("bridge_poll_failed", error=str(error))

    async def _poll(self) -> None:
        if not self._by_site:
            return
        self._rosters.check()
        for site_id, command_id in await self._domain.all_waiting_commands():
            session = self._by_site.get(str(site_id))
            if session is not None:
                self._spawn(session.send_command(command_id))

    async def _touch(self) -> None:
        silent = time.monotonic() - SILENCE_SECONDS
        for session in list(self._by_bridge.values()):
            if session.heard_at < silent:
                self._dismiss(session, 4408, "silent")
        names = [session.name for session in self._by_bridge.values()]
        await self._domain.touch_sessions(names)

    async def close(self) -> None:
        """Send everybody away: 1012, service restart."""
        self._stopping = True
        sessions = list(self._by_bridge.values())
        await asyncio.gather(*(each.close(1012, "restart") for each in sessions))


async def _guarded(work: Any) -> None:
    try:
        await work
    except StoreFailed as error:
        log.error("bridge_work_failed", error=str(error))
        metrics.DATABASE_FAULTS.labels("bridge").inc()


def _note_crash(task: asyncio.Task[None]) -> None:
    """One bridge's trouble is on record; the others go on."""
    if not task.cancelled() and task.exception() is not None:
        log.error("bridge_work_crashed", exc_info=task.exception())


async def _close(send: Send, code: int) -> None:
    await send_in_time(send, {"type": "websocket.close", "code": code})


def _lan_url(auth: wire.Auth) -> str:
    lan = auth.lan or ""
    if lan and (len(lan) > _MOST_LAN_URL or not _LAN_URL.fullmatch(lan)):
        log.warning("bridge_lan_ignored", bridge=str(auth.bridge), length=len(lan))
        return ""
    return lan


def _read_auth(message: Any) -> wire.Auth:
    if message["type"] != "websocket.receive":
        raise Close(1000, "hung up")
    try:
        auth = envelope.decode_from_bridge(message.get("text") or "")
    except envelope.Nonsense as error:
        raise Close(4400, str(error)) from None
    if not isinstance(auth, wire.Auth):
        raise Close(4401, "auth comes first")
    return auth


def _read_enrolment(body: bytes) -> tuple[str, str, str]:
    try:
        content = json.loads(body)
    except RecursionError:
        raise ValueError("too deep") from None
    content = content if isinstance(content, dict) else {}
    token, key = str(content.get("token", "")), str(content.get("public_key", ""))
    version = str(content.get("version", ""))
    if not 16 <= len(token) <= 64 or not token.isascii():
        raise ValueError("no token")
    if len(signing.from_base64url(key)) != signing.KEY_BYTES:
        raise ValueError("no key")
    if not version.isprintable():  # surrogates and NUL cannot be stored
        raise ValueError("no version")
    return token, key, version[:31]
