"""A unit is replaced by another, with all that is known of its place (DEV-7)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portico.accounts.models import User
from portico.devices.models import Device
from portico.devices.services.replacing import change_mac
from portico.events.services.detaching import leave_log_behind
from portico.provisioning.services.autop import note_reset


@transaction.atomic
def replace_unit(
    *, actor: User, device: Device, mac: str, keeps_log: bool, now: datetime
) -> Device:
    """Put the unit with ``mac`` where ``device`` was.

    The new unit gets everything that was set up; what waited for the old one alone is
    dropped. With ``keeps_log`` False the log stays with the old MAC: it is found in the
    log of the house, and no longer on the device's pages.

    :raises: as :func:`portico.devices.services.replacing.change_mac`.
    """
    changed = change_mac(actor=actor, device=device, mac=mac, now=now)
    note_reset(device_id=changed.pk, now=now)
    if not keeps_log:
        leave_log_behind(device=changed)
    return changed
