"""The Remote tab: when it can be pressed, where it leads, who ends it."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.models import Command, Device
from portico.kernel.clock import utcnow
from portico.portals.shared.audit_words import ACTIONS
from portico.remote.enums import EndReason
from portico.remote.models import RemoteSession
from portico.remote.services.sessions import end_due
from portico.sites.models import Site
from portico.tenancy.enums import Role
from tests.factories import make_bridge, make_device, make_person, make_seen, run_jobs
from tests.factories.remote import make_remote_session
from tests.portals.conftest import client_of
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def device(site: Site, installer: User) -> Device:
    made = make_device(site, installer)
    run_jobs()
    return made


@pytest.fixture
def bridged(device: Device, site: Site, installer: User) -> Device:
    make_bridge(site, installer)
    make_seen(device)
    return device


@pytest.fixture(autouse=True)
def remote_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings.ENVIRONMENT, "remote_host", "remote.example.org")


def tab(browser: Client, device: Device) -> str:
    return text_of(browser.get(f"/installer/devices/{device.mac}/remote/"))


def press(browser: Client, device: Device) -> str:
    answer = browser.post(f"/installer/devices/{device.mac}/remote/control/")
    assert answer.status_code == 302, text_of(answer)
    return str(answer["Location"])


def test_direct_mode_needs_a_bridge(browser: Client, device: Device) -> None:
    page = tab(browser, device)

    assert "only a bridge can reach the device" in page
    answer = browser.post(f"/installer/devices/{device.mac}/remote/control/")
    assert answer.status_code == 409
    assert not RemoteSession.objects.exists()
    assert not Command.objects.exists()


def test_device_that_is_offline_cannot_be_shown(
    browser: Client, device: Device, site: Site, installer: User
) -> None:
    make_bridge(site, installer)
    make_seen(device, at=utcnow() - timedelta(minutes=5))

    assert "The device is offline." in tab(browser, device)
    answer = browser.post(f"/installer/devices/{device.mac}/remote/control/")
    assert answer.status_code == 409


def test_without_a_host_name_the_page_says_what_is_missing(
    browser: Client, bridged: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings.ENVIRONMENT, "remote_host", "")

    page = tab(browser, bridged)

    assert "PORTICO_REMOTE_HOST" in page
    answer = browser.post(f"/installer/devices/{bridged.mac}/remote/control/")
    assert answer.status_code == 409
    assert not RemoteSession.objects.exists()


def test_pressing_it_leads_to_an_origin_of_its_own(
    browser: Client, bridged: Device, installer: User
) -> None:
    parts = urlsplit(press(browser, bridged))

    session = RemoteSession.objects.get()
    assert parts.netloc == f"{session.label}.remote.example.org"
    assert parts.path == "/.portico/enter"
    (token,) = parse_qs(parts.query)["token"]
    assert token not in {session.entry_digest, session.label}
    assert len(session.label) == 26
    assert session.command is not None
    assert session.command.kind == "remote_control"
    page = browser.get(f"/installer/devices/{bridged.mac}/remote/")
    policy = page["Content-Security-Policy"]
    assert "form-action 'self' http://*.remote.example.org" in policy
    assert "End now" in text_of(page)
    overview = browser.get(f"/installer/devices/{bridged.mac}/")
    assert "Remote Control by" in text_of(overview)
    assert "remote.example.org" not in overview["Content-Security-Policy"]
    entry = AuditEntry.objects.get(action="device.remote_control")
    assert (entry.actor_id, entry.object_id) == (installer.pk, str(bridged.pk))
    assert {"device.remote_control", "device.remote_control_ended"} <= set(ACTIONS)


def test_second_click_is_the_same_session_with_a_new_entry(
    browser: Client, bridged: Device
) -> None:
    first, second = press(browser, bridged), press(browser, bridged)

    assert first != second
    assert RemoteSession.objects.count() == Command.objects.count() == 1


def test_colleague_may_end_but_not_enter(
    browser: Client, bridged: Device, installer: User
) -> None:
    session = make_remote_session(bridged, installer)
    colleague = make_person(installer, Role.OWNER).user
    other = client_of(colleague)
    at = f"/installer/devices/{bridged.mac}/remote/{session.pk}/"

    assert other.post(f"{at}enter/").status_code == 403
    assert "Only" in tab(other, bridged)
    assert other.post(f"{at}end/").status_code == 302

    session.refresh_from_db()
    assert session.end_reason == EndReason.ENDED
    assert session.ended_by_name == str(colleague.name or colleague)
    assert browser.post(f"{at}enter/").status_code == 409
    assert "ended by" in tab(browser, bridged)


def test_session_of_another_device_is_not_found(
    browser: Client, bridged: Device, site: Site, installer: User
) -> None:
    session = make_remote_session(bridged, installer)
    second = make_device(site, installer, name="Garage")

    answer = browser.post(f"/installer/devices/{second.mac}/remote/{session.pk}/end/")

    assert answer.status_code == 404
    session.refresh_from_db()
    assert session.ended_at is None


def test_clock_ends_what_is_over_and_what_nobody_came_for(
    bridged: Device, installer: User
) -> None:
    session = make_remote_session(bridged, installer)
    assert end_due(now=session.opened_at + timedelta(seconds=29)) == 0

    assert end_due(now=session.opened_at + timedelta(seconds=30)) == 1
    session.refresh_from_db()
    assert session.end_reason == EndReason.REFUSED

    Command.objects.update(state="failed", reason="no_tunnel")
    again = make_remote_session(bridged, installer)
    RemoteSession.objects.filter(pk=again.pk).update(attached_at=utcnow())
    assert end_due(now=again.expires_at - timedelta(seconds=1)) == 0
    assert end_due(now=again.expires_at) == 1
    again.refresh_from_db()
    assert (again.end_reason, again.ended_at) == (EndReason.EXPIRED, again.expires_at)
    assert end_due(now=again.expires_at) == 0


def test_refused_order_says_why(
    browser: Client, bridged: Device, installer: User
) -> None:
    session = make_remote_session(bridged, installer)
    Command.objects.update(state="failed", reason="no_tunnel")

    assert end_due(now=utcnow()) == 1

    assert "could not connect for it" in tab(browser, bridged)
    session.refresh_from_db()
    assert session.end_reason == EndReason.REFUSED
