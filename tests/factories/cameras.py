"""Third-party cameras, and the Premium Plan that they need."""

from __future__ import annotations

from datetime import timedelta

from portico.accounts.models import User
from portico.devices.enums import CommandState
from portico.devices.models import Camera, Command
from portico.devices.selectors import bridge_of
from portico.devices.services.cameras import CameraData, add_camera, try_camera
from portico.devices.services.commands import mark_sent, record_result
from portico.devices.services.pictures import store_picture
from portico.kernel.clock import utcnow
from portico.sites.enums import Feature
from portico.sites.models import Entitlement, Site
from tests.factories import JPEG

# Every sign that an address might stumble over.
CAMERA_PASSWORD = "c@m:w/rd?#"
CAMERA_ADDRESS = "rtsp://192.168.1.64:8554/stream1?a=b"


def make_premium(site: Site) -> Site:
    """Let the Premium Plan of ``site`` run for good."""
    site.premium_plan = True
    site.save()
    if not site.entitlements.filter(feature=Feature.PREMIUM, ends_at=None).exists():
        Entitlement.objects.create(
            site=site,
            feature=Feature.PREMIUM,
            starts_at=utcnow() - timedelta(days=1),
        )
    return site


def end_premium(site: Site) -> None:
    """Let the Premium Plan of ``site`` end an hour ago."""
    plans = site.entitlements.filter(feature=Feature.PREMIUM)
    plans.update(ends_at=utcnow() - timedelta(hours=1))


def make_camera(site: Site, installer: User, **fields: object) -> Camera:
    """A camera of ``site``, which gets the Premium Plan."""
    values: dict[str, object] = {
        "name": "Garden",
        "address": CAMERA_ADDRESS,
        "user": "admin",
        "password": CAMERA_PASSWORD,
    }
    data = CameraData(**(values | fields))  # type: ignore[arg-type]  # what CameraData takes
    return add_camera(actor=installer, site=make_premium(site), data=data, now=utcnow())


def make_test(camera: Camera, installer: User) -> Command:
    """A test of ``camera`` that its bridge is at."""
    command = try_camera(actor=installer, camera=camera, now=utcnow())
    assert mark_sent(command_id=command.pk, now=utcnow())
    return command


def make_camera_picture(camera: Camera, installer: User, jpeg: bytes = JPEG) -> bool:
    """Test ``camera`` and let its bridge send the picture; whether it was kept."""
    bridge = bridge_of(camera.site)
    assert bridge is not None
    command = make_test(camera, installer)
    now = utcnow()
    kept = store_picture(bridge_id=bridge.pk, command_id=command.pk, jpeg=jpeg, now=now)
    record_result(
        bridge_id=bridge.pk,
        command_id=command.pk,
        state=CommandState.ACKNOWLEDGED,
        reason="",
        at=now,
        now=now,
    )
    return kept
