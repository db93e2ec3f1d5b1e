"""New secrets in a unit's addresses, without a gap.

The ones of before are good until the unit has reported with settings that hold the new
ones, and for 30 days at most.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.errors import RotationUnderWay
from portico.devices.models import Device, DeviceSecrets
from portico.devices.services.registration import PUBLISH
from portico.kernel.ids import new_secret, secret_digest
from portico.kernel.outbox import publish_on_commit
from portico.kernel.queue import enqueue

OLD_FOR = timedelta(days=30)
BATCH = 200
_NO_MORE = {
    "old_file_digest": None,
    "old_event_secret": "",
    "old_event_digest": None,
    "rotated_at": None,
}


@transaction.atomic
def rotate_secrets(*, actor: User, device: Device, now: datetime) -> None:
    """Give ``device`` new addresses for its files and its reports.

    :raises RotationUnderWay: it has not taken those of the last time yet.
    """
    file_secret, event_secret = new_secret(), new_secret()
    secrets = DeviceSecrets.objects.select_for_update().get(device=device)
    if secrets.rotated_at is not None:
        raise RotationUnderWay(
            _("The device has not taken the addresses of the last time yet.")
        )
    secrets.old_file_digest = secrets.file_digest
    secrets.old_event_secret = secrets.event_secret
    secrets.old_event_digest = secrets.event_digest
    secrets.file_secret = file_secret
    secrets.file_digest = secret_digest(file_secret)
    secrets.event_secret = event_secret
    secrets.event_digest = secret_digest(event_secret)
    secrets.rotated_at = now
    secrets.save()
    enqueue(PUBLISH, unique_key=f"publish:{device.pk}", device_id=device.pk)
    _changed(device)
    _record(actor, device, "device.addresses_renewed", now)


@transaction.atomic
def end_old_secrets(*, actor: User, device: Device, now: datetime) -> bool:
    """End the addresses of before at once, whether the unit has the new ones or not."""
    rows = DeviceSecrets.objects.filter(device=device, rotated_at__isnull=False)
    if not rows.update(**_NO_MORE):
        return False
    _changed(device)
    _record(actor, device, "device.old_addresses_ended", now)
    return True


def forget_old_secrets(*, device: Device, settings_of: datetime) -> None:
    """The unit has reported with settings that were written at ``settings_of``."""
    rows = DeviceSecrets.objects.filter(device=device, rotated_at__lte=settings_of)
    if rows.update(**_NO_MORE):
        _changed(device)


@transaction.atomic
def expire_old_secrets(*, now: datetime) -> None:
    """End those that no unit has needed for 30 days."""
    over = DeviceSecrets.objects.filter(rotated_at__lte=now - OLD_FOR)
    for secrets in over.select_related("device")[:BATCH]:
        DeviceSecrets.objects.filter(pk=secrets.pk).update(**_NO_MORE)
        _changed(secrets.device)


def _changed(device: Device) -> None:
    publish_on_commit("device.changed", device=device.pk, site=str(device.site_id))


def _record(actor: User, device: Device, action: str, now: datetime) -> None:
    record(
        actor=actor,
        action=action,
        subject=device,
        organization_id=device.site.organization_id,
        site_id=device.site_id,
        now=now,
    )
