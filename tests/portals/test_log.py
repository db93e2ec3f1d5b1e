from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.events.models import LogEntry
from portico.sites.models import Site
from tests.factories import make_device, make_event, make_seen, make_site
from tests.portals.support import HTMX, assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def test_log_shows_openings_and_refusals_and_filters(
    browser: Client, installer: User, site: Site
) -> None:
    device = make_device(site, installer)
    make_event(device, "face_granted", user="Mia")
    make_event(device, "card_refused", card="••••4711")
    make_event(device, "motion")
    page = text_of(browser.get("/installer/log/"))
    assert "Mia · face" in page
    assert "Unknown · RF card ••••4711" in page
    assert "Motion" in page
    page = text_of(browser.get("/installer/log/?outcome=refused"))
    assert "4711" in page
    assert "Mia" not in page
    page = text_of(browser.get("/installer/log/?q=mia"))
    assert "Mia" in page
    assert "4711" not in page
    page = text_of(browser.get(f"/installer/sites/{site.pk}/log/?kind=motion"))
    assert "Motion" in page
    assert "Mia" not in page


def test_a_houses_log_holds_no_other_houses_entries(
    browser: Client, installer: User, site: Site
) -> None:
    make_event(make_device(site, installer), "face_granted", user="Mia")
    other = make_site(installer)
    assert "Mia" not in text_of(browser.get(f"/installer/sites/{other.pk}/log/"))


def test_pill_counts_what_is_new_under_the_same_filter(
    browser: Client, installer: User, site: Site
) -> None:
    device = make_device(site, installer)
    make_event(device, "motion")
    newest = LogEntry.objects.get().pk
    url = f"/installer/log/?after={newest}"
    assert text_of(browser.get(url, headers=HTMX)).strip() == ""
    make_event(device, "face_granted", user="Mia")
    make_event(device, "card_refused")
    assert "2 new" in text_of(browser.get(url, headers=HTMX))
    page = text_of(browser.get(f"{url}&outcome=refused", headers=HTMX))
    assert "1 new" in page
    assert 'hx-get="?outcome=refused"' in page


def test_refreshed_list_still_names_the_houses(
    browser: Client, installer: User, site: Site
) -> None:
    make_event(make_device(site, installer), "motion")
    page = text_of(browser.get("/installer/log/", headers=HTMX))
    assert "<html" not in page
    assert "Ryan&#x27;s home" in page


def test_one_row_refreshes_itself(browser: Client, installer: User, site: Site) -> None:
    make_event(make_device(site, installer), "face_granted", user="Mia")
    entry = LogEntry.objects.get()
    page = text_of(browser.get(f"/installer/log/{entry.pk}/?site=yes", headers=HTMX))
    assert page.lstrip().startswith("<li")
    assert "Ryan&#x27;s home" in page


@pytest.mark.parametrize("address", ["/installer/log/", "/installer/", "site"])
def test_logs_cost_the_same_with_one_entry_and_three(
    browser: Client, installer: User, site: Site, address: str
) -> None:
    device = make_device(site, installer)
    make_event(device, "motion")
    url = f"/installer/sites/{site.pk}/log/" if address == "site" else address

    def add() -> None:
        make_event(device, "face_granted", user="Mia")
        make_event(device, "card_refused")

    assert_constant_queries(browser, url, add)


def test_dashboard_counts_link_to_their_lists(
    browser: Client, installer: User, site: Site
) -> None:
    assert "All is well" in text_of(browser.get("/installer/"))
    make_seen(make_device(site, installer))
    make_device(site, installer)
    page = text_of(browser.get("/installer/"))
    assert "/installer/devices/?presence=never" in page
    assert "was never seen" in page
    assert "house has no bridge" in page
    assert "Add Single-Family Site" in page


def test_names_are_escaped(browser: Client, installer: User, site: Site) -> None:
    device = make_device(site, installer, name="<script>alert(1)</script>")
    make_event(device, "face_granted", user="<img src=x>")
    for url in ("/installer/log/", "/installer/devices/", "/installer/"):
        page = text_of(browser.get(url))
        assert "<script>alert" not in page
        assert "<img" not in page
