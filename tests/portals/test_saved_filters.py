"""Searches of the list of devices under a name, and AutoP to what they find (PRV-3)."""

from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.devices.models import Device, SavedFilter
from portico.kernel.ids import new_id
from portico.provisioning.enums import AutopState
from portico.provisioning.models import AutopItem, AutopOrder
from portico.sites.models import Site
from tests.factories import make_device, make_installer, make_seen, make_site, run_jobs
from tests.factories.autop import LANGUAGE
from tests.factories.filters import make_filter
from tests.portals.support import assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
LIST, FILTERS = "/installer/devices/", "/installer/devices/filters/"
AUTOP = "/installer/devices/autop/new/"


@pytest.fixture
def devices(site: Site, installer: User) -> list[Device]:
    made = [make_device(site, installer, name=f"Door {n}") for n in range(3)]
    run_jobs()
    return made


def entries(saved: SavedFilter, **more: str) -> dict[str, str]:
    data = {
        "token": str(new_id()),
        "kind": "regular",
        "text": LANGUAGE,
        "target": "saved",
        "saved": str(saved.pk),
        "wave_size": "50",
        "wave_minutes": "5",
    }
    return data | more


def test_a_search_is_saved_opened_renamed_and_deleted(
    browser: Client, installer: User, devices: list[Device]
) -> None:
    make_seen(devices[1])
    page = text_of(
        browser.get(LIST, {"q": "door", "presence": "online", "sort": "site"})
    )
    assert "filters/new/?q=door&amp;presence=online" in page
    address = f"{FILTERS}new/?q=door&presence=online&sort=site"
    assert "“door” · Online" in text_of(browser.get(address))
    page = text_of(browser.post(address, {"name": "Seen doors"}, follow=True))
    assert "The search is saved as Seen doors." in page
    saved = SavedFilter.objects.get()
    assert saved.query == {"q": "door", "presence": "online"}

    assert "/installer/devices/?q=door&amp;presence=online" in page
    listed = text_of(browser.get(f"{LIST}?q=door&presence=online"))
    assert devices[1].pretty_mac in listed
    assert devices[0].pretty_mac not in listed

    browser.post(f"{FILTERS}{saved.pk}/edit/", {"name": "Alive"})
    assert "Alive" in text_of(browser.get(FILTERS))
    browser.post(f"{FILTERS}{saved.pk}/delete/")
    assert "No saved filters yet" in text_of(browser.get(FILTERS))


def test_a_name_that_is_taken_is_told_at_the_field(
    browser: Client, installer: User
) -> None:
    make_filter(installer, "Doors")
    page = text_of(browser.post(f"{FILTERS}new/?q=x", {"name": "Doors"}))
    assert "Another saved filter has this name." in page
    assert SavedFilter.objects.count() == 1


def test_list_is_narrowed_by_model_firmware_and_site(
    browser: Client, installer: User, devices: list[Device]
) -> None:
    first, second, third = devices
    Device.objects.filter(pk=first.pk).update(model="R29", firmware="29.30.1.1")
    Device.objects.filter(pk=second.pk).update(model="R29", firmware="29.30.1.2")
    elsewhere = make_device(make_site(installer), installer, name="Garage")
    others = Device.objects.filter(pk__in=[third.pk, elsewhere.pk])
    others.update(model="S532")
    asked = {
        "model=R29": {first, second},
        "firmware=29.30.1.2": {second},
        f"site={elsewhere.site_id}": {elsewhere},
        "model=R29&firmware=29.30.1.1": {first},
        "model=none": {first, second, third, elsewhere},
    }
    for query, expected in asked.items():
        page = text_of(browser.get(f"{LIST}?{query}"))
        found = {one for one in (*devices, elsewhere) if one.pretty_mac in page}
        assert found == expected, query


def test_autop_goes_to_what_a_filter_finds_in_waves(
    browser: Client, installer: User, devices: list[Device]
) -> None:
    for one in devices[:2]:
        make_seen(one)
    saved = make_filter(installer, "Seen", presence="online")
    page = text_of(browser.get(f"{AUTOP}?filter={saved.pk}"))
    assert "2 devices are found" in page
    browser.post(AUTOP, entries(saved, wave_size="1"))

    items = AutopItem.objects.order_by("due_at")
    assert [item.device for item in items] == devices[:2]
    assert items[1].state == AutopState.WAITING


def test_a_filter_whose_site_is_gone_finds_nothing(
    browser: Client, installer: User, devices: list[Device]
) -> None:
    """And not all devices, which is what is left of the search without the site."""
    gone = make_site(installer)
    saved = make_filter(installer, "Gone", site=str(gone.pk), q="door")
    gone.delete()
    page = text_of(browser.post(AUTOP, entries(saved)))

    assert "It finds no device now." in page
    assert not AutopOrder.objects.exists()
    assert "Asks for what is gone: finds nothing" in text_of(browser.get(FILTERS))


def test_a_filter_of_another_company_is_no_choice(
    browser: Client, devices: list[Device]
) -> None:
    saved = make_filter(make_installer(), "Foreign")
    page = text_of(browser.get(f"{AUTOP}?filter={saved.pk}"))
    assert "Foreign" not in page
    browser.post(AUTOP, entries(saved))
    assert not AutopOrder.objects.exists()


def test_filters_cost_the_same_however_many(
    browser: Client, installer: User, site: Site, devices: list[Device]
) -> None:
    make_filter(installer, site=str(site.pk))

    def more() -> None:
        for number in range(2):
            room = str(make_site(installer).pk)
            make_filter(installer, f"Site {number}", site=room)

    assert_constant_queries(browser, FILTERS, more)
