from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.devices.enums import CommandState
from portico.devices.models import Bridge, Command, Device
from portico.devices.services.commands import (
    confirm_by_relay_event,
    mark_sent,
    record_result,
)
from portico.kernel.clock import utcnow
from portico.sites.models import Site
from tests.factories import make_bridge, make_device, run_jobs
from tests.portals.support import HTMX, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def press(client: Client, device: Device, key: str) -> str:
    url = f"/installer/devices/{device.mac}/relays/local/1/open/"
    return text_of(client.post(url, {"key": key}, headers=HTMX))


def test_open_without_a_bridge_is_refused_with_the_reason(
    browser: Client, installer: User, site: Site
) -> None:
    device = make_device(site, installer)
    page = press(browser, device, "k1")
    assert "Refused" in page
    assert "This site has no bridge" in page
    assert "hx-trigger" not in page  # nothing more will come
    assert Command.objects.get().channel == "portal"


def test_the_life_of_an_opening_is_shown_step_by_step(
    browser: Client, installer: User, site: Site
) -> None:
    device, bridge = make_device(site, installer), make_bridge(site, installer)
    page = press(browser, device, "k1")
    assert "requested" in page
    assert "every 1s" in page
    command, now = Command.objects.get(), utcnow()
    url = f"/installer/commands/{command.pk}/"
    assert browser.get(f"{url}?shown=requested", headers=HTMX).status_code == 204
    mark_sent(command_id=command.pk, now=now)
    assert ">sent<" in text_of(browser.get(f"{url}?shown=requested", headers=HTMX))
    _acknowledge(command, bridge)
    page = text_of(browser.get(f"{url}?shown=sent", headers=HTMX))
    assert "acknowledged" in page
    assert "every 1s" in page  # the relay's own report may still come
    at = command.requested_at + timedelta(milliseconds=240)
    confirm_by_relay_event(device=device, relay_number=1, at=at, now=at)
    page = text_of(browser.get(f"{url}?shown=acknowledged", headers=HTMX))
    assert "confirmed 0.24 s" in page
    assert "every 1s" not in page


def _acknowledge(command: Command, bridge: Bridge) -> None:
    now = utcnow()
    record_result(
        bridge_id=bridge.pk,
        command_id=command.pk,
        state=CommandState.ACKNOWLEDGED,
        reason="",
        at=now,
        now=now,
    )


def test_an_opening_that_is_never_confirmed_says_so_and_stops_asking(
    browser: Client, installer: User, site: Site
) -> None:
    device, bridge = make_device(site, installer), make_bridge(site, installer)
    press(browser, device, "k1")
    command = Command.objects.get()
    mark_sent(command_id=command.pk, now=utcnow())
    _acknowledge(command, bridge)
    Command.objects.update(requested_at=utcnow() - timedelta(seconds=11))
    page = text_of(
        browser.get(
            f"/installer/commands/{command.pk}/?shown=acknowledged", headers=HTMX
        )
    )
    assert "not confirmed" in page
    assert "every 1s" not in page


def test_a_second_press_with_the_same_key_is_the_same_order(
    browser: Client, installer: User, site: Site
) -> None:
    device = make_device(site, installer)
    make_bridge(site, installer)
    press(browser, device, "k1")
    press(browser, device, "k1")
    assert Command.objects.count() == 1


def test_opening_works_without_scripts(
    browser: Client, installer: User, site: Site
) -> None:
    device = make_device(site, installer)
    url = f"/installer/devices/{device.mac}/relays/local/1/open/"
    response = browser.post(url, {"key": "k1"})
    assert response.headers["Location"] == f"/installer/devices/{device.mac}/doors/"
    page = text_of(browser.get(response.headers["Location"]))
    assert "This site has no bridge" in page


def test_a_relay_that_does_not_exist_is_not_found(
    browser: Client, installer: User, site: Site
) -> None:
    device = make_device(site, installer)
    url = f"/installer/devices/{device.mac}/relays/local/2/open/"
    response = browser.post(url, {"key": "k"}, headers=HTMX)
    assert response.status_code == 404
    assert response.headers["HX-Reswap"] == "none"
    assert "no longer here" in response.headers["HX-Trigger"]
    assert not Command.objects.exists()


def test_bridge_is_invited_shown_once_and_removed(
    browser: Client, installer: User, site: Site
) -> None:
    url = f"/installer/sites/{site.pk}/bridge/"
    assert "No bridge yet" in text_of(browser.get(url))
    page = text_of(browser.post(f"{url}add/"))
    assert "portico bridge --server http://127.0.0.1:8000 --token " in page
    assert "--token" not in text_of(browser.get(url))
    Bridge.objects.all().update(revoked_at=utcnow())
    bridge = make_bridge(site, installer)
    page = text_of(browser.get(url))
    assert "http://192.168.1.5:8089" in page
    assert text_of(browser.post(f"{url}remove/", {"typed": "no"})).count("not the name")
    assert browser.post(f"{url}remove/", {"typed": "Bridge"}).status_code == 302
    bridge.refresh_from_db()
    assert bridge.revoked_at is not None


def test_second_bridge_is_refused(browser: Client, installer: User, site: Site) -> None:
    make_bridge(site, installer)
    response = browser.post(f"/installer/sites/{site.pk}/bridge/add/")
    assert response.status_code == 409
    assert "Remove it first" in text_of(response)


def test_refused_openings_are_in_the_log(
    browser: Client, installer: User, site: Site
) -> None:
    press(browser, make_device(site, installer), "k1")
    run_jobs()
    page = text_of(browser.get("/installer/log/?outcome=refused"))
    assert "User" in page
    assert "This site has no bridge" in page
