from __future__ import annotations

import contextlib
import json
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from portico.devices.enums import CommandChannel, CommandState
from portico.devices.models import Bridge, Command, Device, Presence
from portico.devices.services.bridges import invite_bridge, remove_bridge
from portico.devices.services.commands import request_open
from portico.events.models import Event
from portico.events.services.logbook import process_waiting
from portico.kernel.clock import to_ms, utcnow
from portico.protocols.akuvox.action_url import EventKind
from portico.protocols.bridge import messages as wire
from portico.protocols.bridge import signing
from tests.factories import make_device, make_installer, make_site
from tests.gateway.bridges import HandBridge, ask_enrolment, enrol
from tests.gateway.server import RunningGateway
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]


class Home:
    """A house with one device and an enrolled bridge."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway = gateway
        self.installer = make_installer()
        self.site = make_site(self.installer)
        self.device: Device = make_device(self.site, self.installer)
        self.id, self.private, self.token = enrol(gateway, self.site, self.installer)

    def connect(self) -> HandBridge:
        return HandBridge(self.gateway, self.id, self.private)

    def tap(self) -> Command:
        return request_open(
            actor=self.installer,
            relay=self.device.relays.get(number=1),
            channel=CommandChannel.PORTAL,
            now=utcnow(),
        )

    def event(self, kind: EventKind, **data: str | int) -> wire.Event:
        return wire.Event(uuid4(), self.device.mac, kind, data, to_ms(utcnow()))


@pytest.fixture
def home(gateway: RunningGateway) -> Home:
    return Home(gateway)


def test_enrolment_may_be_repeated_by_the_same_box_only(home: Home) -> None:
    again = ask_enrolment(home.gateway, home.token, home.private)
    thief = ask_enrolment(home.gateway, home.token, signing.generate_private_key())

    assert again.json() == {"bridge_id": str(home.id)}
    assert (thief.status_code, thief.json()["title"]) == (404, "enrolment_refused")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"token": 1}', b"x" * 9000, b'{"token":"abc"}', b"[" * 8000],
)
def test_malformed_enrolment_is_422(gateway: RunningGateway, body: bytes) -> None:
    answer = httpx.post(
        f"{gateway.base}/bridge/v1/enrol", content=body, trust_env=False
    )

    assert answer.status_code == 422


@pytest.mark.parametrize("version", ["\\ud800", "1\\u0000"])
def test_enrolment_with_a_version_that_cannot_be_stored_is_422(
    gateway: RunningGateway, version: str
) -> None:
    _, token = invited()
    key = signing.to_base64url(signing.public_key(signing.generate_private_key()))
    text = f'{{"token":"{token}","public_key":"{key}","version":"{version}"}}'
    answer = httpx.post(
        f"{gateway.base}/bridge/v1/enrol", content=text, trust_env=False
    )

    assert answer.status_code == 422


def invited() -> tuple[Bridge, str]:
    installer = make_installer()
    site = make_site(installer)
    return invite_bridge(actor=installer, site=site, name="Box", now=utcnow())


def test_session_begins_with_the_roster_and_shows_the_bridge_online(home: Home) -> None:
    with home.connect() as bridge:
        roster = bridge.authenticate()

        assert [unit.mac for unit in roster.devices] == [home.device.mac]
        assert roster.devices[0].api_password == home.device.secrets.api_password
        assert Bridge.objects.get().is_online
    eventually(lambda: not Bridge.objects.get().is_online)


def test_wrong_key_is_4401_and_unknown_bridge_too(home: Home) -> None:
    stranger = signing.generate_private_key()
    for who, key in ((home.id, stranger), (uuid4(), home.private)):
        with HandBridge(home.gateway, who, key) as bridge:
            challenge = bridge.expect(wire.Challenge)
            signature = signing.sign(key, challenge.nonce, who)
            bridge.send(wire.Auth(who, signature, 1, "0.1.0", None))
            assert bridge.closed() == 4401
    assert not Bridge.objects.get().is_online


def test_newer_session_replaces_the_older(home: Home) -> None:
    with home.connect() as older, home.connect() as newer:
        older.authenticate()
        newer.authenticate()

        assert older.closed() == 4409
        newer.send(wire.Ping(7))
        assert newer.expect(wire.Pong).n == 7
    eventually(lambda: not Bridge.objects.get().is_online)


def test_removed_bridge_is_sent_away_and_may_not_come_back(home: Home) -> None:
    with home.connect() as bridge:
        bridge.authenticate()
        remove_bridge(actor=home.installer, bridge=Bridge.objects.get(), now=utcnow())
        assert bridge.closed() == 4403
    with home.connect() as bridge:
        challenge = bridge.expect(wire.Challenge)
        signature = signing.sign(home.private, challenge.nonce, home.id)
        bridge.send(wire.Auth(home.id, signature, 1, "0.1.0", None))
        assert bridge.closed() == 4401


@pytest.mark.parametrize(
    "nonsense",
    ["", "hello", "[]", '{"t":"fly"}', '{"t":"event"}', b"\x00\x01", '{"t":"auth"}'],
)
def test_nonsense_ends_the_session_and_leaves_nothing(
    home: Home, nonsense: str | bytes
) -> None:
    with home.connect() as bridge:
        bridge.authenticate()
        bridge.send_raw(nonsense)

        assert bridge.closed() == 4400
    assert not Event.objects.exists()


def test_oversized_frame_ends_the_session(home: Home) -> None:
    with home.connect() as bridge:
        bridge.authenticate()
        bridge.send_raw(json.dumps({"t": "ping", "n": 1, "x": "y" * 70_000}))

        assert bridge.closed() == 1009


def test_flood_ends_the_session(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.gateway.bridge_session.MESSAGES_BURST", 20.0)
    monkeypatch.setattr("portico.gateway.bridge_session.MESSAGES_PER_SECOND", 0.1)
    with home.connect() as bridge:
        bridge.authenticate()
        with contextlib.suppress(ConnectionClosed):  # it may end before the last one
            for number in range(40):
                bridge.send(wire.Ping(number))

        assert bridge.closed() == 4429


def test_event_is_acknowledged_when_stored_and_once_however_often_sent(
    home: Home,
) -> None:
    with home.connect() as bridge:
        bridge.authenticate()
        event = home.event(EventKind.CODE_GRANTED, code="••••")
        for _ in range(3):
            bridge.send(event)
            assert bridge.expect(wire.Ack).ids == (event.id,)

    stored = Event.objects.get()
    assert (stored.device_id, stored.source) == (home.device.pk, "bridge")


def test_event_of_a_device_of_another_house_is_refused(home: Home) -> None:
    other = make_device(make_site(home.installer), home.installer)
    with home.connect() as bridge:
        bridge.authenticate()
        event = wire.Event(uuid4(), other.mac, EventKind.MOTION, {}, to_ms(utcnow()))
        bridge.send(event)

        assert bridge.expect(wire.Refused).ids == (event.id,)
    assert not Event.objects.exists()


def test_presence_makes_devices_online_and_tells_model_and_firmware(home: Home) -> None:
    Device.objects.update(model="")
    with home.connect() as bridge:
        bridge.authenticate()
        unit = wire.DevicePresence(
            home.device.mac, True, "192.168.1.9", "R29", "29.30.10.128", 4
        )
        bridge.send(wire.Presence((unit,)))

        eventually(lambda: Presence.objects.filter(is_online=True).exists())
    device = Device.objects.get()
    assert (device.model, device.firmware) == ("R29", "29.30.10.128")


def test_command_runs_from_tap_to_confirmation(home: Home) -> None:
    with home.connect() as bridge:
        bridge.authenticate()
        command = home.tap()
        order = bridge.expect(wire.Command)

        assert (order.id, order.mac, order.kind) == (
            command.pk,
            home.device.mac,
            "open_relay",
        )
        assert order.data == {
            "relay": {"kind": "local", "number": 1},
            "hold_seconds": 5,
        }
        bridge.acknowledge(order)
        assert bridge.expect(wire.Ack).ids == (command.pk,)
        bridge.send(home.event(EventKind.RELAY_TRIGGERED, relay=1, status="1"))
        bridge.expect(wire.Ack)
    process_waiting(now=utcnow())

    command.refresh_from_db()
    assert command.state == CommandState.CONFIRMED
    assert command.latency_ms is not None


def test_command_ordered_while_the_bridge_reconnects_is_sent_then(home: Home) -> None:
    with home.connect() as bridge:
        bridge.authenticate()
    eventually(lambda: not Bridge.objects.get().is_online)
    command = home.tap()
    assert command.state == CommandState.REQUESTED

    with home.connect() as bridge:
        bridge.authenticate()
        assert bridge.expect(wire.Command).id == command.pk


def test_lost_hint_costs_a_second_not_the_command(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with home.connect() as bridge:
        bridge.authenticate()
        with monkeypatch.context() as patch:
            patch.setattr("portico.kernel.bus.current_bus", DeafBus)
            command = home.tap()

        assert bridge.expect(wire.Command).id == command.pk


class DeafBus:
    def publish(self, subject: str, payload: object) -> None:
        """Lose the hint."""


def test_foreign_bridge_cannot_answer_for_this_house(home: Home) -> None:
    other = Home(home.gateway)
    with home.connect() as mine, other.connect() as theirs:
        mine.authenticate()
        theirs.authenticate()
        command = home.tap()
        order = mine.expect(wire.Command)
        theirs.acknowledge(order)

        assert theirs.expect(wire.Refused).ids == (command.pk,)
    command.refresh_from_db()
    assert command.state == CommandState.SENT
