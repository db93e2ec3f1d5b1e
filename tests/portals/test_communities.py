"""Communities in the installer's portal (ORG-2, NAV-2)."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.sites.enums import SiteKind
from portico.sites.models import ManagedCommunity, Site
from portico.tenancy.enums import Role
from tests.factories import (
    make_bridge,
    make_community,
    make_device,
    make_event,
    make_mac,
    make_manager,
    make_person,
    make_seen,
    run_jobs,
)
from tests.portals.conftest import client_of
from tests.portals.support import CHANGED, assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

NEW = {
    "name": "Parkhof",
    "country": "DE",
    "address": "Parkallee 1, Hamburg",
    "time_zone": "europe/berlin",
    "time_format": "12h",
    "language": "de",
}


@pytest.fixture
def park(installer: User) -> Site:
    return make_community(installer, "Parkhof", address="Parkallee 1")


def test_a_community_is_created_from_the_dashboard_on(browser: Client) -> None:
    page = text_of(browser.get("/installer/"))
    assert "Add Community" in page
    url = "/installer/sites/communities/new/"
    assert f'href="{url}"' in page
    form = text_of(browser.get(url))
    for label in ("Name", "Country/Region", "Address", "Time Zone", "Language"):
        assert f">{label}<" in form
    assert 'value="DE" selected' in form  # of the company's time zone

    response = browser.post(url, NEW)
    site = Site.objects.get()
    assert response.headers["Location"] == f"/installer/sites/{site.pk}/devices/"
    assert (site.kind, site.name) == (SiteKind.COMMUNITY, "Parkhof")
    assert (site.country, site.address) == ("DE", "Parkallee 1, Hamburg")
    assert (site.time_zone, site.time_format) == ("Europe/Berlin", "12h")
    assert site.language == "de"


@pytest.mark.parametrize(
    ("change", "field"), [({"name": ""}, "name"), ({"time_zone": "Mars"}, "time_zone")]
)
def test_errors_stand_at_their_field_and_nothing_typed_is_lost(
    browser: Client, change: dict[str, str], field: str
) -> None:
    page = text_of(browser.post("/installer/sites/communities/new/", NEW | change))
    assert not Site.objects.exists()
    assert f'id="id_{field}_error"' in page
    assert 'value="Parkallee 1, Hamburg"' in page


def test_houses_and_communities_have_a_list_each(
    browser: Client, installer: User, site: Site, park: Site
) -> None:
    make_manager(installer, park)
    houses = text_of(browser.get("/installer/sites/"))
    communities = text_of(browser.get("/installer/sites/communities/"))
    for page in (houses, communities):
        assert ">Community</a>" in re.sub(r"<svg.*?</svg>", "", page)
    assert site.room_name.replace("'", "&#x27;") in houses
    assert "Parkhof" not in houses
    assert "Parkhof" in communities
    assert site.name not in communities
    found = text_of(browser.get("/installer/sites/communities/?q=parkallee"))
    assert "Parkhof" in found
    nothing = text_of(browser.get("/installer/sites/communities/?q=nowhere"))
    assert "Nothing matches" in nothing
    csv = browser.get("/installer/sites/communities/?export=csv")
    rows = b"".join(csv.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]  # streamed
    assert rows[0] == "Name,Address,Property managers,Devices,Bridge,Since"
    assert rows[1].startswith("Parkhof,Parkallee 1,1,0,none,")


def test_the_list_narrows_to_communities_without_a_bridge(
    browser: Client, installer: User, park: Site
) -> None:
    make_device(park, installer)
    bridged = make_community(installer, "Seehof")
    make_device(bridged, installer)
    make_bridge(bridged, installer)
    page = text_of(browser.get("/installer/sites/communities/?bridge=none"))
    assert "Parkhof" in page
    assert "Seehof" not in page


def test_an_empty_list_says_what_a_community_is(browser: Client) -> None:
    page = text_of(browser.get("/installer/sites/communities/"))
    assert "No communities yet" in page
    assert "/installer/sites/communities/new/" in page


def test_list_costs_the_same_with_one_and_three(
    browser: Client, installer: User
) -> None:
    def add(count: int) -> None:
        for _ in range(count):
            site = make_community(installer)
            make_seen(make_device(site, installer))
            make_bridge(site, installer)
            make_manager(installer, site)

    add(1)
    assert_constant_queries(browser, "/installer/sites/communities/", lambda: add(2))


@pytest.mark.parametrize(
    ("tab", "shown"),
    [
        ("", "Nobody manages this community yet"),
        ("devices/", "Main gate"),
        ("doors/", "Door 1"),
        ("bridge/", "No bridge yet"),
        ("log/", "Mia · face"),
        ("devices/new/", "MAC"),
    ],
)
def test_every_page_of_a_site_is_right_for_a_community(
    browser: Client, installer: User, park: Site, tab: str, shown: str
) -> None:
    device = make_device(park, installer, name="Main gate")
    run_jobs()
    make_event(device, "face_granted", user="Mia")
    page = text_of(browser.get(f"/installer/sites/{park.pk}/{tab}"))
    assert shown in page
    own = re.sub(r'<nav class="column".*?</nav>', "", page, flags=re.DOTALL)
    assert not re.search("house|family|inactive", own, flags=re.IGNORECASE)


def test_pages_of_its_device_never_say_house(
    browser: Client, installer: User, park: Site
) -> None:
    device = make_device(park, installer)
    make_device(park, installer, name="Hall", model="C313")
    run_jobs()
    for tab in ("", "doors/", "provisioning/", "events/"):
        page = browser.get(f"/installer/devices/{device.mac}/{tab}")
        assert page.status_code == 200
        assert "house" not in text_of(page)
    assert device.provisioning_file.contacts.count("Hall") == 1


def test_a_device_is_added_and_its_door_opened_as_in_a_house(
    browser: Client, installer: User, park: Site
) -> None:
    make_bridge(park, installer)
    device = make_device(park, installer)
    make_seen(device)
    url = f"/installer/devices/{device.mac}/relays/local/1/open/"
    assert browser.post(url, {"key": "one"}).status_code == 302
    command = device.commands.get()
    assert (command.state, command.reason) == ("requested", "")
    assert make_mac(installer).mac != device.mac


def test_a_community_is_edited(browser: Client, park: Site) -> None:
    url = f"/installer/sites/communities/{park.pk}/edit/"
    shown = text_of(browser.get(url))
    assert 'value="Parkallee 1"' in shown
    assert 'name="version" value="1"' in shown
    response = browser.post(url, NEW | {"name": "Parkhof II", "version": "1"})
    assert response.headers["Location"] == f"/installer/sites/{park.pk}/"
    page = text_of(browser.get(f"/installer/sites/{park.pk}/"))
    assert "Parkhof II" in page
    assert "Germany" in page
    assert browser.post(url, NEW | {"name": ""}).status_code == 200
    assert Site.objects.get().name == "Parkhof II"
    # Of two who edit at once the second is told, and loses nothing.
    page = text_of(browser.post(url, NEW | {"name": "Late", "version": "1"}))
    assert CHANGED in page
    assert 'value="Late"' in page
    assert Site.objects.get().name == "Parkhof II"


def test_a_community_is_deleted_when_it_is_empty_and_its_name_typed(
    browser: Client, installer: User, park: Site
) -> None:
    url = f"/installer/sites/communities/{park.pk}/delete/"
    device = make_device(park, installer)
    assert "not the name" in text_of(browser.post(url, {"typed": "no"}))
    page = text_of(browser.post(url, {"typed": "Parkhof"}))
    assert "Parkhof still has devices. Delete them first" in page
    assert Site.objects.exists()
    device.delete()
    page = text_of(browser.post(url, {"typed": "Parkhof"}, follow=True))
    assert "Parkhof is deleted." in page
    assert not Site.objects.exists()
    assert browser.get(url).status_code == 404


def test_a_house_is_no_community(browser: Client, site: Site) -> None:
    for act in ("edit", "delete"):
        url = f"/installer/sites/communities/{site.pk}/{act}/"
        assert browser.get(url).status_code == 404
        assert browser.post(url, {"typed": site.name}).status_code == 404
    assert Site.objects.get() == site


def test_managers_stand_on_the_communitys_page_for_the_owner_alone(
    browser: Client, installer: User, park: Site
) -> None:
    manager = make_manager(installer, park, username="petra", may_see_logs=False)
    url = f"/installer/sites/{park.pk}/"
    page = text_of(browser.get(url))
    assert manager.name in page
    assert f"/installer/users/{manager.membership.pk}/edit/" in page
    assert page.count("Not allowed") == 1

    sub = make_person(installer, Role.SUB_INSTALLER)
    sub.user.site_assignments.create(site=park, assigned_at=park.created_at)
    page = text_of(client_of(sub.user).get(url))
    assert "Parkallee 1" in page
    assert manager.name not in page


# The form of a property manager

PETRA = {"person": "Petra", "email": "petra@example.com", "language": "pl"}


def test_the_form_of_a_manager_assigns_communities_with_their_switches(
    browser: Client, installer: User, park: Site
) -> None:
    lake = make_community(installer, "Seehof")
    new = "/installer/users/managers/new/"
    page = text_of(browser.get(new))
    assert "Parkhof" in page
    assert "Seehof" in page
    on = re.findall(r'name="(may_\w+?)_[0-9a-f]{32}"[^>]*checked', page)
    assert sorted(on) == sorted(
        2 * ["may_delete_residents", "may_see_images", "may_see_logs"]
    )
    chosen = {
        f"community_{park.pk.hex}": "on",
        f"may_see_logs_{park.pk.hex}": "on",
        f"may_see_images_{lake.pk.hex}": "on",  # not assigned: means nothing
    }
    browser.post(new, PETRA | chosen)
    row = ManagedCommunity.objects.select_related("user__membership").get()
    assert (row.user.email, row.site) == ("petra@example.com", park)
    assert (row.may_see_logs, row.may_see_images, row.may_delete_residents) == (
        True,
        False,
        False,
    )
    edit = f"/installer/users/{row.user.membership.pk}/edit/"
    page = text_of(browser.get(edit))
    assert re.search(rf'name="community_{park.pk.hex}"[^>]*checked', page)
    assert not re.search(rf'name="may_see_images_{park.pk.hex}"[^>]*checked', page)
    assert not re.search(rf'name="community_{lake.pk.hex}"[^>]*checked', page)
    assert "Parkhof" in text_of(browser.get("/installer/users/managers/"))

    version = re.search(r'name="version" value="(\d+)"', page)
    again = PETRA | {"version": version[1]} if version else PETRA
    browser.post(edit, again | {f"community_{lake.pk.hex}": "on"})
    assert [one.site for one in ManagedCommunity.objects.all()] == [lake]
    listed = text_of(browser.get("/installer/users/managers/"))
    assert "Seehof" in listed
    assert "Parkhof" not in listed


def test_a_wrong_form_keeps_the_switches_and_assigns_nothing(
    browser: Client, park: Site
) -> None:
    chosen = {f"community_{park.pk.hex}": "on", f"may_see_logs_{park.pk.hex}": "on"}
    wrong = PETRA | chosen | {"email": "nonsense"}
    page = text_of(browser.post("/installer/users/managers/new/", wrong))
    assert re.search(rf'name="community_{park.pk.hex}"[^>]*checked', page)
    assert not re.search(rf'name="may_see_images_{park.pk.hex}"[^>]*checked', page)
    assert not ManagedCommunity.objects.exists()


def test_without_a_community_the_form_says_so(browser: Client, site: Site) -> None:
    page = text_of(browser.get("/installer/users/managers/new/"))
    assert "There is no community to assign yet." in page
    assert site.name not in page


def test_the_form_and_the_list_cost_the_same_for_any_number(
    browser: Client, installer: User, park: Site
) -> None:
    first = make_manager(installer, park)

    def add() -> None:
        more = [make_community(installer) for _ in range(2)]
        make_manager(installer, *more)
        make_manager(installer, park, *more)

    edit = f"/installer/users/{first.membership.pk}/edit/"
    assert_constant_queries(browser, edit, add)
    assert_constant_queries(browser, "/installer/users/managers/", add)
