"""Third-party cameras join a house, change, are tried, and leave (DEV-5).

They are part of the Premium Plan: without it they can only be looked at and deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.enums import DeviceKind
from portico.devices.errors import BadCameraAccount, BadLink, TooManyCameras
from portico.devices.models import Camera, Command, Device
from portico.devices.rules import camera_account, read_camera_address
from portico.devices.services.orders import request_camera_picture
from portico.devices.services.pictures import forget_camera_pictures
from portico.kernel.errors import NotVisible
from portico.kernel.outbox import publish_on_commit
from portico.kernel.rows import hold, save_shown
from portico.protocols.rtsp import RtspAddress
from portico.sites.models import Site
from portico.sites.rules import premium_missing

# More than any house has; keeps a page, and what an app is told, within bounds.
MOST = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraData:
    """What the form of a camera holds; ``linked`` are devices.

    ``password`` empty keeps what is saved, unless ``forget_password``.
    """

    name: str
    address: str = field(repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    forget_password: bool = False
    monitor_in_app: bool = True
    monitor_on_monitors: bool = True
    linked: Sequence[int] = ()


@transaction.atomic
def add_camera(*, actor: User, site: Site, data: CameraData, now: datetime) -> Camera:
    """Add a camera to a house.

    :raises NotVisible: it is a community, or was deleted.
    :raises PlanNeeded: no Premium Plan runs for the house.
    :raises TooManyCameras: it has :data:`MOST`.
    :raises BadCameraAddress, BadCameraAccount: see :mod:`portico.devices.rules`.
    :raises BadLink: see there.
    """
    site = _served(site, now)
    if Camera.objects.filter(site=site).count() >= MOST:
        raise TooManyCameras(
            _("A house has at most %(count)d third-party cameras.") % {"count": MOST}
        )
    address = _address(data)
    linked = _linkable(site, data.linked)
    camera = Camera.objects.create(
        site=site,
        organization_id=site.organization_id,
        created_at=now,
        **_fields(data, address),
    )
    camera.linked.set(linked)
    _changed(actor, camera, "camera.added", linked, now)
    return camera


@transaction.atomic
def change_camera(
    *, actor: User, camera: Camera, data: CameraData, version: int, now: datetime
) -> None:
    """Save what the form holds; ``version`` is the one that was shown.

    A password is kept for the place that it was entered for: whoever changes host or
    port enters it again. Pictures of another address go.

    :raises ChangedMeanwhile: somebody else has saved since.
    :raises: as :func:`add_camera`.
    """
    site = _served(camera.site, now)
    was = camera.address
    address = _address(data)
    if not address.password and not data.forget_password:
        if was.password and (was.host, was.port) != (address.host, address.port):
            raise BadCameraAccount(
                _("Enter the password again: it was saved for another address.")
            )
        address = replace(address, password=was.password)
    linked = _linkable(site, data.linked)
    save_shown(camera, version, _fields(data, address))
    camera.linked.set(linked)
    if camera.public_address != was.public:
        # What is under way is of the other address, too.
        Command.objects.filter(camera=camera).delete()
        forget_camera_pictures(cameras=Camera.objects.filter(pk=camera.pk))
    _changed(actor, camera, "camera.changed", linked, now)


@transaction.atomic
def remove_camera(*, actor: User, camera: Camera, now: datetime) -> None:
    """Delete a camera with its picture. :raises NotVisible: it was deleted."""
    hold(camera)
    record(
        actor=actor,
        action="camera.removed",
        subject=camera,
        organization_id=camera.site.organization_id,
        site_id=camera.site_id,
        before={"name": camera.name, "address": camera.public_address},
        now=now,
    )
    forget_camera_pictures(cameras=Camera.objects.filter(pk=camera.pk))
    camera_id = camera.pk
    camera.delete()
    publish_on_commit("camera.changed", camera=camera_id, site=str(camera.site_id))


def try_camera(
    *, actor: User, camera: Camera, idempotency_key: str = "", now: datetime
) -> Command:
    """Have the house's bridge take a picture, and return the order.

    :raises PlanNeeded: no Premium Plan runs for the house.
    :raises IdempotencyMismatch: the key was used for something else.
    """
    refusal = premium_missing(camera.site, camera.site.entitlements.all(), now)
    if refusal is not None:
        raise refusal
    return request_camera_picture(
        actor=actor, camera=camera, idempotency_key=idempotency_key, now=now
    )


def _served(site: Site, now: datetime) -> Site:
    site = hold(site)
    if site.is_community:
        raise NotVisible
    refusal = premium_missing(site, site.entitlements.all(), now)
    if refusal is not None:
        raise refusal
    return site


def _address(data: CameraData) -> RtspAddress:
    """Where, with the credentials that were entered, whichever way."""
    address = read_camera_address(data.address)
    user, password = camera_account(address, data.user, data.password)
    if password and data.forget_password:
        raise BadCameraAccount(_("Enter a password or remove it, not both."))
    return replace(address, user=user, password=password)


def _linkable(site: Site, ids: Collection[int]) -> list[Device]:
    """:raises BadLink: not all are door phones or access terminals of the house."""
    doors = Device.objects.filter(site=site).exclude(kind=DeviceKind.INDOOR_MONITOR)
    linked = list(doors.filter(pk__in=ids).order_by("name", "pk"))
    if len(linked) != len(set(ids)):
        raise BadLink(_("Choose door phones of this house."))
    return linked


def _fields(data: CameraData, address: RtspAddress) -> dict[str, object]:
    return {
        "name": data.name.strip(),
        "host": address.host,
        "port": address.port,
        "path": address.path,
        "user": address.user,
        "password": address.password,
        "monitor_in_app": data.monitor_in_app,
        "monitor_on_monitors": data.monitor_on_monitors,
    }


def _changed(
    actor: User, camera: Camera, action: str, linked: Sequence[Device], now: datetime
) -> None:
    record(
        actor=actor,
        action=action,
        subject=camera,
        organization_id=camera.site.organization_id,
        site_id=camera.site_id,
        after={
            "name": camera.name,
            "address": camera.public_address,
            "linked": [device.mac for device in linked],
        },
        now=now,
    )
    publish_on_commit("camera.changed", camera=camera.pk, site=str(camera.site_id))
