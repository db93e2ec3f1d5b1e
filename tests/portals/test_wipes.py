"""After a reset the devices forget codes, cards and faces, when they can (SITE-8)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.enums import CommandState
from portico.devices.models import AccessWipe, Bridge, Command, Device
from portico.devices.services.commands import mark_sent, record_result
from portico.devices.services.wipes import AGAIN, wipe_due
from portico.houses.services.turnover import reset_house
from portico.kernel.clock import utcnow
from portico.sites.models import Site
from tests.factories import make_bridge, make_device, make_seen
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

STILL = "still has the codes, cards and faces"


def shown(browser: Client, site: Site) -> str:
    page = text_of(browser.get(f"/installer/sites/{site.pk}/devices/"))
    part = text_of(browser.get(f"/installer/sites/{site.pk}/wipes/"))
    assert (STILL in page) == (STILL in part)
    return part


def answer(bridge: Bridge, state: CommandState, reason: str = "") -> Command:
    """Let the bridge take the newest order and say what became of it."""
    command = Command.objects.filter(kind="clear_access").latest("requested_at")
    now = utcnow()
    assert mark_sent(command_id=command.pk, now=now)
    record_result(
        bridge_id=bridge.pk,
        command_id=command.pk,
        state=state,
        reason=reason,
        at=now,
        now=now,
    )
    return command


@pytest.fixture
def door(site: Site, installer: User) -> Device:
    return make_device(site, installer, name="Front door")


def test_a_unit_that_is_there_is_cleared_at_once(
    browser: Client, installer: User, site: Site, door: Device
) -> None:
    bridge = make_bridge(site, installer)
    make_seen(door)
    monitor = make_device(site, installer, name="Kitchen", model="C313")
    make_seen(monitor)
    reset_house(actor=installer, site=site, now=utcnow())
    assert "It is being told." in shown(browser, site)
    assert "Kitchen" not in shown(browser, site)  # monitors let nobody in
    for _ in range(3):
        wipe_due(now=utcnow())
    assert Command.objects.filter(kind="clear_access").count() == 1
    answer(bridge, CommandState.ACKNOWLEDGED)
    assert STILL not in shown(browser, site)
    wipe_due(now=utcnow() + timedelta(hours=1))
    assert Command.objects.filter(kind="clear_access").count() == 1


def test_a_unit_that_is_away_waits_and_is_cleared_when_it_returns(
    browser: Client, installer: User, site: Site, door: Device
) -> None:
    bridge = make_bridge(site, installer)
    make_seen(door, at=utcnow() - timedelta(hours=1))
    reset_house(actor=installer, site=site, now=utcnow())
    wipe_due(now=utcnow())
    assert not Command.objects.filter(kind="clear_access").exists()
    assert "The device is offline. It happens when it is back." in shown(browser, site)
    make_seen(door)
    wipe_due(now=utcnow())
    answer(bridge, CommandState.ACKNOWLEDGED)
    assert STILL not in shown(browser, site)


def test_a_unit_that_refuses_is_tried_again_and_says_why(
    browser: Client, installer: User, site: Site, door: Device
) -> None:
    bridge = make_bridge(site, installer)
    make_seen(door)
    reset_house(actor=installer, site=site, now=utcnow())
    wipe_due(now=utcnow())
    answer(bridge, CommandState.FAILED, "no_answer")
    assert "No answer from the device." in shown(browser, site)
    wipe_due(now=utcnow() + AGAIN / 2)
    assert Command.objects.filter(kind="clear_access").count() == 1
    wipe_due(now=utcnow() + AGAIN * 1.5)
    answer(bridge, CommandState.ACKNOWLEDGED)
    assert STILL not in shown(browser, site)


def test_without_a_bridge_it_is_done_by_hand_and_on_record(
    browser: Client, installer: User, site: Site, door: Device
) -> None:
    make_seen(door)
    reset_house(actor=installer, site=site, now=utcnow())
    wipe_due(now=utcnow())
    assert "This house has no bridge" in shown(browser, site)
    url = f"/installer/devices/{door.mac}/cleared/"
    assert browser.get(url).status_code == 405
    for _ in range(2):
        assert browser.post(url).status_code == 302
    assert STILL not in shown(browser, site)
    entries = AuditEntry.objects.filter(action="device.cleared_by_hand")
    assert entries.count() == 1


def test_an_answer_to_an_earlier_reset_does_not_count_for_a_later_one(
    installer: User, site: Site, door: Device
) -> None:
    bridge = make_bridge(site, installer)
    make_seen(door)
    reset_house(actor=installer, site=site, now=utcnow())
    wipe_due(now=utcnow())
    reset_house(actor=installer, site=site, now=utcnow())
    answer(bridge, CommandState.ACKNOWLEDGED)
    assert AccessWipe.objects.get().done_at is None
    wipe_due(now=utcnow())
    answer(bridge, CommandState.ACKNOWLEDGED)
    assert AccessWipe.objects.get().done_at is not None
