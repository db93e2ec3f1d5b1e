"""Third-party cameras of a house: their list, their form, and the test (DEV-5)."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.enums import CommandState
from portico.devices.models import Camera, Command
from portico.devices.services import cameras as services
from portico.devices.services.commands import mark_sent, record_result
from portico.kernel.clock import utcnow
from portico.portals.installer.views import cameras as views
from portico.sites.models import Site
from tests.factories import (
    JPEG,
    make_bridge,
    make_community,
    make_device,
    make_site,
    run_jobs,
)
from tests.factories.cameras import (
    CAMERA_ADDRESS,
    CAMERA_PASSWORD,
    end_premium,
    make_camera,
    make_camera_picture,
    make_premium,
)
from tests.portals.support import CHANGED, HTMX, assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
FORM = {
    "name": "Garden",
    "address": CAMERA_ADDRESS,
    "user": "admin",
    "password": CAMERA_PASSWORD,
    "can_monitor": "yes",
    "terminals": ["app", "monitors"],
}
NEEDS_PREMIUM = "part of the Premium Plan, which"


@pytest.fixture
def house(site: Site) -> Site:
    return make_premium(site)


def url_of(site: Site, path: str = "") -> str:
    return f"/installer/sites/{site.pk}/cameras/{path}"


def page_of(browser: Client, site: Site, path: str = "") -> str:
    return html.unescape(text_of(browser.get(url_of(site, path))))


def sent(browser: Client, site: Site, path: str, **fields: object) -> str:
    """What a form is answered with; empty when it was taken."""
    answer = browser.post(url_of(site, path), FORM | fields)
    if answer.status_code == 302:
        return ""
    return html.unescape(text_of(answer))


def error_at(page: str, field: str) -> str:
    """The words under a field."""
    found = re.search(rf'<ul class="errorlist" id="id_{field}_error">(.*?)</ul>', page)
    return re.sub(r"<[^>]*>", "", found[1]) if found else ""


def test_camera_is_added_and_listed_without_its_password(
    browser: Client, house: Site, installer: User
) -> None:
    door = make_device(house, installer)
    form = page_of(browser, house, "new/")
    assert "Ryan" in form
    assert "Front door" in form

    assert sent(browser, house, "new/", linked=[door.pk]) == ""
    camera = Camera.objects.get()
    assert (camera.name, camera.user, camera.password) == (
        "Garden",
        "admin",
        CAMERA_PASSWORD,
    )
    assert [d.pk for d in camera.linked.all()] == [door.pk]
    shown = page_of(browser, house)
    assert CAMERA_ADDRESS in shown
    assert "App and indoor monitors" in shown
    assert f"/installer/devices/{door.mac}/" in shown
    assert "Third-Party Devices" in text_of(
        browser.get(f"/installer/sites/{house.pk}/devices/")
    )
    audit = text_of(browser.get("/installer/setting/audit/"))
    assert "added the camera Garden" in audit
    pages = [form, shown, audit, page_of(browser, house, f"{camera.pk}/edit/")]
    assert not [page for page in pages if CAMERA_PASSWORD in page]
    assert CAMERA_PASSWORD not in str(list(AuditEntry.objects.values()))


def test_users_may_be_kept_from_monitoring(browser: Client, house: Site) -> None:
    assert sent(browser, house, "new/", can_monitor="no") == ""
    assert "Users may not monitor it" in page_of(browser, house)

    camera = Camera.objects.get()
    fields = {"terminals": ["app"], "version": "1", "password": ""}
    assert sent(browser, house, f"{camera.pk}/edit/", **fields) == ""
    camera.refresh_from_db()
    assert (camera.monitor_in_app, camera.monitor_on_monitors) == (True, False)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"name": ""}, "name", "required"),
        ({"address": ""}, "address", "required"),
        ({"address": "http://cam/"}, "address", "begins with rtsp://"),
        ({"address": "rtsp://cam:0/"}, "address", "from 1 to 65535"),
        ({"address": "rtsp://ca m/"}, "address", "no spaces"),
        ({"address": "rtsp://cam/\r\nX: y"}, "address", "no spaces"),
        ({"address": "rtsp:///x"}, "address", "a name such as"),
        ({"address": "rtsp://127.0.0.1/"}, "address", "leads to the bridge itself"),
        ({"address": "rtsp://cam/" + "x" * 300}, "address", "at most 255"),
        ({"address": "rtsp://" + "x" * 2000}, "address", "at most 1020"),
        ({"address": "rtsp://root@cam/"}, "user", "holds another one"),
        ({"address": "rtsp://:other@cam/"}, "password", "holds another one"),
        ({"user": "a\nb"}, "user", "all of them visible"),
        ({"user": "x" * 128}, "user", "at most 127"),
        ({"password": "x" * 128}, "password", "at most 127"),
        ({"terminals": ["fridge"]}, "terminals", "not one of the available"),
        ({"can_monitor": "maybe"}, "can_monitor", "not one of the available"),
    ],
)
def test_bad_input_is_told_at_its_field_and_nothing_is_saved(
    browser: Client, house: Site, fields: dict[str, object], field: str, words: str
) -> None:
    page = sent(browser, house, "new/", **fields)

    assert words in error_at(page, field)
    assert "Nothing was saved yet" in page
    assert CAMERA_PASSWORD not in page
    assert not Camera.objects.exists()


def test_only_door_phones_of_this_house_can_be_linked(
    browser: Client, house: Site, installer: User
) -> None:
    make_device(house, installer)
    monitor = make_device(house, installer, name="Hall", model="C313")
    foreign = make_device(make_site(installer), installer)

    assert "Hall" not in page_of(browser, house, "new/")
    for other in (monitor.pk, foreign.pk, "x"):
        page = sent(browser, house, "new/", linked=[other])
        assert error_at(page, "linked")
    assert not Camera.objects.exists()


def test_refused_form_shows_no_password_however_it_was_entered(
    browser: Client, house: Site
) -> None:
    secret = "top%40secret"
    for address in (
        f"rtsp://root:{secret}@cam:0/x",
        f"rtsp://root:{secret}@cam/x",
        f"rtsp://root:{secret}/{secret}@cam/x",
        f"root:{secret}@cam",
        f"rtsp://root:{secret}@ca m/",
    ):
        fields = {"address": address, "user": "", "password": "", "name": ""}
        page = sent(browser, house, "new/", **fields)
        assert "secret" not in page
        assert "Enter the password again" in error_at(page, "password")
    page = sent(browser, house, "new/", name="", address="rtsp://root:a@cam/x", user="")
    assert 'value="rtsp://cam/x"' in page
    assert 'value="root"' in page
    assert len(re.findall(r'name="terminals"[^>]*checked', page)) == 2


def test_password_is_kept_replaced_and_removed(
    browser: Client, house: Site, installer: User
) -> None:
    camera = make_camera(house, installer)
    edit = f"{camera.pk}/edit/"
    page = page_of(browser, house, edit)
    assert "One is saved and never shown" in page
    assert f'value="{CAMERA_ADDRESS}"' in page

    assert sent(browser, house, edit, password="", version="1", name="Gate") == ""
    camera.refresh_from_db()
    assert (camera.name, camera.password) == ("Gate", CAMERA_PASSWORD)
    moved = {"address": "rtsp://192.168.1.65/", "password": "", "version": "2"}
    page = sent(browser, house, edit, **moved)
    assert "saved for another address" in error_at(page, "password")
    fields = {"password": "", "forget_password": "on", "version": "2"}
    assert sent(browser, house, edit, **fields) == ""
    camera.refresh_from_db()
    assert camera.password == ""
    assert "Remove the password" not in page_of(browser, house, edit)


@pytest.mark.parametrize("version", ["1", "", "x", "99999999999999999999"])
def test_edit_of_what_somebody_else_has_changed_is_told(
    browser: Client, house: Site, installer: User, version: str
) -> None:
    camera = make_camera(house, installer)
    edit = f"{camera.pk}/edit/"
    assert sent(browser, house, edit, version="1", name="Gate") == ""

    page = sent(browser, house, edit, version=version, name="Yard")
    camera.refresh_from_db()
    assert camera.name == "Gate"
    assert 'value="Yard"' in page
    assert CHANGED in page


def test_without_a_running_premium_plan_there_is_nothing_to_fill(
    browser: Client, house: Site, installer: User
) -> None:
    camera = make_camera(house, installer)
    end_premium(house)
    for path in ("new/", f"{camera.pk}/edit/"):
        page = page_of(browser, house, path)
        assert f"{NEEDS_PREMIUM} has expired for this house." in page
        assert 'name="address"' not in page
        assert "has expired" in sent(browser, house, path, name="Gate")
    assert [c.name for c in Camera.objects.all()] == ["Garden"]

    shown = page_of(browser, house)
    assert "Unavailable" in shown
    assert f"{NEEDS_PREMIUM} has expired for this house." in shown
    assert "disabled" in button(shown)
    test = browser.post(url_of(house, f"{camera.pk}/"), headers=HTMX)
    assert test.status_code == 409
    assert not Command.objects.exists()


def button(page: str) -> str:
    """The tag of the first *Test* button."""
    at = page.index('aria-label="Test ')
    return page[page.rindex("<button", 0, at) : page.index(">", at)]


def test_house_that_has_no_plan_is_told_so(browser: Client, site: Site) -> None:
    assert f"{NEEDS_PREMIUM} this house does not have." in page_of(
        browser, site, "new/"
    )
    assert "No third-party cameras yet" in page_of(browser, site)


def test_community_has_no_such_page(browser: Client, installer: User) -> None:
    estate = make_community(installer)

    for path in ("", "new/"):
        assert browser.get(url_of(estate, path)).status_code == 404
    devices = text_of(browser.get(f"/installer/sites/{estate.pk}/devices/"))
    assert "Third-Party Devices" not in devices


def test_camera_is_deleted_after_its_effect_was_told(
    browser: Client, house: Site, installer: User
) -> None:
    camera = make_camera(house, installer)
    page = page_of(browser, house, f"{camera.pk}/delete/")
    assert "newest picture are deleted here" in page
    assert Camera.objects.exists()

    assert sent(browser, house, f"{camera.pk}/delete/") == ""
    assert not Camera.objects.exists()
    assert "Garden is deleted." in page_of(browser, house)


def test_test_shows_its_life_and_the_picture(
    browser: Client, house: Site, installer: User
) -> None:
    camera = make_camera(house, installer)
    url = url_of(house, f"{camera.pk}/")
    assert "only a bridge can reach the camera" in page_of(browser, house)
    assert "disabled" in button(page_of(browser, house))
    make_bridge(house, installer)
    assert "disabled" not in button(page_of(browser, house))

    answer = text_of(browser.post(url, {"key": "k1"}, headers=HTMX))
    command = Command.objects.get()
    assert str(command.pk) in answer
    assert "requested" in answer
    assert command.camera_id == camera.pk
    mark_sent(command_id=command.pk, now=utcnow())
    assert text_of(browser.post(url, {"key": "k1"}, headers=HTMX)).count("sent") >= 1
    life = f"/installer/commands/{command.pk}/"
    assert "sent" in text_of(browser.get(f"{life}?shown=requested"))
    [bridge] = house.bridges.all()
    record_result(
        bridge_id=bridge.pk,
        command_id=command.pk,
        state=CommandState.DENIED,
        reason="unauthorized",
        at=utcnow(),
        now=utcnow(),
    )
    assert "The camera refused the user name or the password." in text_of(
        browser.get(f"{life}?shown=sent")
    )
    assert "The camera refused the user name" in page_of(browser, house)

    make_camera_picture(camera, installer)
    assert "Shows a picture" in page_of(browser, house)
    card = text_of(browser.get(url, headers=HTMX))
    assert "newest.jpg" in card
    picture = browser.get(url_of(house, f"{camera.pk}/newest.jpg"))
    assert text_of(browser.get(url, headers=HTMX)).count("<article") == 1
    assert picture.content == JPEG
    assert picture["Content-Type"] == "image/jpeg"
    assert picture["Cache-Control"] == "private, no-store"


def test_reason_of_an_older_bridge_is_told(
    browser: Client, house: Site, installer: User
) -> None:
    camera = make_camera(house, installer)
    bridge = make_bridge(house, installer)
    browser.post(url_of(house, f"{camera.pk}/"))
    command = Command.objects.get()
    mark_sent(command_id=command.pk, now=utcnow())
    record_result(
        bridge_id=bridge.pk,
        command_id=command.pk,
        state=CommandState.FAILED,
        reason="bad_command",
        at=utcnow(),
        now=utcnow(),
    )

    assert "Its program is older than this." in page_of(browser, house)


def test_list_costs_the_same_with_one_camera_and_with_three(
    browser: Client, house: Site, installer: User
) -> None:
    door = make_device(house, installer)
    make_bridge(house, installer)
    run_jobs()

    def add(count: int) -> None:
        for _ in range(count):
            camera = make_camera(house, installer, linked=[door.pk])
            make_camera_picture(camera, installer)

    add(1)
    assert_constant_queries(browser, url_of(house), lambda: add(2))


def test_full_house_offers_no_more(
    browser: Client, house: Site, installer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (services, views):
        monkeypatch.setattr(module, "MOST", 1)
    make_camera(house, installer)

    page = page_of(browser, house)
    assert "at most 1 third-party cameras" in page
    assert "cameras/new/" not in page
    assert "at most 1 third-party cameras" in sent(browser, house, "new/")
