"""The log as a file: ordered on the page, made by the worker, fetched by who asked."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portico.accounts.models import User
from portico.devices.models import Device
from portico.events.models import LogEntry
from portico.exports.enums import ExportState
from portico.exports.models import Export
from portico.kernel.clock import utcnow
from portico.sites.models import Site
from portico.tenancy.enums import Role
from tests.factories import (
    make_community,
    make_device,
    make_event,
    make_export,
    make_installer,
    make_manager,
    make_person,
    make_site,
    run_jobs,
)
from tests.portals.conftest import client_of
from tests.portals.support import HTMX, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
HERE = "/installer/log/"


@pytest.fixture
def device(installer: User, site: Site) -> Device:
    return make_device(site, installer)


def order(client: Client, page: str, wanted: str = "csv") -> Export:
    """Press the button of ``page``, as it stands there."""
    form = text_of(client.get(page))
    found = re.search(r'name="query" value="([^"]*)"', form)
    assert found is not None
    query = found[1].replace("&amp;", "&")
    back = {"query": query, "back": page, "format": wanted}
    answer = client.post(_action(form), back)
    assert (answer.status_code, answer["Location"]) == (302, page)
    return Export.objects.latest("requested_at")


def _action(page: str) -> str:
    found = re.search(r'action="([^"]*/log/export/)"', page)
    assert found is not None
    return found[1]


def body(client: Client, export: Export, portal: str = "installer") -> str:
    """The file, as the browser saves it."""
    answer: Any = client.get(f"/{portal}/exports/{export.pk}/file/")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"
    assert "attachment" in answer["Content-Disposition"]
    return b"".join(answer).decode("utf-8-sig")


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_from_the_button_to_the_file(browser: Client, device: Device) -> None:
    make_event(device, "face_granted", user="=cmd|' /C calc'!A0")
    make_event(device, "card_refused", card="••••4711")
    make_event(device, "motion")
    page = f"{HERE}?kind=door"
    export = order(browser, page)
    waiting = text_of(browser.get(page))
    assert "waiting" in waiting
    assert 'hx-trigger="every 1s"' in waiting
    run_jobs()

    done = text_of(browser.get(page))  # the page that was open, or any other
    assert "every 1s" not in done
    assert f"/installer/exports/{export.pk}/file/" in done
    head, *rows = table(body(browser, export))
    assert head[:4] == ["Time", "Site", "Device Name", "Door"]
    assert [row[head.index("Outcome")] for row in rows] == ["refused", "opened"]
    # What a spreadsheet would calculate is text.
    assert rows[1][head.index("Who")] == "'=cmd|' /C calc'!A0"
    visit = str(LogEntry.objects.filter(kind="door").latest("pk").visit_id)
    assert rows[0][head.index("Visit")] == visit


def test_json_has_what_programs_read(browser: Client, device: Device) -> None:
    make_event(device, "code_granted", user="Mia", code="••••")
    make_event(device, "relay_triggered", relay=1)
    export = order(browser, HERE, "json")
    run_jobs()
    [line] = json.loads(body(browser, export))

    entry = LogEntry.objects.get()
    assert datetime.fromisoformat(line["at"]) == entry.occurred_at
    assert line | {"at": "", "received_at": ""} == {
        "id": entry.pk,
        "visit": entry.visit_id,
        "at": "",
        "received_at": "",
        "site": device.site.room_name,
        "site_id": str(device.site_id),
        "device": "Front door",
        "mac": device.mac,
        "door": "Door 1",
        "relay": 1,
        "kind": "door",
        "who": "Mia",
        "how": "pin",
        "shown": "••••",
        "outcome": "granted",
        "reason": "",
        "latency_ms": None,
    }


@pytest.mark.parametrize("count", [0, 1, 3])
def test_json_is_json_for_any_number_of_lines(
    browser: Client, device: Device, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portico.exports.selectors.CHUNK", 2)
    at = utcnow()  # the same moment for all, so that only the key tells them apart
    for _ in range(count):
        make_event(device, "motion", at=at)
    export = order(browser, HERE, "json")
    run_jobs()
    export.refresh_from_db()

    assert len({one["id"] for one in json.loads(body(browser, export))}) == count
    assert (export.rows_done, export.rows_total) == (count, count)


def test_it_holds_what_the_page_shows(
    browser: Client, installer: User, site: Site, device: Device
) -> None:
    other = make_device(make_site(installer, "Novak"), installer, name="Yard")
    for one in (device, other):
        make_event(one, "face_granted", user="Mia")
        make_event(one, "card_refused", at=utcnow() - timedelta(days=3))
    house = f"/installer/sites/{site.pk}/log/"
    for page, count in (
        (HERE, 4),
        (f"{HERE}?outcome=refused", 2),
        (f"{HERE}?q=novak", 2),
        (f"{HERE}?site={other.site_id}&within=24h", 1),
        (f"{HERE}?from={utcnow():%Y-%m-%d}", 2),
        (house, 2),
        (f"{house}?device={device.mac}&outcome=refused", 1),
        (f"{house}?device={other.mac}", 2),  # none of this house: not narrowed
    ):
        export = order(browser, page)
        run_jobs()
        assert len(table(body(browser, export))) - 1 == count, page
        export.delete()


def test_it_holds_what_he_may_see_when_it_is_made(
    installer: User, device: Device
) -> None:
    make_event(device, "motion")
    stranger = make_installer()
    theirs = client_of(stranger)
    forged = {"query": f"site={device.site_id}", "format": "csv", "back": HERE}
    theirs.post("/installer/log/export/", forged)
    run_jobs()
    export = Export.objects.get()
    assert len(table(body(theirs, export))) == 1
    # A colleague's file is not his, though he sees the same log.
    colleague = client_of(make_person(installer, Role.STAFF).user)
    own = make_export(installer)
    for name in ("file", "cancel", "remove"):
        url = reverse(f"installer:export_{name}", args=[own.pk])
        send = colleague.get if name == "file" else colleague.post
        assert send(url).status_code == 404
    own.refresh_from_db()
    assert own.state == ExportState.DONE


def test_a_property_manager_exports_what_his_switch_allows(installer: User) -> None:
    site = make_community(installer)
    make_event(make_device(site, installer), "face_granted", user="Mia")
    manager = make_manager(installer, site)
    his = client_of(manager)
    export = order(his, f"/manager/communities/{site.pk}/log/")
    run_jobs()
    assert "Mia" in body(his, export, "manager")
    assert export.source == "managed_log"


def test_cancel_and_remove_by_part_and_by_page(browser: Client, device: Device) -> None:
    make_event(device, "motion")
    export = order(browser, HERE)
    url = f"/installer/exports/{export.pk}/"
    assert browser.get(f"{url}file/").status_code == 404  # not there yet
    part = text_of(browser.post(f"{url}cancel/", headers=HTMX))
    assert "Cancelled" in part
    assert part.lstrip().startswith('<div id="exports"')
    run_jobs()
    assert Export.objects.get().state == ExportState.CANCELLED
    assert browser.get(f"{url}file/").status_code == 404
    assert browser.post(f"{url}remove/").status_code == 302
    assert not Export.objects.exists()


def test_a_third_at_once_is_refused_in_words(browser: Client, device: Device) -> None:
    make_event(device, "motion")
    for _ in range(3):
        order(browser, HERE)
    assert Export.objects.count() == 2
    assert "Two files are being made" in text_of(browser.get(HERE))


def test_a_failure_says_why(browser: Client, installer: User) -> None:
    Export.objects.filter(pk=make_export(installer).pk).update(
        state=ExportState.FAILED, failure="storage"
    )
    page = text_of(browser.get(HERE))
    assert "The disk may be full." in page
    assert "/file/" not in page


@pytest.mark.parametrize("back", ["https://example.org/", "//example.org", "log"])
def test_nobody_is_led_elsewhere(browser: Client, back: str) -> None:
    answer = browser.post(f"{HERE}export/", {"format": "csv", "back": back})
    assert answer["Location"] == "/installer/"


def test_what_is_no_format_makes_nothing(browser: Client) -> None:
    answer = browser.post(f"{HERE}export/", {"format": "exe", "back": HERE})
    assert answer.status_code == 404
    assert not Export.objects.exists()
