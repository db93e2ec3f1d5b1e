from __future__ import annotations

import uuid

from portico.devices.models import Device
from portico.devices.services.commands import WAS_RESET
from portico.devices.services.registration import PUBLISH, publish_files
from portico.kernel.clock import utcnow
from portico.kernel.queue import job
from portico.provisioning.rules import is_behind
from portico.provisioning.selectors import has_queued
from portico.provisioning.services.autop import note_reset
from portico.provisioning.services.fetching import FETCH, fetch_now, order_fetch
from portico.provisioning.services.files import publish_file
from portico.sites.services.residents import PEOPLE_CHANGED


@job(PUBLISH)
def publish(device_id: int) -> None:
    device = (
        Device.objects.select_related("site", "secrets", "sip")
        .filter(pk=device_id)
        .first()
    )
    if device is not None:  # removed since: nothing to serve
        now = utcnow()
        file = publish_file(device=device, now=now)
        if is_behind(file) or has_queued(device_id):
            order_fetch(device_id=device_id, now=now)


@job(FETCH)
def fetch(device_id: int, attempt: int) -> None:
    fetch_now(device_id=device_id, attempt=attempt, now=utcnow())


@job(WAS_RESET)
def send_anew(device_id: int) -> None:
    note_reset(device_id=device_id, now=utcnow())


@job(PEOPLE_CHANGED)
def publish_site(site_id: str) -> None:
    """The units of a house hold its address book."""
    publish_files(site_id=uuid.UUID(site_id))
