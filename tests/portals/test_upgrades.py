"""Upgrades on the installer's pages: the list, New, edit, delete, a device's tab (FW-2)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from portico.audit.models import AuditEntry
from portico.devices.models import Device
from portico.firmware.enums import UpgradeState, Why
from portico.firmware.models import DeviceUpgrade, FirmwareVersion, UpgradeCampaign
from portico.firmware.services.moving import move
from portico.firmware.services.pruning import prune_steps
from portico.houses.services.turnover import delete_house
from portico.kernel.clock import utcnow
from portico.kernel.ids import new_id
from portico.notices.enums import NoticeKind
from portico.notices.models import Notice
from portico.sites.models import SiteAssignment
from portico.tenancy.enums import Role
from tests.factories import make_device, make_person, make_site, run_jobs
from tests.factories.firmware import NEW, OLD, make_campaign, make_version
from tests.firmware.world import World
from tests.portals.conftest import client_of
from tests.portals.support import (
    CHANGED,
    HTMX,
    assert_constant_queries,
    shown_form,
    text_of,
)

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
LIST, FORM = "/installer/upgrade/", "/installer/upgrade/new/"


@pytest.fixture
def world() -> World:
    return World(houses=3)


@pytest.fixture
def version() -> FirmwareVersion:
    return make_version()


@pytest.fixture
def browser(world: World) -> Client:
    return client_of(world.installer)


def entries(
    version: FirmwareVersion, devices: list[Device], **more: object
) -> dict[str, object]:
    data = {
        "token": str(new_id()),
        "project": "single_family",
        "version": str(version.pk),
        "devices": [str(device.pk) for device in devices],
        "when": "now",
    }
    return data | more


def ticked(page: str) -> list[int]:
    """The devices that are chosen on a form."""
    boxes = re.findall(
        r'<input type="checkbox" name="devices" value="(\d+)"([^>]*)', page
    )
    return [int(pk) for pk, rest in boxes if "checked" in rest]


def settle(world: World) -> None:
    """Let all be noted that has happened."""
    for _ in range(4):
        world.tick(seconds=2)


def fail(world: World, device: Device) -> None:
    """The unit does not come back."""
    world.tick(seconds=1)
    world.writes(device)
    row = world.row(device)
    move([row], UpgradeState.TIMED_OUT, reason=Why.NO_ANSWER, now=world.now)


def test_new_upgrades_the_chosen_devices_at_once(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    page = text_of(browser.get(f"{FORM}?version={version.pk}"))
    assert all(device.pretty_mac in page for device in world.devices)
    assert "its bridge gives it its address again" in page
    response = browser.post(FORM, entries(version, world.devices[:2]), follow=True)
    world.tick(seconds=1)

    campaign = UpgradeCampaign.objects.get()
    assert campaign.is_simple
    assert response.redirect_chain[-1][0] == f"{LIST}{campaign.pk}/"
    found = {row.device for row in campaign.upgrades.all()}
    assert found == set(world.devices[:2])
    assert world.state(world.devices[0]) == "offered"


def test_new_offers_only_devices_of_the_versions_model_and_project_type(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    other = make_device(world.sites[0], world.installer, name="Kitchen")
    Device.objects.filter(pk=other.pk).update(model="S532")
    look = {"act": "look", "token": "", "project": "single_family", "find": ""}
    page = text_of(browser.post(FORM, {**look, "version": ""}))
    assert "Choose the version first" in page
    page = text_of(browser.post(FORM, {**look, "version": str(version.pk)}))
    assert world.devices[0].pretty_mac in page
    assert other.pretty_mac not in page
    look["project"] = "community"
    page = text_of(browser.post(FORM, {**look, "version": str(version.pk)}))
    assert world.devices[0].pretty_mac not in page


def test_second_click_is_the_same_upgrade(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    data = entries(version, world.devices)
    for _ in range(2):
        browser.post(FORM, data)
    assert UpgradeCampaign.objects.count() == 1


def test_time_is_on_the_clock_of_the_site_and_in_the_future(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    late = entries(version, world.devices, when="later", local_start="2020-01-01T02:00")
    assert "This time is over." in text_of(browser.post(FORM, late))
    none = entries(version, world.devices, when="later")
    assert "Choose when it begins." in text_of(browser.post(FORM, none))
    assert not UpgradeCampaign.objects.exists()

    soon = f"{utcnow() + timedelta(days=3):%F}T02:00"
    given = entries(version, world.devices, when="later", local_start=f"{soon}:00")
    browser.post(FORM, given)
    assert UpgradeCampaign.objects.get().local_start == soon


def test_nothing_chosen_is_told_at_the_field(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    page = text_of(browser.post(FORM, entries(version, [])))
    assert "This field is required." in page
    assert not UpgradeCampaign.objects.exists()


def test_a_bad_version_is_no_choice(world: World, browser: Client) -> None:
    bad = make_version(known_bad="It does not start.")
    page = text_of(browser.post(FORM, entries(bad, world.devices)))
    assert "Select a valid choice." in page
    assert not UpgradeCampaign.objects.exists()


def test_a_pending_upgrade_is_edited(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    first, second, _ = world.devices
    campaign = make_campaign(world.installer, [first], version, is_simple=True)
    address = f"{LIST}{campaign.pk}/edit/"
    page = text_of(browser.get(address))
    assert ticked(page) == [first.pk]
    soon = f"{utcnow() + timedelta(days=3):%F}T02:00"
    changes = {"when": "later", "local_start": soon, "reset_after": "on"}
    data = entries(version, [second], token=shown_form(page)["token"], **changes)
    browser.post(address, data)

    campaign.refresh_from_db()
    assert campaign.reset_after
    assert campaign.local_start == soon
    assert [row.device for row in campaign.upgrades.all()] == [second]

    late = entries(version, world.devices, token=data["token"])
    page = text_of(browser.post(address, late))
    assert CHANGED in page
    assert ticked(page) == [device.pk for device in world.devices]
    assert [row.device for row in campaign.upgrades.all()] == [second]


def test_what_has_begun_is_not_edited(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    campaign = make_campaign(world.installer, world.devices, version, is_simple=True)
    world.tick(seconds=1)
    page = text_of(browser.get(f"{LIST}{campaign.pk}/edit/", follow=True))
    assert "This upgrade has begun; it can be paused or stopped." in page
    browser.post(f"{LIST}{campaign.pk}/edit/", entries(version, world.devices[:1]))
    assert campaign.upgrades.count() == 3


def test_list_tells_the_guides_status_and_what_it_exactly_is(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    first, second, third = world.devices
    world.sees(third, online=False)
    world.order(world.devices, version)
    world.tick(seconds=1)
    world.tick(seconds=1)
    world.upgrades(first)
    settle(world)

    page = text_of(browser.get(LIST))
    assert "Succeeded" in page
    assert "Waiting: The device is offline." in page
    assert "Offered" in page
    expected = {"executed": first, "processing": second, "pending": third}
    for status, device in expected.items():
        narrowed = text_of(browser.get(f"{LIST}?status={status}"))
        found = [one for one in world.devices if one.pretty_mac in narrowed]
        assert found == [device], status


def test_list_is_searched_by_project_version_site_and_device(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    other = make_version("29.30.10.200")
    make_campaign(world.installer, world.devices[:1], version)
    make_campaign(world.installer, world.devices[1:2], other)
    first, second, _ = (device.pretty_mac for device in world.devices)
    asked = {
        "project=single_family": {first, second},
        "project=community": set(),
        f"version={NEW}": {first},
        f"q={world.devices[1].pretty_mac[-8:]}": {second},
        f"q={world.row(world.devices[0]).site_name}": {first},
        "q=nowhere": set(),
    }
    for query, expected in asked.items():
        page = text_of(browser.get(f"{LIST}?{query}"))
        assert {mac for mac in (first, second) if mac in page} == expected, query


def test_a_record_is_deleted_and_what_waits_is_not_upgraded(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    first, second, _ = world.devices
    make_campaign(world.installer, [first, second], version, waves=(50, 50))
    world.tick(seconds=1)
    waiting = world.row(second)
    going = world.row(first)
    page = text_of(browser.get(f"{LIST}records/{waiting.pk}/delete/"))
    assert "it keeps what it has" in page
    browser.post(f"{LIST}records/{waiting.pk}/delete/")
    page = text_of(browser.post(f"{LIST}records/{going.pk}/delete/", follow=True))

    assert "This upgrade is on its way; wait for its end." in page
    assert world.row(second).state == UpgradeState.CANCELLED
    listed = text_of(browser.get(LIST))
    assert second.pretty_mac not in listed
    assert first.pretty_mac in listed
    assert AuditEntry.objects.filter(action="upgrade.removed").count() == 1


def test_a_record_tells_its_steps(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    world.order(world.devices[:1], version)
    world.tick(seconds=1)
    fail(world, world.devices[0])
    row = world.row(world.devices[0])
    page = text_of(browser.get(f"{LIST}records/{row.pk}/"))
    states = ["Offered", "Downloading", "Installing", "Timed out"]
    places = [page.rindex(state) for state in states]
    assert places == sorted(places)
    assert "The device did not come back." in page


def test_a_record_says_when_its_steps_are_kept_no_longer(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    door = world.devices[0]
    campaign = world.order([door], version)
    world.tick(seconds=1)
    world.upgrades(door)
    for _ in range(4):
        world.tick(seconds=2)
    campaign.refresh_from_db()
    assert campaign.ended_at is not None
    prune_steps(now=campaign.ended_at + timedelta(days=366))
    told = "The steps of an upgrade are kept for a year after its end."
    assert told in text_of(browser.get(f"{LIST}records/{world.row(door).pk}/"))
    assert told in text_of(browser.get(f"/installer/devices/{door.mac}/firmware/"))


def test_device_page_tells_what_it_has_and_what_is_newer(
    world: World, browser: Client
) -> None:
    device = world.devices[0]
    address = f"/installer/devices/{device.mac}/firmware/"
    make_version(OLD, known_bad="Calls break off.")
    page = text_of(browser.get(address))
    assert "is known to be bad: Calls break off." in page
    assert "There is none that is newer." in page
    make_version("29.30.10.300", known_bad="No.")
    version = make_version(NEW)
    page = text_of(browser.get(address))
    assert "What is new." in page
    assert f"?version={version.pk}&amp;device={device.mac}" in page
    head = text_of(browser.get(f"/installer/devices/{device.mac}/head/"))
    assert f"update available: {NEW}" in head

    world.order([device], version)
    world.tick(seconds=1)
    world.upgrades(device)
    settle(world)
    page = text_of(browser.get(address))
    assert "Succeeded" in page
    assert "There is none that is newer." in page
    assert f"{OLD} → {NEW}" in page


def test_devices_are_listed_by_what_is_newer(world: World, browser: Client) -> None:
    first, second, third = world.devices
    world.reports(second, NEW)
    Device.objects.filter(pk=third.pk).update(firmware="")
    make_version(NEW)
    page = text_of(browser.get("/installer/devices/"))
    assert page.count("Update available</a>") == 1
    page = text_of(browser.get("/installer/devices/?update=yes"))
    found = [one for one in world.devices if one.pretty_mac in page]
    assert found == [first]
    page = text_of(browser.get(f"/installer/sites/{first.site_id}/devices/"))
    assert "Update available" in page


def test_dashboard_counts_failures_until_they_are_upgraded(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    device = world.devices[0]
    world.order([device], version)
    fail(world, device)
    page = text_of(browser.get("/installer/"))
    assert "device failed to upgrade" in page
    assert "/installer/upgrade/?failed=open" in page
    assert device.pretty_mac in text_of(browser.get(f"{LIST}?failed=open"))

    world.order([device], version)
    world.tick(seconds=1)
    world.upgrades(device)
    settle(world)
    assert "failed to upgrade" not in text_of(browser.get("/installer/"))
    assert device.pretty_mac not in text_of(browser.get(f"{LIST}?failed=open"))


def test_notice_of_the_end_leads_to_the_report(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    campaign = world.order(world.devices[:1], version, name="Spring")
    world.tick(seconds=1)
    world.upgrades(world.devices[0])
    settle(world)

    notice = Notice.objects.get(kind=NoticeKind.UPGRADE_FINISHED)
    page = text_of(browser.get("/installer/notifications/"))
    assert "The upgrade Spring is finished" in page
    address = f"/installer/notifications/{notice.pk}/read/"
    response = browser.post(address, {"more": "yes"})
    assert response.headers["Location"] == f"{LIST}{campaign.pk}/"


def test_sub_installer_sees_his_devices_alone(
    world: World, version: FirmwareVersion
) -> None:
    sub = make_person(world.installer, Role.SUB_INSTALLER)
    campaign = make_campaign(world.installer, world.devices, version)
    browser = client_of(sub.user)
    assert world.devices[0].pretty_mac not in text_of(browser.get(LIST))
    assert browser.get(f"{LIST}{campaign.pk}/").status_code == 404
    data = entries(version, world.devices[:1])
    assert browser.post(FORM, data).status_code == 200
    assert UpgradeCampaign.objects.count() == 1


def test_sub_installer_sees_no_upgrade_of_which_it_cannot_be_told_whose_it_is(
    world: World, version: FirmwareVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    sub = make_person(world.installer, Role.SUB_INSTALLER)
    SiteAssignment.objects.create(
        site=world.sites[0], user=sub.user, assigned_at=world.now
    )
    browser = client_of(sub.user)
    # The houses of the one are deleted since, the devices of the other not known yet.
    gone = make_campaign(world.installer, world.devices[:2], version)
    delete_house(actor=world.installer, site=world.sites[1], now=world.now)
    monkeypatch.setattr("portico.firmware.services.preparing.AT_ONCE", 0)
    new = make_campaign(world.installer, world.devices[:1], version)
    for campaign in (gone, new):
        assert browser.get(f"{LIST}{campaign.pk}/").status_code == 404
        assert browser.post(f"{LIST}{campaign.pk}/stop/").status_code == 404
    assert str(gone) not in text_of(browser.get(f"{LIST}campaigns/"))
    # What is his alone he sees, also while it is prepared.
    data = entries(version, world.devices[:1])
    answer = browser.post(FORM, data)
    assert browser.get(answer.headers["Location"]).status_code == 200
    run_jobs()
    assert browser.get(f"{LIST}{new.pk}/").status_code == 200


def test_lists_cost_the_same_however_many(
    world: World, browser: Client, version: FirmwareVersion
) -> None:
    make_campaign(world.installer, world.devices[:1], version)

    def more() -> None:
        for number in range(2):
            device = make_device(make_site(world.installer), world.installer)
            make_campaign(world.installer, [device], version, name=f"C {number}")

    assert_constant_queries(browser, LIST, more)
    assert_constant_queries(browser, f"{LIST}campaigns/", more)
    count = DeviceUpgrade.objects.count()
    part = text_of(browser.get(LIST, headers=HTMX))
    assert part.count("row-link") == count
