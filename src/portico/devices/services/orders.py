"""Orders to a unit as a whole, carried out by the house's bridge; no door is opened.

They are commands like an opening, with the same life, and one of a kind per device at a
time. The door log knows nothing of them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.enums import (
    DEVICE_ORDERS,
    OPEN_STATES,
    CommandChannel,
    CommandKind,
    CommandState,
    DenialReason,
)
from portico.devices.errors import IdempotencyMismatch
from portico.devices.models import Command, Device
from portico.devices.services.commands import announce, give_up, is_overdue, no_way

# Nobody stands at a door; longer than a bridge needs to come back after a short break.
TIME_TO_LIVE = timedelta(seconds=10)
SYSTEM_NAME = "Portico"


def request_order(
    *,
    actor: User | None,
    device: Device,
    kind: CommandKind,
    channel: CommandChannel,
    idempotency_key: str = "",
    now: datetime,
) -> Command:
    """Order ``kind`` and return the command, maybe an earlier one.

    The same key, or an order of this kind under way, gives the command that exists.
    Without a bridge the command is ``denied``. ``actor`` None: Portico itself.

    :raises IdempotencyMismatch: the key was used for something else.
    """
    if kind not in DEVICE_ORDERS:
        raise ValueError(kind)
    earlier = _earlier(actor, device, kind, idempotency_key)
    if earlier is not None and is_overdue(earlier, now):
        give_up(earlier, now)
        earlier = _earlier(actor, device, kind, idempotency_key)
    if earlier is not None:
        return earlier
    refusal = no_way(device, now)
    if refusal == DenialReason.NO_BRIDGE:
        refusal = DenialReason.BRIDGE_NEEDED
    command = Command(
        device=device,
        kind=kind,
        state=CommandState.DENIED if refusal else CommandState.REQUESTED,
        reason=refusal or "",
        requested_by=actor,
        requested_by_name=str(actor.name or actor)[:127] if actor else SYSTEM_NAME,
        channel=channel,
        idempotency_key=idempotency_key,
        requested_at=now,
        expires_at=now + TIME_TO_LIVE,
        finished_at=now if refusal else None,
    )
    try:
        _create(command)
    except IntegrityError:
        # A constraint was the arbiter between two: the other one's command counts.
        winner = _earlier(actor, device, kind, idempotency_key)
        if winner is not None:
            return winner
        _create(command)  # that one is answered already
    return command


@transaction.atomic
def _create(command: Command) -> None:
    command.save(force_insert=True)
    is_denied = command.state == CommandState.DENIED
    announce(command, "command.changed" if is_denied else "command.requested")
    if command.requested_by is not None:
        site = command.device.site
        record(
            actor=command.requested_by,
            action=f"device.{command.kind}",
            subject=command.device,
            organization_id=site.organization_id,
            site_id=site.pk,
            now=command.requested_at,
        )


def _earlier(
    actor: User | None, device: Device, kind: CommandKind, idempotency_key: str
) -> Command | None:
    commands = Command.objects.select_related("device")
    if actor is not None and idempotency_key:
        mine = commands.filter(requested_by=actor, idempotency_key=idempotency_key)
        if (same := mine.first()) is not None:
            if (same.device_id, same.kind) != (device.pk, kind):
                raise IdempotencyMismatch
            return same
    return commands.filter(device=device, kind=kind, state__in=OPEN_STATES).first()
