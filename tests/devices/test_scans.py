"""Looks for units through a house's bridge: one at a time, and what is kept of one."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.enums import CommandKind, CommandState
from portico.devices.errors import BadScan, BridgeMissing, IdempotencyMismatch
from portico.devices.models import Bridge, Command, NetworkScan
from portico.devices.rules import likely_range
from portico.devices.selectors import (
    all_waiting_commands,
    known_addresses,
    latest_scan,
    waiting_commands,
)
from portico.devices.services.bridges import remove_bridge
from portico.devices.services.commands import (
    SCAN_GRACE,
    expire_commands,
    forget_commands,
    mark_sent,
    record_result,
)
from portico.devices.services.orders import TIME_TO_LIVE, request_order
from portico.devices.services.scans import look_for_units, note_scan
from portico.kernel.clock import utcnow
from portico.sites.models import Site
from tests.factories import make_bridge, make_device, make_installer, make_site
from tests.factories.cameras import make_camera, make_premium

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
NOW = utcnow()
COUNTS = {"answered": 3, "new": 2, "nameless": 1}


@pytest.fixture
def installer() -> User:
    return make_installer()


@pytest.fixture
def site(installer: User) -> Site:
    return make_site(installer)


@pytest.fixture
def bridge(installer: User, site: Site) -> Bridge:
    return make_bridge(site, installer)


def look(actor: User, site: Site, **changes: str) -> Command:
    given = {"first": "192.168.1.1", "last": "192.168.1.254"} | changes
    return look_for_units(actor=actor, site=site, **given, now=NOW)


def test_look_waits_for_its_bridge_and_is_on_record(
    installer: User, site: Site, bridge: Bridge
) -> None:
    command = look(installer, site)

    assert waiting_commands(bridge) == [command.pk]
    assert all_waiting_commands() == [(site.pk, command.pk)]
    assert command.target == bridge
    assert str(latest_scan(site)) == "192.168.1.1 – 192.168.1.254"  # noqa: RUF001
    entry = AuditEntry.objects.get(action="bridge.scan_network")
    assert (entry.site_id, entry.organization_id) == (site.pk, site.organization_id)


def test_second_look_is_the_first_until_it_is_over(
    installer: User, site: Site, bridge: Bridge
) -> None:
    first = look(installer, site)
    assert look(installer, site, last="192.168.1.9") == first
    assert NetworkScan.objects.get().last == "192.168.1.254"
    Command.objects.update(state=CommandState.ACKNOWLEDGED)

    assert look(installer, site) != first
    assert Command.objects.filter(bridge=bridge).count() == 2


def test_key_means_one_look(installer: User, site: Site, bridge: Bridge) -> None:
    first = look(installer, site, idempotency_key="tap")
    Command.objects.update(state=CommandState.ACKNOWLEDGED)
    assert look(installer, site, idempotency_key="tap") == first

    other = make_site(installer)
    make_bridge(other, installer)
    with pytest.raises(IdempotencyMismatch):
        look(installer, other, idempotency_key="tap")
    assert Command.objects.get().bridge == bridge


@pytest.mark.django_db(transaction=True)
def test_two_who_look_at_once_get_the_same_order(
    installer: User, site: Site, bridge: Bridge
) -> None:
    del bridge
    start, got = threading.Barrier(2), list[uuid.UUID]()

    def ask() -> None:
        start.wait()
        try:
            got.append(look(installer, site).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 2
    assert len(set(got)) == 1
    assert NetworkScan.objects.count() == 1


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("", "192.168.1.9", "first"),
        ("router", "192.168.1.9", "first"),
        ("8.8.8.8", "192.168.1.9", "first"),
        ("127.0.0.1", "127.0.0.9", "first"),
        ("192.168.1.1", "192.168.1.256", "last"),
        ("192.168.1.1", "::1", "last"),
        ("192.168.1.9", "192.168.1.8", "last"),
        ("192.168.0.0", "192.168.4.0", "last"),
        ("172.31.255.250", "172.32.0.1", "last"),
    ],
)
def test_range_of_elsewhere_is_refused_at_its_field(
    installer: User, site: Site, bridge: Bridge, first: str, last: str, field: str
) -> None:
    del bridge
    with pytest.raises(BadScan) as refused:
        look(installer, site, first=first, last=last)

    assert refused.value.field == field
    assert not Command.objects.exists()


def test_largest_range_is_taken(installer: User, site: Site, bridge: Bridge) -> None:
    look(installer, site, first="192.168.0.0", last="192.168.3.255")
    look(installer, make_site_with_bridge(installer), first="10.0.0.1", last="10.0.0.1")

    assert Command.objects.filter(state=CommandState.REQUESTED).count() == 2
    assert bridge.commands.count() == 1


def make_site_with_bridge(installer: User) -> Site:
    site = make_site(installer)
    make_bridge(site, installer)
    return site


def test_house_without_bridge_is_refused(installer: User, site: Site) -> None:
    with pytest.raises(BridgeMissing):
        look(installer, site)
    bridge = make_bridge(site, installer)
    remove_bridge(actor=installer, bridge=bridge, now=NOW)
    with pytest.raises(BridgeMissing):
        look(installer, site)
    assert not Command.objects.exists()


def test_bridge_that_is_away_is_a_refusal_on_record(
    installer: User, site: Site, bridge: Bridge
) -> None:
    Bridge.objects.update(is_online=False, last_seen_at=NOW - timedelta(hours=1))
    command = look(installer, site)

    assert (command.state, command.why) == ("denied", "The bridge is offline.")
    assert waiting_commands(bridge) == []


def test_look_has_longer_to_answer_than_an_order_to_a_unit(
    installer: User, site: Site, bridge: Bridge
) -> None:
    del bridge
    command = look(installer, site)
    order = request_order(
        actor=installer,
        device=make_device(site, installer),
        kind=CommandKind.FETCH_CONFIGURATION,
        channel="portal",  # type: ignore[arg-type]  # its value
        now=NOW,
    )
    for each in (command, order):
        assert mark_sent(command_id=each.pk, now=NOW) is not None
    end = NOW + TIME_TO_LIVE + SCAN_GRACE

    assert expire_commands(now=end - timedelta(seconds=1)) == 1
    order.refresh_from_db()
    assert order.state == CommandState.TIMED_OUT
    assert expire_commands(now=end) == 1
    command.refresh_from_db()
    assert command.why == "No answer from the bridge."


def test_only_its_own_bridge_tells_what_it_came_to(
    installer: User, site: Site, bridge: Bridge
) -> None:
    command = look(installer, site)
    assert mark_sent(command_id=command.pk, now=NOW) is not None
    foreign = make_bridge(make_site(installer), installer)

    def told(by: Bridge) -> bool:
        note_scan(bridge_id=by.pk, command_id=command.pk, counts=COUNTS)
        state = CommandState.ACKNOWLEDGED
        return record_result(
            bridge_id=by.pk,
            command_id=command.pk,
            state=state,
            reason="",
            at=NOW,
            now=NOW,
        )

    assert not told(foreign)
    assert NetworkScan.objects.get().answered is None
    assert told(bridge)
    scan = NetworkScan.objects.get()
    assert (scan.answered, scan.new, scan.nameless) == (3, 2, 1)
    command.refresh_from_db()
    assert command.state == CommandState.ACKNOWLEDGED
    forget_commands(site=site)
    assert not NetworkScan.objects.exists()


def test_order_is_for_exactly_one(installer: User, site: Site, bridge: Bridge) -> None:
    device = make_device(site, installer)
    camera = make_camera(make_premium(site), installer)
    row = {
        "kind": CommandKind.SCAN_NETWORK,
        "state": CommandState.ACKNOWLEDGED,
        "channel": "portal",
        "requested_at": NOW,
        "expires_at": NOW,
    }
    wrong: list[dict[str, object]] = [
        {},
        {"device": device, "bridge": bridge},
        {"camera": camera, "bridge": bridge},
        {"device": device, "camera": camera},
        {"device": device, "camera": camera, "bridge": bridge},
    ]
    for targets in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            Command.objects.create(**row, **targets)
    for target in ({"device": device}, {"camera": camera}, {"bridge": bridge}):
        Command.objects.create(**row, **target)
    assert Command.objects.count() == 3


def test_network_of_the_bridge_else_of_a_unit_is_proposed(
    installer: User, site: Site
) -> None:
    assert likely_range(known_addresses(site, None)) is None
    device = make_device(site, installer)
    device.ip_address = "192.168.7.20"
    device.save()
    assert likely_range(known_addresses(site, None)) == ("192.168.7.1", "192.168.7.254")
    bridge = make_bridge(site, installer)
    assert likely_range(known_addresses(site, bridge)) == (
        "192.168.1.1",
        "192.168.1.254",
    )
    bridge.lan_url = "http://bridge.home:8089"
    assert likely_range(known_addresses(site, bridge)) == (
        "192.168.7.1",
        "192.168.7.254",
    )
