"""Orders to a unit as a whole, carried out by the house's bridge; no door is opened.

They are commands like an opening, with the same life, and one of a kind per device at a
time. The door log knows nothing of them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

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
from portico.devices.services.commands import announce, no_way, order_once

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

    def new() -> Command:
        why_not = no_way(device, now)
        if why_not == DenialReason.NO_BRIDGE:
            why_not = DenialReason.BRIDGE_NEEDED
        name = str(actor.name or actor)[:127] if actor else SYSTEM_NAME
        return Command(
            device=device,
            kind=kind,
            state=CommandState.DENIED if why_not else CommandState.REQUESTED,
            reason=why_not or "",
            requested_by=actor,
            requested_by_name=name,
            channel=channel,
            idempotency_key=idempotency_key,
            requested_at=now,
            expires_at=now + TIME_TO_LIVE,
            finished_at=now if why_not else None,
        )

    return order_once(
        find=lambda: _earlier(actor, device, kind, idempotency_key),
        new=new,
        create=_create,
        now=now,
    )


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
