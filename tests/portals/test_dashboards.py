"""The dashboards: every figure leads to the list of exactly those (NAV-2)."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.devices.selectors import visible_devices
from portico.kernel.clock import utcnow
from portico.provisioning.selectors import drifting
from portico.sites.models import Entitlement, Resident, Site
from portico.sites.services.communities import CommunityData, register_community
from portico.support.services.tickets import answer_ticket, close_ticket
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.models import CompanySettings
from tests.factories import (
    make_bridge,
    make_dead_letter,
    make_device,
    make_distributor,
    make_event,
    make_installer,
    make_mac,
    make_member,
    make_operator,
    make_organization,
    make_person,
    make_seen,
    make_site,
    make_ticket,
    organization_of,
    run_jobs,
    unset_password,
)
from tests.portals.conftest import client_of
from tests.portals.support import assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

HERE = "/installer/"
DAY = timedelta(days=1)
_CARD = re.compile(
    r'<a class="panel todo-card" href="([^"]+)">.*?<b>(\d+)</b>', re.DOTALL
)
_PART = re.compile(r'<li><a href="([^"]+)"><(?:span class="dot|svg).*?<b>(\d+)</b></a>')


def links(client: Client, page: str, pattern: re.Pattern[str]) -> dict[str, int]:
    """The addresses that a page's figures lead to, with the figures."""
    found = pattern.findall(text_of(client.get(page)))
    return {html.unescape(url): int(count) for url, count in found}


def cards(client: Client, page: str = HERE) -> dict[str, int]:
    return links(client, page, _CARD)


def rows(client: Client, url: str) -> list[str]:
    """The first cells of all rows of a list."""
    answer = client.get(f"{url}{'&' if '?' in url else '?'}export=csv")
    assert answer.status_code == 200, url
    text = answer.getvalue().decode("utf-8-sig")
    return [row[0] for row in csv.reader(io.StringIO(text))][1:]


def assert_leads_to_its_rows(client: Client, found: dict[str, int]) -> None:
    for url, count in found.items():
        assert len(rows(client, url)) == count, url
        assert client.get(url).status_code == 200, url


def end_service(site: Site, at: datetime, *, start: datetime | None = None) -> None:
    """Let the app service of ``site`` run until ``at`` alone."""
    start = start or at - 400 * DAY
    Entitlement.objects.filter(site=site).update(starts_at=start, ends_at=at)


def register(site: Site) -> None:
    Resident.objects.filter(site=site).update(registered_at=utcnow())


def make_trouble(installer: User) -> None:
    """A house of each kind of trouble, and one without."""
    now = utcnow()
    site = make_site(installer, "Good")
    make_bridge(site, installer)
    make_seen(make_device(site, installer, name="Fine"))
    make_seen(make_device(site, installer, name="Short"), at=now - 23 * DAY / 24)
    long = make_device(site, installer, name="Long")
    make_seen(long, at=now - DAY)
    make_device(site, installer, name="New")
    make_event(long, "tamper", at=now - 23 * DAY / 24)
    make_event(long, "tamper", at=now - 2 * DAY)
    make_event(long, "motion")
    make_device(make_site(installer, "Bare"), installer, name="Bare")
    community = register_community(
        actor=installer, data=CommunityData(name="Bare court"), now=now
    )
    make_device(community, installer, name="Court")
    end_service(make_site(installer, "Ending"), now + 30 * DAY)
    end_service(make_site(installer, "Ended"), now)
    end_service(make_site(installer, "Lasting"), now + 31 * DAY)
    run_jobs()


def test_things_to_do_lead_to_exactly_what_they_count(
    browser: Client, installer: User
) -> None:
    make_trouble(installer)
    make_trouble(make_installer("olga"))  # nothing of hers is counted or shown
    found = cards(browser)
    lists = {url.removeprefix(HERE): rows(browser, url) for url in found}
    assert {url: len(names) for url, names in lists.items()} == {
        url.removeprefix(HERE): count for url, count in found.items()
    }
    assert [
        name.split()[0] for name in lists["devices/?presence=offline&longer=24"]
    ] == ["Long"]
    never = lists["devices/?presence=never"]
    assert sorted(name.split()[0] for name in never) == ["Bare", "Court", "New"]
    assert lists["sites/?bridge=none"] == ["Bare"]
    assert lists["sites/communities/?bridge=none"] == ["Bare court"]
    assert lists["sites/?service=expiring"] == ["Ending"]
    assert lists["sites/?service=expired"] == ["Ended"]
    assert len(lists["log/?kind=alarm&within=24h"]) == 1
    drift = drifting(visible_devices(installer)).count()
    assert len(lists["devices/?config=drift"]) == drift == 3
    assert len(lists) == 8


