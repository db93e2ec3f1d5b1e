"""The pages in a real browser: accessible, and without a console error."""

from __future__ import annotations

import functools

import pytest
from playwright.sync_api import (
    FilePayload,
    expect,
)

from portico.accounts.models import User
from tests.e2e.pages import DOOR, House
from tests.e2e.screen import (
    WIDTHS,
    Screen,
    assert_fine,
    assert_fits,
    assert_shown_well,
    take_width,
)
from tests.factories import (
    make_announcement,
    make_bridge,
    make_capture,
    make_dead_letter,
    make_device,
    make_distributor,
    make_event,
    make_export,
    make_family_member,
    make_import,
    make_installer,
    make_mac,
    make_manual,
    make_operator,
    make_site,
    make_ticket,
    run_jobs,
    set_prices,
)
from tests.factories.access import (
    make_credential,
    make_face,
    make_key,
    make_schedule,
)
from tests.factories.autop import make_commands
from tests.factories.filters import make_filter
from tests.factories.firmware import make_campaign, make_version
from tests.factories.locks import make_lock, make_lock_account
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def access_pages(house: House) -> list[str]:
    """Codes and cards: of a person, of the house, of a device."""
    person = make_family_member(house.site, house.installer, "Tim")
    make_credential(person, house.installer)
    make_face(person, house.installer)
    key = make_key(house.device, house.installer)
    schedule = make_schedule(house.site, house.installer)
    site = f"/installer/sites/{house.site.pk}/"
    people = f"{site}people/{person.pk}/access/"
    return [
        people,
        *(f"{people}new/{kind}/" for kind in ("pin", "face", "dynamic_qr")),
        *(f"{site}keys/{part}" for part in ("", "new/", f"{key.pk}/")),
        *(f"{site}schedules/{part}" for part in ("", "new/", f"{schedule.pk}/edit/")),
        f"/installer/devices/{house.device.mac}/access/",
    ]


def lock_pages(house: House) -> list[str]:
    """The Integration module, and the locks of the house."""
    account = make_lock_account(house.installer)
    make_lock(account, house.site)
    free = make_lock(account)
    there = "/installer/integration/"
    locks = f"/installer/sites/{house.site.pk}/locks/"
    return [
        *(f"{there}{brand}/guide/" for brand in ("salto", "dormakaba")),
        *(f"{there}{brand}/new/" for brand in ("salto", "dormakaba")),
        *(f"{there}accounts/{account.pk}/{part}" for part in ("", "edit/", "delete/")),
        f"{there}locks/{free.pk}/assign/",
        locks,
        f"{locks}new/",
    ]


def upgrade_pages(house: House) -> list[str]:
    """The Upgrade module and saved filters: an upgrade of the house's device."""
    version = make_version("29.30.10.200")
    campaign = make_campaign(house.installer, [house.device], version)
    record = campaign.upgrades.get().pk
    saved = make_filter(house.installer, "Doors", model="R29")
    there, filters = "/installer/upgrade/", "/installer/devices/filters/"
    return [
        there,
        f"{there}campaigns/",
        f"{there}new/?version={version.pk}",
        f"{there}wizard/?filter={saved.pk}",
        *(f"{there}{campaign.pk}/{act}" for act in ("", "edit/", "pause/", "stop/")),
        *(f"{there}records/{record}/{part}" for part in ("", "delete/")),
        f"/installer/devices/{house.device.mac}/firmware/",
        filters,
        f"{filters}new/?q=Front",
        *(f"{filters}{saved.pk}/{part}/" for part in ("edit", "delete")),
    ]


def installer_pages(house: House) -> list[str]:
    site, device = (
        f"/installer/sites/{house.site.pk}/",
        f"/installer/devices/{house.device.mac}/",
    )
    return [
        "/installer/",
        "/installer/sites/",
        "/installer/sites/new/",
        "/installer/sites/import/",
        f"/installer/sites/import/{make_import(house.installer).pk}/",
        *(f"{site}{tab}" for tab in ("", "devices/", "doors/", "bridge/", "log/")),
        *(
            f"{site}{part}/"
            for part in ("checklist", "services", "settings", "reset", "delete")
        ),
        f"{site}devices/new/",
        f"{site}bridge/remove/",
        "/installer/devices/",
        *(
            f"{device}{tab}"
            for tab in (
                "",
                "doors/",
                "settings/",
                "provisioning/",
                "events/",
                "remote/",
            )
        ),
        f"{device}edit/",
        f"{device}replace/",
        f"{device}audit/",
        f"{device}delete/",
        f"{device}remote/reset/reset_factory/",
        *access_pages(house),
        "/installer/devices/autop/",
        "/installer/devices/autop/new/",
        f"/installer/devices/autop/{make_commands(house.installer, [house.device]).pk}/",
        "/installer/log/",
        "/installer/mac-library/",
        "/installer/firmware/",
        f"/installer/firmware/{make_version().pk}/",
        "/installer/setting/",
        "/installer/setting/password/",
        "/installer/setting/audit/",
        "/installer/notifications/",
        "/installer/support/",
        "/installer/support/new/",
        f"/installer/support/{house.ticket.pk}/",
        "/installer/support/manuals/",
        "/installer/privacy/",
    ]


