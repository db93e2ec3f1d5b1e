"""Action URLs: ``/e/<secret>?event=…``, answered when the event is durable."""

from __future__ import annotations

from portico.gateway import metrics
from portico.gateway.cache import DeviceCache
from portico.gateway.domain import (
    Domain,
    EventSource,
    EventTarget,
    IncomingEvent,
    PresenceVia,
    StoreFailed,
    direct_key,
)
from portico.gateway.http import TEXT, ClientAddresses, Scope, Send, problem, respond
from portico.gateway.inbox import Full, Inbox
from portico.gateway.limits import Buckets, Misses
from portico.gateway.presence import PresenceCollector
from portico.kernel.clock import utcnow
from portico.protocols.akuvox.action_url import BadActionUrl, EventKind, parse

PREFIX = "/e/"
# One unit reports a few events a second at the very most; a stuck one is slowed down.
EVENTS_PER_SECOND, EVENTS_BURST = 50.0, 500.0
RETRY_SECONDS = (b"retry-after", b"2")
TRIES_SECONDS = (b"retry-after", b"60")
_STORED = metrics.EVENTS.labels("direct", "stored")
_STATUS = {"too_long": 414, "garbled": 400, "unknown_event": 400}


class Uplink:
    """Takes events of devices that report directly."""

    def __init__(
        self,
        domain: Domain,
        inbox: Inbox,
        presence: PresenceCollector,
        addresses: ClientAddresses,
    ) -> None:
        self.devices: DeviceCache[EventTarget] = DeviceCache(domain.event_targets)
        self._inbox = inbox
        self._presence = presence
        self._addresses = addresses
        self._rates = Buckets(EVENTS_PER_SECOND, EVENTS_BURST)
        self._misses = Misses()

    async def serve(self, scope: Scope, send: Send) -> None:
        if scope["method"] not in {"GET", "POST"}:
            await problem(send, 405, "method_not_allowed", headers=[(b"allow", b"GET")])
            return
        secret = scope["path"][len(PREFIX) :]
        target = self.devices.peek(secret)
        if target is None:
            try:
                target = await self._find(scope, secret)
            except StoreFailed:
                await problem(send, 503, "try_again", headers=[RETRY_SECONDS])
                return
        if target is None:
            await self._unknown(scope, secret, send)
            return
        if not self._rates.take(secret):
            metrics.REFUSED.labels("event_rate").inc()
            await problem(send, 429, "too_many_events", headers=[RETRY_SECONDS])
            return
        await self._take(scope["query_string"], target, send)

    async def _find(self, scope: Scope, secret: str) -> EventTarget | None:
        if not self._misses.may_look(self._addresses.of(scope), secret):
            return None
        return await self.devices.get(secret)

    async def _unknown(self, scope: Scope, secret: str, send: Send) -> None:
        metrics.REFUSED.labels("event_secret").inc()
        if self._misses.missed(self._addresses.of(scope), secret):
            await problem(send, 404, "not_found")
        else:
            await problem(send, 429, "too_many_tries", headers=[TRIES_SECONDS])

    async def _take(self, query: bytes, target: EventTarget, send: Send) -> None:
        try:
            report = parse(query, fingerprint_key=target.key)
        except BadActionUrl as error:
            metrics.EVENTS.labels("direct", error.code).inc()
            await problem(send, _STATUS[error.code], error.code)
            return
        if report.mac is not None and report.mac != target.mac:
            metrics.REFUSED.labels("event_mac").inc()
            await problem(send, 404, "not_found")
            return
        now = utcnow()
        event = IncomingEvent(
            device_id=target.device_id,
            source=EventSource.DIRECT,
            kind=report.kind,
            data=report.data,
            dedupe=direct_key(report.fingerprint, now),
            occurred_at=now,
            received_at=now,
        )
        try:
            await self._inbox.put(event)
        except (Full, StoreFailed):
            metrics.EVENTS.labels("direct", "busy").inc()
            await problem(send, 503, "busy", headers=[RETRY_SECONDS])
            return
        if report.kind == EventKind.BOOTED:
            self._presence.restarted(target.device_id)
        address = str(report.data.get("ip", ""))
        self._presence.heard(target.device_id, PresenceVia.EVENT, address)
        _STORED.inc()
        await respond(send, 200, b"OK", [TEXT])
