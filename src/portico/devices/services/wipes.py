"""Codes, cards and faces of people who have left go from the units, too (SITE-8).

The house's bridge does it; a unit that is offline is cleared when it is back, and until
then it is shown as waiting.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.enums import CommandChannel, CommandKind, DeviceKind
from portico.devices.models import AccessWipe, Device
from portico.devices.services.orders import request_order
from portico.kernel.outbox import publish_on_commit
from portico.sites.models import Site

# A unit that refuses is not asked all the time.
AGAIN = timedelta(minutes=2)
BATCH = 100


@transaction.atomic
def order_wipes(*, site: Site, now: datetime) -> None:
    """Have all units of ``site`` that open doors forget who may; as soon as they can."""
    for device in Device.objects.filter(site=site):
        if device.kind == DeviceKind.INDOOR_MONITOR:
            continue
        AccessWipe.objects.update_or_create(
            device=device,
            defaults={
                "ordered_at": now,
                "done_at": None,
                "reason": "",
                "next_try_at": now,
            },
        )


def wipe_due(*, now: datetime) -> None:
    """Order what waits from the units that can be reached now."""
    waiting = AccessWipe.objects.filter(
        done_at=None,
        next_try_at__lte=now,
        device__presence__is_online=True,
        device__site__bridges__revoked_at=None,
        device__site__bridges__is_online=True,
    ).select_related("device__site")
    for wipe in waiting.order_by("next_try_at")[:BATCH]:
        tried = AccessWipe.objects.filter(pk=wipe.pk, next_try_at=wipe.next_try_at)
        if not tried.update(next_try_at=now + AGAIN):
            continue  # another worker has it
        request_order(
            actor=None,
            device=wipe.device,
            kind=CommandKind.CLEAR_ACCESS,
            channel=CommandChannel.SYSTEM,
            now=now,
        )


@transaction.atomic
def done_by_hand(*, actor: User, device: Device, now: datetime) -> None:
    """Somebody has cleared the unit itself, on its own pages."""
    if not AccessWipe.objects.filter(device=device, done_at=None).update(done_at=now):
        return
    record(
        actor=actor,
        action="device.cleared_by_hand",
        subject=device,
        organization_id=device.site.organization_id,
        site_id=device.site_id,
        now=now,
    )
    publish_on_commit("device.changed", device=device.pk, site=str(device.site_id))