def test_dashboard_without_trouble_says_so(browser: Client, installer: User) -> None:
    assert "Begin with your first house." in text_of(browser.get(HERE))
    make_site(installer, "Good")
    page = text_of(browser.get(HERE))
    assert "All is well" in page
    assert "No device has been offline for longer than 24 hours" in page
    assert cards(browser) == {}


def test_owner_says_from_when_on_an_offline_device_is_shown(
    browser: Client, installer: User, site: Site
) -> None:
    make_bridge(site, installer)
    make_seen(make_device(site, installer, name="Short"), at=utcnow() - DAY / 12)
    url = "/installer/setting/company/dashboard/"
    assert cards(browser) == {}
    assert browser.post(url, {"offline_hours": "2"}).status_code == 200
    assert not CompanySettings.objects.exists()
    assert browser.post(url, {"offline_hours": "1"}).status_code == 302
    assert cards(browser) == {"/installer/devices/?presence=offline&longer=1": 1}
    sam = make_person(installer, Role.SUB_INSTALLER).user
    assert url not in text_of(client_of(sam).get(HERE))
    assert client_of(sam).post(url, {"offline_hours": "8"}).status_code == 404


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("longer=1", ["Long", "Short"]),
        ("longer=24", ["Long"]),
        ("longer=168", []),
        ("longer=2", ["Fine", "Long", "New", "Short"]),  # no choice of the filter
        ("presence=online&longer=1", []),
    ],
)
def test_devices_are_narrowed_by_how_long_they_are_offline(
    browser: Client, installer: User, site: Site, query: str, names: list[str]
) -> None:
    ages = {"Fine": timedelta(), "Short": DAY / 2, "Long": 2 * DAY}
    for name, age in ages.items():
        make_seen(make_device(site, installer, name=name), at=utcnow() - age)
    make_device(site, installer, name="New")
    found = rows(browser, f"/installer/devices/?{query}")
    assert [name.split()[0] for name in found] == names


def test_app_accounts_are_counted_by_registration_and_service(
    browser: Client, installer: User
) -> None:
    """Registration and service are two states (SITE-5): who has not registered has none."""
    now = utcnow()
    ends = {"Soon": now + 3 * DAY, "Over": now - DAY, "Long": now + 99 * DAY}
    for name, end in ends.items():
        site = make_site(installer, name)
        end_service(site, end)
        register(site)
    end_service(make_site(installer, "Fresh"), now - DAY)
    later = make_site(installer, "Later")
    end_service(later, now + 99 * DAY, start=now + DAY)
    register(later)
    # What begins before the other ends goes on without a gap.
    renewed = make_site(installer, "Renewed")
    end_service(renewed, now + DAY)
    Entitlement.objects.create(site=renewed, feature="app", starts_at=now + DAY)
    register(renewed)
    register(make_site(make_installer("olga"), "Foreign"))

    found = links(browser, HERE, _PART)
    start = "/installer/sites/?accounts="
    counts = {url.removeprefix(start): n for url, n in found.items() if start in url}
    assert counts == {
        "unregistered": 1,
        "active": 2,
        "expiring": 1,
        "expired": 1,
        "inactive": 1,
    }
    assert rows(browser, f"{start}unregistered") == ["Fresh"]
    assert rows(browser, f"{start}active") == ["Long", "Renewed"]
    assert rows(browser, f"{start}expiring") == ["Soon"]
    assert rows(browser, f"{start}expired") == ["Over"]
    assert rows(browser, f"{start}inactive") == ["Later"]
    services = {
        key: rows(browser, f"/installer/sites/?service={key}")
        for key in ("active", "expiring", "expired", "inactive")
    }
    assert services == {
        "active": ["Long", "Renewed"],
        "expiring": ["Soon"],
        "expired": ["Fresh", "Over"],
        "inactive": ["Later"],
    }


