from __future__ import annotations

import httpx
import pytest

from portico.devices.models import Device
from portico.devices.services.registration import DeviceData, change_device
from portico.kernel.clock import utcnow
from portico.provisioning.enums import AutopKind, AutopState
from portico.provisioning.models import ProvisioningFile
from portico.provisioning.services.autop import note_reset
from tests.factories import make_device, make_installer, make_site, run_jobs
from tests.factories.autop import LANGUAGE, make_commands
from tests.gateway.server import RunningGateway
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]
REBOOT = "Config.Autoprovision.Reboot.Enable = 1"


@pytest.fixture
def device(gateway: RunningGateway) -> Device:
    del gateway
    installer = make_installer()
    made = make_device(make_site(installer), installer)
    run_jobs()
    return made


def address(gateway: RunningGateway, device: Device, name: str = "") -> str:
    secret = device.secrets.file_secret
    return f"{gateway.base}/p/{secret}/{name or f'{device.mac}.cfg'}"


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, trust_env=False)


def test_device_gets_its_own_file_and_a_common_one(
    gateway: RunningGateway, device: Device
) -> None:
    own = get(address(gateway, device))
    common = get(address(gateway, device, "r000000000029.cfg"))

    assert own.status_code == common.status_code == 200
    assert f"Config.Account1.GENERAL.UserName = {device.sip.number}" in own.text
    assert "Config." not in common.text
    assert own.headers["cache-control"] == "private, no-cache"


def test_letter_case_of_the_file_name_does_not_matter(
    gateway: RunningGateway, device: Device
) -> None:
    assert get(address(gateway, device, f"{device.mac.lower()}.cfg")).is_success


def test_unchanged_file_is_304_and_bytes_change_only_with_content(
    gateway: RunningGateway, device: Device
) -> None:
    get(address(gateway, device))
    eventually(lambda: ProvisioningFile.objects.get().fetched_at)
    run_jobs()
    first = get(address(gateway, device))
    run_jobs()
    again = get(address(gateway, device), **{"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert get(address(gateway, device)).content == first.content


def test_order_to_reboot_is_served_once(
    gateway: RunningGateway, device: Device
) -> None:
    assert REBOOT in get(address(gateway, device)).text
    eventually(lambda: ProvisioningFile.objects.get().fetched_at)
    run_jobs()

    eventually(lambda: REBOOT not in get(address(gateway, device)).text)


def test_change_reaches_the_device_at_its_next_fetch(
    gateway: RunningGateway, device: Device
) -> None:
    before = get(address(gateway, device))
    member = device.site.organization.memberships.get().user
    data = DeviceData(kind=device.kind, name="Side door")  # type: ignore[arg-type]
    change_device(actor=member, device=device, data=data, version=1, now=utcnow())
    run_jobs()

    after = get(address(gateway, device), **{"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert "Config.DoorSetting.DEVICENODE.Location = Side door" in after.text


def test_name_with_a_line_break_cannot_become_a_setting(
    gateway: RunningGateway, device: Device
) -> None:
    member = device.site.organization.memberships.get().user
    name = "Door\nConfig.DoorSetting.RELAY.HttpTrig = 0"
    data = DeviceData(kind=device.kind, name=name)  # type: ignore[arg-type]
    change_device(actor=member, device=device, data=data, version=1, now=utcnow())
    run_jobs()

    lines = get(address(gateway, device)).text.splitlines()
    assert "Config.DoorSetting.RELAY.HttpTrig = 0" not in lines


def test_fetch_is_noted_with_its_settings(
    gateway: RunningGateway, device: Device
) -> None:
    get(address(gateway, device))

    eventually(lambda: ProvisioningFile.objects.get().is_fetched)


def test_fetch_after_a_reset_is_noted_though_the_bytes_are_the_same(
    gateway: RunningGateway, device: Device
) -> None:
    def is_noted() -> bool:
        get(address(gateway, device))
        return ProvisioningFile.objects.get().is_fetched

    for _ in range(2):
        eventually(is_noted)
        note_reset(device_id=device.pk, now=utcnow())
        assert not ProvisioningFile.objects.get().is_fetched
        run_jobs()


def test_one_time_commands_are_served_until_one_fetch_was_whole(
    gateway: RunningGateway, device: Device
) -> None:
    member = device.site.organization.memberships.get().user
    get(address(gateway, device))
    eventually(lambda: ProvisioningFile.objects.get().is_fetched)
    run_jobs()
    order = make_commands(member, [device], kind=AutopKind.ONE_TIME)
    eventually(lambda: LANGUAGE in get(address(gateway, device)).text)
    eventually(lambda: order.items.get().state == AutopState.FETCHED)
    run_jobs()

    eventually(lambda: LANGUAGE not in get(address(gateway, device)).text)


def test_head_is_answered_and_is_no_fetch(
    gateway: RunningGateway, device: Device
) -> None:
    answer = httpx.head(address(gateway, device), trust_env=False)
    get(address(gateway, device, "r29.cfg"))

    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 1000
    assert ProvisioningFile.objects.get().fetched_at is None


@pytest.mark.parametrize(
    "name", ["0C1105FFFFFF.cfg", "passwd", "..%2f..%2fetc", "r29.cfg.bak", ""]
)
def test_other_names_are_404_whatever_exists(
    gateway: RunningGateway, device: Device, name: str
) -> None:
    secret = device.secrets.file_secret

    assert get(f"{gateway.base}/p/{secret}/{name}").status_code == 404


def test_unknown_addresses_are_404_then_rate_limited(gateway: RunningGateway) -> None:
    with httpx.Client(base_url=gateway.base, trust_env=False) as client:
        codes = [
            client.get(f"/p/{number:024}/0C1105AABBCC.cfg").status_code
            for number in range(30)
        ]

    assert codes[0] == 404
    assert codes[-1] == 429


def test_wrong_names_are_the_units_own_trouble(
    gateway: RunningGateway, device: Device
) -> None:
    other = make_device(device.site, device.site.organization.memberships.get().user)
    run_jobs()
    with httpx.Client(base_url=gateway.base, trust_env=False) as client:
        where = f"/p/{device.secrets.file_secret}/nothing.cfg"
        codes = [client.get(where).status_code for _ in range(30)]

    assert (codes[0], codes[-1]) == (404, 429)
    assert get(address(gateway, other)).is_success
    assert get(address(gateway, device)).is_success


def test_file_that_is_not_yet_rendered_asks_to_come_again(
    gateway: RunningGateway,
) -> None:
    installer = make_installer()
    device = make_device(make_site(installer), installer)

    answer = get(address(gateway, device))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    run_jobs()
    assert get(address(gateway, device)).is_success
