"""The pages in a real browser: accessible, without a console error, and alive."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import (
    FilePayload,
    Route,
    expect,
)

from portico.accounts.models import User
from portico.devices.models import Command, Device
from portico.events.models import LogEntry
from portico.exports.models import Export
from portico.sites.models import Site
from portico.support.models import Ticket
from tests.e2e.screen import (
    FORMS,
    Screen,
    assert_fine,
    assert_fits,
    assert_shown_well,
    take_form,
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
    make_notice,
    make_operator,
    make_seen,
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
from tests.factories.locks import make_lock, make_lock_account
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


# A small picture that browsers show.
DOOR = Path(__file__).parents[1] / "fixtures" / "door.jpg"


@dataclass(frozen=True)
class House:
    """A house with a device behind a bridge."""

    installer: User
    site: Site
    device: Device
    ticket: Ticket


@pytest.fixture
def house(transactional_db: None) -> House:
    installer = make_installer("ida")
    site = make_site(installer, "Ryan")
    device = make_device(site, installer)
    run_jobs()
    make_bridge(site, installer)
    make_seen(device)
    make_event(device, "face_granted", user="Mia")
    make_event(device, "card_refused", card="••••4711")
    make_mac(installer, model="R29")
    make_notice(installer)
    return House(installer, site, device, make_ticket(installer))


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
            for tab in ("", "doors/", "provisioning/", "events/", "remote/")
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
        "/installer/upgrade/",
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


@FORMS
def test_installers_pages_are_accessible(
    screen: Screen, house: House, scheme: str, width: int
) -> None:
    take_form(screen, scheme, width)
    screen.sign_in(house.installer)
    for path in installer_pages(house):
        assert_fine(screen, path)


@FORMS
def test_pages_of_locks_are_accessible(
    screen: Screen, house: House, scheme: str, width: int
) -> None:
    pages = lock_pages(house)
    take_form(screen, scheme, width)
    screen.sign_in(house.installer)
    for path in ("/installer/integration/", *pages):
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


@FORMS
def test_distributors_pages_are_accessible(
    screen: Screen, transactional_db: None, scheme: str, width: int
) -> None:
    dora = make_distributor("dora")
    make_mac(dora, model="R29")
    make_manual(make_operator("otto"))
    make_announcement(User.objects.get(username="otto"))
    own = make_ticket(dora)
    ida = make_installer("ida", distributor=dora)
    asked, unit = make_ticket(ida), make_device(make_site(ida), ida)
    take_form(screen, scheme, width)
    screen.sign_in(dora)
    tickets = [f"support/{ticket.pk}/" for ticket in (own, asked)]
    library = ("mac-library/", "mac-library/new/", "mac-library/import/")
    for path in ("", *library, *_COMMON, "support/new/", *tickets):
        assert_fine(screen, f"/distributor/{path}")
    assert_fine(screen, f"/distributor/devices/{unit.mac}/web-password/")
    screen.page.get_by_role("button", name="Issue a password").click()
    expect(screen.page.get_by_text("This password is shown once.")).to_be_visible()
    assert_shown_well(screen, "a web password")


@FORMS
def test_operators_pages_are_accessible(
    screen: Screen, transactional_db: None, scheme: str, width: int
) -> None:
    otto, dora = make_operator("otto"), make_distributor("dora")
    make_dead_letter()
    make_manual(otto)
    make_announcement(otto)
    ticket = make_ticket(dora)
    services = f"sites/{make_site(make_installer(distributor=dora)).pk}/services/"
    take_form(screen, scheme, width)
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
        "support/manuals/new/",
        f"support/{ticket.pk}/",
        "companies/new/distributor/",
        "users/team/new/",
    )
    for path in ("", *pages, *_COMMON):
        assert_fine(screen, f"/operator/{path}")


@FORMS
def test_people_of_a_house_are_accessible(
    screen: Screen, house: House, scheme: str, width: int
) -> None:
    member = make_family_member(house.site, house.installer, "Mia")
    make_family_member(house.site, house.installer)
    take_form(screen, scheme, width)
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


@FORMS
def test_quiet_pages_are_accessible(
    screen: Screen, transactional_db: None, scheme: str, width: int
) -> None:
    take_form(screen, scheme, width)
    assert_fine(screen, "/sign-in/")
    assert_fine(screen, "/sign-in/once/secret/")


# Long words are what breaks a narrow page.
_LONG_ERROR = f"OSError: https://{'a' * 120}.example.org/ is away\n" * 3
_GOOD_ROWS = "MAC,Model\n0C1105F00001,R29\n0C:11:05:F0:00:02,\n"
_BAD_ROWS = f"MAC,Model\n{'x' * 60},R29\n0C1105F00003,{'Y' * 40}\n"


@pytest.mark.parametrize("width", [1440, 390])
def test_a_name_of_one_long_word_breaks_no_page(
    screen: Screen, house: House, width: int
) -> None:
    word = "Rindfleischetikettierungsueberwachungsaufgabenuebertragung"
    site = make_site(house.installer, word * 2, room_name=word * 2)
    device = make_device(site, house.installer, name=word)
    run_jobs()
    make_bridge(site, house.installer)
    make_event(device, "face_granted", user=word)
    take_form(screen, "light", width)
    screen.sign_in(house.installer)
    for path in installer_pages(House(house.installer, site, device, house.ticket)):
        screen.open(path)
        assert_fits(screen, path)


def preview_import(screen: Screen, text: str) -> None:
    screen.open("/distributor/mac-library/import/")
    upload = FilePayload(name="macs.csv", mimeType="text/csv", buffer=text.encode())
    screen.page.get_by_label("File").set_input_files(upload)
    screen.page.get_by_role("button", name="Preview").click()
    heading = screen.page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Preview of the import")


@FORMS
def test_distributors_import_and_removal_are_accessible(
    screen: Screen, transactional_db: None, scheme: str, width: int
) -> None:
    distributor = make_distributor("dora")
    entry = make_mac(distributor, model="R29")
    take_form(screen, scheme, width)
    screen.sign_in(distributor)
    assert_fine(screen, f"/distributor/mac-library/{entry.pk}/remove/")
    assert_fine(screen, "/distributor/setting/password/")
    for rows, word in ((_GOOD_ROWS, "will be loaded"), (_BAD_ROWS, "in error")):
        preview_import(screen, rows)
        expect(screen.page.get_by_text(word).first).to_be_visible()
        assert_shown_well(screen, f"preview: {word}")


@FORMS
def test_operators_discarding_of_a_job_is_accessible(
    screen: Screen, transactional_db: None, scheme: str, width: int
) -> None:
    job = make_dead_letter(error=_LONG_ERROR)
    take_form(screen, scheme, width)
    screen.sign_in(make_operator("otto"))
    assert_fine(screen, f"/operator/dead-letters/{job.pk}/discard/")
    assert_fine(screen, "/operator/dead-letters/")
    assert_fine(screen, "/operator/setting/password/")


@FORMS
def test_bridges_token_and_an_installers_mac_are_accessible(
    screen: Screen, house: House, scheme: str, width: int
) -> None:
    entry = make_mac(house.installer, model="R29")
    empty = make_site(house.installer, "Novak")
    take_form(screen, scheme, width)
    screen.sign_in(house.installer)
    assert_fine(screen, f"/installer/mac-library/{entry.pk}/remove/")
    screen.open(f"/installer/sites/{empty.pk}/bridge/")
    screen.page.get_by_role("button", name="Add bridge").click()
    heading = screen.page.get_by_role("heading", name="Set up the bridge")
    expect(heading).to_be_visible()
    assert_shown_well(screen, "bridge with its token")
    assert_fine(screen, f"/installer/sites/{empty.pk}/bridge/")
    expect(heading).to_have_count(0)


def test_a_double_click_on_open_is_one_order_and_shows_its_life(
    screen: Screen, house: House
) -> None:
    screen.sign_in(house.installer)
    screen.open(f"/installer/sites/{house.site.pk}/doors/")
    screen.page.get_by_role("button", name="Open Door 1").dblclick()
    expect(screen.page.get_by_text("requested")).to_be_visible()
    assert Command.objects.count() == 1
    command = Command.objects.get()
    assert len(command.idempotency_key) == 32
    Command.objects.update(state="denied", reason="rejected")
    expect(screen.page.get_by_text("The device refused.")).to_be_visible()
    assert screen.complaints == []


def test_log_tells_what_is_new_and_shows_it_on_demand(
    screen: Screen, house: House
) -> None:
    screen.sign_in(house.installer)
    gate = make_device(house.site, house.installer, name="Gate")
    screen.open("/installer/log/")
    make_event(gate, "face_granted", user="Noah")
    screen.hints.append(f'{{"subject": "log.changed", "site": "{house.site.pk}"}}')
    pill = screen.page.get_by_role("button", name="1 new")
    expect(pill).to_be_visible()
    expect(screen.page.get_by_text("Noah · face")).to_have_count(0)
    pill.click()
    expect(screen.page.get_by_text("Noah · face")).to_be_visible()
    expect(pill).to_have_count(0)


@FORMS
def test_a_visit_with_its_picture_and_the_files_are_accessible(
    screen: Screen, house: House, scheme: str, width: int
) -> None:
    make_capture(house.device, DOOR.read_bytes())
    make_export(house.installer)
    take_form(screen, scheme, width)
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


def test_a_file_is_made_while_one_looks_and_after_a_reload(
    screen: Screen, house: House
) -> None:
    screen.sign_in(house.installer)
    screen.open("/installer/log/?outcome=refused")
    page = screen.page
    page.get_by_role("button", name="CSV").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    export = Export.objects.get()
    Export.objects.update(state="running", rows_done=340, rows_total=1000)
    expect(page.get_by_text("34 %")).to_be_visible()
    page.reload()
    expect(page.get_by_text("34 %")).to_be_visible()
    run_jobs()
    download = page.get_by_role("link", name="Download")
    expect(download).to_be_visible()
    with page.expect_download() as saved:
        download.click()
    assert "refused" in saved.value.path().read_text()
    assert saved.value.suggested_filename == (f"log-{export.requested_at:%Y-%m-%d}.csv")
    page.get_by_role("button", name="Remove").click()
    expect(download).to_have_count(0)
    assert not Export.objects.exists()
    assert screen.complaints == []


def test_an_open_visit_stays_open_while_it_goes_on(
    screen: Screen, house: House
) -> None:
    screen.sign_in(house.installer)
    screen.open("/installer/log/")
    page = screen.page
    card = page.locator(".visit").filter(has_text="4711")
    card.get_by_text("Details").click()
    steps = card.locator(".visit-steps li")
    expect(steps).to_have_count(1)
    make_event(house.device, "motion")
    visit = LogEntry.objects.latest("pk").visit_id
    screen.hints.append(
        f'{{"subject": "log.changed", "site": "{house.site.pk}", "visit": {visit}}}'
    )
    expect(steps).to_have_count(2)
    expect(card.locator(".visit-around")).to_contain_text("Motion")
    assert screen.complaints == []


def test_presence_changes_without_a_reload(screen: Screen, house: House) -> None:
    unborn = make_device(house.site, house.installer, name="Gate")
    screen.sign_in(house.installer)
    screen.open(f"/installer/devices/{unborn.mac}/")
    head = screen.page.locator(".device-head")
    expect(head).to_contain_text("Never seen")
    make_seen(unborn)
    screen.hints.append(f'{{"subject": "presence.changed", "device": {unborn.pk}}}')
    expect(head).to_contain_text("Online")


def test_adding_a_device_follows_the_mac(screen: Screen, house: House) -> None:
    mac = make_mac(house.installer, model="R26").mac
    screen.sign_in(house.installer)
    page = screen.page
    screen.open(f"/installer/sites/{house.site.pk}/devices/new/")
    page.get_by_label("Device Name").fill("Gate")
    page.get_by_label("MAC").press_sequentially(mac.lower())
    expect(page.get_by_label("MAC")).to_have_value(house_spelling(mac))
    page.get_by_label("MAC").blur()
    expect(page.get_by_text("R26 · Door Phone")).to_be_visible()
    expect(page.get_by_label("Face")).to_have_count(0)
    expect(page.get_by_label("IP Address")).to_be_hidden()
    page.get_by_role("button", name="Add Relay").click()
    expect(page.get_by_label("Relay Name")).to_have_count(2)
    expect(page.get_by_role("button", name="Add Relay")).to_have_count(0)
    page.get_by_label("Relay Name").last.fill("Garage")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gate")
    device = Device.objects.get(mac=mac)
    assert [relay.name for relay in device.relays.all()] == ["Door 1", "Garage"]
    assert screen.complaints == []


def test_what_is_typed_while_the_mac_is_looked_up_stays(
    screen: Screen, house: House
) -> None:
    mac = make_mac(house.installer, model="R26").mac
    screen.sign_in(house.installer)
    page = screen.page
    screen.open(f"/installer/sites/{house.site.pk}/devices/new/")
    page.wait_for_load_state("load")

    def slowly(route: Route) -> None:
        # The answer is on its way; meanwhile the person goes on.
        response = route.fetch()
        page.get_by_label("Device Name").fill("Gate")
        page.get_by_label("Relay Name").fill("Garage")
        page.get_by_label("PIN").uncheck()
        route.fulfill(response=response)

    page.route("**/devices/new/", slowly)
    page.get_by_label("MAC").fill(mac)
    page.get_by_label("MAC").blur()
    expect(page.get_by_text("R26 · Door Phone")).to_be_visible()
    page.unroute("**/devices/new/")
    expect(page.get_by_label("Device Name")).to_have_value("Gate")
    expect(page.get_by_label("Relay Name")).to_have_value("Garage")
    expect(page.get_by_label("PIN")).to_have_count(0)  # an R26 has no keypad
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gate")
    assert [r.name for r in Device.objects.get(mac=mac).relays.all()] == ["Garage"]


def house_spelling(mac: str) -> str:
    return ":".join(re.findall("..", mac))


def test_keyboard_goes_where_it_says(screen: Screen, house: House) -> None:
    screen.sign_in(house.installer)
    page = screen.page
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sites")
    page.wait_for_load_state("load")
    page.keyboard.press("/")
    expect(page.get_by_label("Search sites")).to_be_focused()
    page.keyboard.type("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    assert page.url.endswith("q=nobody")


def test_an_open_menu_outlives_an_answer_on_its_way(
    screen: Screen, house: House
) -> None:
    screen.sign_in(house.installer)
    page = screen.page
    menu = page.get_by_role("link", name="Edit")
    answers: list[int] = []

    def slowly(route: Route) -> None:
        if "hx-request" not in route.request.headers:
            route.continue_()
            return
        # The answer is on its way; meanwhile the person opens a menu.
        response = route.fetch()
        if not answers:
            page.get_by_role("button", name="Actions for Front door").click()
            expect(menu).to_be_visible()
        route.fulfill(response=response)
        answers.append(response.status)

    page.route("**/installer/devices/", slowly)
    screen.open("/installer/devices/")
    expect(menu).to_be_visible()
    house.device.name = "Garden door"
    house.device.save()
    page.wait_for_timeout(1_500)
    assert set(answers) == {200}
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(page.get_by_text("Garden door")).to_be_visible()


def test_who_logs_out_is_not_led_back_by_an_answer_on_its_way(
    screen: Screen, house: House
) -> None:
    screen.sign_in(house.installer)
    page = screen.page
    asked: list[Route] = []

    def late(route: Route) -> None:
        is_part = "hx-request" in route.request.headers
        (asked.append if is_part else lambda one: one.continue_())(route)

    page.route("**/installer/devices/", late)
    screen.open("/installer/devices/")

    def is_asked() -> bool:
        page.wait_for_timeout(20)
        return bool(asked)

    eventually(is_asked)

    def log_out(route: Route) -> None:
        # Signed out already, and the next page on its way: now the answer comes.
        answer = route.fetch(max_redirects=0)
        asked[0].continue_()
        page.wait_for_timeout(1_000)
        route.fulfill(response=answer)

    page.route("**/sign-out/", log_out)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("User name or email")).to_be_visible()
    assert page.url == f"{screen.base}/sign-in/"


def test_theme_is_remembered_and_menus_open_on_a_phone(
    screen: Screen, house: House
) -> None:
    screen.sign_in(house.installer)
    page = screen.page
    page.get_by_role("button", name="Switch between light and dark").click()
    page.reload()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_role("link", name="MAC Library")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="MAC Library").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("MAC Library")
    screen.open("/installer/devices/")
    page.get_by_role("button", name="Actions for Front door").click()
    expect(page.get_by_role("link", name="Edit")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Edit")).to_be_hidden()


@FORMS
def test_steps_of_a_new_house_are_accessible(
    screen: Screen, house: House, scheme: str, width: int
) -> None:
    set_prices(premium=500, video=300)
    take_form(screen, scheme, width)
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
