from __future__ import annotations

from portico.devices.models import Device
from portico.devices.services.registration import PUBLISH
from portico.kernel.clock import utcnow
from portico.kernel.queue import job
from portico.provisioning.services.files import publish_file


@job(PUBLISH)
def publish(device_id: int) -> None:
    device = (
        Device.objects.select_related("site", "secrets", "sip")
        .filter(pk=device_id)
        .first()
    )
    if device is not None:  # removed since: nothing to serve
        publish_file(device=device, now=utcnow())
