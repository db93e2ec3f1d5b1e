"""Lists of 100,000 rows open at once: what the database reads for a page (NAV-4)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from typing import Any, cast

import pytest
from django.db.models import Model
from django.test import Client

from portico.accounts.models import User
from portico.devices.models import Device
from portico.events.models import LogEntry, Visit
from portico.portals.shared import lists
from tests.factories import (
    make_device,
    make_distributor,
    make_event,
    make_installer,
    make_mac,
    make_notice,
    make_site,
    organization_of,
    run_jobs,
)
from tests.plans import ON_SQLITE, plan_of, statements
from tests.portals.conftest import client_of
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

# Each list, and the index that holds its rows in their order.
INDEXES = {
    "/installer/sites/": "sites_site_organiz_7fff4d_idx",
    "/installer/devices/": "devices_by_company",
    "/installer/log/": "events_visits_by_company",
    "/installer/mac-library/": "devices_macs_newest",
    "/installer/notifications/": "notices_newest",
    "/distributor/sites/": "sites_by_room",
    "/distributor/devices/": "devices_by_company",
    "/distributor/mac-library/": "devices_macs_newest",
}
ALL = pytest.mark.parametrize("url", INDEXES)


@pytest.fixture
def distributor(db: None) -> User:
    return make_distributor("dana")


@pytest.fixture
def installer(distributor: User) -> User:
    return make_installer("ida", distributor=distributor)


@pytest.fixture
def opened(distributor: User, installer: User) -> Callable[[str], Client]:
    """Who has that list, with seven rows in it, three of one name."""
    for name in ("b", "a", "b", "c", "b", "a", "d"):
        device = make_device(make_site(installer, name), installer, name=name)
        make_event(device, "motion")
        make_notice(installer)
    run_jobs()
    people = {"distributor": distributor, "installer": installer}
    return lambda url: client_of(people[url.split("/")[1]])


@ALL
def test_pages_follow_each_other_as_the_rows_do(
    opened: Callable[[str], Client], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = opened(url)

    def page(sort: str, number: int) -> list[Any]:
        answer = client.get(f"{url}?sort={sort}&page={number}")
        rows = answer.context["listing"].page.rows
        return [row.pk for row in rows]

    keys = [one.key for one in client.get(url).context["listing"].heads if one.url]
    for sort in ["", *keys, *(f"-{key}" for key in keys)]:
        monkeypatch.setattr(lists, "PAGE_SIZE", 50)
        at_once = page(sort, 1)
        assert len(at_once) == 7
        monkeypatch.setattr(lists, "PAGE_SIZE", 3)
        assert [pk for number in (1, 2, 3) for pk in page(sort, number)] == at_once


@ON_SQLITE
@ALL
def test_a_page_is_found_in_an_index(opened: Callable[[str], Client], url: str) -> None:
    client = opened(url)
    client.get(url)
    with statements() as asked:
        client.get(f"{url}?page=2")
    in_order = [(sql, params) for sql, params in asked if " OFFSET " in sql]
    assert len(in_order) == 1
    plan = plan_of(*in_order[0])
    assert any(INDEXES[url] in step for step in plan), plan


@ON_SQLITE
@pytest.mark.parametrize(
    "url",
    [
        "/installer/devices/",
        "/installer/log/",
        "/installer/mac-library/",
        "/distributor/sites/",
        "/distributor/devices/",
        "/distributor/mac-library/",
    ],
)
def test_of_the_rows_before_a_page_only_the_index_is_read(
    opened: Callable[[str], Client], url: str
) -> None:
    client = opened(url)
    with statements() as asked:
        client.get(f"{url}?page=2")
    in_order = next(one for one in asked if " OFFSET " in one[0])
    assert f"USING COVERING INDEX {INDEXES[url]}" in " ".join(plan_of(*in_order))


@ON_SQLITE
def test_the_bell_counts_within_an_index(opened: Callable[[str], Client]) -> None:
    client = opened("/installer/")
    with statements() as asked:
        client.get("/installer/devices/")
    bell = next(one for one in asked if "COUNT(*)" in one[0] and "notices" in one[0])
    plan = plan_of(*bell)
    assert any("notices_newest (<expr>=? AND id>?)" in step for step in plan), plan


@pytest.mark.parametrize(
    "url", ["/installer/devices/", "/installer/log/", "/distributor/devices/"]
)
def test_no_list_shows_a_row_by_a_wrong_copy_of_its_company(
    distributor: User, installer: User, url: str
) -> None:
    stranger = make_installer("otto", distributor=make_distributor("other"))
    for boss, name in ((installer, "Mine"), (stranger, "Theirs")):
        device = make_device(make_site(boss), boss, name=name)
        run_jobs()
        make_event(device, "motion")
    run_jobs()
    for model in (Device, LogEntry, Visit):
        rows = cast("type[Model]", model)._default_manager.all()
        assert rows.update(organization=organization_of(installer)) == 2
    client = client_of(distributor if url.startswith("/distributor/") else installer)
    for address in (url, f"{url}?q=theirs", f"{url}?sort=-name"):
        assert "Theirs" not in text_of(client.get(address)), address
    assert "Mine" in text_of(client.get(url))
    file = b"".join(cast("Iterable[bytes]", client.get(f"{url}?export=csv")))
    rows_of_file = [*csv.reader(io.StringIO(file.decode("utf-8-sig")))][1:]
    assert len(rows_of_file) == 1
    assert "Mine" in ",".join(rows_of_file[0])


def test_the_mac_library_says_how_it_is_sorted(distributor: User) -> None:
    make_mac(distributor)
    page = text_of(client_of(distributor).get("/distributor/mac-library/"))
    assert page.count('aria-sort="descending"') == 1
