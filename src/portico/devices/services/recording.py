"""Which devices of a house record for Video Storage (SITE-3)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.models import Device
from portico.devices.selectors import cameras_of_site
from portico.kernel.errors import NotVisible
from portico.sites.models import Site


@transaction.atomic
def set_recording(
    *, actor: User, site: Site, device_ids: Collection[int], now: datetime
) -> None:
    """Have the devices with ``device_ids`` record, and no others of the house.

    :raises NotVisible: one is none of the house's, or has no camera.
    """
    wanted = set(device_ids)
    devices = {device.pk: device for device in cameras_of_site(site)}
    if not wanted <= devices.keys():
        raise NotVisible
    before = {pk for pk, device in devices.items() if device.stores_video}
    if before == wanted:
        return
    mine = Device.objects.filter(site=site)
    mine.filter(pk__in=wanted).update(stores_video=True)
    mine.exclude(pk__in=wanted).update(stores_video=False)
    record(
        actor=actor,
        action="site.recording_set",
        subject=site,
        organization_id=site.organization_id,
        site_id=site.pk,
        before={"devices": sorted(devices[pk].name for pk in before)},
        after={"devices": sorted(devices[pk].name for pk in wanted)},
        now=now,
    )
