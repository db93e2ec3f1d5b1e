"""Units that the bridge found: what the installer reads, and where he goes from there."""

from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.devices.services.found import FoundData, note_found
from portico.kernel.clock import utcnow
from portico.sites.models import Site
from tests.factories import make_bridge, make_device, make_mac, make_site
from tests.portals.support import assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def find(site: Site, installer: User, *macs: str, model: str = "R20A") -> None:
    bridge = site.bridges.filter(revoked_at=None).first()
    bridge = bridge or make_bridge(site, installer)
    now = utcnow()
    units = [FoundData(mac, model, "320.30.11.80", "192.168.1.20", now) for mac in macs]
    note_found(bridge_id=bridge.pk, units=units, now=now)


def test_page_says_of_each_whether_it_can_be_added(
    browser: Client, installer: User, site: Site
) -> None:
    free = make_mac(installer).mac
    used = make_device(make_site(installer), installer).mac
    find(site, installer, free, used, "0C11059999AA")
    page = text_of(browser.get(f"/installer/sites/{site.pk}/found/"))

    assert f'/installer/sites/{site.pk}/devices/new/?mac={free}"' in page
    assert page.count("Add device") == 1
    assert page.count("A device already has this MAC.") == 1
    assert page.count("This MAC is not in your distributor") == 1
    assert "192.168.1.20" in page


def test_what_a_unit_calls_itself_is_only_text(
    browser: Client, installer: User, site: Site
) -> None:
    find(site, installer, "0C11059999AA", model="<script>alert(1)</script>"[:31])
    page = text_of(browser.get(f"/installer/sites/{site.pk}/found/"))

    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page


def test_nothing_found_shows_nothing(browser: Client, site: Site) -> None:
    assert "Units found" not in text_of(
        browser.get(f"/installer/sites/{site.pk}/devices/")
    )


def test_form_begins_with_the_mac_and_its_type(
    browser: Client, installer: User, site: Site
) -> None:
    mac = make_mac(installer, model="C313").mac
    page = text_of(browser.get(f"/installer/sites/{site.pk}/devices/new/?mac={mac}"))

    assert f'value="{mac}"' in page
    assert "in the MAC library and free" in page
    assert '<option value="indoor_monitor" selected>' in page


@pytest.mark.parametrize("mac", ["", "%22%3E%3Cscript%3E", "zz" * 40])
def test_form_survives_any_address(browser: Client, site: Site, mac: str) -> None:
    answer = browser.get(f"/installer/sites/{site.pk}/devices/new/?mac={mac}")

    assert answer.status_code == 200
    assert '"><script>' not in text_of(answer)


@pytest.mark.parametrize("tab", ["found", "bridge", "devices"])
def test_queries_do_not_grow(
    browser: Client, installer: User, site: Site, tab: str
) -> None:
    find(site, installer, "0C11059999AA")
    assert_constant_queries(
        browser,
        f"/installer/sites/{site.pk}/{tab}/",
        lambda: find(site, installer, "0C11059999AB", "0C11059999AC"),
    )
