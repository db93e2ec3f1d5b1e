"""The log of a unit that is no longer here."""

from __future__ import annotations

from django.db import transaction

from portico.devices.models import Device
from portico.events.models import LogEntry, Visit


@transaction.atomic
def leave_log_behind(*, device: Device) -> None:
    """What was logged of ``device`` belongs to its old MAC alone, as after a deletion."""
    LogEntry.objects.filter(device=device).update(device=None)
    Visit.objects.filter(device=device).update(device=None)
