"""What a unit really has, beside what it was told (PRV-5).

Read through the house's bridge: soon after the unit has taken new settings, once a day,
and when somebody asks. Passwords are left out, since units show them in other forms, and
so are addresses that hold a secret.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.enums import CommandChannel, CommandKind
from portico.devices.models import Command, Device
from portico.devices.services.orders import request_order
from portico.devices.services.registration import PUBLISH
from portico.kernel.outbox import publish_on_commit
from portico.kernel.queue import enqueue
from portico.protocols.autop.grammar import parse
from portico.protocols.autop.guard import danger_of
from portico.protocols.bridge.envelope import MAX_VALUE
from portico.provisioning.models import ProvisioningFile, SettingsCheck
from portico.provisioning.rules import is_password

# A unit writes down what it has fetched, and may restart.
SETTLED = timedelta(seconds=20)
AGAIN = timedelta(hours=24)
# It was away, or busy with a call.
LATER = timedelta(minutes=10)
BATCH = 50
# So many keys are asked for; no file of ours is as long.
MOST_KEYS = 256


def comparable(body: str) -> dict[str, str]:
    """The settings of a file that a unit can be asked for."""
    settings = parse(body).settings
    return {
        key: value[:MAX_VALUE]
        for key, value in list(settings.items())[:MOST_KEYS]
        if not (is_password(key) or _is_order(key) or _is_address(key))
    }


def _is_order(key: str) -> bool:
    """Whether it is done rather than kept: the unit does not show it afterwards."""
    danger = danger_of(key)
    return danger is not None and danger.value in {"reset", "reboot", "firmware"}


def _is_address(key: str) -> bool:
    """Whether a secret of ours stands in it; the unit's own reports prove those."""
    return key.endswith(".Url") or key.startswith("Config.Features.ACTIONURL.")


def keys_to_read(device_id: int) -> list[str]:
    """What a ``read_settings`` for this device asks for."""
    file = ProvisioningFile.objects.filter(device=device_id).first()
    return list(comparable(file.body)) if file is not None else []


def compare_soon(*, device_id: int, now: datetime) -> None:
    """The unit has just taken settings: see whether it has."""
    SettingsCheck.objects.update_or_create(
        device_id=device_id, defaults={"next_at": now + SETTLED}
    )


def compare_due(*, now: datetime) -> None:
    """Ask the units whose time has come and that can be reached."""
    due = SettingsCheck.objects.filter(
        next_at__lte=now,
        device__presence__is_online=True,
        device__site__bridges__revoked_at=None,
        device__site__bridges__is_online=True,
    ).select_related("device__site")
    for check in due.order_by("next_at")[:BATCH]:
        mine = SettingsCheck.objects.filter(pk=check.pk, next_at=check.next_at)
        if mine.update(next_at=now + LATER):
            compare_now(actor=None, device=check.device, key="", now=now)


def compare_now(
    *, actor: User | None, device: Device, key: str, now: datetime
) -> Command:
    """Ask the unit; what it says is noted when its answer comes."""
    return request_order(
        actor=actor,
        device=device,
        kind=CommandKind.READ_SETTINGS,
        channel=CommandChannel.PORTAL if actor else CommandChannel.SYSTEM,
        idempotency_key=key,
        now=now,
    )


@transaction.atomic
def note_settings(
    *, command_id: uuid.UUID, told: Mapping[str, str], now: datetime
) -> None:
    """Compare what a unit has ``told`` with what is saved."""
    orders = Command.objects.filter(pk=command_id, kind=CommandKind.READ_SETTINGS)
    command = orders.select_related("device").first()
    device = command.device if command is not None else None
    file = ProvisioningFile.objects.filter(device=device).first() if device else None
    if device is None or file is None:
        return
    wanted = comparable(file.body)
    differing = [
        [key, saved, told[key]]
        for key, saved in wanted.items()
        if key in told and told[key].strip() != saved
    ]
    SettingsCheck.objects.update_or_create(
        device=device,
        defaults={
            "next_at": now + AGAIN,
            "checked_at": now,
            "revision": file.revision,
            "compared": len([key for key in wanted if key in told]),
            "differing": differing,
            "lacking": [key for key in wanted if key not in told],
        },
    )
    publish_on_commit("device.changed", device=device.pk, site=str(device.site_id))


@transaction.atomic
def send_again(*, actor: User, device: Device, now: datetime) -> bool:
    """Have the unit take its whole file once more, though nothing in it has changed.

    Units skip a file whose bytes they know: a comment makes it another one.
    """
    file = ProvisioningFile.objects.select_for_update().filter(device=device).first()
    if file is None:
        return False
    file.repeats += 1
    file.fetched_revision = ""
    file.save(update_fields=["repeats", "fetched_revision"])
    enqueue(PUBLISH, unique_key=f"publish:{device.pk}", device_id=device.pk)
    compare_soon(device_id=device.pk, now=now)
    record(
        actor=actor,
        action="provisioning.sent_again",
        subject=device,
        organization_id=device.site.organization_id,
        site_id=device.site_id,
        now=now,
    )
    return True
