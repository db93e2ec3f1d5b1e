"""The pages in a real browser, alive: what changes while one looks, keys, menus."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import (
    Route,
    expect,
)

from portico.devices.models import Command, Device
from portico.events.models import LogEntry
from portico.events.services.captures import take_capture
from portico.exports.models import Export
from portico.kernel.clock import utcnow
from tests.e2e.pages import House
from tests.e2e.screen import (
    Screen,
)
from tests.factories import (
    make_device,
    make_event,
    make_mac,
    make_seen,
    run_jobs,
)
from tests.factories.locks import make_lock, make_lock_account
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


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
    screen.hint("log.changed", site=house.site.pk)
    pill = screen.page.get_by_role("button", name="1 new")
    expect(pill).to_be_visible()
    expect(screen.page.get_by_text("Noah · face")).to_have_count(0)
    pill.click()
    expect(screen.page.get_by_text("Noah · face")).to_be_visible()
    expect(pill).to_have_count(0)


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
    screen.hint("log.changed", site=house.site.pk, visit=visit)
    expect(steps).to_have_count(2)
    expect(card.locator(".visit-around")).to_contain_text("Motion")
    assert screen.complaints == []


def test_what_happens_while_the_page_is_on_its_way_is_shown(
    screen: Screen, house: House
) -> None:
    """The stream begins after the page was drawn; nobody repeats a hint of in between."""
    screen.sign_in(house.installer)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    screen.page.route("**/live/**", hold)
    screen.open("/installer/log/")
    card = screen.page.locator(".visit").filter(has_text="4711")
    expect(card).to_be_visible()

    def is_held() -> bool:
        screen.page.wait_for_timeout(50)  # routes are handled meanwhile
        return bool(held)

    eventually(is_held)
    expect(card).not_to_contain_text("Motion")
    make_event(house.device, "motion")
    for route in held:  # that of the page before, too, if it asked once more
        screen.stream(route)
    expect(card.locator(".visit-around")).to_contain_text("Motion")
    assert screen.complaints == []


def test_a_picture_that_does_not_come_is_not_waited_for(
    screen: Screen, house: House
) -> None:
    entry = LogEntry.objects.latest("pk")
    capture = take_capture(entry_id=entry.pk, now=utcnow())
    assert capture is not None
    screen.sign_in(house.installer)
    screen.open("/installer/log/")
    coming = screen.page.get_by_text("A picture is being taken")
    expect(coming).to_have_count(1)
    Command.objects.update(state="failed", reason="unreachable")
    expect(coming).to_have_count(0)
    assert screen.complaints == []


def test_presence_changes_without_a_reload(screen: Screen, house: House) -> None:
    unborn = make_device(house.site, house.installer, name="Gate")
    screen.sign_in(house.installer)
    screen.open(f"/installer/devices/{unborn.mac}/")
    head = screen.page.locator(".device-head")
    expect(head).to_contain_text("Never seen")
    make_seen(unborn)
    screen.hint("presence.changed", device=unborn.pk)
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


def test_a_lock_can_be_opened_while_its_list_is_on_its_way(
    screen: Screen, house: House
) -> None:
    lock = make_lock(make_lock_account(house.installer), house.site)
    screen.sign_in(house.installer)
    asked: list[Route] = []

    def never(route: Route) -> None:
        is_part = "hx-request" in route.request.headers
        (asked.append if is_part else lambda one: one.continue_())(route)

    screen.page.route("**/locks/", never)
    screen.open(f"/installer/sites/{house.site.pk}/locks/")
    screen.hint("lock.changed")
    live = screen.page.locator("[data-live='lock.changed'].htmx-request")
    expect(live).to_be_attached()
    button = screen.page.get_by_role("button", name=f"Open {lock.name}")
    expect(button).to_have_css("opacity", "1")
    expect(button).to_have_css("pointer-events", "auto")


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
