"""Pictures that a bridge took on order: one per device, the newest."""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from portico.devices.enums import CommandKind, CommandState
from portico.devices.models import Command, Device, DevicePicture
from portico.kernel.outbox import publish_on_commit

# A picture of 1280 pixels has some 150 kB; the bridge sends no more than this.
MAX_BYTES = 256 * 1024
_START, _END = b"\xff\xd8\xff", b"\xff\xd9"


class NoPicture(ValueError):
    """The bytes are no JPEG, or too many."""


def store_picture(
    *, bridge_id: UUID, command_id: UUID, jpeg: bytes, now: datetime
) -> bool:
    """Keep what ``command_id`` asked for, in place of the device's earlier picture.

    False: not a picture order of this live bridge, or one that is answered already.
    Safe to repeat until then.

    :raises NoPicture: see there.
    """
    if len(jpeg) > MAX_BYTES or not (jpeg.startswith(_START) and jpeg.endswith(_END)):
        raise NoPicture
    name = default_storage.save(
        f"pictures/{secrets.token_hex(16)}.jpg", ContentFile(jpeg)
    )
    is_kept = False
    try:
        is_kept = _keep(bridge_id, command_id, name, len(jpeg), now)
    finally:
        if not is_kept:
            default_storage.delete(name)
    return is_kept


@transaction.atomic
def _keep(
    bridge_id: UUID, command_id: UUID, name: str, size: int, now: datetime
) -> bool:
    ordered = Command.objects.select_related("device").filter(
        pk=command_id,
        kind=CommandKind.TAKE_PICTURE,
        state__in=(CommandState.SENT, CommandState.TIMED_OUT),
        device__site__bridges=bridge_id,
        device__site__bridges__revoked_at=None,
    )
    command = ordered.first()
    if command is None:
        return False
    device = command.device
    # Held, so that of two at once each sees the other's file.
    Device.objects.select_for_update().filter(pk=device.pk).first()
    earlier = DevicePicture.objects.filter(device=device).first()
    DevicePicture.objects.update_or_create(
        device=device, defaults={"file": name, "size": size, "taken_at": now}
    )
    if earlier is not None:
        _delete_on_commit(earlier.file)
    publish_on_commit("device.changed", device=device.pk, site=str(device.site_id))
    return True


def forget_picture(*, device: Device) -> None:
    """Delete the file of a device that is about to be removed, once it is."""
    for picture in DevicePicture.objects.filter(device=device):
        _delete_on_commit(picture.file)


def _delete_on_commit(name: str) -> None:
    transaction.on_commit(lambda: default_storage.delete(name), robust=True)
