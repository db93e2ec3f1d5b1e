"""Bringing a change to its unit at once, where a bridge can reach it.

Without a bridge the unit comes by itself, at most an hour later.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from portico.devices.enums import CommandChannel, CommandKind
from portico.devices.models import Device
from portico.devices.selectors import bridge_of
from portico.devices.services.orders import request_order
from portico.kernel.queue import enqueue
from portico.provisioning.rules import is_behind
from portico.provisioning.selectors import file_of, has_queued

FETCH = "provisioning.fetch"
# Several changes in a moment are one order, and the gateway has let the old file go.
GATHER = timedelta(seconds=3)
# The unit may be busy with a call or a restart; after the last it comes by itself.
AGAIN = (timedelta(seconds=30), timedelta(minutes=3), timedelta(minutes=15))


@transaction.atomic
def order_fetch(*, device_id: int, now: datetime) -> None:
    """Have the unit fetch what is saved, a moment later; once for many changes."""
    enqueue(
        FETCH,
        run_at=now + GATHER,
        unique_key=f"fetch:{device_id}",
        device_id=device_id,
        attempt=0,
    )


@transaction.atomic
def fetch_now(*, device_id: int, attempt: int, now: datetime) -> None:
    """Order the fetch if it is still due and can be done; look again some time later."""
    devices = Device.objects.select_related("site", "presence")
    device = devices.filter(pk=device_id).first()
    file = file_of(device) if device is not None else None
    if device is None or file is None:
        return
    if not (is_behind(file) or has_queued(device_id)):
        return
    bridge = bridge_of(device.site)
    if bridge is None or bridge.enrolled_at is None:
        return
    presence = getattr(device, "presence", None)
    if bridge.is_online and presence is not None and presence.is_online:
        request_order(
            actor=None,
            device=device,
            kind=CommandKind.FETCH_CONFIGURATION,
            channel=CommandChannel.SYSTEM,
            now=now,
        )
    if attempt < len(AGAIN):
        # Under another key: a new change must not wait behind this.
        enqueue(
            FETCH,
            run_at=now + AGAIN[attempt],
            unique_key=f"fetch-again:{device_id}",
            device_id=device_id,
            attempt=attempt + 1,
        )
