"""AutoP commands on the pages: to one device, to many, and what became of them."""

from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.models import Device
from portico.kernel.ids import new_id
from portico.provisioning.enums import AutopKind, AutopState
from portico.provisioning.models import AutopItem, AutopOrder
from portico.sites.models import Site
from portico.tenancy.enums import Role
from tests.factories import make_device, make_person, make_site, run_jobs
from tests.factories.autop import LANGUAGE, RESET, fetch, file_of, make_commands
from tests.portals.conftest import client_of
from tests.portals.support import assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
NEW = "/installer/devices/autop/new/"


@pytest.fixture
def device(site: Site, installer: User) -> Device:
    made = make_device(site, installer)
    run_jobs()
    return made


def entries(
    text: str = LANGUAGE, kind: str = "regular", **more: object
) -> dict[str, object]:
    return {"token": str(new_id()), "kind": kind, "text": text, **more}


def batch(devices: list[Device], **more: object) -> dict[str, object]:
    chosen = [str(device.pk) for device in devices]
    return entries(**{"target": "chosen", "devices": chosen, **more})  # type: ignore[arg-type]


def test_commands_of_the_devices_page_stand_in_its_file(
    browser: Client, device: Device
) -> None:
    address = f"/installer/devices/{device.mac}/provisioning/commands/"
    response = browser.post(address, entries(f"{LANGUAGE}\n{LANGUAGE}"), follow=True)
    run_jobs()

    page = text_of(response)
    assert "Given twice, the last line counts: Config.Settings.LANGUAGE.Type." in page
    assert "LANGUAGE.Type = 1" in file_of(device).body
    page = text_of(browser.get(f"/installer/devices/{device.mac}/provisioning/"))
    assert "Regular commands in force" in page
    assert AuditEntry.objects.filter(action="autop.ordered").count() == 1


def test_mistakes_are_told_at_the_field_and_nothing_is_lost(
    browser: Client, device: Device
) -> None:
    address = f"/installer/devices/{device.mac}/provisioning/commands/"
    page = text_of(browser.post(address, entries("Config.A = 1\nConfig.B\nC = 2")))

    assert "Line 2: there is no = between key and value." in page
    assert "Line 3: a key begins with Config." in page
    assert "Config.A = 1" in page  # what was typed
    assert not AutopOrder.objects.exists()


def test_danger_is_confirmed_at_the_field(browser: Client, device: Device) -> None:
    address = f"/installer/devices/{device.mac}/provisioning/commands/"
    page = text_of(browser.post(address, entries(RESET, "one_time")))
    assert "It resets the devices; what was set on them is lost." in page
    browser.post(address, entries(RESET, "one_time", confirmed="on"))

    assert AutopItem.objects.get().kind == AutopKind.ONE_TIME


def test_batch_goes_to_the_chosen_and_shows_what_became_of_it(
    browser: Client, installer: User, site: Site, device: Device
) -> None:
    others = [make_device(site, installer, name=f"Door {n}") for n in range(3)]
    run_jobs()
    response = browser.post(NEW, batch([device, *others[:2]]), follow=True)
    run_jobs()
    fetch(device)

    address = response.redirect_chain[-1][0]
    page = text_of(browser.get(address))
    assert "Queued" in page
    assert AutopItem.objects.filter(state=AutopState.FETCHED).get().device == device
    assert others[2].pretty_mac not in page
    narrowed = text_of(browser.get(f"{address}?state=fetched"))
    assert device.pretty_mac in narrowed
    assert others[0].pretty_mac not in narrowed
    browser.post(f"{address}withdraw/")
    assert AutopItem.objects.filter(state=AutopState.WITHDRAWN).count() == 2


def test_search_finds_devices_of_the_site_it_began_at(
    browser: Client, installer: User, site: Site, device: Device
) -> None:
    elsewhere = make_device(make_site(installer), installer, name="Garage")
    page = text_of(browser.get(NEW, {"site": str(site.pk)}))
    assert device.pretty_mac in page
    assert elsewhere.pretty_mac not in page
    page = text_of(browser.post(NEW, {"act": "look", "find": "Garage", "token": ""}))
    assert device.pretty_mac not in page
    assert elsewhere.pretty_mac in page


def test_all_found_are_chosen_with_one_click(
    browser: Client, installer: User, site: Site, device: Device
) -> None:
    for number in range(30):
        make_device(site, installer, name=f"Door {number}")
    page = text_of(browser.post(NEW, {**entries(), "act": "all_found", "find": ""}))

    assert page.count(" checked") >= 31
    assert "31 are chosen, of at most 500." in page


def test_all_that_the_search_finds_go_in_waves(
    browser: Client, installer: User, site: Site, device: Device
) -> None:
    for number in range(3):
        make_device(site, installer, name=f"Side {number}")
    data = entries(target="all", find="Side", wave_size="2", wave_minutes="5")
    page = text_of(browser.post(NEW, data, follow=True))

    assert AutopItem.objects.count() == 3
    assert "Waits for its wave" in page


def test_waves_need_a_size_and_a_pace(browser: Client, device: Device) -> None:
    page = text_of(browser.post(NEW, entries(target="all", find="")))
    assert page.count("This field is required.") >= 2
    assert not AutopOrder.objects.exists()


def test_passwords_are_hidden_on_every_page(
    browser: Client, installer: User, device: Device
) -> None:
    secret = "Config.Network.VPN.Password = hush"
    order = make_commands(installer, [device], secret)
    for page in ("", f"{order.pk}/", f"../{device.mac}/provisioning/"):
        assert "hush" not in text_of(browser.get(f"/installer/devices/autop/{page}"))
    assert "hush" not in str(list(AuditEntry.objects.values_list("after", flat=True)))


def test_sub_installer_sends_to_his_sites_only(
    installer: User, site: Site, device: Device
) -> None:
    sub = make_person(installer, Role.SUB_INSTALLER).user
    order = make_commands(installer, [device])
    browser = client_of(sub)

    assert browser.post(NEW, batch([device])).status_code == 200
    assert AutopOrder.objects.count() == 1
    assert browser.get(f"/installer/devices/autop/{order.pk}/").status_code == 404


def test_unit_that_was_reset_at_the_door(
    browser: Client, installer: User, device: Device
) -> None:
    order = make_commands(installer, [device], kind=AutopKind.ONE_TIME)
    browser.post(f"/installer/devices/{device.mac}/provisioning/was-reset/")

    assert AutopItem.objects.get(order=order).state == AutopState.LOST
    assert AuditEntry.objects.filter(action="device.was_reset").exists()


def test_lists_cost_the_same_however_many(
    browser: Client, installer: User, site: Site, device: Device
) -> None:
    make_commands(installer, [device])

    def more() -> None:
        for number in range(2):
            make_commands(installer, [make_device(site, installer, name=f"D{number}")])

    assert_constant_queries(browser, "/installer/devices/autop/", more)
