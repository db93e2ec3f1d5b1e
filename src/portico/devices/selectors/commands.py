"""Commands and orders: those of somebody, those that wait."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from portico.accounts.models import User
from portico.devices.enums import CommandKind, CommandState
from portico.devices.models import (
    Bridge,
    Command,
    Device,
)
from portico.devices.selectors.cameras import visible_cameras
from portico.devices.selectors.devices import visible_devices
from portico.kernel.errors import NotVisible


def visible_commands(actor: User) -> QuerySet[Command]:
    """Commands to devices and cameras that ``actor`` manages."""
    return Command.objects.filter(
        Q(device__in=visible_devices(actor)) | Q(camera__in=visible_cameras(actor))
    )


def commands_for(bridge_id: uuid.UUID) -> QuerySet[Command]:
    """Commands for the house of a live bridge; narrow them by their keys."""
    sites = Bridge.objects.filter(pk=bridge_id, revoked_at=None).values("site")
    return Command.objects.filter(
        Q(device__site__in=sites)
        | Q(camera__site__in=sites)
        | Q(bridge=bridge_id, bridge__site__in=sites)
    )


def get_visible_command(actor: User, command_id: uuid.UUID | str) -> Command:
    """Return one command.

    :raises NotVisible: it is unknown, or not for this actor.
    """
    try:
        return (
            visible_commands(actor)
            .select_related("device", "camera", "relay", "requested_by")
            .get(pk=command_id)
        )
    except (Command.DoesNotExist, ValidationError):
        raise NotVisible from None


def command_state(command_id: uuid.UUID) -> tuple[CommandState, str] | None:
    """State and reason of a command as it stands now, for whoever waits for it."""
    rows = Command.objects.filter(pk=command_id).values_list("state", "reason")
    for state, reason in rows:
        return CommandState(state), reason
    return None


def command_to_send(command_id: uuid.UUID) -> Command | None:
    """One command with what its message and its hint need of whom it is for."""
    rows = Command.objects.select_related("device", "relay", "camera", "bridge", "scan")
    rows = rows.only(
        "kind",
        "state",
        "expires_at",
        "device__mac",
        "device__site",
        "relay__kind",
        "relay__number",
        "relay__hold_seconds",
        "camera__site",
        "camera__host",
        "camera__port",
        "camera__path",
        "camera__user",
        "camera__password",
        "bridge__site",
        "scan__first",
        "scan__last",
    )
    return next(iter(rows.filter(pk=command_id)), None)


def waiting_commands(bridge: Bridge) -> list[uuid.UUID]:
    """What nobody has sent yet, for ``bridge``, and devices and cameras behind it."""
    waiting = Command.objects.filter(state=CommandState.REQUESTED).order_by()
    # Three questions: each has an index, all in one would read all that waits.
    units = waiting.filter(device__site=bridge.site_id).values_list("pk", flat=True)
    cameras = waiting.filter(camera__site=bridge.site_id).values_list("pk", flat=True)
    own = waiting.filter(bridge=bridge).values_list("pk", flat=True)
    return [*units, *cameras, *own]


def all_waiting_commands() -> list[tuple[uuid.UUID, uuid.UUID]]:
    """(site, command) of everything that nobody has sent yet."""
    rows = Command.objects.filter(state="requested")
    site = Coalesce("device__site", "camera__site", "bridge__site")
    return list(rows.annotate(for_site=site).values_list("for_site", "pk")[:500])


def recent_commands(
    devices: Sequence[Device], *, since: datetime
) -> dict[int, Command]:
    """The newest command of each relay of ``devices`` that was ordered after ``since``."""
    commands = (
        Command.objects.filter(device__in=devices, requested_at__gt=since)
        .exclude(relay=None)
        .select_related("device", "relay")
        .order_by("requested_at")
    )
    return {c.relay_id: c for c in commands if c.relay_id is not None}


def latest_orders(device: Device, kinds: Collection[CommandKind]) -> QuerySet[Command]:
    """What was ordered of these kinds from a device that the caller has been shown."""
    orders = Command.objects.filter(device=device, kind__in=kinds)
    return orders.select_related("device").order_by("-requested_at")


def latest_order(
    device: Device, kind: CommandKind, *, since: datetime
) -> Command | None:
    """The newest order of ``kind`` to ``device`` that was given after ``since``."""
    orders = Command.objects.filter(device=device, kind=kind, requested_at__gt=since)
    return orders.select_related("device").order_by("-requested_at").first()
