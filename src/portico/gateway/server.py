"""The gateway: one raw ASGI callable for devices, bridges and live views."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from portico.gateway import (
    access,
    bridge_sessions,
    files,
    images,
    live,
    pictures,
    upgrades,
    uplink,
)
from portico.gateway.access import AccessLists
from portico.gateway.bridge_sessions import BridgeSessions
from portico.gateway.domain import Domain, StoreFailed
from portico.gateway.files import Files
from portico.gateway.http import (
    TEXT,
    ClientAddresses,
    Receive,
    Scope,
    Send,
    header,
    problem,
    respond,
)
from portico.gateway.images import Images
from portico.gateway.inbox import Inbox
from portico.gateway.live import LiveStreams
from portico.gateway.monitor_messages import MonitorMessages
from portico.gateway.pictures import Pictures
from portico.gateway.presence import PresenceCollector
from portico.gateway.proxy import Proxy
from portico.gateway.remote import Remote
from portico.gateway.sip import Registrar
from portico.gateway.upgrades import Upgrades
from portico.gateway.uplink import Uplink
from portico.kernel.bus import Bus, Payload

log = structlog.get_logger(__name__)

_Beside = Pictures | AccessLists | Upgrades | Images
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_BACKLOG = Gauge("portico_backlog", "Rows that wait for the worker", ["what"])
# A state that nothing is in any more is not reported, and must not keep its last number.
_BACKLOG_STATES = ("events_waiting", "jobs_waiting", "jobs_running", "jobs_dead")


class Gateway:
    """Routes by path; everything it does not know goes to web, if there is one."""

    def __init__(  # noqa: PLR0913 -- the process's settings, once
        self,
        *,
        domain: Domain,
        bus: Bus,
        gateway_id: str,
        trusted_proxies: list[str],
        session_cookie: str,
        web: str,
        scheme: str,
        metrics_token: str,
        remote: str = "",
        image_rate: int = 0,
        sip: tuple[str, int] | None = None,
    ) -> None:
        addresses = ClientAddresses(trusted_proxies)
        self._addresses = addresses
        self._domain = domain
        self._bus = bus
        self._metrics_token = metrics_token
        self._inbox = Inbox(domain.store_events, domain.hint_events)
        self._presence = PresenceCollector(domain)
        self._uplink = Uplink(domain, self._inbox, self._presence, addresses)
        self._files = Files(domain, self._presence, addresses)
        self._bridges = BridgeSessions(
            domain, self._inbox, self._presence, addresses, gateway_id
        )
        # What bridges send and fetch beside their sessions.
        self._beside: dict[str, Pictures | AccessLists | Upgrades] = {
            pictures.PREFIX: Pictures(domain, addresses),
            access.PREFIX: AccessLists(domain, addresses),
            upgrades.PREFIX: Upgrades(domain, addresses),
        }
        self._images = Images(domain, addresses, image_rate)
        self._remote = Remote(domain, remote)
        self._live = LiveStreams(domain, session_cookie)
        self._sip_address = sip
        self._sip = Registrar(domain, self._presence)
        self._messages = MonitorMessages(domain, self._sip)
        self._proxy = Proxy(web, addresses, scheme) if web else None
        self._tasks: list[asyncio.Task[None]] = []
        self._unlisten: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            # A session's origin has nothing of ours: not even a path of the gateway's.
            label = self._remote.label(scope)
            if label is not None:
                await self._remote.http(label, scope, receive, send)
            else:
                await self._http(scope, receive, send)
        elif kind == "websocket":
            await self._websocket(scope, receive, send)
        elif kind == "lifespan":
            await self._lifespan(receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        label = self._remote.label(scope)
        if self._remote.is_bridge(scope):
            await self._remote.bridge(scope, receive, send)
        elif label is not None:
            await self._remote.websocket(label, scope, receive, send)
        elif scope["path"] == bridge_sessions.SESSION_PATH:
            await self._bridges.serve(receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 4404})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith(uplink.PREFIX):
            await self._uplink.serve(scope, send)
        elif path.startswith(files.PREFIX):
            await self._files.serve(scope, send)
        elif path.startswith(live.PREFIX):
            await self._live.serve(scope, receive, send)
        elif (beside := self._beside_of(path)) is not None:
            await beside.serve(scope, receive, send)
        elif path == bridge_sessions.ENROL_PATH:
            await self._bridges.enrol(scope, receive, send)
        elif path == "/healthz":
            await respond(send, 200, b"ok\n", [TEXT])
        elif path == "/readyz":
            await self._ready(send)
        elif path == "/metrics":
            await self._metrics(scope, send)
        elif self._proxy is not None:
            await self._proxy.serve(scope, receive, send)
        else:
            await problem(send, 404, "not_found")

    def _beside_of(self, path: str) -> _Beside | None:
        if images.is_image(path):
            return self._images
        found = (one for prefix, one in self._beside.items() if path.startswith(prefix))
        return next(found, None)

    async def _ready(self, send: Send) -> None:
        try:
            await self._domain.health()
        except StoreFailed:
            await problem(send, 503, "database_unavailable")
        else:
            await respond(send, 200, b"ready\n", [TEXT])

    async def _metrics(self, scope: Scope, send: Send) -> None:
        token = header(scope, b"authorization").removeprefix("Bearer ")
        allowed = (
            token == self._metrics_token
            if self._metrics_token
            else self._addresses.of(scope) in _LOOPBACK
        )
        if not allowed:
            await problem(send, 404, "not_found")
            return
        with contextlib.suppress(StoreFailed):
            waiting = dict.fromkeys(_BACKLOG_STATES, 0) | await self._domain.health()
            for what, count in waiting.items():
                _BACKLOG.labels(what).set(count)
        kind = (b"content-type", CONTENT_TYPE_LATEST.encode())
        await respond(send, 200, generate_latest(), [kind])

    # Life

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._start()
        except OSError as error:
            text = f"cannot listen for SIP: {error.strerror}"
            await send({"type": "lifespan.startup.failed", "message": text})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        if self._sip_address is not None:
            await self._sip.listen(*self._sip_address)

        def hinted(subject: str, payload: Payload) -> None:
            loop.call_soon_threadsafe(self._hint, subject, payload)

        self._unlisten = self._bus.listen(hinted)
        runs = (
            self._inbox.run(),
            self._presence.run(),
            self._files.run(),
            self._bridges.run(),
            self._messages.run(),
            self._remote.tunnels.run(),
        )
        self._tasks = [asyncio.create_task(_for_ever(run)) for run in runs]

    def _hint(self, subject: str, payload: Payload) -> None:
        if subject in {"device.changed", "file.published"}:
            self._uplink.devices.forget(payload["device"])
            self._files.devices.forget(payload["device"])
        if subject == "file.published":
            self._files.published(payload["device"])
        if subject == "presence.changed" and not payload["online"]:
            self._presence.forget(payload["device"])
        self._bridges.hint(subject, payload)
        self._messages.hint(subject)
        self._remote.hint(subject)
        self._live.hint(subject, payload)

    async def announce_stop(self) -> None:
        """End what would keep the server from stopping: streams and sessions."""
        self._live.close()
        await self._remote.tunnels.close()
        await self._bridges.close()

    async def _stop(self) -> None:
        self._unlisten()
        await self._sip.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(StoreFailed):
            await self._presence.flush()
            await self._files.flush()
        if self._proxy is not None:
            await self._proxy.close()
        await asyncio.to_thread(self._domain.close)


async def _for_ever(work: Any) -> None:
    try:
        await work
    except asyncio.CancelledError:
        raise
    except Exception:
        # A task of the gateway must not die alone: the process goes, and is restarted.
        log.exception("gateway_task_died")
        raise SystemExit(1) from None
