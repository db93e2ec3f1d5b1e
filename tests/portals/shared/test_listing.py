"""What every list can: search, filters, sort, pages, columns, export, an empty state."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.portals.shared import listing, lists
from portico.sites.models import ManagedCommunity
from portico.tenancy.enums import Role
from tests.factories import (
    make_announcement,
    make_community,
    make_dead_letter,
    make_device,
    make_distributor,
    make_event,
    make_installer,
    make_mac,
    make_manager,
    make_manual,
    make_notice,
    make_operator,
    make_person,
    make_site,
    make_ticket,
    run_jobs,
)
from tests.portals.conftest import client_of
from tests.portals.support import assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@dataclass(frozen=True)
class People:
    """One of each portal, the installer below the distributor."""

    operator: User
    distributor: User
    installer: User
    manager: User

    def client(self, url: str) -> Client:
        return client_of(getattr(self, url.split("/")[1]))


@pytest.fixture
def people(db: None) -> People:
    distributor = make_distributor()
    installer = make_installer(distributor=distributor)
    manager = make_manager(installer)
    return People(make_operator(), distributor, installer, manager)


def _device(people: People) -> None:
    make_device(make_site(people.installer), people.installer)
    run_jobs()


def _log(people: People) -> None:
    device = make_device(make_site(people.installer), people.installer)
    run_jobs()
    make_event(device, "motion")


def _managed(people: People) -> None:
    site = make_community(people.installer)
    rows = ManagedCommunity.objects
    rows.create(site=site, user=people.manager, assigned_at=site.created_at)


# Each list, and what puts one more row into it.
LISTS: dict[str, Callable[[People], object]] = {
    "/installer/sites/": lambda p: make_site(p.installer),
    "/installer/sites/communities/": lambda p: make_community(p.installer),
    "/installer/devices/": _device,
    "/installer/log/": _log,
    "/installer/mac-library/": lambda p: make_mac(p.installer),
    "/installer/users/": lambda p: make_person(p.installer, Role.SUB_INSTALLER),
    "/installer/users/managers/": lambda p: make_person(p.installer, Role.MANAGER),
    "/installer/setting/audit/": lambda p: make_site(p.installer),
    "/installer/notifications/": lambda p: make_notice(p.installer),
    "/installer/support/": lambda p: make_ticket(p.installer),
    "/installer/support/manuals/": lambda p: make_manual(p.operator),
    "/manager/": _managed,
    "/manager/notifications/": lambda p: make_announcement(p.operator),
    "/distributor/companies/": lambda p: make_installer(distributor=p.distributor),
    "/distributor/sites/": lambda p: make_site(p.installer),
    "/distributor/devices/": _device,
    "/distributor/mac-library/": lambda p: make_mac(p.distributor),
    "/distributor/users/": lambda p: make_person(p.distributor, Role.STAFF),
    "/operator/companies/": lambda _: make_installer(),
    "/operator/dead-letters/": lambda _: make_dead_letter(),
    "/operator/announcements/": lambda p: make_announcement(p.operator),
}
ALL = pytest.mark.parametrize("url", LISTS)


def rows_of(client: Client, url: str) -> tuple[list[str], list[list[str]]]:
    """Head and rows of an export, which is streamed."""
    answer = client.get(url)
    assert getattr(answer, "streaming", False)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(cast("Iterable[bytes]", answer)).decode("utf-8-sig")
    head, *rows = csv.reader(io.StringIO(text))
    return head, rows


@ALL
def test_an_empty_list_says_what_comes_and_what_to_do(people: People, url: str) -> None:
    page = text_of(people.client(url).get(url))
    has_rows = "<tbody>" in page or 'class="log"' in page
    assert has_rows or 'class="empty"' in page
    assert "Nothing matches" not in page


@ALL
def test_a_search_that_finds_nothing_leads_back(people: People, url: str) -> None:
    LISTS[url](people)
    page = people.client(url).get(f"{url}?q=nowhere-to-be-found")
    assert page.context["listing"].items == []
    assert f'href="{url}"' in text_of(page)
    assert 'value="nowhere-to-be-found"' in text_of(page)


@ALL
def test_every_column_sorts_both_ways_and_the_address_says_so(
    people: People, url: str
) -> None:
    for _ in range(2):
        LISTS[url](people)
    client = people.client(url)
    page = client.get(url)
    heads = page.context["listing"].heads
    for head in (one for one in heads if one.url):
        up = client.get(f"{url}?sort={head.key}").context["listing"]
        down = client.get(f"{url}?sort=-{head.key}").context["listing"]
        assert [row.pk for row in up.page.rows] == [
            row.pk for row in reversed(down.page.rows)
        ]
        sorted_by = [one.key for one in down.heads if one.sorted == "descending"]
        assert sorted_by == [head.key]


@ALL
def test_every_filter_is_kept_in_the_address(people: People, url: str) -> None:
    LISTS[url](people)
    client = people.client(url)
    for one in client.get(url).context["listing"].asked.filters:
        for value in [*one.choices, *(["2026-01-31"] if one.is_day else []), "x'"]:
            shown = client.get(f"{url}?{one.key}={value}&q=a").context["listing"]
            kept = "" if value == "x'" else value
            assert shown.asked[one.key] == kept
            assert (f"{one.key}={kept}" in shown.csv_url) == bool(kept)


@ALL
def test_an_export_has_all_rows_of_all_pages(
    people: People, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE_SIZE", 2)
    monkeypatch.setattr(listing, "CHUNK", 2)
    for _ in range(3):
        LISTS[url](people)
    client = people.client(url)
    page = client.get(url).context["listing"]
    assert len(page.items) == 2
    assert page.page.has_next
    head, rows = rows_of(client, f"{url}?export=csv")
    if page.heads:  # the log is drawn as visits; its file has lines
        assert head == [str(one.label) for one in page.heads]
    assert len(rows) >= 3
    assert all(len(row) == len(head) for row in rows)
    rest = client.get(f"{url}?page=2").context["listing"]
    assert rest.items


@ALL
def test_the_page_costs_the_same_for_any_number(people: People, url: str) -> None:
    LISTS[url](people)

    def add_two() -> None:
        LISTS[url](people)
        LISTS[url](people)

    assert_constant_queries(people.client(url), url, add_two)


@ALL
def test_columns_can_be_switched_off_and_cells_match_their_heads(
    people: People, url: str
) -> None:
    LISTS[url](people)
    client = people.client(url)
    shown = client.get(url).context["listing"]
    free = [head.key for head in shown.heads if not head.is_fixed]
    if not free:  # a feed, not a table
        assert "Columns" not in text_of(client.get(url))
        return
    portal = url.split("/")[1]
    post = f"/{portal}/lists/{shown.name}/columns/"
    client.post(post, {"known": free, "shown": free[1:], "back": url})
    page = text_of(client.get(url))
    first = [head.key for head in shown.heads].index(free[0]) + 1
    assert f'class="list hide-{first}"' in page
    row = page.split("<tbody>")[1].split("</tr>")[0]
    labels = re.findall(r'<td data-label="([^"]*)"', row)
    assert labels == [str(head.label) for head in shown.heads[1:]]


def test_an_export_asks_in_chunks_and_for_nothing_per_row(
    people: People, django_assert_num_queries: Callable[..., object]
) -> None:
    for _ in range(5):
        make_site(people.installer, "=cmd")
    client = people.client("/installer/")
    b"".join(client.get("/installer/sites/?export=csv"))
    answer = client.get("/installer/sites/?export=csv")
    # The rows, their entitlements, and three for what stands around them.
    with django_assert_num_queries(5):  # type: ignore[attr-defined]
        lines = b"".join(answer).decode("utf-8-sig").splitlines()
    assert len(lines) == 6
    assert lines[1].startswith("'=cmd,")
