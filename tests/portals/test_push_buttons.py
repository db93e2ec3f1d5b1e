"""Push buttons of expansion modules: set up, in the unit's file, told (DEV-8)."""

from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.devices.models import Device, PushButton
from portico.notices.enums import NoticeKind
from portico.notices.models import Notice
from portico.protocols.autop.grammar import parse
from portico.sites.models import Site
from tests.factories import make_device, make_family_member, make_site, run_jobs
from tests.factories.autop import file_of
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def device(site: Site, installer: User) -> Device:
    made = make_device(site, installer, model="R20K")
    run_jobs()
    return made


def address(device: Device, module: str = "MD06") -> str:
    return f"/installer/devices/{device.mac}/settings/buttons/{module}/"


def keys(device: Device) -> dict[str, str]:
    run_jobs()
    settings = parse(file_of(device).body).settings
    return {
        name.split(".")[2]: value
        for name, value in settings.items()
        if name.endswith(".LocalParam1")
    }


def test_keys_call_house_person_and_numbers(
    browser: Client, installer: User, site: Site, device: Device
) -> None:
    member = make_family_member(site, installer)
    data = {
        "label_1": "Bell",
        "target_1": "house",
        "target_2": f"person-{member.pk}",
        "target_4": "number",
        "numbers_4": "5001, 5002;192.168.1.9",
    }
    browser.post(address(device), data)

    assert site.family_sip is not None
    assert keys(device) == {
        "SOFTKEY02": site.family_sip.number,
        "SOFTKEY03": member.sip.number,
        "SOFTKEY04": "",
        "SOFTKEY05": "5001;5002;192.168.1.9",
        "SOFTKEY06": "",
        "SOFTKEY07": "",
    }
    assert "5001; 5002; 192.168.1.9" in text_of(browser.get(address(device)))
    notice = Notice.objects.get(kind=NoticeKind.MODULE_CHANGED)
    assert notice.params["module"] == "MD06"


def test_nothing_new_tells_nobody(browser: Client, device: Device) -> None:
    for _ in range(2):
        browser.post(address(device), {"target_1": "house"})
    assert Notice.objects.filter(kind=NoticeKind.MODULE_CHANGED).count() == 1


def test_second_module_has_keys_of_its_own(browser: Client, device: Device) -> None:
    browser.post(address(device, "MD12"), {"target_12": "number", "numbers_12": "9"})
    assert keys(device)["SOFTKEY19"] == "9"
    assert "SOFTKEY02" not in keys(device)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"target_1": "number"}, "Key 1: enter one to 8 numbers."),
        ({"target_2": "number", "numbers_2": "1;" * 9}, "Key 2: enter one to 8"),
        ({"target_3": "number", "numbers_3": "call me"}, "Key 3: a number has digits"),
        ({"target_1": "person-999999"}, "Select a valid choice."),
        ({"target_1": "member"}, "Select a valid choice."),
    ],
)
def test_what_is_wrong_is_told(
    browser: Client, device: Device, data: dict[str, str], told: str
) -> None:
    assert told in text_of(browser.post(address(device), data))
    assert not PushButton.objects.exists()


def test_person_of_another_house_is_nobody(
    browser: Client, installer: User, device: Device
) -> None:
    other = make_family_member(make_site(installer), installer)
    page = text_of(browser.post(address(device), {"target_1": f"person-{other.pk}"}))
    assert "Select a valid choice." in page


def test_only_models_that_take_modules_have_the_page(
    browser: Client, installer: User, site: Site, device: Device
) -> None:
    other = make_device(site, installer, model="R29")
    assert browser.get(address(other)).status_code == 404
    assert browser.get(address(device, "MD99")).status_code == 404
    tab = f"/installer/devices/{device.mac}/settings/"
    assert "Push Button Setting" in text_of(browser.get(tab))


def test_key_of_a_person_who_leaves_calls_nobody(
    browser: Client, installer: User, site: Site, device: Device
) -> None:
    member = make_family_member(site, installer)
    data = {"target_1": f"person-{member.pk}", "target_2": "house"}
    browser.post(address(device), data)
    delete = f"/installer/sites/{site.pk}/people/{member.pk}/delete/"
    browser.post(delete, {"typed": member.user.name})

    assert keys(device)["SOFTKEY02"] == ""
