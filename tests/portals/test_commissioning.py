"""The commissioning checklist turns green step by step, and the sheet is printed (SITE-12)."""

from __future__ import annotations

import io
import re

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.enums import CommandChannel, CommandState
from portico.devices.models import Bridge, Device
from portico.devices.services.commands import mark_sent, record_result, request_open
from portico.devices.services.presence import note_registered
from portico.houses.commissioning import commissioning_of
from portico.houses.enums import Step
from portico.houses.models import CheckMark
from portico.houses.services.turnover import reset_house
from portico.kernel.clock import utcnow
from portico.provisioning.models import ProvisioningFile
from portico.provisioning.services.files import note_applied, note_fetched
from portico.sites.models import Site
from tests.factories import (
    make_bridge,
    make_community,
    make_device,
    make_event,
    make_family_member,
    make_installer,
    make_seen,
    make_site,
    run_jobs,
)
from tests.portals.conftest import client_of
from tests.portals.support import assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def url(site: Site, tail: str = "checklist/") -> str:
    return f"/installer/sites/{site.pk}/{tail}"


def done(site: Site) -> set[Step]:
    stages = commissioning_of(site).stages
    return {stage.step for stage in stages if stage.is_done}


def head(browser: Client, site: Site) -> str:
    page = text_of(browser.get(f"/installer/sites/{site.pk}/"))
    found = re.search(r"Commissioning (\d/\d)", page)
    assert found
    return found[1]


def tick(browser: Client, site: Site, key: str, value: str = "yes") -> int:
    form = {"check": key, "done": value}
    return browser.post(url(site, "check/"), form).status_code


def apply_files(*devices: Device) -> None:
    run_jobs()
    for device in devices:
        for _ in range(2):  # the first file has an order that goes with its fetch
            file = ProvisioningFile.objects.get(device=device)
            now, revision = utcnow(), file.revision
            note_fetched(device_id=device.pk, revision=revision, etag="", at=now)
            run_jobs()
        file = ProvisioningFile.objects.get(device=device)
        note_applied(device=device, revision=file.revision, at=utcnow())


def open_door(actor: User, door: Device, bridge: Bridge, state: CommandState) -> None:
    now = utcnow()
    command = request_open(
        actor=actor,
        relay=door.relays.get(),
        channel=CommandChannel.PORTAL,
        idempotency_key=f"{state}",
        now=now,
    )
    assert mark_sent(command_id=command.pk, now=now)
    record_result(
        bridge_id=bridge.pk,
        command_id=command.pk,
        state=state,
        reason="",
        at=now,
        now=now,
    )


def test_a_house_turns_green_step_by_step_and_is_printed(
    browser: Client, installer: User, site: Site
) -> None:
    assert head(browser, site) == "0/6"
    bridge = make_bridge(site, installer)
    door = make_device(site, installer, name="Front door")
    monitor = make_device(site, installer, name="Kitchen", model="C313")
    assert head(browser, site) == "0/6"
    make_seen(door)
    assert done(site) == set()
    make_seen(monitor)
    assert done(site) == {Step.SEEN}
    apply_files(door, monitor)
    assert done(site) == {Step.SEEN, Step.APPLIED}
    note_registered(device_ids=[door.pk, monitor.pk], now=utcnow())
    assert Step.SIP in done(site)
    open_door(installer, door, bridge, CommandState.FAILED)
    assert Step.OPENED not in done(site)
    open_door(installer, door, bridge, CommandState.ACKNOWLEDGED)
    assert Step.OPENED in done(site)
    page = text_of(browser.get(url(site)))
    assert "the time of Europe/Berlin" in page
    assert "No call has been heard of yet." in page
    for device in (door, monitor):
        assert tick(browser, site, f"clock:{device.pk}") == 302
    make_event(door, "call_started")
    assert "No call has been heard of yet." not in text_of(browser.get(url(site)))
    person = site.residents.get()
    assert tick(browser, site, f"call:device:{monitor.pk}") == 302
    assert head(browser, site) == "5/6"
    sheet = browser.get(url(site, "hand-over.pdf"))
    assert sheet.content.startswith(b"%PDF")
    assert tick(browser, site, f"call:person:{person.pk}") == 302
    assert head(browser, site) == "6/6"
    assert "Everything is right." in text_of(browser.get(url(site)))
    assert AuditEntry.objects.filter(action="site.checked").count() == 4


