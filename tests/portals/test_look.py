"""Looking for devices from a house's Bridge tab."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.devices.enums import CommandState
from portico.devices.models import Bridge, Command
from portico.devices.services.commands import mark_sent, record_result
from portico.devices.services.scans import note_scan
from portico.kernel.clock import utcnow
from portico.sites.models import Site
from tests.factories import make_bridge, make_installer
from tests.portals.conftest import client_of
from tests.portals.support import HTMX, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
RANGE = {"first": "192.168.1.1", "last": "192.168.1.254"}


@pytest.fixture
def bridge(site: Site, installer: User) -> Bridge:
    return make_bridge(site, installer)


def page_of(browser: Client, site: Site) -> str:
    return html.unescape(text_of(browser.get(f"/installer/sites/{site.pk}/bridge/")))


def state_of(browser: Client, site: Site) -> str:
    answer = browser.get(f"/installer/sites/{site.pk}/look/", headers=HTMX)
    text = html.unescape(re.sub(r"<[^>]*>", " ", text_of(answer)))
    return " ".join(text.split())


def look(browser: Client, site: Site, **fields: str) -> str:
    """What the form is answered with; empty when it was taken."""
    answer = browser.post(f"/installer/sites/{site.pk}/look/", RANGE | fields)
    if answer.status_code == 302:
        return ""
    return html.unescape(text_of(answer))


def error_at(page: str, field: str) -> str:
    found = re.search(rf'<ul class="errorlist" id="id_{field}_error">(.*?)</ul>', page)
    return re.sub(r"<[^>]*>", "", found[1]) if found else ""


def finish(bridge: Bridge, state: CommandState, reason: str = "") -> None:
    command = Command.objects.get(bridge=bridge)
    now = utcnow()
    mark_sent(command_id=command.pk, now=now)
    if state == CommandState.ACKNOWLEDGED:
        counts = {"answered": 3, "new": 1, "nameless": 1}
        note_scan(bridge_id=bridge.pk, command_id=command.pk, counts=counts)
    record_result(
        bridge_id=bridge.pk,
        command_id=command.pk,
        state=state,
        reason=reason,
        at=now,
        now=now,
    )


def test_form_proposes_the_network_of_the_bridge(
    browser: Client, site: Site, bridge: Bridge
) -> None:
    del bridge
    page = page_of(browser, site)

    assert 'value="192.168.1.1"' in page
    assert 'value="192.168.1.254"' in page


def test_form_keeps_the_range_of_the_last_look(
    browser: Client, site: Site, bridge: Bridge
) -> None:
    del bridge
    look(browser, site, last="192.168.1.77")

    assert 'value="192.168.1.77"' in page_of(browser, site)


def test_look_is_followed_to_its_end(
    browser: Client, site: Site, bridge: Bridge
) -> None:
    assert look(browser, site) == ""
    state = state_of(browser, site)
    assert "192.168.1.1 – 192.168.1.254 : looking…" in state  # noqa: RUF001

    finish(bridge, CommandState.ACKNOWLEDGED)
    state = state_of(browser, site)
    assert "3 devices answered, 1 is new. 1 is locked and told no MAC." in state
    assert "looking" not in state
    audit = text_of(browser.get("/installer/setting/audit/"))
    assert "looked for units through the bridge Bridge" in audit


def test_failure_is_shown_with_its_reason(
    browser: Client, site: Site, bridge: Bridge
) -> None:
    look(browser, site)
    finish(bridge, CommandState.FAILED, "bad_command")

    assert "Its program is older than this." in state_of(browser, site)


def test_double_click_and_second_tab_are_one_look(
    browser: Client, site: Site, bridge: Bridge
) -> None:
    for key in ("tap", "tap", "other"):
        assert look(browser, site, key=key) == ""

    assert Command.objects.filter(bridge=bridge).count() == 1


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"first": ""}, "first", "required"),
        ({"first": "house"}, "first", "Enter an IPv4 address"),
        ({"first": "1.1.1.1"}, "first", "of the home network"),
        ({"last": "192.168.1.1/24"}, "last", "Enter an IPv4 address"),
        ({"last": "192.168.0.9"}, "last", "before the first address"),
        ({"last": "192.168.9.9"}, "last", "At most 1024 addresses"),
        ({"last": "1" * 80}, "last", "at most 63"),
    ],
)
def test_bad_range_is_told_at_its_field(
    browser: Client,
    site: Site,
    bridge: Bridge,
    fields: dict[str, str],
    field: str,
    words: str,
) -> None:
    del bridge
    page = look(browser, site, **fields)

    assert words in error_at(page, field)
    assert not Command.objects.exists()


def test_absent_and_offline_bridge_are_told(
    browser: Client, site: Site, installer: User
) -> None:
    assert "Look for devices" not in page_of(browser, site)
    assert "This site has no bridge" in look(browser, site)

    make_bridge(site, installer, online=False)
    page = page_of(browser, site)
    assert re.search(r'id="look-button"[^>]* disabled', page)
    assert "The bridge is offline." in state_of(browser, site)
    assert not Command.objects.exists()


def test_stranger_looks_nowhere(site: Site, bridge: Bridge) -> None:
    del bridge
    stranger = client_of(make_installer())
    url = f"/installer/sites/{site.pk}/look/"

    assert stranger.post(url, RANGE).status_code == 404
    assert stranger.get(url, headers=HTMX).status_code == 404
    assert not Command.objects.exists()
