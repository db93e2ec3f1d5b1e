"""New secrets in a unit's addresses: no fetch and no report is lost on the way."""

from __future__ import annotations

import httpx
import pytest

from portico.devices.models import Device, DeviceSecrets
from portico.devices.services.rotation import end_old_secrets, rotate_secrets
from portico.events.models import Event
from portico.kernel.clock import utcnow
from portico.provisioning.models import ProvisioningFile
from portico.provisioning.services.files import note_applied
from tests.factories import make_device, make_installer, make_site, run_jobs
from tests.gateway.server import RunningGateway
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]


@pytest.fixture
def device(gateway: RunningGateway) -> Device:
    del gateway
    installer = make_installer()
    made = make_device(make_site(installer), installer)
    run_jobs()
    return made


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False)


def rotate(device: Device) -> tuple[DeviceSecrets, DeviceSecrets]:
    """The secrets of before and of now."""
    before = DeviceSecrets.objects.get(device=device)
    user = device.site.organization.memberships.get().user
    rotate_secrets(actor=user, device=device, now=utcnow())
    run_jobs()
    return before, DeviceSecrets.objects.get(device=device)


def file_at(gateway: RunningGateway, device: Device, secret: str) -> httpx.Response:
    return get(f"{gateway.base}/p/{secret}/{device.mac}.cfg")


def report(gateway: RunningGateway, device: Device, secret: str) -> int:
    query = f"event=MotionDetect&mac={device.mac}"
    return get(f"{gateway.base}/e/{secret}?{query}").status_code


def test_old_addresses_work_until_the_unit_reports_with_the_new_ones(
    gateway: RunningGateway, device: Device
) -> None:
    get(f"{gateway.base}/p/{device.secrets.file_secret}/{device.mac}.cfg")
    before, after = rotate(device)

    def renewed() -> bool:
        return after.file_secret in file_at(gateway, device, before.file_secret).text

    eventually(renewed)
    assert after.event_secret in file_at(gateway, device, before.file_secret).text
    assert before.event_secret not in file_at(gateway, device, after.file_secret).text
    for secret in (before.event_secret, after.event_secret):
        assert report(gateway, device, secret) == 200
    assert Event.objects.filter(device_id=device.pk).count() >= 1

    file = ProvisioningFile.objects.get(device=device)
    note_applied(device=device, revision=file.revision, at=utcnow())
    eventually(lambda: file_at(gateway, device, before.file_secret).status_code == 404)
    eventually(lambda: report(gateway, device, before.event_secret) == 404)
    assert file_at(gateway, device, after.file_secret).is_success


def test_report_with_settings_of_before_ends_nothing(
    gateway: RunningGateway, device: Device
) -> None:
    older = ProvisioningFile.objects.get(device=device).revision
    before, _ = rotate(device)
    note_applied(device=device, revision=older, at=utcnow())

    assert file_at(gateway, device, before.file_secret).is_success


def test_old_addresses_can_be_ended_at_once(
    gateway: RunningGateway, device: Device
) -> None:
    before, after = rotate(device)
    assert file_at(gateway, device, before.file_secret).is_success
    user = device.site.organization.memberships.get().user
    assert end_old_secrets(actor=user, device=device, now=utcnow())

    eventually(lambda: file_at(gateway, device, before.file_secret).status_code == 404)
    assert file_at(gateway, device, after.file_secret).is_success
