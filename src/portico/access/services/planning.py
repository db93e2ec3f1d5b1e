"""What each unit of a house should hold, worked out anew whenever it may have changed.

Only what is wanted is written here; whether a unit has it is what its bridge reads back.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from portico.access.enums import SyncState
from portico.access.models import AccessEntry, DeviceAccess
from portico.access.rules import Wanted, is_on_units, revision_of, wanted_by_device
from portico.access.selectors import (
    live_credentials,
    relays_of,
    repeating_keys,
    sites_to_plan,
    units_of,
)
from portico.access.services.ordering import order_now
from portico.devices.models import Device
from portico.kernel.outbox import publish_on_commit
from portico.kernel.rows import hold
from portico.sites.models import Site


@transaction.atomic
def plan_site(*, site: Site, now: datetime) -> None:
    """Note what the units of ``site`` should hold, and have those told that differ.

    Safe to repeat. Call inside the transaction that changes a credential, a key, a
    schedule or a relay.

    :raises NotVisible: the house was deleted.
    """
    hold(site)
    wanted, changes_at = wanted_now(site, now)
    for device in units_of(site).select_related("site"):
        own = wanted.get(device.pk, {})
        is_new = _note_entries(device, own, now)
        _note_revision(device, own, changes_at, is_new=is_new, now=now)


def plan_due(*, now: datetime) -> None:
    """Plan the houses where a temp key has begun or ended by itself."""
    for site_id in sites_to_plan(now):
        site = Site.objects.filter(pk=site_id).first()
        if site is not None:
            plan_site(site=site, now=now)


def wanted_now(
    site: Site, now: datetime
) -> tuple[dict[int, dict[str, Wanted]], datetime | None]:
    """What should be on which unit, and when time alone changes that."""
    keys = [key for key in repeating_keys(site, now) if is_on_units(key)]
    begun = [key for key in keys if key.starts_at <= now]
    moments = [key.starts_at for key in keys if key.starts_at > now]
    moments += [key.ends_at for key in begun]
    found = wanted_by_device(relays_of([site]), live_credentials([site]), begun)
    return found, min(moments, default=None)


def wanted_on(device: Device, now: datetime) -> dict[str, Wanted]:
    """What should be on one unit."""
    return wanted_now(device.site, now)[0].get(device.pk, {})


def plan_site_by_id(*, site_id: uuid.UUID, now: datetime) -> None:
    """As :func:`plan_site`; nothing happens for a house that is gone."""
    with transaction.atomic():
        site = Site.objects.filter(pk=site_id).first()
        if site is not None:
            plan_site(site=site, now=now)


def _note_entries(device: Device, wanted: Mapping[str, Wanted], now: datetime) -> bool:
    """Whether anything is wanted otherwise than before."""
    known = {each.entry_id: each for each in device.access_entries.all()}
    fresh, changed = [], []
    for key, one in wanted.items():
        entry = known.get(key)
        if entry is None:
            fresh.append(
                AccessEntry(
                    device=device,
                    entry_id=key,
                    credential_id=one.credential_id,
                    temp_key_id=one.temp_key_id,
                    digest=one.digest,
                    changed_at=now,
                )
            )
        elif not entry.is_wanted or entry.digest != one.digest:
            entry.is_wanted, entry.digest = True, one.digest
            changed.append(entry)
    gone = [e for key, e in known.items() if e.is_wanted and key not in wanted]
    for entry in gone:
        entry.is_wanted, entry.digest = False, ""
    for entry in (*changed, *gone):
        entry.changed_at, entry.confirmed_at, entry.reason = now, None, ""
    AccessEntry.objects.bulk_create(fresh)
    fields = ["is_wanted", "digest", "changed_at", "confirmed_at", "reason"]
    AccessEntry.objects.bulk_update([*changed, *gone], fields)
    return bool(fresh or changed or gone)


def _note_revision(
    device: Device,
    wanted: Mapping[str, Wanted],
    changes_at: datetime | None,
    *,
    is_new: bool,
    now: datetime,
) -> None:
    revision = revision_of(wanted)
    access = DeviceAccess.objects.filter(device=device).first()
    if access is None and not wanted and changes_at is None:
        return  # nothing was ever wanted of it
    if access is not None and not is_new and access.revision == revision:
        if access.changes_at != changes_at:
            DeviceAccess.objects.filter(pk=device.pk).update(changes_at=changes_at)
        return
    state = SyncState.PENDING if is_new else SyncState.DONE
    access, _ = DeviceAccess.objects.update_or_create(
        device=device,
        defaults={
            "revision": revision,
            "state": state,
            "reason": "",
            "attempts": 0,
            "next_try_at": now,
            "changes_at": changes_at,
        },
    )
    if is_new:
        publish_on_commit("access.changed", device=device.pk, site=str(device.site_id))
        order_now(device=device, now=now)


def forget_removed(*, before: datetime) -> None:
    """Delete what has been gone from units since ``before``."""
    gone = Q(is_wanted=False, confirmed_at__lt=before)
    AccessEntry.objects.filter(gone).delete()
