"""When which unit is told: at once where it can be reached, else when it is back."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery

from portico.access.enums import SyncState
from portico.access.models import DeviceAccess
from portico.accounts.models import User
from portico.devices.enums import CommandChannel, CommandKind
from portico.devices.models import Bridge, Device
from portico.devices.selectors import bridge_of
from portico.devices.services.orders import request_order
from portico.kernel.outbox import publish_on_commit

# A bridge says at least this often that it goes on; one that does not has lost the order.
PATIENCE = timedelta(seconds=45)
# Somebody may have changed the list on the unit's own pages.
LOOK_AGAIN = timedelta(days=1)
BATCH = 50


def order_now(*, device: Device, now: datetime, actor: User | None = None) -> None:
    """Tell ``device`` if it can be reached; else it waits, and :func:`order_due` does."""
    due = DeviceAccess.objects.filter(_can_be_told(), device=device)
    for access in due.select_related("device__site"):
        _order(access, now, actor)


def order_due(*, now: datetime) -> None:
    """Tell the units that wait and can be reached now."""
    live = Bridge.objects.filter(site=OuterRef("device__site"), revoked_at=None)
    told = DeviceAccess.objects.filter(_can_be_told())
    rows = told.alias(here=Subquery(live.values("session")[:1])).filter(
        # The bridge that was told has begun anew, and has forgotten it.
        Q(next_try_at__lte=now) | Q(state=SyncState.WRITING) & ~Q(session=F("here"))
    )
    for access in rows.select_related("device__site").order_by("next_try_at")[:BATCH]:
        _order(access, now, None)


@transaction.atomic
def sync_now(*, actor: User, device: Device, now: datetime) -> None:
    """Have ``device`` read and written now, whatever is known of it."""
    defaults = {"state": SyncState.PENDING, "attempts": 0, "next_try_at": now}
    access, _ = DeviceAccess.objects.get_or_create(
        device=device, defaults={**defaults, "revision": ""}
    )
    DeviceAccess.objects.filter(pk=access.pk).update(**defaults)
    publish_on_commit("access.changed", device=device.pk, site=str(device.site_id))
    order_now(device=device, now=now, actor=actor)


def read_again(*, device_id: int, now: datetime) -> None:
    """The unit may have lost its lists: look, and write what is missing, when it is back."""
    DeviceAccess.objects.filter(device=device_id).update(
        state=SyncState.PENDING, attempts=0, next_try_at=now
    )


def _can_be_told() -> Q:
    """A unit that is still to be cleared after a reset is cleared first."""
    is_clear = Q(device__wipe=None) | Q(device__wipe__done_at__isnull=False)
    return is_clear & Q(
        device__presence__is_online=True,
        device__site__bridges__revoked_at=None,
        device__site__bridges__is_online=True,
    )


def _order(access: DeviceAccess, now: datetime, actor: User | None) -> None:
    bridge = bridge_of(access.device.site)
    if bridge is None:
        return
    mine = DeviceAccess.objects.filter(
        pk=access.pk, next_try_at=access.next_try_at, state=access.state
    )
    is_mine = mine.update(
        state=SyncState.WRITING, next_try_at=now + PATIENCE, session=bridge.session
    )
    if not is_mine:
        return  # another worker has it
    request_order(
        actor=actor,
        device=access.device,
        kind=CommandKind.SYNC_ACCESS,
        channel=CommandChannel.PORTAL if actor else CommandChannel.SYSTEM,
        now=now,
    )
