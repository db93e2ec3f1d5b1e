"""The gateway's only door to the apps: plain values in and out, Django in threads.

Everything here is called from the event loop and runs in a small pool; the group commit
has a thread of its own, so that nothing else waits in front of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import (
    DatabaseError,
    close_old_connections,
    connection,
)

from portico.accounts.selectors import staff_by_id
from portico.devices import selectors as devices
from portico.devices.enums import PresenceVia
from portico.devices.services import bridges, presence
from portico.events.enums import EventSource
from portico.events.selectors import waiting_events
from portico.events.services.inbox import IncomingEvent, direct_key, store_events
from portico.firmware.selectors import failing_campaigns
from portico.gateway import bridge_domain
from portico.gateway.bridge_domain import BridgeInfo
from portico.gateway.errors import Refused, StoreFailed
from portico.gateway.together import Together
from portico.kernel.bus import publish
from portico.kernel.clock import utcnow
from portico.kernel.ids import secret_digest
from portico.kernel.queue import job_counts
from portico.kernel.threads import end_pool
from portico.messaging.services import monitors
from portico.messaging.words import monitor_text
from portico.protocols.bridge import messages as wire
from portico.provisioning.selectors import ServedFile, served_files
from portico.provisioning.services.files import note_fetched
from portico.sites.enums import ManagerRight
from portico.sites.selectors import managed_communities, visible_sites
from portico.tenancy.selectors import VISIT_KEY, membership_of, open_visit, visiting
from portico.weather.services.sheet import sheet_for

P = ParamSpec("P")
R = TypeVar("R")

Contact = presence.Contact
__all__ = [
    "BridgeInfo",
    "Contact",
    "Domain",
    "EventSource",
    "EventTarget",
    "IncomingEvent",
    "LiveScope",
    "MonitorMessage",
    "PresenceVia",
    "Refused",
    "ServedFile",
    "SipTarget",
    "StoreFailed",
    "direct_key",
]

# Enough for the slow calls of a busy gateway; the hot path needs none of them.
_THREADS = 8
# So many together take as long as four alone.
ROSTERS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class EventTarget:
    """Whose action URL it is; ``key`` makes its fingerprints its own."""

    device_id: int
    mac: str
    key: bytes


@dataclass(frozen=True, slots=True)
class SipTarget:
    """A device's SIP account, for its registration."""

    device_id: int
    number: str
    password: str


@dataclass(frozen=True, slots=True)
class MonitorMessage:
    """What an indoor monitor is to show; ``call_id`` is the same however often it goes."""

    receipt_id: int
    device_id: int
    number: str
    call_id: str
    text: str


def _event_targets(secrets: Collection[str]) -> dict[str, EventTarget]:
    by_digest = {secret_digest(secret): secret for secret in secrets}
    key = settings.SECRET_KEY.encode()[:64]
    return {
        by_digest[digest]: EventTarget(
            found.device_id,
            found.device.mac,
            hashlib.blake2b(
                str(found.device_id).encode(), key=key, digest_size=32
            ).digest(),
        )
        for found in devices.secrets_by_event_digests(by_digest)
        for digest in (found.event_digest, found.old_event_digest)
        if digest is not None and digest in by_digest
    }


def _served_files(secrets: Collection[str]) -> dict[str, ServedFile]:
    by_digest = {secret_digest(secret): secret for secret in secrets}
    found = served_files(by_digest)
    return {by_digest[digest]: file for digest, file in found.items()}


def _all_waiting() -> list[tuple[uuid.UUID, uuid.UUID]]:
    return devices.all_waiting_commands()


def _note_fetched(fetches: dict[int, tuple[str, str, Any]]) -> None:
    for device_id, (revision, etag, at) in fetches.items():
        note_fetched(device_id=device_id, revision=revision, etag=etag, at=at)


@dataclass(frozen=True, slots=True)
class LiveScope:
    """What a browser may hear of: sites, and the company whose notices it shows.

    Of ``managed`` only what a property manager may hear, of ``logged`` the log, too.
    """

    sites: frozenset[str]
    organization: int | None
    managed: frozenset[str] = frozenset()
    logged: frozenset[str] = frozenset()


