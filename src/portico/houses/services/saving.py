"""What a house's settings decide across the apps, saved as one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from portico.accounts.models import User
from portico.devices.services.recording import set_recording
from portico.sites.models import Site
from portico.sites.services.houses import change_house
from portico.sites.services.registration import HouseData


@transaction.atomic
def save_house(
    *,
    actor: User,
    site: Site,
    data: HouseData,
    recording: Collection[int],
    version: int,
    master_version: int,
    now: datetime,
) -> None:
    """Save a house, its master, and which devices record (by id).

    :raises: as :func:`portico.sites.services.houses.change_house`.
    :raises NotVisible: a device is none of the house's.
    """
    change_house(
        actor=actor,
        site=site,
        data=data,
        version=version,
        master_version=master_version,
        now=now,
    )
    chosen = recording if data.video is not None else ()
    set_recording(actor=actor, site=site, device_ids=chosen, now=now)
