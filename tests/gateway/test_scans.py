"""A look for units, from the installer's button to the page, through a live session."""

from __future__ import annotations

import pytest

from portico.devices.models import Command
from portico.kernel.clock import to_ms, utcnow
from portico.protocols.bridge import messages as wire
from portico.protocols.bridge.envelope import NO_UNIT
from tests.factories import make_installer, make_mac, make_site
from tests.gateway.bridges import HandBridge, enrol
from tests.gateway.server import RunningGateway
from tests.portals.conftest import client_of
from tests.portals.support import HTMX, text_of
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]


def test_button_has_the_bridge_look_and_offers_what_it_finds(
    gateway: RunningGateway,
) -> None:
    installer = make_installer()
    site, entry = make_site(installer), make_mac(installer, model="R20A")
    bridge_id, private, _ = enrol(gateway, site, installer)
    browser, url = client_of(installer), f"/installer/sites/{site.pk}"
    with HandBridge(gateway, bridge_id, private) as box:
        box.authenticate()
        eventually(lambda: site.bridges.filter(is_online=True).exists())
        given = {"first": "192.168.1.1", "last": "192.168.1.254"}
        assert browser.post(f"{url}/look/", given).status_code == 302

        told = box.expect(wire.Command)
        assert (told.mac, told.kind) == (NO_UNIT, "scan_network")
        assert told.data == given
        at = to_ms(utcnow())
        unit = wire.FoundUnit(entry.mac, "R20A", "320.30.11.80", "192.168.1.20", at)
        box.send(wire.Found((unit,)))
        counts = {"answered": 1, "new": 1, "nameless": 0}
        done = wire.CommandState.ACKNOWLEDGED
        box.send(wire.CommandResult(told.id, done, "", at, 5, counts=counts))
        assert box.expect(wire.Ack).ids == (told.id,)
    page = text_of(browser.get(f"{url}/look/", headers=HTMX))
    assert "1 device answered," in page
    assert "1 is new." in page
    eventually(lambda: entry.mac in text_of(browser.get(f"{url}/found/")))
    assert f"/devices/new/?mac={entry.mac}" in text_of(browser.get(f"{url}/found/"))
    assert Command.objects.get().latency_ms is not None