@WIDTHS
def test_installers_pages_are_accessible(
    screen: Screen, house: House, width: int
) -> None:
    take_width(screen, width)
    screen.sign_in(house.installer)
    for path in installer_pages(house):
        assert_fine(screen, path)


@WIDTHS
def test_pages_of_locks_are_accessible(
    screen: Screen, house: House, width: int
) -> None:
    pages = lock_pages(house)
    take_width(screen, width)
    screen.sign_in(house.installer)
    for path in ("/installer/integration/", *pages):
        assert_fine(screen, path)


@WIDTHS
def test_pages_of_upgrades_are_accessible(
    screen: Screen, house: House, width: int
) -> None:
    pages = upgrade_pages(house)
    take_width(screen, width)
    screen.sign_in(house.installer)
    for path in ("/installer/", "/installer/devices/?update=yes", *pages):
        assert_fine(screen, path)


_COMMON = (
    "setting/",
    "setting/password/",
    "setting/notification/",
    "setting/two-factor/",
    "setting/sessions/",
    "setting/audit/",
    "notifications/",
    "support/",
    "support/manuals/",
    "privacy/",
    "users/",
)


@WIDTHS
def test_distributors_pages_are_accessible(
    screen: Screen, transactional_db: None, width: int
) -> None:
    dora = make_distributor("dora")
    make_mac(dora, model="R29")
    make_manual(make_operator("otto"))
    make_announcement(User.objects.get(username="otto"))
    own = make_ticket(dora)
    ida = make_installer("ida", distributor=dora)
    asked, unit = make_ticket(ida), make_device(make_site(ida), ida)
    take_width(screen, width)
    screen.sign_in(dora)
    tickets = [f"support/{ticket.pk}/" for ticket in (own, asked)]
    library = ("mac-library/", "mac-library/new/", "mac-library/import/")
    for path in ("", *library, *_COMMON, "support/new/", *tickets):
        assert_fine(screen, f"/distributor/{path}")
    assert_fine(screen, f"/distributor/devices/{unit.mac}/web-password/")
    screen.page.get_by_role("button", name="Issue a password").click()
    expect(screen.page.get_by_text("This password is shown once.")).to_be_visible()
    assert_shown_well(screen, "a web password")


@WIDTHS
def test_operators_pages_are_accessible(
    screen: Screen, transactional_db: None, width: int
) -> None:
    otto, dora = make_operator("otto"), make_distributor("dora")
    make_dead_letter()
    make_manual(otto)
    make_announcement(otto)
    ticket = make_ticket(dora)
    version = make_version(known_bad="Calls break off.")
    services = f"sites/{make_site(make_installer(distributor=dora)).pk}/services/"
    take_width(screen, width)
    screen.sign_in(otto)
    pages = (
        "health/",
        "prices/",
        services,
        f"{services}app/grant/",
        f"{services}app/end/",
        "dead-letters/",
        "app-api/",
        "announcements/",
        "announcements/new/",
        "firmware/",
        "firmware/new/",
        *(f"firmware/{version.pk}/{part}" for part in ("", "log/", "mark/", "delete/")),
        "support/manuals/new/",
        f"support/{ticket.pk}/",
        "companies/new/distributor/",
        "users/team/new/",
    )
    for path in ("", *pages, *_COMMON):
        assert_fine(screen, f"/operator/{path}")


@WIDTHS
def test_people_of_a_house_are_accessible(
    screen: Screen, house: House, width: int
) -> None:
    member = make_family_member(house.site, house.installer, "Mia")
    make_family_member(house.site, house.installer)
    take_width(screen, width)
    screen.sign_in(house.installer)
    site = f"/installer/sites/{house.site.pk}/"
    one = f"{site}people/{member.pk}/"
    for path in (site, f"{site}people/new/", f"{one}edit/", f"{one}delete/"):
        assert_fine(screen, path)
    screen.open(f"{site}people/new/")
    screen.page.get_by_role("button", name="Add", exact=True).click()
    expect(screen.page.get_by_text("This field is required.")).to_be_visible()
    assert_shown_well(screen, "errors of a new family member")
    make_family_member(house.site, house.installer)
    set_prices(additional_app=150)
    assert_fine(screen, f"{site}people/new/")
    expect(screen.page.get_by_text("needs an Additional App")).to_be_visible()
    screen.open(site)
    screen.page.get_by_role("button", name="Actions for Mia").click()
    expect(screen.page.get_by_role("button", name="Reset Password")).to_be_visible()
    assert_shown_well(screen, "an open menu")


@WIDTHS
def test_quiet_pages_are_accessible(
    screen: Screen, transactional_db: None, width: int
) -> None:
    take_width(screen, width)
    assert_fine(screen, "/sign-in/")
    assert_fine(screen, "/sign-in/once/secret/")


# Long words are what breaks a narrow page.
_LONG_ERROR = f"OSError: https://{'a' * 120}.example.org/ is away\n" * 3
_GOOD_ROWS = "MAC,Model\n0C1105F00001,R29\n0C:11:05:F0:00:02,\n"
_BAD_ROWS = f"MAC,Model\n{'x' * 60},R29\n0C1105F00003,{'Y' * 40}\n"