def test_what_was_ticked_off_can_be_taken_back_and_new_people_ring_anew(
    browser: Client, installer: User, site: Site
) -> None:
    """It is resumable: nothing but the marks and the facts is kept."""
    door, person = make_device(site, installer), site.residents.get()
    tick(browser, site, f"call:person:{person.pk}")
    assert done(site) == {Step.CALL}
    for _ in range(2):
        tick(browser, site, f"clock:{door.pk}")
    assert done(site) == {Step.CALL, Step.CLOCK}
    for _ in range(2):
        tick(browser, site, f"clock:{door.pk}", "no")
    assert done(site) == {Step.CALL}
    tick(browser, site, f"clock:{door.pk}")
    actions = [entry.action for entry in AuditEntry.objects.order_by("pk")]
    assert (actions.count("site.checked"), actions.count("site.unchecked")) == (3, 1)
    reset_house(actor=installer, site=site, now=utcnow())
    assert done(site) == {Step.CLOCK}


@pytest.mark.parametrize(
    "key", ["", "seen:{door}", "opened:{relay}", "clock:999999", "call:person:{other}"]
)
def test_only_what_is_looked_at_is_ticked_off(
    browser: Client, installer: User, site: Site, key: str
) -> None:
    door = make_device(site, installer)
    other = make_site(installer).residents.get()
    asked = key.format(door=door.pk, relay=door.relays.get().pk, other=other.pk)
    assert tick(browser, site, asked) == 404
    assert not CheckMark.objects.exists()


def test_a_community_has_no_checklist(browser: Client, installer: User) -> None:
    park = make_community(installer)
    for tail in ("checklist/", "hand-over.pdf"):
        assert browser.get(url(park, tail)).status_code == 404
    assert "Commissioning" not in text_of(browser.get(f"/installer/sites/{park.pk}/"))


def test_checklist_takes_the_same_queries_for_any_number_of_devices(
    browser: Client, installer: User, site: Site
) -> None:
    make_device(site, installer)

    def add() -> None:
        for _ in range(2):
            make_device(site, installer)
            make_family_member(site, installer)

    assert_constant_queries(browser, url(site), add)


SCRIPTS = {
    "he": "משפחת כהן",
    "fa": "خانهٔ رضایی",
    "zh-hans": "王先生的家",
    "zh-hant": "陳先生的家",
    "ja": "田中さんの家",
    "ko": "김민준의 집",
    "ru": "Дом Ивановых",
    "vi": "Nhà của Nguyễn Thị Ánh",
    "az": "Əliyevlərin evi",
}


@pytest.mark.parametrize("language", SCRIPTS)
def test_the_sheet_sets_every_script_with_its_own_face(
    browser: Client, installer: User, language: str
) -> None:
    name = SCRIPTS[language]
    site = make_site(installer, name, room_name=name, language=language)
    pdf = browser.get(url(site, "hand-over.pdf")).content
    faces = set(re.findall(rb"/FontName ?/\w{6}\+([\w-]+)", pdf))
    wanted = {
        "he": b"NotoSansHebrew",
        "fa": b"NotoSansArabic",
        "zh-hans": b"NotoSansSC",
        "zh-hant": b"NotoSansTC",
        "ja": b"NotoSansJP",
        "ko": b"NotoSansKR",
    }.get(language, b"NotoSans")
    assert any(face.startswith(wanted) for face in faces), faces
    assert len(pdf) < 400_000  # the faces are cut to what is used


@pytest.mark.parametrize(
    "name", ['#import "x"', "*bold* _it_ $x$ \\ [a](b)", "👩‍👩‍👧", "\u202eevil"]
)
def test_whatever_a_name_holds_is_only_text(
    browser: Client, installer: User, name: str
) -> None:
    site = make_site(installer, name, room_name=name, address=f"{name}\n{name}")
    answer = browser.get(url(site, "hand-over.pdf"))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/pdf"
    assert io.BytesIO(answer.content).read(4) == b"%PDF"


def test_the_sheet_is_for_the_installer_alone(
    installer: User, site: Site, browser: Client
) -> None:
    stranger = client_of(make_installer())
    assert stranger.get(url(site, "hand-over.pdf")).status_code == 404
    answer = browser.get(url(site, "hand-over.pdf"))
    assert answer.headers["Cache-Control"] == "private, no-store"
