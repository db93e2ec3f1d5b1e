"""The log as the portals show it: visits, live, narrowed; their pictures."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from types import SimpleNamespace

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from portico.accounts.models import User
from portico.devices.models import Device
from portico.events.models import LogEntry, Visit
from portico.events.rules import sign_capture
from portico.kernel.clock import utcnow
from portico.sites.models import Site
from portico.tenancy.enums import Role
from tests.factories import (
    JPEG,
    make_capture,
    make_community,
    make_device,
    make_event,
    make_installer,
    make_manager,
    make_person,
    make_site,
)
from tests.portals.conftest import client_of
from tests.portals.support import HTMX, assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
HERE = "/installer/log/"
LONG_AGO = timedelta(days=3)


@pytest.fixture
def device(installer: User, site: Site) -> Device:
    return make_device(site, installer)


def cards(client: Client, url: str = HERE) -> list[str]:
    """The visits of a page, each as the words of its head."""
    page = text_of(client.get(url))
    parts = page.split('<li class="visit">')[1:]
    heads = [part.split("<details")[0] for part in parts]
    return [
        " ".join(unescape(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", head)).split())
        for head in heads
    ]


def test_one_visit_is_one_card(browser: Client, device: Device) -> None:
    now = utcnow()
    for after, kind, data in (
        (0, "motion", {}),
        (4, "call_started", {"remote": "100"}),
        (9, "card_refused", {"card": "••••4711"}),
        (15, "face_granted", {"user": "Mia"}),
    ):
        make_event(device, kind, at=now + timedelta(seconds=after), **data)
    [card] = cards(browser)

    # Each opening and each refusal is a line, the refusal as large as the other.
    assert "Unknown · RF card ••••4711" in card
    assert "Refused" in card
    assert "Mia · face" in card
    assert "Opened" in card
    assert "Motion" in card
    assert "Call: 100" in card


def test_log_filters_by_what_a_visit_holds(
    browser: Client, installer: User, site: Site, device: Device
) -> None:
    gate = make_device(site, installer, name="Gate")
    old = utcnow() - LONG_AGO
    make_event(device, "face_granted", user="Mia")
    make_event(gate, "card_refused", card="••••4711", at=old)
    make_event(gate, "motion", at=old + timedelta(seconds=5))
    make_event(device, "tamper", at=old)
    house = f"/installer/sites/{site.pk}/log/"

    assert len(cards(browser)) == 3
    for query, words in {
        "outcome=refused": "4711",
        "kind=motion": "4711",
        "kind=alarm": "Alarm",
        "within=24h": "Mia",
        "q=mia": "Mia",
        f"from={utcnow():%Y-%m-%d}": "Mia",
        f"device={gate.mac}": "4711",
        "q=gate&kind=door": "4711",
    }.items():
        url = house if "device" in query else HERE
        [card] = cards(browser, f"{url}?{query}")
        assert words in card, query
    # What one line must have: not this of one and that of another.
    assert cards(browser, f"{HERE}?kind=motion&outcome=refused") == []
    assert cards(browser, f"{HERE}?to={utcnow() - LONG_AGO * 2:%Y-%m-%d}") == []


def test_a_house_is_found_by_its_name_and_by_the_filter(
    browser: Client, installer: User, device: Device
) -> None:
    other = make_site(installer, "Novak")
    make_event(device, "motion")
    make_event(make_device(other, installer, name="Yard"), "motion")

    assert len(cards(browser)) == 2
    for query in ("q=novak", f"site={other.pk}"):
        [card] = cards(browser, f"{HERE}?{query}")
        assert "Yard" in card
    assert len(cards(browser, f"{HERE}?site=nonsense")) == 2
    stranger = make_site(make_installer(), "Foreign")
    foreign = text_of(browser.get(f"{HERE}?site={stranger.pk}"))
    assert stranger.room_name not in unescape(foreign)


def test_a_houses_log_holds_no_other_houses_visits(
    browser: Client, installer: User, device: Device
) -> None:
    make_event(device, "face_granted", user="Mia")
    other = make_site(installer)

    assert cards(browser, f"/installer/sites/{other.pk}/log/") == []


def test_pill_counts_visits_that_are_new_under_the_same_filter(
    browser: Client, installer: User, site: Site, device: Device
) -> None:
    gate = make_device(site, installer, name="Gate")
    make_event(device, "motion")
    newest = LogEntry.objects.get().pk
    url = f"{HERE}?after={newest}"
    assert f"?after={newest}" in text_of(browser.get(HERE))
    assert text_of(browser.get(url, headers=HTMX)).strip() == ""
    # One joins the visit that is shown, two make another.
    make_event(device, "face_granted", user="Mia")
    make_event(gate, "card_refused")
    make_event(gate, "card_refused")
    assert "1 new" in text_of(browser.get(url, headers=HTMX))
    # Under a filter the visit that is shown was not.
    page = text_of(browser.get(f"{url}&kind=door", headers=HTMX))
    assert "2 new" in page
    assert 'hx-get="?kind=door"' in page


def test_a_late_report_does_not_keep_the_pill(browser: Client, device: Device) -> None:
    make_event(device, "motion")
    make_event(device, "motion", at=utcnow() - LONG_AGO)
    after = re.search(r"\?after=(\d+)", text_of(browser.get(HERE)))
    assert after is not None

    assert text_of(browser.get(HERE + after[0], headers=HTMX)).strip() == ""


def test_refreshed_list_still_names_the_houses(browser: Client, device: Device) -> None:
    make_event(device, "motion")
    page = text_of(browser.get(HERE, headers=HTMX))
    assert "<html" not in page
    assert "Ryan&#x27;s home" in page


def test_a_card_refreshes_itself_while_it_may_change(
    browser: Client, device: Device
) -> None:
    make_event(device, "face_granted", user="Mia")
    visit = Visit.objects.get()
    live = f'data-live="log.changed:visit={visit.pk}"'
    assert live in text_of(browser.get(HERE))
    head = text_of(browser.get(f"{HERE}{visit.pk}/?site=yes", headers=HTMX))
    assert head.lstrip().startswith('<div class="visit-head"')
    assert "Ryan&#x27;s home" in head
    assert live in head
    Visit.objects.update(ended_at=utcnow() - LONG_AGO)
    assert live not in text_of(browser.get(HERE))


def test_a_visit_opens_to_its_lines_pictures_and_raw_events(
    browser: Client, device: Device
) -> None:
    make_event(device, "code_granted", user="Mia", code="••••")
    make_event(device, "relay_triggered", relay=1)
    make_capture(device)
    visit = Visit.objects.get()
    whole = text_of(browser.get(f"{HERE}{visit.pk}/whole/", headers=HTMX))

    assert "Mia · PIN ••••" in whole
    assert "/installer/log/pictures/" in whole
    assert "relay_triggered" in whole
    assert "{&quot;relay&quot;: 1}" in whole


def picture_url(client: Client, url: str = HERE) -> str:
    found = re.search(r'src="([^"]*/log/pictures/[^"]+)"', text_of(client.get(url)))
    assert found is not None
    return unescape(found[1])


def test_a_picture_is_shown_to_who_may_see_it_for_an_hour(
    browser: Client, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(device, "face_granted", user="Mia")
    capture = make_capture(device)
    url = picture_url(browser)
    answer = browser.get(url)
    assert (answer.content, answer["Content-Type"]) == (JPEG, "image/jpeg")
    assert answer["Cache-Control"] == "private, max-age=1800"

    later = SimpleNamespace(time=lambda: utcnow().timestamp() + 3600)
    with monkeypatch.context() as patch:
        patch.setattr("django.core.signing.time", later)
        assert browser.get(url).status_code == 404
    assert browser.get(url).status_code == 200
    default_storage.delete(capture.file)
    assert browser.get(url).status_code == 404


def test_an_address_is_nobody_elses(
    browser: Client, installer: User, device: Device
) -> None:
    make_event(device, "face_granted", user="Mia")
    capture = make_capture(device)
    url = picture_url(browser)
    staff = make_person(installer, Role.STAFF).user
    stranger = make_installer()
    # Not even a colleague's, though he sees the picture at his own.
    assert client_of(staff).get(url).status_code == 404
    assert client_of(staff).get(picture_url(client_of(staff))).status_code == 200
    base = f"{HERE}pictures/"
    for user, signed in (
        (stranger, sign_capture(capture.pk, stranger.pk)),
        (installer, str(capture.pk)),
        (installer, f"{capture.pk}.{installer.pk}"),
        (installer, f"{url.split('/')[-2]}x"),
    ):
        assert client_of(user).get(f"{base}{signed}/").status_code == 404, signed
    assert Client().get(url).status_code == 302  # to the sign-in page


def test_a_property_manager_sees_pictures_by_both_switches(
    installer: User, db: None
) -> None:
    site = make_community(installer)
    device = make_device(site, installer)
    make_event(device, "face_granted", user="Mia")
    capture = make_capture(device)
    for logs, images, visible in (
        (True, True, True),
        (True, False, False),
        (False, True, False),
    ):
        manager = make_manager(
            installer, site, may_see_logs=logs, may_see_images=images
        )
        his = client_of(manager)
        signed = sign_capture(capture.pk, manager.pk)
        answer = his.get(f"/manager/log/pictures/{signed}/")
        assert answer.status_code == (200 if visible else 404)
        if logs:
            page = text_of(his.get(f"/manager/communities/{site.pk}/log/"))
            assert "Mia" in page
            assert ("/manager/log/pictures/" in page) is visible


@pytest.mark.parametrize("url", [HERE, "/installer/", "{house}log/", "{device}"])
def test_pages_of_visits_cost_the_same_with_more_of_them(
    browser: Client, device: Device, url: str
) -> None:
    url = url.format(
        house=f"/installer/sites/{device.site_id}/",
        device=f"/installer/devices/{device.mac}/",
    )

    def add(*days: int) -> None:
        for ago in days:
            make_event(device, "motion", at=utcnow() - timedelta(days=ago))
            make_capture(device)

    add(0)
    assert_constant_queries(browser, url, lambda: add(1, 2))


def test_latest_at_the_doors_are_visits(browser: Client, device: Device) -> None:
    make_event(device, "motion")
    make_event(device, "face_granted", user="Mia")
    for url in ("/installer/", "/installer/latest/"):
        [card] = cards(browser, url)
        assert "Mia · face" in card
        assert "Ryan's home" in card
    [card] = cards(browser, f"/installer/devices/{device.mac}/")
    assert "Mia · face" in card