def chart(client: Client) -> dict[str, list[int]]:
    """What the chart is drawn from, by series."""
    page = text_of(client.get(HERE))
    block = page.split('id="activity-data" type="application/json">')[1]
    data = json.loads(block.split("</script>")[0])
    assert len(data["labels"]) == len(data["titles"]) == 14
    return {one["name"]: one["values"] for one in data["series"]}


def test_chart_counts_by_day_of_the_viewer(
    browser: Client, installer: User, site: Site
) -> None:
    zone = ZoneInfo("Pacific/Auckland")
    User.objects.filter(pk=installer.pk).update(time_zone=str(zone))
    device = make_device(site, installer)
    midnight = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    second = timedelta(seconds=1)
    first = midnight.replace(tzinfo=None) - 13 * DAY
    oldest = first.replace(tzinfo=zone)
    for at in (midnight, midnight - second, oldest):
        make_event(device, "face_granted", at=at, user="Mia")
    make_event(device, "face_granted", at=oldest - second, user="Mia")
    make_event(device, "card_refused", at=midnight)
    make_event(device, "motion", at=midnight)
    make_event(device, "call_started", at=midnight)
    foreign = make_installer("olga")
    make_event(make_device(make_site(foreign), foreign), "call_started", at=midnight)

    assert chart(browser) == {
        "Door openings": [1, *[0] * 11, 1, 1],
        "Calls": [*[0] * 13, 1],
    }
    table = text_of(browser.get(HERE)).split('<table class="list stay">')[1]
    cells = re.findall(r"<td>(\d+)</td>", table.split("</table>")[0])
    assert cells == [*"10", *["0"] * 22, *"10", *"11"]
    day = midnight.date().isoformat()
    assert f"/installer/log/?from={day}&amp;to={day}" in table
    assert len(rows(browser, f"/installer/log/?from={day}&to={day}")) == 4


def test_chart_is_missing_while_nothing_has_happened(
    browser: Client, installer: User, site: Site
) -> None:
    make_event(make_device(site, installer), "motion")
    page = text_of(browser.get(HERE))
    assert "No door has opened yet" in page
    assert "data-chart=" not in page


def test_installers_dashboard_costs_the_same_however_much_there_is(
    browser: Client, installer: User
) -> None:
    make_trouble(installer)

    def add() -> None:
        make_trouble(installer)
        make_trouble(installer)

    assert_constant_queries(browser, HERE, add)


def invite_installer(seller: User) -> None:
    """An installer whose owner has not followed his invitation yet."""
    owner = make_installer(distributor=seller)
    User.objects.filter(pk=owner.pk).update(email_confirmed_at=None)
    unset_password(owner)


def chain(username: str) -> tuple[User, User, User]:
    """A distributor with a sub-distributor and an installer below that one."""
    dana = make_distributor(username)
    kind = OrganizationKind.SUB_DISTRIBUTOR
    sven = make_member(make_organization(kind, organization_of(dana)))
    ida = make_installer(distributor=sven)
    site = make_site(ida)
    make_seen(make_device(site, ida, name="On"))
    make_seen(make_device(site, ida, name="Off"), at=utcnow() - DAY)
    make_device(site, ida, name="New")
    make_mac(dana)
    return dana, sven, ida


def tickets(customer: User, supplier: User) -> None:
    """One of each state that a ticket has."""
    now = utcnow()
    make_ticket(customer, "Open")
    for subject in ("Answered", "Closed", "Reopened"):
        one = make_ticket(customer, subject)
        answer_ticket(actor=supplier, ticket=one, text="So", files=[], now=now)
        if subject != "Answered":
            close_ticket(actor=supplier, ticket=one, now=now)
        if subject == "Reopened":
            answer_ticket(actor=customer, ticket=one, text="No", files=[], now=now)


@pytest.fixture
def sellers(db: None) -> tuple[User, User, User]:
    """A chain with work to do in it, beside another one like it."""
    busy_chain("other")
    return busy_chain("dana")