def _live_scope(session_key: str, site_id: str) -> LiveScope | None:
    """What a browser's session may watch; None: not signed in."""
    engine = import_module(settings.SESSION_ENGINE)
    stored = engine.SessionStore(session_key)
    user = staff_by_id(stored.get("_auth_user_id"), stored.get("_auth_user_hash"))
    if user is None:
        return None
    visit = open_visit(user, stored.get(VISIT_KEY), utcnow())
    with visiting(visit) if visit else nullcontext():
        scopes = [
            visible_sites(user),
            managed_communities(user),
            managed_communities(user, may=ManagerRight.SEE_LOGS),
        ]
    # A visitor does not read the company's notices, and not his own there either.
    home = None if visit else membership_of(user)
    company = home.organization_id if home else None
    if site_id != "all":
        try:
            site = uuid.UUID(site_id)
        except ValueError:
            return LiveScope(frozenset(), company)
        scopes = [sites.filter(pk=site) for sites in scopes]
    own, managed, logged = (
        frozenset(str(pk) for pk in sites.values_list("pk", flat=True))
        for sites in scopes
    )
    return LiveScope(own, company, managed, logged)


def _sip_target(number: str) -> SipTarget | None:
    device = devices.device_by_sip_number(number)
    if device is None:
        return None
    return SipTarget(device.pk, number, device.sip.password)


def _waiting_messages(just_came: Collection[int]) -> dict[int, int]:
    return monitors.waiting_monitors(just_came=just_came, now=utcnow())


def _claim_messages(receipt_ids: list[int], claim: str) -> list[MonitorMessage]:
    found = monitors.claim_receipts(receipt_ids=receipt_ids, claim=claim, now=utcnow())
    return [
        MonitorMessage(
            receipt_id=receipt.pk,
            device_id=device.pk,
            number=device.sip.number,
            call_id=f"{receipt.message_id.hex}-{receipt.pk}",
            text=monitor_text(receipt.title, receipt.text),
        )
        for receipt in found
        if (device := receipt.device) is not None
    ]


def _record_message(receipt_id: int, claim: str, status: int) -> None:
    now = utcnow()
    if 200 <= status < 300:
        monitors.record_taken(receipt_id=receipt_id, now=now)
    else:
        monitors.record_not_taken(
            receipt_id=receipt_id, claim=claim, status=status, now=now
        )


def _health() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    counts = job_counts()
    waiting = {
        "events_waiting": waiting_events(),
        "upgrades_failing": failing_campaigns(),
    }
    return waiting | {f"jobs_{state}": count for state, count in counts.items()}


