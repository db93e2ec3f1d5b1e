"""What installers, distributors and the operator do, by keyboard alone (NAV-5)."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from portico.accounts.models import User
from portico.devices.models import Device, MacEntry
from portico.sites.models import Resident, Site
from portico.support.models import TicketMessage
from portico.tenancy.models import CompanySettings, Membership, Organization
from tests.e2e.keyboard import (
    assert_focus_is_seen,
    assert_no_trap,
    choose,
    follow,
    has_focus,
    heading,
    press,
    tab,
    tick,
    type_at,
    walk_to,
)
from tests.e2e.screen import Screen
from tests.factories import (
    make_device,
    make_distributor,
    make_family_member,
    make_installer,
    make_mac,
    make_operator,
    make_seen,
    make_site,
    make_ticket,
)

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ida(screen: Screen, transactional_db: None) -> User:
    """An installer who is signed in."""
    user = make_installer("ida")
    screen.sign_in(user)
    return user


def go(page: Page, key: str, title: str) -> None:
    """By the shortcut."""
    page.keyboard.press("g")
    page.keyboard.press(key)
    heading(page, title)


def test_a_house_and_its_people(screen: Screen, ida: User) -> None:
    page = screen.page
    go(page, "s", "Sites")
    assert_no_trap(page)
    follow(page, "New")
    heading(page, "New single-family site")
    assert_no_trap(page)
    type_at(page, "Name", "Ryan")
    type_at(page, "Email", "ryan@example.com")
    choose(page, "Country/Region", "Switz")
    expect(page.locator("#dial-code")).to_have_text("+41")
    type_at(page, "Mobile Number", "44 668 18 00")
    tick(page, "With Indoor Monitor")
    press(page, "Submit")
    heading(page, "Ryan's home")
    site = Site.objects.get()
    assert site.with_indoor_monitor
    assert site.residents.get().user.phone == "+41446681800"

    follow(page, "People")
    heading(page, "Ryan's home")
    follow(page, "Add family member")
    heading(page, "Add family member")
    type_at(page, "Name", "Mia")
    type_at(page, "Email", "mia@example.com")
    press(page, "Add")
    expect(page.get_by_text("Mia is added.")).to_be_visible()
    page.wait_for_load_state("load")
    press(page, "Actions for Mia")
    expect(page.get_by_role("link", name="Access")).to_be_focused()
    page.keyboard.press("ArrowUp")
    assert has_focus(page.get_by_role("link", name="Delete"))
    page.keyboard.press("Enter")
    heading(page, "Delete Mia?")
    type_at(page, "Type the name to confirm: Mia", "Mia")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Mia is deleted.")).to_be_visible()
    assert Resident.objects.count() == 1
    assert screen.complaints == []


def test_a_device_with_two_relays(screen: Screen, ida: User) -> None:
    site, page = make_site(ida, "Ryan"), screen.page
    mac = make_mac(ida, model="R29").mac
    screen.open(f"/installer/sites/{site.pk}/devices/")
    follow(page, "Add a device")
    heading(page, "Add a device")
    assert_no_trap(page)
    type_at(page, "MAC", mac)
    tab(page)
    expect(page.get_by_text("R29 · Door Phone")).to_be_visible()
    type_at(page, "Device Name", "Gate")
    press(page, "Add Relay")
    name = page.get_by_label("Relay Name").last
    expect(page.get_by_label("Relay Name")).to_have_count(2)
    expect(name).to_be_focused()
    assert_focus_is_seen(page)
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Garage")
    press(page, "Add Security Relay")
    expect(page.get_by_label("Relay Name")).to_have_count(3)
    press(page, "Remove Security Relay 1")
    expect(page.get_by_label("Relay Name")).to_have_count(2)
    expect(page.locator(".create button").first).to_be_focused()
    press(page, "Submit")
    heading(page, "Gate")
    device = Device.objects.get(mac=mac)
    assert [relay.name for relay in device.relays.all()] == ["Door 1", "Garage"]
    assert screen.complaints == []


def test_a_menu_by_its_arrow_keys(screen: Screen, ida: User) -> None:
    make_device(make_site(ida, "Ryan"), ida)
    page = screen.page
    screen.open("/installer/devices/")
    page.wait_for_load_state("load")
    button = page.get_by_role("button", name="Actions for Front door")
    walk_to(page, button)
    page.keyboard.press("Enter")
    links = page.locator(".menu:popover-open").locator("a, button")
    expect(links.first).to_be_focused()
    for key, at in (("ArrowDown", 1), ("ArrowUp", 0), ("ArrowUp", -1), ("Home", 0)):
        page.keyboard.press(key)
        assert has_focus(links.nth(at)), key
        assert_focus_is_seen(page)
    page.keyboard.press("Escape")
    expect(links).to_have_count(0)
    assert has_focus(button)
    page.keyboard.press("ArrowDown")
    expect(links.first).to_be_focused()
    walk_to(page, page.get_by_role("link", name="Edit"))
    page.keyboard.press("Enter")
    heading(page, "Edit Front door")
    # The account's menu, with its dialog.
    press(page, "Account: ida")
    walk_to(page, page.get_by_role("button", name="Keyboard shortcuts"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_focus_is_seen(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert screen.complaints == []


def test_a_list_is_filtered_sorted_and_gets_its_columns(
    screen: Screen, ida: User
) -> None:
    site, page = make_site(ida, "Ryan"), screen.page
    make_seen(make_device(site, ida, name="Alley"))
    make_device(site, ida, name="Yard")
    screen.open("/installer/devices/")
    page.wait_for_load_state("load")
    names = page.locator("td .row-link")
    expect(names).to_have_text(["Alley", "Yard"])
    follow(page, "Device Name")
    expect(page.get_by_role("columnheader", name="Device Name")).to_have_attribute(
        "aria-sort", "descending"
    )
    expect(names).to_have_text(["Yard", "Alley"])
    page.wait_for_load_state("load")
    follow(page, "Online")
    expect(names).to_have_text(["Alley"])
    press(page, "Columns")
    tick(page, "Model")
    press(page, "Apply")
    expect(page.get_by_role("columnheader", name="Model")).to_have_count(0)
    expect(names).to_have_text(["Alley"])
    page.wait_for_load_state("load")
    assert_no_trap(page)
    assert screen.complaints == []


def test_who_works_by_keyboard_stays_where_he_is_when_a_list_is_replaced(
    screen: Screen, ida: User
) -> None:
    site, page = make_site(ida, "Ryan"), screen.page
    alley = make_seen_device(site, ida, "Alley")
    make_seen_device(site, ida, "Yard")
    screen.open("/installer/devices/")
    page.wait_for_load_state("load")
    menu = page.get_by_role("button", name="Actions for Yard")
    walk_to(page, menu)
    Device.objects.filter(pk=alley.pk).update(name="Garden")
    screen.hint("device.changed", device=alley.pk)
    expect(page.get_by_role("link", name="Garden", exact=True)).to_be_visible()
    expect(menu).to_be_focused()
    # What had the focus is gone: it is near its place, and not at the top.
    Device.objects.filter(name="Yard").update(name="Court")
    screen.hint("device.changed", device=alley.pk)
    expect(page.get_by_role("link", name="Court", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Actions for Court")).to_be_focused()


def make_seen_device(site: Site, installer: User, name: str) -> Device:
    device = make_device(site, installer, name=name)
    make_seen(device)
    return device


def test_a_filter_is_looked_through_before_it_is_sent(
    screen: Screen, ida: User
) -> None:
    make_site(ida, "Ryan")
    page = screen.page
    screen.open("/installer/setting/audit/")
    page.wait_for_load_state("load")
    assert_no_trap(page)
    kinds = page.locator("select").first
    walk_to(page, kinds)
    address = page.url
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(kinds).not_to_have_value("")
    chosen = kinds.input_value()
    assert page.url == address
    assert has_focus(kinds)
    with page.expect_navigation():
        press(page, "Search")
    assert f"={chosen}" in page.url
    expect(kinds).to_have_value(chosen)
    assert screen.complaints == []


def test_a_ticket_is_answered(screen: Screen, ida: User, tmp_path: Path) -> None:
    ticket, page = make_ticket(ida), screen.page
    screen.open("/installer/setting/")
    follow(page, "Support")
    follow(page, ticket.subject)
    heading(page, ticket.subject)
    assert_no_trap(page)
    type_at(page, "Message", "It opens now.")
    log = tmp_path / "unit.log"
    log.write_text("boot")
    chooser = page.locator("input[type=file]")
    walk_to(page, chooser)
    # What opens from here is the browser's own, and not always where nobody looks.
    chooser.set_input_files(log)
    press(page, "Send")
    expect(page.get_by_text("It opens now.")).to_be_visible()
    message = TicketMessage.objects.latest("pk")
    assert (message.text, message.attachments.get().name) == (
        "It opens now.",
        "unit.log",
    )
    assert screen.complaints == []


def test_company_settings_are_edited(screen: Screen, ida: User) -> None:
    page = screen.page
    screen.open("/installer/setting/")
    follow(page, "Billing Information")
    assert_no_trap(page)
    fields = page.locator("main .field input")
    walk_to(page, fields.first)
    page.keyboard.type("Ida's doors")
    press(page, "Save")
    expect(page.get_by_text("Saved.")).to_be_visible()
    follow(page, "Log Setting")
    page.wait_for_load_state("load")
    walk_to(page, page.locator("main input[type=checkbox]").first)
    page.keyboard.press("Space")
    press(page, "Save")
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert CompanySettings.objects.count() == 1
    assert screen.complaints == []


def test_a_sub_installer_gets_his_sites(screen: Screen, ida: User) -> None:
    site, page = make_site(ida, "Ryan"), screen.page
    screen.open("/installer/users/")
    follow(page, "New")
    heading(page, "New sub-installer")
    assert_no_trap(page)
    type_at(page, "Name", "Sam Sub")
    type_at(page, "User name", "samsub")
    type_at(page, "Email", "sam@example.com")
    tick(page, "Ryan's home · Ryan")
    press(page, "Create")
    expect(page.get_by_text("Sam Sub is added.")).to_be_visible()
    sam = Membership.objects.get(user__username="samsub")
    assert sam.user.site_assignments.get().site == site
    assert screen.complaints == []


def test_macs_are_imported(
    screen: Screen, transactional_db: None, tmp_path: Path
) -> None:
    screen.sign_in(make_distributor("dora"))
    page, file = screen.page, tmp_path / "macs.csv"
    file.write_text("MAC,Model\n0C1105F00001,R29\n0C1105F00002,\n")
    follow(page, "MAC Library")
    heading(page, "MAC Library")
    assert_no_trap(page)
    follow(page, "Import")
    heading(page, "Import MACs")
    walk_to(page, page.locator("input[type=file]"))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(file)
    press(page, "Preview")
    heading(page, "Preview of the import")
    assert_no_trap(page)
    press(page, "Load")
    heading(page, "MAC Library")
    assert MacEntry.objects.count() == 2
    assert screen.complaints == []


def test_a_company_is_created(screen: Screen, transactional_db: None) -> None:
    screen.sign_in(make_operator("otto"))
    page = screen.page
    follow(page, "Companies")
    heading(page, "Companies")
    follow(page, "Distributor")
    assert_no_trap(page)
    type_at(page, "Company", "Nord")
    type_at(page, "Time Zone", "europe/oslo")
    type_at(page, "Contact", "Dana North")
    type_at(page, "User name", "dana")
    type_at(page, "Email", "dana@nord.example")
    press(page, "Create")
    heading(page, "Nord")
    assert Organization.objects.get(name="Nord").time_zone == "Europe/Oslo"
    assert screen.complaints == []


def test_on_a_phone_the_modules_open_and_close(screen: Screen, ida: User) -> None:
    make_family_member(make_site(ida, "Ryan"), ida)
    page = screen.page
    page.set_viewport_size({"width": 390, "height": 844})
    screen.open("/installer/")
    page.wait_for_load_state("load")
    assert_no_trap(page)
    press(page, "Menu")
    walk_to(page, page.get_by_role("link", name="Sites", exact=True))
    page.keyboard.press("Escape")
    assert has_focus(page.get_by_role("button", name="Menu"))
    press(page, "Menu")
    follow(page, "Sites")
    heading(page, "Sites")
    assert screen.complaints == []