def busy_chain(username: str) -> tuple[User, User, User]:
    dana, sven, ida = chain(username)
    tickets(sven, dana)
    tickets(ida, sven)
    make_ticket(dana, "Own")
    invite_installer(sven)
    return dana, sven, ida


def test_distributors_figures_lead_to_exactly_what_they_count(
    sellers: tuple[User, User, User],
) -> None:
    page, desk = "/distributor/", client_of(sellers[0])
    todo = cards(desk, page)
    assert todo == {
        f"{page}support/?turn=ours": 2,
        f"{page}companies/?invitation=open": 1,
    }
    assert sorted(rows(desk, f"{page}support/?turn=ours")) == ["Open", "Reopened"]
    parts = links(desk, page, _PART)
    assert parts == {
        f"{page}companies/?kind=sub_distributor": 1,
        f"{page}companies/?kind=installer": 2,
        f"{page}devices/?presence=online": 1,
        f"{page}devices/?presence=offline": 1,
        f"{page}devices/?presence=never": 1,
        f"{page}sites/": 1,
        f"{page}mac-library/?state=free": 1,
        f"{page}mac-library/?state=used": 3,
    }
    assert_leads_to_its_rows(desk, todo | parts)
    shown = text_of(desk.get(page))
    for kind in ("companies/new/installer/", "companies/new/sub_distributor/"):
        assert f"{page}{kind}" in shown
    assert f"{page}mac-library/new/" in shown


def test_sub_distributors_figures_are_his_own(
    sellers: tuple[User, User, User],
) -> None:
    page, desk = "/distributor/", client_of(sellers[1])
    todo, parts = cards(desk, page), links(desk, page, _PART)
    assert todo == {
        f"{page}support/?turn=ours": 2,
        f"{page}companies/?invitation=open": 1,
    }
    assert parts == {
        f"{page}companies/?kind=installer": 2,
        f"{page}devices/?presence=online": 1,
        f"{page}devices/?presence=offline": 1,
        f"{page}devices/?presence=never": 1,
        f"{page}sites/": 1,
    }
    assert_leads_to_its_rows(desk, todo | parts)


def test_operators_figures_lead_to_exactly_what_they_count(
    sellers: tuple[User, User, User],
) -> None:
    page, desk = "/operator/", client_of(make_operator())
    make_dead_letter()
    todo = cards(desk, page)
    assert todo == {
        f"{page}dead-letters/": 1,
        f"{page}support/?turn=ours": 2,
        f"{page}companies/?invitation=open": 2,
        f"{page}devices/?presence=never": 2,
    }
    parts = links(desk, page, _PART)
    assert parts[f"{page}companies/?kind=distributor"] == 2
    assert parts[f"{page}companies/?kind=installer"] == 4
    assert parts[f"{page}sites/"] == 2
    assert_leads_to_its_rows(desk, todo | parts)
    shown = text_of(desk.get(page))
    for url in ("companies/new/distributor/", "announcements/new/"):
        assert f"{page}{url}" in shown


@pytest.mark.parametrize("page", ["/distributor/", "/operator/"])
def test_dashboards_below_cost_the_same_however_much_there_is(
    page: str, db: None
) -> None:
    dana, sven, ida = chain("dana")
    client = client_of(make_operator() if page == "/operator/" else dana)
    tickets(sven, dana)
    invite_installer(dana)

    def add() -> None:
        for _ in range(2):
            tickets(sven, dana)
            invite_installer(dana)
            make_seen(make_device(make_site(ida), ida))
            make_dead_letter()

    assert_constant_queries(client, page, add)


def test_dashboards_below_say_when_nothing_waits(db: None) -> None:
    dana = make_distributor("dana")
    assert "All is well" in text_of(client_of(dana).get("/distributor/"))
    assert "All is well" in text_of(client_of(make_operator()).get("/operator/"))


def test_installers_have_no_customers_tickets_to_filter(
    browser: Client, installer: User
) -> None:
    make_ticket(installer)
    assert "turn=ours" not in text_of(browser.get("/installer/support/"))
    assert len(rows(browser, "/installer/support/?turn=ours")) == 1
