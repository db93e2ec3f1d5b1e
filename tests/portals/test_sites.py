from __future__ import annotations

from urllib.parse import quote

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.portals.shared import lists
from portico.sites.models import Site
from tests.factories import make_bridge, make_device, make_seen, make_site, run_jobs
from tests.portals.support import assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

NEW = {
    "name": "Ryan",
    "room_name": "",
    "email": "ryan@example.com",
    "country": "DE",
    "phone": "0151 23456789",
    "address": "Lindenweg 4",
    "call_mode": "ip",
    "time_zone": "europe/berlin",
    "language": "de",
    "time_format": "12h",
    "with_indoor_monitor": "on",
}


def test_new_house_is_created_with_all_fields(browser: Client) -> None:
    response = browser.post("/installer/sites/new/", NEW)
    site = Site.objects.get()
    assert response.headers["Location"] == f"/installer/sites/{site.pk}/devices/"
    assert (site.name, site.room_name) == ("Ryan", "Ryan's home")
    assert (site.call_mode, site.time_zone) == ("ip", "Europe/Berlin")
    assert (site.language, site.time_format) == ("de", "12h")
    assert site.with_indoor_monitor
    master = site.residents.get()
    assert (master.user.email, master.user.phone) == (
        "ryan@example.com",
        "+4915123456789",
    )


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"email": "", "phone": ""}, "id_email", "Enter an email or a mobile number."),
        ({"phone": "12"}, "id_phone", "not a phone number of the chosen country"),
        ({"name": ""}, "id_name", "This field is required."),
        ({"time_zone": "Mars/Base"}, "id_time_zone", "Choose a time zone"),
        ({"email": "taken@example.com"}, "id_email", "Another account has this email."),
    ],
)
def test_errors_stand_at_their_field_and_nothing_typed_is_lost(
    browser: Client,
    installer: User,
    change: dict[str, str],
    field: str,
    message: str,
) -> None:
    make_site(installer, "Other", email="taken@example.com")
    page = text_of(browser.post("/installer/sites/new/", NEW | change))
    assert Site.objects.count() == 1
    error = page.split(f'id="{field}_error"')[1].split("</ul>")[0]
    assert message in error
    assert 'value="Lindenweg 4"' in page
    assert 'aria-invalid="true"' in page


def test_form_has_the_guides_field_names(browser: Client) -> None:
    page = text_of(browser.get("/installer/sites/new/"))
    for label in (
        "Name",
        "Room Name",
        "Email",
        "Country/Region",
        "Mobile Number",
        "Address",
        "SIP Call Or IP Call",
        "Time Zone",
        "Language",
        "Time Format",
        "With Indoor Monitor",
    ):
        assert f">{label}<" in page
    assert 'data-dial-code="+49"' in page
    assert 'id="dial-code">+49<' in page  # the company's zone is Europe/Berlin


def test_second_submit_of_the_same_house_makes_no_second_one(browser: Client) -> None:
    browser.post("/installer/sites/new/", NEW)
    page = text_of(browser.post("/installer/sites/new/", NEW))
    assert Site.objects.count() == 1
    assert "Another account has this email." in page


def test_list_is_found_by_every_key(
    browser: Client, installer: User, site: Site
) -> None:
    make_site(installer, "Nobody")
    device = make_device(site, installer)
    master = site.residents.get()
    User.objects.filter(pk=master.user.pk).update(phone="+4930901820")
    Site.objects.filter(pk=site.pk).update(address="Long Lane 5")
    keys = [
        "ryan",
        "long lane",
        "+49 30 901 820",
        str(master.user.email),
        str(site.family_sip),
        master.sip.number,
        device.sip.number,
        device.pretty_mac,
        device.mac.lower(),
    ]
    for key in keys:
        page = text_of(browser.get(f"/installer/sites/?q={quote(key)}"))
        assert "Ryan&#x27;s home" in page, key
        assert "Nobody&#x27;s home" not in page, key
    # No part of a MAC is in every MAC.
    assert "Nothing found" in text_of(browser.get("/installer/sites/?q=--"))


def test_list_says_what_to_do_when_empty(browser: Client) -> None:
    page = text_of(browser.get("/installer/sites/"))
    assert "No houses yet" in page
    assert "/installer/sites/new/" in page


def test_pages_end_and_say_so(
    browser: Client, installer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE_SIZE", 2)
    monkeypatch.setattr(lists, "LAST_PAGE", 2)
    for number in range(5):
        make_site(installer, f"House{number}")
    first = text_of(browser.get("/installer/sites/"))
    last = text_of(browser.get("/installer/sites/?page=9"))
    assert "There are more" not in first
    assert "page=2" in first
    assert "Rows 3 to 4. There are more" in last
    assert "page=3" not in last


def test_list_pages_keep_the_search(browser: Client, installer: User) -> None:
    for number in range(51):
        make_site(installer, f"House {number:02d}")
    page = text_of(browser.get("/installer/sites/?q=House&sort=-name"))
    assert "House 50" in page
    assert "House 00" not in page
    assert "?q=House&amp;sort=-name&amp;page=2" in page
    page = text_of(browser.get("/installer/sites/?q=House&sort=-name&page=2"))
    assert "House 00" in page


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999", "²"])
def test_senseless_page_numbers_are_harmless(browser: Client, page: str) -> None:
    assert browser.get(f"/installer/sites/?page={page}").status_code == 200


def test_list_costs_the_same_with_one_house_and_three(
    browser: Client, installer: User
) -> None:
    def add(count: int) -> None:
        for _ in range(count):
            site = make_site(installer)
            make_seen(make_device(site, installer))
            make_bridge(site, installer)

    add(1)
    assert_constant_queries(browser, "/installer/sites/", lambda: add(2))


@pytest.mark.parametrize("tab", ["", "devices/", "doors/", "bridge/", "log/"])
def test_every_tab_of_a_house_answers(
    browser: Client, installer: User, site: Site, tab: str
) -> None:
    make_device(site, installer)
    run_jobs()
    response = browser.get(f"/installer/sites/{site.pk}/{tab}")
    assert response.status_code == 200
    assert f'data-live-stream="/live/site/{site.pk}"' in text_of(response)


def test_doors_cost_the_same_with_one_device_and_three(
    browser: Client, installer: User, site: Site
) -> None:
    make_device(site, installer)

    def add() -> None:
        make_device(site, installer)
        make_device(site, installer)

    assert_constant_queries(browser, f"/installer/sites/{site.pk}/doors/", add)
