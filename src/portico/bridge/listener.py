"""The door for the devices' action URLs on the LAN, and for photos that they fetch."""

from __future__ import annotations

import asyncio
import uuid
from typing import Final

import structlog

from portico.bridge import faces
from portico.bridge.clock import ServerClock
from portico.bridge.errors import BadUsage, OpeningFailed, StoreFull
from portico.bridge.guests import Guests
from portico.bridge.http_door import HttpDoor, Request, Response
from portico.bridge.lan import Lan
from portico.bridge.limits import GUEST_HOLD, RETRY_AFTER
from portico.bridge.outbox import Outbox
from portico.bridge.unit import Unit
from portico.protocols.akuvox.action_url import (
    ActionEvent,
    BadActionUrl,
    EventKind,
    parse,
)
from portico.protocols.bridge.envelope import Event, Guest, OpenRelay, RelayKind

log = structlog.get_logger()

_PREFIX: Final = b"/e/"
# Reasons after which a relay surely stayed as it was.
_NOTHING_HAPPENED: Final = frozenset(
    {"unreachable", "unauthorized", "rejected", "not_supported", "wrong_device"}
)


class Listener:
    """Turns action URLs into durable events, and lets guests in."""

    def __init__(
        self,
        outbox: Outbox,
        lan: Lan,
        *,
        guests: Guests,
        clock: ServerClock,
        shelf: faces.FaceShelf,
    ) -> None:
        self._shelf = shelf
        self._outbox = outbox
        self._lan = lan
        self._guests = guests
        self._clock = clock
        self._openings: set[asyncio.Task[None]] = set()
        self._door = HttpDoor(self._handle)

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; returns the address that was bound.

        :raises BadUsage: the address cannot be bound.
        """
        try:
            return await self._door.open(host, port)
        except OSError as error:
            raise BadUsage(
                f"cannot listen on {host}:{port}: {error.strerror}"
            ) from error

    async def stop(self) -> None:
        """Close the door and wait for guests who are being let in."""
        await self._door.close()
        if self._openings:
            await asyncio.wait(self._openings)

    async def _handle(self, request: Request) -> Response:
        if request.path.startswith(faces.PREFIX):
            return self._photo(request)
        unit = None
        if request.path.startswith(_PREFIX):
            secret = request.path.removeprefix(_PREFIX).decode("ascii", "replace")
            unit = self._lan.unit_by_secret(secret)
        if unit is None:
            return Response(404)
        try:
            report = parse(request.query)
        except BadActionUrl as error:
            log.warning("event.unreadable", mac=unit.device.mac, code=error.code)
            return Response(400)
        return await self._take(unit, report, request.source)

    def _photo(self, request: Request) -> Response:
        name = request.path.removeprefix(faces.PREFIX).decode("ascii", "replace")
        jpeg = self._shelf.take(name, request.source)
        if jpeg is None:
            return Response(404)
        return Response(200, {"Cache-Control": "no-store"}, jpeg)

    async def _take(self, unit: Unit, report: ActionEvent, source: str) -> Response:
        mac = unit.device.mac
        event = Event(uuid.uuid4(), mac, report.kind, report.data, self._clock.now_ms())
        unit.heard_revision(str(report.data.get("config", "")))
        self._lan.learn(unit, source, str(report.data.get("ip", "")))
        try:
            await self._outbox.add_event(event)
        except StoreFull as error:
            log.warning("event.refused", mac=mac, kind=report.kind, cause=str(error))
            response = Response(503, {"Retry-After": str(RETRY_AFTER)})
        else:
            log.info("event.kept", mac=mac, kind=report.kind, id=str(event.id))
            response = Response(200)
        # A guest at the door does not care whether the refusal found a place.
        self._consider_guest(unit, report)
        return response

    def _consider_guest(self, unit: Unit, report: ActionEvent) -> None:
        if report.raw_code is None or report.kind not in {
            EventKind.CODE_REFUSED,
            EventKind.QR_REFUSED,
        }:
            return
        by_qr = report.kind is EventKind.QR_REFUSED
        for guest in self._guests.match(unit.device, report.raw_code, by_qr=by_qr):
            task = asyncio.create_task(self._let_in(unit, guest))
            self._openings.add(task)
            task.add_done_callback(self._openings.discard)

    async def _let_in(self, unit: Unit, guest: Guest) -> None:
        mac = unit.device.mac
        try:
            event = await self._guests.claim(unit.device, guest)
        except StoreFull as error:
            log.warning("guest.not_counted", mac=mac, guest=guest.id, cause=str(error))
            return
        if event is None:
            log.info("guest.used_up", mac=mac, guest=guest.id)
            return
        opened, reasons = await _open_all(unit, guest)
        try:
            if not opened and _NOTHING_HAPPENED.issuperset(reasons):
                await self._guests.give_back(guest, event)
                log.warning("guest.not_opened", mac=mac, guest=guest.id, why=reasons)
                return
            status = "unknown" if not opened else "acknowledged"
            data = {
                **event.data,
                "status": status,
                "relay": (opened or guest.relays)[0],
            }
            await self._outbox.release(
                Event(event.id, event.mac, event.kind, data, event.at)
            )
        except StoreFull as error:
            # The event is on disk as `unknown`, and goes out after the next start.
            log.warning("guest.not_noted", mac=mac, guest=guest.id, cause=str(error))
        log.info("guest.opened", mac=mac, guest=guest.id, relays=opened, why=reasons)


async def _open_all(unit: Unit, guest: Guest) -> tuple[list[int], list[str]]:
    """The relays that the device opened, and why the others stayed shut."""
    opened, reasons = [], []
    for number in guest.relays:
        order = OpenRelay(RelayKind.LOCAL, number, GUEST_HOLD)
        try:
            await unit.open(order, expires_at=None)
        except OpeningFailed as error:
            reasons.append(error.reason)
        else:
            opened.append(number)
    return opened, reasons