@WIDTHS
def test_a_name_of_one_long_word_breaks_no_page(
    screen: Screen, house: House, width: int
) -> None:
    word = "Rindfleischetikettierungsueberwachungsaufgabenuebertragung"
    site = make_site(house.installer, word * 2, room_name=word * 2)
    device = make_device(site, house.installer, name=word)
    run_jobs()
    make_bridge(site, house.installer)
    make_event(device, "face_granted", user=word)
    take_width(screen, width)
    screen.sign_in(house.installer)
    shown = House(house.installer, site, device, house.ticket)
    for path in (*installer_pages(shown), *upgrade_pages(shown)):
        screen.open(path)
        assert_fits(screen, path)


def preview_import(screen: Screen, text: str) -> None:
    screen.open("/distributor/mac-library/import/")
    upload = FilePayload(name="macs.csv", mimeType="text/csv", buffer=text.encode())
    screen.page.get_by_label("File").set_input_files(upload)
    screen.page.get_by_role("button", name="Preview").click()
    heading = screen.page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Preview of the import")


@WIDTHS
def test_distributors_import_and_removal_are_accessible(
    screen: Screen, transactional_db: None, width: int
) -> None:
    distributor = make_distributor("dora")
    entry = make_mac(distributor, model="R29")
    take_width(screen, width)
    screen.sign_in(distributor)
    assert_fine(screen, f"/distributor/mac-library/{entry.pk}/remove/")
    assert_fine(screen, "/distributor/setting/password/")
    for rows, word in ((_GOOD_ROWS, "will be loaded"), (_BAD_ROWS, "in error")):
        preview_import(screen, rows)
        expect(screen.page.get_by_text(word).first).to_be_visible()
        assert_shown_well(screen, f"preview: {word}")


@WIDTHS
def test_operators_discarding_of_a_job_is_accessible(
    screen: Screen, transactional_db: None, width: int
) -> None:
    job = make_dead_letter(error=_LONG_ERROR)
    take_width(screen, width)
    screen.sign_in(make_operator("otto"))
    assert_fine(screen, f"/operator/dead-letters/{job.pk}/discard/")
    assert_fine(screen, "/operator/dead-letters/")
    assert_fine(screen, "/operator/setting/password/")


@WIDTHS
def test_bridges_token_and_an_installers_mac_are_accessible(
    screen: Screen, house: House, width: int
) -> None:
    entry = make_mac(house.installer, model="R29")
    empty = make_site(house.installer, "Novak")
    take_width(screen, width)
    screen.sign_in(house.installer)
    assert_fine(screen, f"/installer/mac-library/{entry.pk}/remove/")
    screen.open(f"/installer/sites/{empty.pk}/bridge/")
    screen.page.get_by_role("button", name="Add bridge").click()
    heading = screen.page.get_by_role("heading", name="Set up the bridge")
    expect(heading).to_be_visible()
    assert_shown_well(screen, "bridge with its token")
    assert_fine(screen, f"/installer/sites/{empty.pk}/bridge/")
    expect(heading).to_have_count(0)


@WIDTHS
def test_a_visit_with_its_picture_and_the_files_are_accessible(
    screen: Screen, house: House, width: int
) -> None:
    make_capture(house.device, DOOR.read_bytes())
    make_export(house.installer)
    take_width(screen, width)
    screen.sign_in(house.installer)
    page = screen.page
    for path in ("/installer/log/", f"/installer/sites/{house.site.pk}/log/"):
        screen.open(path)
        page.get_by_text("Details").first.click()
        expect(page.get_by_text("What the device reported")).to_be_visible()
        picture = page.get_by_role("img", name="What Front door saw").first
        # Shown, not only linked.
        eventually(functools.partial(picture.evaluate, "one => one.naturalWidth > 0"))
        expect(page.get_by_role("link", name="Download")).to_be_visible()
        assert_shown_well(screen, path)


@WIDTHS
def test_steps_of_a_new_house_are_accessible(
    screen: Screen, house: House, width: int
) -> None:
    set_prices(premium=500, video=300)
    take_width(screen, width)
    screen.sign_in(house.installer)
    page = screen.page
    screen.open("/installer/sites/new/")
    page.get_by_label("Name", exact=True).fill("Ryan")
    page.get_by_label("Landline Service").is_hidden()
    page.get_by_label("Premium Plan").check()
    page.get_by_label("Landline 1").fill("12")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Enter an email or a mobile number.").first).to_be_visible()
    assert_shown_well(screen, "errors of the first step")
    page.get_by_label("Email").fill("steps@example.com")
    page.get_by_label("Landline 1").fill("")
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Video Storage", exact=True).check()
    page.get_by_label("Smart Home").check()
    assert_shown_well(screen, "the second step")
    page.get_by_label("Home automation address").fill("https://ha.example.com")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("https://ha.example.com")).to_be_visible()
    assert_shown_well(screen, "the review")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("is created. Now add its devices.")).to_be_visible()
