"""Openings of third-party locks become lines of the house's log."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from portico.devices.enums import CommandChannel, CommandState
from portico.events.enums import LogKind, Method, Outcome
from portico.events.models import LogEntry
from portico.events.services.visits import visit_alone
from portico.kernel.outbox import publish_on_commit
from portico.locks.models import LockCommand

# A vendor that took the request tells nothing of the door itself.
_OUTCOMES = {
    CommandState.ACKNOWLEDGED: Outcome.UNCONFIRMED,
    CommandState.DENIED: Outcome.REFUSED,
    CommandState.FAILED: Outcome.FAILED,
    CommandState.TIMED_OUT: Outcome.NO_ANSWER,
}


@transaction.atomic
def log_opening(*, command_id: uuid.UUID, now: datetime) -> LogEntry | None:
    """Write or correct the line of one opening, from the state that it has now."""
    held = LockCommand.objects.select_for_update(of=("self",))
    rows = held.select_related("lock__account", "site")
    command = rows.filter(pk=command_id).first()
    outcome = _OUTCOMES.get(CommandState(command.state)) if command else None
    if command is None or outcome is None:
        return None
    told = {
        "outcome": outcome,
        "reason": command.reason,
        "latency_ms": command.latency_ms,
    }
    if command.log_entry_id is not None:
        LogEntry.objects.filter(pk=command.log_entry_id).update(**told)
        known = LogEntry.objects.filter(pk=command.log_entry_id).first()
        if known is not None:
            publish_on_commit(
                "log.changed",
                entry=known.pk,
                visit=known.visit_id,
                site=str(known.site_id),
            )
        return known
    return _write(command, told, now)


def _write(command: LockCommand, told: Mapping[str, Any], now: datetime) -> LogEntry:
    lock, by_app = command.lock, command.channel == CommandChannel.APP
    entry = LogEntry(
        site=command.site,
        organization_id=command.site.organization_id,
        kind=LogKind.DOOR,
        method=Method.APP if by_app else Method.PORTAL,
        initiator=command.requested_by_name,
        device_mac="",
        device_name=lock.account.brand_name,
        relay_name=lock.name,
        occurred_at=command.requested_at,
        received_at=now,
        **told,
    )
    entry.save(force_insert=True)
    visit_alone(entry)
    LockCommand.objects.filter(pk=command.pk).update(log_entry_id=entry.pk)
    return entry