class Domain:
    """The apps, as the gateway's event loop sees them.

    Every method may raise :class:`StoreFailed` when the database is out of order.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, "domain")
        self._writer = ThreadPoolExecutor(1, "inbox")
        # One after another: after a restart thousands begin at once, and threads that
        # wait for SQLite's one writer sleep longer than the writing takes.
        self._sessions = ThreadPoolExecutor(1, "sessions")
        self._rosters = Together(self._load_rosters, ROSTERS_AT_ONCE)

    async def _call(
        self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        return await self._in(self._pool, function, *args, **kwargs)

    async def call(
        self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run what stands in a door of its own beside this one."""
        return await self._in(self._pool, function, *args, **kwargs)

    async def _in(
        self,
        pool: ThreadPoolExecutor,
        function: Callable[P, R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        def guarded() -> R:
            close_old_connections()
            try:
                return function(*args, **kwargs)
            except DatabaseError as error:
                connection.close()
                raise StoreFailed(str(error)) from error

        return await asyncio.get_running_loop().run_in_executor(pool, guarded)

    async def store_events(self, events: Sequence[IncomingEvent]) -> int:
        return await self._in(self._writer, store_events, events)

    async def event_targets(self, secrets: Collection[str]) -> dict[str, EventTarget]:
        return await self._call(_event_targets, secrets)

    async def weather_sheet(self, device_id: int) -> bytes | None:
        """What a monitor shows of the weather; None: nothing."""
        return await self._call(sheet_for, device_id=device_id, now=utcnow())

    async def served_files(self, secrets: Collection[str]) -> dict[str, ServedFile]:
        return await self._call(_served_files, secrets)

    async def note_fetched(self, fetches: dict[int, tuple[str, str, Any]]) -> None:
        await self._call(_note_fetched, fetches)

    async def record_contacts(self, contacts: list[Contact]) -> list[int]:
        return await self._call(presence.record_contacts, contacts=contacts)

    async def note_registered(self, device_ids: Collection[int]) -> None:
        """The SIP accounts of these devices are registered."""
        await self._call(
            presence.note_registered, device_ids=list(device_ids), now=utcnow()
        )

    async def sweep_silent(self) -> list[int]:
        return await self._call(presence.sweep_silent, now=utcnow())

    async def bridge(self, bridge_id: uuid.UUID) -> BridgeInfo | None:
        return await self._call(bridge_domain.live_bridge, bridge_id)

    async def enrol(self, token: str, public_key: str, version: str) -> str:
        """The new bridge's id. :raises Refused: see ``bridges.enrol_bridge``."""
        return await self._call(bridge_domain.enrol, token, public_key, version)

    async def begin_session(
        self, bridge_id: uuid.UUID, session: str, lan: str, version: str
    ) -> bool:
        begun = (bridge_id, session, lan, version)
        return await self._in(self._sessions, bridge_domain.begin_session, *begun)

    async def end_session(self, bridge_id: uuid.UUID, session: str) -> None:
        await self._in(self._sessions, bridge_domain.end_session, bridge_id, session)

    async def touch_sessions(self, sessions: list[str]) -> None:
        await self._call(bridges.touch_sessions, sessions=sessions, now=utcnow())

    async def roster(self, bridge_id: uuid.UUID) -> tuple[wire.Roster, dict[str, int]]:
        """What the bridge serves; a roster without a revision: it is none any more."""
        return await self._rosters.get(bridge_id) or (wire.Roster("", ()), {})

    async def _load_rosters(
        self, bridge_ids: Collection[uuid.UUID]
    ) -> dict[uuid.UUID, tuple[wire.Roster, dict[str, int]]]:
        return await self._call(bridge_domain.rosters, bridge_ids)

    async def claim_command(self, command_id: uuid.UUID) -> wire.Command | None:
        return await self._call(bridge_domain.claim, command_id)

    async def waiting_commands(self, bridge_id: uuid.UUID) -> list[uuid.UUID]:
        return await self._call(bridge_domain.waiting, bridge_id)

    async def all_waiting_commands(self) -> list[tuple[uuid.UUID, uuid.UUID]]:
        """(site, command) of everything that nobody has sent yet."""
        return await self._call(_all_waiting)

    async def record_result(
        self, bridge_id: uuid.UUID, result: wire.CommandResult
    ) -> bool:
        return await self._call(bridge_domain.record_result, bridge_id, result)

    async def recognize(self, device_id: int, model: str, firmware: str) -> None:
        await self._call(bridge_domain.recognize, device_id, model, firmware)

    async def note_applied(self, device_id: int, revision: str) -> None:
        await self._call(bridge_domain.note_revision, device_id, revision)

    async def note_found(self, bridge_id: uuid.UUID, found: wire.Found) -> None:
        await self._call(bridge_domain.take_found, bridge_id, found)

    async def store_picture(
        self, bridge_id: uuid.UUID, command_id: uuid.UUID, jpeg: bytes
    ) -> bool | None:
        """Whether it is kept; False: nobody asked for it. None: it is no picture."""
        return await self._call(
            bridge_domain.store_picture, bridge_id, command_id, jpeg
        )

    async def live_scope(self, session_key: str, site: str) -> LiveScope | None:
        return await self._call(_live_scope, session_key, site)

    async def sip_target(self, number: str) -> SipTarget | None:
        return await self._call(_sip_target, number)

    async def waiting_messages(self, just_came: set[int]) -> dict[int, int]:
        """What is due for monitors that are online or ``just_came``: device by receipt."""
        return await self._call(_waiting_messages, just_came)

    async def claim_messages(
        self, receipt_ids: list[int], claim: str
    ) -> list[MonitorMessage]:
        """Those of them that nobody else has taken."""
        return await self._call(_claim_messages, receipt_ids, claim)

    async def record_message(self, receipt_id: int, claim: str, status: int) -> None:
        """Note a monitor's answer; ``status`` 0: none."""
        await self._call(_record_message, receipt_id, claim, status)

    async def health(self) -> dict[str, int]:
        return await self._call(_health)

    def hint_events(self) -> None:
        """Tell the worker that events wait."""
        publish("events.waiting")

    def close(self) -> None:
        """Let running calls end, and close every thread's connection."""
        end_pool(self._pool, _THREADS)
        end_pool(self._writer, 1)
        end_pool(self._sessions, 1)
