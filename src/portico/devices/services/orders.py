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
from portico.devices.models import Bridge, Camera, Command, Device
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
    asked = Command(kind=kind, device=device, channel=channel)
    return _order(asked, actor, idempotency_key, now)


def request_camera_picture(
    *, actor: User, camera: Camera, idempotency_key: str = "", now: datetime
) -> Command:
    """Order one picture of a third-party camera, from the portal.

    As :func:`request_order`; :func:`portico.devices.services.cameras.try_camera` asks
    first whether the house may.
    """
    asked = Command(
        kind=CommandKind.CAMERA_PICTURE, camera=camera, channel=CommandChannel.PORTAL
    )
    return _order(asked, actor, idempotency_key, now)


def request_bridge_scan(
    *, actor: User, bridge: Bridge, idempotency_key: str = "", now: datetime
) -> Command:
    """Order a look around the network of ``bridge``, from the portal.

    As :func:`request_order`; :func:`portico.devices.services.scans.look_for_units` says
    where.
    """
    asked = Command(
        kind=CommandKind.SCAN_NETWORK, bridge=bridge, channel=CommandChannel.PORTAL
    )
    return _order(asked, actor, idempotency_key, now)


def _order(
    asked: Command, actor: User | None, idempotency_key: str, now: datetime
) -> Command:
    """``asked`` says what is ordered from whom."""

    def new() -> Command:
        why_not = no_way(asked.target, now)
        if why_not == DenialReason.NO_BRIDGE:
            why_not = DenialReason.BRIDGE_NEEDED
        name = str(actor.name or actor)[:127] if actor else SYSTEM_NAME
        return Command(
            device=asked.device,
            camera=asked.camera,
            bridge=asked.bridge,
            kind=asked.kind,
            state=CommandState.DENIED if why_not else CommandState.REQUESTED,
            reason=why_not or "",
            requested_by=actor,
            requested_by_name=name,
            channel=asked.channel,
            idempotency_key=idempotency_key,
            requested_at=now,
            expires_at=now + TIME_TO_LIVE,
            finished_at=now if why_not else None,
        )

    return order_once(
        find=lambda: _earlier(asked, actor, idempotency_key),
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
        target = command.target
        names = {Device: "device", Camera: "camera", Bridge: "bridge"}
        record(
            actor=command.requested_by,
            action=f"{names[type(target)]}.{command.kind}",
            subject=target,
            organization_id=target.site.organization_id,
            site_id=target.site_id,
            now=command.requested_at,
        )


def _earlier(
    asked: Command, actor: User | None, idempotency_key: str
) -> Command | None:
    commands = Command.objects.select_related("device", "camera", "bridge")
    if actor is not None and idempotency_key:
        mine = commands.filter(requested_by=actor, idempotency_key=idempotency_key)
        if (same := mine.first()) is not None:
            if _meaning(same) != _meaning(asked):
                raise IdempotencyMismatch
            return same
    waiting = commands.filter(kind=asked.kind, state__in=OPEN_STATES)
    of_same = waiting.filter(
        device=asked.device, camera=asked.camera, bridge=asked.bridge
    )
    return of_same.first()


def _meaning(command: Command) -> tuple[object, ...]:
    return command.device_id, command.camera_id, command.bridge_id, command.kind
