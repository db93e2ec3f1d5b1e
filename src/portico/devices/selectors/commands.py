"""Commands and orders: those of somebody, those that wait."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from portico.accounts.models import User
from portico.devices.enums import CommandKind, CommandState
from portico.devices.models import (
    Bridge,
    Command,
    Device,
)
from portico.devices.selectors.devices import visible_devices
from portico.kernel.errors import NotVisible


def visible_commands(actor: User) -> QuerySet[Command]:
    """Commands to devices that ``actor`` manages."""
    return Command.objects.filter(device__in=visible_devices(actor))


def get_visible_command(actor: User, command_id: uuid.UUID | str) -> Command:
    """Return one command.

    :raises NotVisible: it is unknown, or not for this actor.
    """
    try:
        return (
            visible_commands(actor)
            .select_related("device", "relay", "requested_by")
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
    """One command with what its message and its hint need of device and relay."""
    rows = Command.objects.select_related("device", "relay").only(
        "kind",
        "state",
        "expires_at",
        "device__mac",
        "device__site",
        "relay__kind",
        "relay__number",
        "relay__hold_seconds",
    )
    return next(iter(rows.filter(pk=command_id)), None)


def waiting_commands(bridge: Bridge) -> QuerySet[Command]:
    """Commands that nobody has sent yet, for devices behind ``bridge``."""
    return Command.objects.filter(
        device__site=bridge.site_id, state="requested"
    ).select_related("device", "relay")


def all_waiting_commands() -> list[tuple[uuid.UUID, uuid.UUID]]:
    """(site, command) of everything that nobody has sent yet."""
    rows = Command.objects.filter(state="requested")
    return list(rows.values_list("device__site_id", "pk")[:500])


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


def latest_order(
    device: Device, kind: CommandKind, *, since: datetime
) -> Command | None:
    """The newest order of ``kind`` to ``device`` that was given after ``since``."""
    orders = Command.objects.filter(device=device, kind=kind, requested_at__gt=since)
    return orders.select_related("device").order_by("-requested_at").first()
