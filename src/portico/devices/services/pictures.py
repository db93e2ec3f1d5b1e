"""Pictures that a bridge took on order: one per device or camera, the newest."""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet

from portico.devices.enums import CommandKind, CommandState
from portico.devices.models import (
    Camera,
    CameraPicture,
    Device,
    DevicePicture,
)
from portico.devices.selectors import commands_for
from portico.kernel.outbox import publish_on_commit

# A picture of 1280 pixels has some 150 kB; the bridge sends no more than this.
MAX_BYTES = 256 * 1024
_START, _END = b"\xff\xd8\xff", b"\xff\xd9"


class NoPicture(ValueError):
    """The bytes are no JPEG, or too many."""


def store_picture(
    *, bridge_id: UUID, command_id: UUID, jpeg: bytes, now: datetime
) -> bool:
    """Keep what ``command_id`` asked for, in place of the earlier picture.

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
    ordered = commands_for(bridge_id).filter(
        pk=command_id,
        kind__in=(CommandKind.TAKE_PICTURE, CommandKind.CAMERA_PICTURE),
        state__in=(CommandState.SENT, CommandState.TIMED_OUT),
    )
    command = ordered.select_related("device", "camera").first()
    if command is None:
        return False
    if command.camera is not None:
        return _keep_of_camera(command.camera, name, size, now)
    if command.device is not None:
        _keep_of_device(command.device, name, size, now)
    return True


def _keep_of_device(device: Device, name: str, size: int, now: datetime) -> None:
    # Held, so that of two at once each sees the other's file.
    Device.objects.select_for_update().filter(pk=device.pk).first()
    earlier = DevicePicture.objects.filter(device=device).first()
    DevicePicture.objects.update_or_create(
        device=device, defaults={"file": name, "size": size, "taken_at": now}
    )
    if earlier is not None:
        _delete_on_commit(earlier.file)
    publish_on_commit("device.changed", device=device.pk, site=str(device.site_id))


def _keep_of_camera(camera: Camera, name: str, size: int, now: datetime) -> bool:
    rows = Camera.objects.select_for_update(no_key=True).filter(pk=camera.pk)
    if rows.first() is None:  # deleted just now
        return False
    earlier = CameraPicture.objects.filter(camera=camera).first()
    CameraPicture.objects.update_or_create(
        camera=camera, defaults={"file": name, "size": size, "taken_at": now}
    )
    if earlier is not None:
        _delete_on_commit(earlier.file)
    publish_on_commit("camera.changed", camera=camera.pk, site=str(camera.site_id))
    return True


def forget_picture(*, device: Device) -> None:
    """Delete the newest picture of a device, its file once the transaction commits."""
    _forget(DevicePicture.objects.filter(device=device))


def forget_camera_pictures(*, cameras: QuerySet[Camera]) -> None:
    """Delete their newest pictures, the files once the transaction commits."""
    _forget(CameraPicture.objects.filter(camera__in=cameras))


@transaction.atomic
def forget_old_pictures(*, organization_id: int, before: datetime) -> None:
    """Delete the newest pictures of a company's devices and cameras from ``before``."""
    pictures = DevicePicture.objects.filter(device__organization=organization_id)
    _forget(pictures.filter(taken_at__lt=before))
    others = CameraPicture.objects.filter(camera__organization=organization_id)
    _forget(others.filter(taken_at__lt=before))


def _forget(pictures: QuerySet[DevicePicture] | QuerySet[CameraPicture]) -> None:
    for picture in pictures:
        # Only the one that was read: a newer one has another file.
        held = pictures.filter(pk=picture.pk, file=picture.file)
        if held.delete()[0]:
            _delete_on_commit(picture.file)


def _delete_on_commit(name: str) -> None:
    transaction.on_commit(lambda: default_storage.delete(name), robust=True)
