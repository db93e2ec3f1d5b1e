from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from portico.accounts.models import User
from portico.portals.shared.choices import countries, country_of_zone, zone_names
from portico.portals.shared.icons import icon_svg
from tests.factories import PASSWORD, make_operator
from tests.portals.conftest import client_of
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

MODULES = [
    "Dashboard",
    "Sites",
    "Users",
    "Firmware",
    "Upgrade",
    "Message",
    "MAC Library",
    "Subscriptions",
    "Payments",
    "Automatic Payments",
    "Integration",
    "Setting",
    "Notification Center",
    "Privacy Policy",
]


def test_left_column_holds_the_guides_modules_in_its_order(browser: Client) -> None:
    page = text_of(browser.get("/installer/"))
    column = page.split('id="column"')[1].split("</nav>")[0]
    places = [column.index(f"{name}</a>") for name in MODULES]
    assert places == sorted(places)
    assert column.count('aria-current="page"') == 1


@pytest.mark.parametrize(
    "path",
    [
        "subscriptions",
        "payments",
        "automatic-payments",
    ],
)
def test_modules_to_come_say_so_and_are_marked(browser: Client, path: str) -> None:
    page = text_of(browser.get(f"/installer/{path}/"))
    assert "Not in this version yet" in page
    column = page.split('id="column"')[1].split("</nav>")[0]
    assert column.count('aria-current="page"') == 1


def test_setting_saves_name_zone_and_format(browser: Client, installer: User) -> None:
    data = {"name": "Ida N", "time_zone": "asia/tokyo", "time_format": "12h"}
    data["language"] = "de"
    assert browser.post("/installer/setting/", data).status_code == 302
    installer.refresh_from_db()
    assert (installer.name, installer.time_zone) == ("Ida N", "Asia/Tokyo")
    assert (installer.time_format, installer.language) == ("12h", "de")
    page = text_of(browser.get("/installer/setting/"))
    assert '<html lang="en"' in page


def test_password_is_changed_and_the_session_goes_on(
    browser: Client, installer: User
) -> None:
    other = client_of(installer)
    new = "another long passphrase"
    data = {"current": PASSWORD, "password": new, "repeated": new}
    response = browser.post("/installer/setting/password/", data)
    assert response.headers["Location"] == "/installer/setting/"
    installer.refresh_from_db()
    assert installer.check_password(new)
    assert browser.get("/installer/").status_code == 200
    assert other.get("/installer/").status_code == 302


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"current": "wrong"}, "id_current", "not your current password"),
        ({"repeated": "else else else"}, "id_repeated", "differ"),
        ({"password": "short", "repeated": "short"}, "id_password", "too short"),
    ],
)
def test_password_errors_stand_at_their_field(
    browser: Client, installer: User, changes: dict[str, str], field: str, message: str
) -> None:
    new = "another long passphrase"
    data = {"current": PASSWORD, "password": new, "repeated": new} | changes
    page = text_of(browser.post("/installer/setting/password/", data))
    assert message in page.split(f'id="{field}_error"')[1].split("</ul>")[0]
    installer.refresh_from_db()
    assert installer.check_password(PASSWORD)


def test_guessing_the_current_password_is_limited(browser: Client) -> None:
    new = "another long passphrase"
    data = {"current": "wrong", "password": new, "repeated": new}
    for _ in range(5):
        browser.post("/installer/setting/password/", data)
    page = text_of(browser.post("/installer/setting/password/", data))
    assert "Too many tries" in page


def test_who_knows_the_password_may_think_up_weak_ones(
    browser: Client, installer: User
) -> None:
    data = {"current": PASSWORD, "password": "short", "repeated": "short"}
    for _ in range(7):
        page = text_of(browser.post("/installer/setting/password/", data))
        assert "too short" in page
    new = "another long passphrase"
    data |= {"password": new, "repeated": new}
    browser.post("/installer/setting/password/", data)
    installer.refresh_from_db()
    assert installer.check_password(new)


def test_demo_says_so_on_every_page(browser: Client, settings: Settings) -> None:
    assert "This is a demo" not in text_of(browser.get("/installer/"))
    settings.DEMO = True
    assert "This is a demo" in text_of(browser.get("/installer/"))
    assert "This is a demo" in text_of(Client().get("/sign-in/"))


@pytest.mark.parametrize("path", ["/nothing/", "/installer/log/1/"])
def test_what_is_not_there_is_said_in_the_houses_look(
    browser: Client, path: str
) -> None:
    response = browser.get(path)
    assert response.status_code == 404
    assert "There is nothing at this address" in text_of(response)


def test_forged_forms_are_refused_with_an_explanation(installer: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(installer)
    response = client.post("/installer/setting/", {"name": "x"})
    assert response.status_code == 403
    assert "This page was too old" in text_of(response)


def test_common_pages_answer_in_every_portal() -> None:
    client = client_of(make_operator())
    for path in ("setting", "notifications", "privacy", "setting/password"):
        assert client.get(f"/operator/{path}/").status_code == 200


def test_choices_are_complete() -> None:
    named = {country.code: country for country in countries()}
    assert len(named) > 230
    assert (named["GB"].name, named["GB"].dial_code) == ("United Kingdom", "+44")
    assert country_of_zone("Europe/Berlin") == "DE"
    assert "Europe/Berlin" in zone_names()


def test_icons_are_plain_and_unknown_ones_are_a_fault() -> None:
    assert "style=" not in icon_svg("home")
    for name in ("no-such-icon", "../outline/home", "filled/no-such"):
        with pytest.raises(LookupError):
            icon_svg(name)
