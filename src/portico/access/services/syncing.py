"""What a bridge fetches for a unit, and what it says became of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from portico.access.enums import SyncState, Trouble
from portico.access.models import AccessEntry, DeviceAccess
from portico.access.rules import access_list
from portico.access.selectors import confirmed_on
from portico.access.services.ordering import LOOK_AGAIN, PATIENCE
from portico.access.services.planning import wanted_on
from portico.devices.enums import CommandKind, CommandState
from portico.devices.models import Command, Device
from portico.devices.selectors import commands_for
from portico.kernel.clock import from_ms
from portico.kernel.outbox import publish_on_commit
from portico.protocols.bridge.access import (
    OLD_TAG,
    AccessList,
    AccessReport,
    ReportState,
)

# The bridge fetches at once; after that the order's number opens nothing any more.
FETCH_WITHIN = timedelta(minutes=10)
# Twenty thousand users take a unit some twenty minutes (a third party's measurement).
REPORT_WITHIN = timedelta(hours=6)
# Where trying again soon cannot help; somebody may update the unit or the bridge.
_LATER = timedelta(hours=1)
_STUBBORN = frozenset(
    {
        Trouble.NOT_SUPPORTED,
        Trouble.BAD_COMMAND,
        Trouble.REJECTED,
        Trouble.FULL,
        Trouble.NO_FACES,
        Trouble.NO_PHOTO,
    }
)
_FIRST, _LONGEST = timedelta(seconds=2), timedelta(minutes=1)
# Nothing is wrong with the unit: it is told as soon as it can be.
_JUST_AWAY = frozenset({"", "expired", "bridge_offline", "no_bridge", "bridge_needed"})


def list_for(
    *, bridge_id: uuid.UUID, command_id: uuid.UUID, now: datetime
) -> AccessList | None:
    """What the unit of an order should hold now; None: no such order of this bridge."""
    device = device_of_order(bridge_id, command_id, now - FETCH_WITHIN)
    if device is None:
        return None
    return access_list(wanted_on(device, now), confirmed_on(device))


@transaction.atomic
def note_report(
    *,
    bridge_id: uuid.UUID,
    command_id: uuid.UUID,
    report: AccessReport,
    now: datetime,
) -> bool:
    """Note what the bridge read back from a unit; False: no such order of its.

    Safe to repeat. An entry counts as confirmed when the unit holds exactly what is
    wanted now: a report about an older list proves nothing of what changed since.
    """
    device = device_of_order(bridge_id, command_id, now - REPORT_WITHIN)
    if device is None:
        return False
    rows = DeviceAccess.objects.select_for_update(of=("self",)).filter(device=device)
    access = rows.first()
    if access is None:
        return True
    if report.state == ReportState.WORKING:
        rows.update(state=SyncState.WRITING, next_try_at=now + PATIENCE)
    elif report.state == ReportState.FAILED:
        _failed(access, report.reason, now)
    else:
        _written(access, report, now)
    publish_on_commit("access.changed", device=device.pk, site=str(device.site_id))
    return True


@transaction.atomic
def note_order_failed(*, command_id: uuid.UUID, now: datetime) -> None:
    """The bridge did not begin: the unit waits on, or the reason is shown."""
    command = Command.objects.filter(
        pk=command_id, kind=CommandKind.SYNC_ACCESS
    ).first()
    if command is None or command.state == CommandState.ACKNOWLEDGED:
        return
    rows = DeviceAccess.objects.filter(
        device=command.device_id, state=SyncState.WRITING
    )
    access = rows.select_related("device").first()
    if access is not None:
        _failed(access, command.reason, now)
        site = str(access.device.site_id)
        publish_on_commit("access.changed", device=access.pk, site=site)


def device_of_order(
    bridge_id: uuid.UUID, command_id: uuid.UUID, since: datetime
) -> Device | None:
    """The unit that an order of this bridge is about; None: no such order since then."""
    orders = commands_for(bridge_id).filter(
        pk=command_id, kind=CommandKind.SYNC_ACCESS, requested_at__gte=since
    )
    # Claimed by a gateway for this bridge; one that nobody has sent is nobody's yet.
    sent = orders.exclude(state=CommandState.REQUESTED).exclude(sent_at=None)
    command = sent.select_related("device__site").first()
    return command.device if command else None


def _failed(access: DeviceAccess, reason: str, now: datetime) -> None:
    known = "" if reason in _JUST_AWAY else reason
    if known and known not in Trouble.values:
        known = Trouble.UNKNOWN_OUTCOME
    if known in _STUBBORN:
        wait = _LATER
    else:
        wait = min(_FIRST * 2 ** min(access.attempts, 10), _LONGEST)
    DeviceAccess.objects.filter(pk=access.pk).update(
        state=SyncState.FAILED if known else SyncState.PENDING,
        reason=known,
        attempts=min(access.attempts + 1, 1000),
        next_try_at=now + wait,
    )


def _written(access: DeviceAccess, report: AccessReport, now: datetime) -> None:
    entries = list(AccessEntry.objects.filter(device=access.device_id))
    _confirm(entries, report, now)
    fields = ["confirmed_at", "reason"]
    AccessEntry.objects.bulk_update(entries, fields)
    rows = DeviceAccess.objects.filter(pk=access.pk)
    rows.update(
        confirmed_at=now, entries=report.total, foreign=report.foreign, attempts=0
    )
    troubles = [each.reason for each in entries if each.reason]
    if troubles:
        _failed(access, troubles[0], now)
    elif all(each.confirmed_at for each in entries):
        done = {"state": SyncState.DONE, "reason": "", "next_try_at": now + LOOK_AGAIN}
        rows.update(**done)
    else:  # something changed while it was written
        rows.update(state=SyncState.PENDING, reason="", next_try_at=now)


def _confirm(
    entries: Iterable[AccessEntry], report: AccessReport, now: datetime
) -> None:
    heard = min(from_ms(report.at), now)
    present, left = set(report.present), set(report.left)
    named = {each.partition(":")[0] for each in present}
    refused = {each.id: each.reason for each in report.refused}
    for entry in entries:
        key = entry.entry_id
        if entry.is_wanted:
            is_so = f"{key}:{entry.digest[:16]}" in present
            reason = _of_entry(refused.get(key, ""))
            if f"{key}:{OLD_TAG}" in present:
                reason = Trouble.BAD_COMMAND
        else:
            is_so = key not in named and key not in left
            reason = Trouble.REJECTED if key in left else ""
        if not is_so:
            entry.confirmed_at = None
        elif entry.confirmed_at is None:
            entry.confirmed_at = max(entry.changed_at, heard)
        entry.reason = "" if is_so else reason


def _of_entry(reason: str) -> str:
    # A unit that takes the others lacks no list, but what this one opens with.
    return Trouble.NO_FACES if reason == Trouble.NOT_SUPPORTED else reason
