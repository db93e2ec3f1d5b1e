"""Pictures of what happens at a door: ordered by the worker, brought by the bridge.

A picture is ordered when a visit begins, and again for what follows when the newest is
old. It is one of the bridge's orders like any other: one of a device at a time, given up
for an opening, never in the way of one.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q

from portico.devices.enums import (
    OPEN_STATES,
    CommandChannel,
    CommandKind,
    CommandState,
)
from portico.devices.models import Command, Device
from portico.devices.rules import has_camera
from portico.devices.services.commands import no_way
from portico.devices.services.orders import request_order
from portico.devices.services.pictures import store_picture
from portico.events.enums import LogKind, Method, Outcome
from portico.events.models import Capture, LogEntry
from portico.events.rules import is_opening
from portico.events.services.visits import visit_alone
from portico.kernel.outbox import publish_on_commit
from portico.kernel.queue import enqueue

TAKE = "events.take_capture"
FOLDER = "captures"
# Later than this a picture shows somebody else.
FRESH = timedelta(seconds=15)
# A picture this new shows what follows as well.
AGAIN_AFTER = timedelta(seconds=10)
# Of one visit; who rings on and on is known by then.
MOST = 5


def order_capture(*, entry: LogEntry, device: Device, now: datetime) -> None:
    """Have a picture taken for a line that was just written, if somebody can.

    Asked here, so that houses without a bridge order no jobs for nothing.
    """
    if entry.kind == LogKind.CAPTURE or not has_camera(device):
        return
    is_order = entry.command_id is not None
    if is_order and not is_opening(entry):
        return  # refused to somebody with a phone: nobody need be at the door
    if entry.occurred_at >= now - FRESH and no_way(device, now) is None:
        enqueue(TAKE, entry_id=entry.pk)


@transaction.atomic
def take_capture(*, entry_id: int, now: datetime) -> Capture | None:
    """Order the picture; None: it is too late, or the visit has one. Safe to repeat."""
    entries = LogEntry.objects.select_related("device__site").filter(pk=entry_id)
    entry = entries.first()
    device = entry.device if entry else None
    if entry is None or device is None or entry.occurred_at < now - FRESH:
        return None
    if _has_enough(entry, now) or no_way(device, now) is not None:
        return None
    command = request_order(
        actor=None,
        device=device,
        kind=CommandKind.TAKE_PICTURE,
        channel=CommandChannel.SYSTEM,
        now=now,
    )
    if command.state == CommandState.DENIED:
        return None
    return _expect(entry, command, now)


def _has_enough(entry: LogEntry, now: datetime) -> bool:
    of_visit = Q(entry__visit=entry.visit_id) if entry.visit_id else Q(entry=entry)
    captures = Capture.objects.filter(of_visit)
    # What gave way to an opening, or failed, is no picture.
    coming = Q(file="", command__state__in=OPEN_STATES)
    is_new = Q(taken_at__gt=now - AGAIN_AFTER) | coming | Q(entry=entry)
    return captures.filter(is_new).exists() or captures.count() >= MOST


def _expect(entry: LogEntry, command: Command | None, now: datetime) -> Capture:
    return Capture.objects.create(
        entry=entry,
        site_id=entry.site_id,
        organization_id=entry.organization_id,
        command=command,
        ordered_at=now,
    )


def receive_picture(
    *, bridge_id: UUID, command_id: UUID, jpeg: bytes, now: datetime
) -> bool:
    """Keep what a bridge brings: as the device's newest picture and in its visits.

    What a person ordered becomes a line of its own in the log. False and errors: see
    :func:`store_picture`. Safe to repeat.
    """
    stored = store_picture(
        bridge_id=bridge_id, command_id=command_id, jpeg=jpeg, now=now
    )
    if not stored:
        return False
    _log_ordered(command_id, now)
    for capture in Capture.objects.filter(command=command_id, file=""):
        _fill(capture, jpeg, now)
    return True


@transaction.atomic
def _log_ordered(command_id: UUID, now: datetime) -> None:
    commands = Command.objects.select_related("device").filter(pk=command_id)
    command = commands.first()
    if command is None or command.channel == CommandChannel.SYSTEM:
        return
    device = command.device
    if device is None:  # a third-party camera stands at no door of ours
        return
    entry, is_new = LogEntry.objects.get_or_create(
        command=command,
        defaults={
            "site_id": device.site_id,
            "organization_id": device.organization_id,
            "device": device,
            "kind": LogKind.CAPTURE,
            "method": Method.PORTAL,
            "outcome": Outcome.NOTED,
            "initiator": command.requested_by_name,
            "device_mac": device.mac,
            "device_name": device.name,
            "occurred_at": command.requested_at,
            "received_at": now,
        },
    )
    if is_new:
        visit_alone(entry)
        _expect(entry, command, now)


def _fill(capture: Capture, jpeg: bytes, now: datetime) -> None:
    # By the day, so that a sweep need not know all names at once.
    wanted = f"{FOLDER}/{now:%Y%m%d}/{secrets.token_hex(16)}.jpg"
    name = default_storage.save(wanted, ContentFile(jpeg))
    is_kept = False
    try:
        is_kept = _keep(capture, name, jpeg, now)
    finally:
        if not is_kept:  # its line is gone, or another process was quicker
            default_storage.delete(name)


@transaction.atomic
def _keep(capture: Capture, name: str, jpeg: bytes, now: datetime) -> bool:
    filled = Capture.objects.filter(pk=capture.pk, file="").update(
        file=name,
        size=len(jpeg),
        sha256=hashlib.sha256(jpeg).hexdigest(),
        taken_at=now,
    )
    visits = LogEntry.objects.filter(captures=capture.pk).values_list("visit", "pk")
    for visit_id, entry_id in visits:
        publish_on_commit(
            "log.changed", visit=visit_id, entry=entry_id, site=str(capture.site_id)
        )
    return bool(filled)
