from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from portico.access.services.temp_keys import create_temp_key
from portico.devices.enums import CommandChannel, CommandState
from portico.devices.models import Device
from portico.devices.services import commands
from portico.events.enums import EventSource
from portico.events.models import Event, LogEntry, Visit
from portico.events.services import logbook
from portico.events.services.inbox import IncomingEvent, direct_key, store_events
from portico.protocols.akuvox.action_url import EventKind
from portico.tenancy.services.company_settings import change_company_settings
from tests.factories import make_bridge, make_device, make_installer, make_site

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def device() -> Device:
    installer = make_installer()
    return make_device(make_site(installer), installer)


def report(
    device: Device,
    kind: EventKind,
    *,
    after: float = 0,
    dedupe: bytes = b"",
    source: EventSource = EventSource.BRIDGE,
    **data: object,
) -> None:
    moment = NOON + timedelta(seconds=after)
    event = IncomingEvent(
        device_id=device.pk,
        source=source,
        kind=kind,
        data=data,
        dedupe=dedupe or uuid.uuid4().bytes,
        occurred_at=moment,
        received_at=moment,
    )
    store_events([event])
    logbook.process_waiting(now=moment)


def lines() -> list[tuple[str, str, str, str]]:
    return list(
        LogEntry.objects.order_by("pk").values_list(
            "kind", "method", "outcome", "relay_name"
        )
    )


@pytest.mark.parametrize("relay_first", [False, True])
def test_credential_and_relay_are_one_opening_in_either_order(
    device: Device, relay_first: bool
) -> None:
    if relay_first:
        report(device, EventKind.RELAY_TRIGGERED, relay=1)
    report(device, EventKind.CODE_GRANTED, after=1, user="Ada")
    if not relay_first:
        report(device, EventKind.RELAY_TRIGGERED, after=2, relay=1)

    assert lines() == [("door", "pin", "granted", "Door 1")]
    assert LogEntry.objects.get().initiator == "Ada"


def test_relay_without_a_credential_is_an_opening_on_site(device: Device) -> None:
    report(device, EventKind.RELAY_TRIGGERED, relay=1)

    assert lines() == [("door", "on_site", "granted", "Door 1")]


def test_two_people_one_after_the_other_are_two_openings(device: Device) -> None:
    for after in (0, 10):
        report(device, EventKind.CARD_GRANTED, after=after, user=str(after))
        report(device, EventKind.RELAY_TRIGGERED, after=after + 1, relay=1)

    assert lines() == [("door", "card", "granted", "Door 1")] * 2


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        (EventKind.CODE_REFUSED, "pin"),
        (EventKind.CARD_REFUSED, "card"),
        (EventKind.FACE_REFUSED, "face"),
        (EventKind.QR_REFUSED, "qr"),
    ],
)
def test_refusals_are_as_visible_as_openings(
    device: Device, kind: EventKind, method: str
) -> None:
    report(device, kind)

    assert lines() == [("door", method, "refused", "")]


@pytest.mark.parametrize(
    ("said", "method"), [("NFC", "nfc"), ("BLE", "bluetooth"), ("Card", "card")]
)
def test_method_that_the_unit_names_counts(
    device: Device, said: str, method: str
) -> None:
    report(device, EventKind.CARD_GRANTED, method=said)

    assert LogEntry.objects.get().method == method


def test_ring_is_one_line_and_alarms_say_what_they_are(device: Device) -> None:
    report(device, EventKind.CALL_STARTED, remote="100")
    report(device, EventKind.CALL_ENDED, after=20, remote="100")
    report(device, EventKind.TAMPER, after=30)

    assert [line[0] for line in lines()] == ["call", "alarm"]
    assert LogEntry.objects.get(kind="alarm").reason == "tamper"


def test_action_url_sent_twice_across_a_second_is_one_line(device: Device) -> None:
    fingerprint = b"f" * 16
    for after in (0.9, 1.1):
        moment = NOON + timedelta(seconds=after)
        report(
            device,
            EventKind.CODE_REFUSED,
            after=after,
            dedupe=direct_key(fingerprint, moment),
            source=EventSource.DIRECT,
        )

    assert Event.objects.count() == 2
    assert len(lines()) == 1


def test_event_is_processed_once_however_often_the_worker_runs(device: Device) -> None:
    report(device, EventKind.CODE_REFUSED)
    Event.objects.update(processed_at=None)
    logbook.process_waiting(now=NOON)

    assert len(lines()) == 1


def test_event_of_a_removed_device_is_put_aside(device: Device) -> None:
    gone = device.pk
    device.delete()
    moment = NOON
    store_events(
        [
            IncomingEvent(
                device_id=gone,
                source=EventSource.BRIDGE,
                kind="motion",
                data={},
                dedupe=uuid.uuid4().bytes,
                occurred_at=moment,
                received_at=moment,
            )
        ]
    )

    assert logbook.process_waiting(now=NOON) == 1
    assert logbook.process_waiting(now=NOON) == 0


def test_command_and_its_relay_event_are_one_line_with_the_time_it_took(
    device: Device,
) -> None:
    installer = device.site.organization.memberships.get().user
    bridge = make_bridge(device.site, installer)
    command = commands.request_open(
        actor=installer,
        relay=device.relays.get(),
        channel=CommandChannel.PORTAL,
        now=NOON,
    )
    commands.mark_sent(command_id=command.pk, now=NOON)
    commands.record_result(
        bridge_id=bridge.pk,
        command_id=command.pk,
        state=CommandState.ACKNOWLEDGED,
        reason="",
        at=NOON,
        now=NOON,
    )
    logbook.log_command(command_id=command.pk, now=NOON)
    assert lines() == [("door", "portal", "unconfirmed", "Door 1")]
    report(device, EventKind.RELAY_TRIGGERED, after=0.4, relay=1)

    assert lines() == [("door", "portal", "granted", "Door 1")]
    assert LogEntry.objects.get().latency_ms == 400


def test_denied_command_is_a_refusal_with_its_reason(device: Device) -> None:
    installer = device.site.organization.memberships.get().user
    command = commands.request_open(
        actor=installer,
        relay=device.relays.get(),
        channel=CommandChannel.APP,
        now=NOON,
    )
    logbook.log_command(command_id=command.pk, now=NOON)

    entry = LogEntry.objects.get()
    assert (entry.outcome, entry.reason) == ("refused", "no_bridge")


def test_guest_opening_counts_the_use_and_names_the_key(device: Device) -> None:
    installer = device.site.organization.memberships.get().user
    key = create_temp_key(
        actor=installer,
        site=device.site,
        name="Parcel",
        relays=[device.relays.get()],
        starts_at=NOON - timedelta(days=1),
        ends_at=NOON + timedelta(days=1),
        uses_allowed=3,
        now=NOON,
    )
    report(device, EventKind.GUEST_OPENED, guest=str(key.pk), relay=1)
    report(device, EventKind.RELAY_TRIGGERED, after=0.2, relay=1)

    key.refresh_from_db()
    assert key.uses_made == 1
    assert lines() == [("door", "guest", "granted", "Door 1")]
    assert LogEntry.objects.get().initiator == "Parcel"


@pytest.mark.parametrize("relay_first", [False, True])
@pytest.mark.parametrize("kind", [EventKind.CODE_REFUSED, EventKind.QR_REFUSED])
def test_guest_is_one_line_though_the_unit_refused_his_code(
    device: Device, kind: EventKind, relay_first: bool
) -> None:
    report(device, kind, after=-3)  # a slip of the finger
    report(device, EventKind.CARD_REFUSED, after=-0.05)
    report(device, kind)
    relay = (EventKind.RELAY_TRIGGERED, {"relay": 1, "after": 0.2})
    guest = (EventKind.GUEST_OPENED, {"guest": "", "relay": 1, "after": 0.1})
    for each, data in (relay, guest) if relay_first else (guest, relay):
        report(device, each, **data)

    method = "pin" if kind is EventKind.CODE_REFUSED else "qr"
    assert lines() == [
        ("door", method, "refused", ""),
        ("door", "card", "refused", ""),
        ("door", "guest", "granted", "Door 1"),
    ]


def test_door_that_is_held_open_is_named(device: Device) -> None:
    report(device, EventKind.DOOR_HELD_OPEN, relay=1, location="Front")
    report(device, EventKind.DOOR_HELD_OPEN, relay=4, after=60)
    report(device, EventKind.TAMPER, relay=1, after=120)

    assert lines() == [
        ("alarm", "", "noted", "Door 1"),
        ("alarm", "", "noted", ""),
        ("alarm", "", "noted", ""),
    ]


def test_guest_key_of_another_house_is_no_key(device: Device) -> None:
    installer = make_installer()
    other = make_device(make_site(installer), installer)
    key = create_temp_key(
        actor=installer,
        site=other.site,
        name="Foreign",
        relays=[other.relays.get()],
        starts_at=NOON - timedelta(days=1),
        ends_at=NOON + timedelta(days=1),
        uses_allowed=3,
        now=NOON,
    )
    report(device, EventKind.GUEST_OPENED, guest=str(key.pk), relay=1)

    key.refresh_from_db()
    assert key.uses_made == 0
    assert LogEntry.objects.get().initiator == ""


@pytest.mark.parametrize("relay", ["A", -5, 0, 5, 2**31 - 1, 2**60])
def test_senseless_relay_number_stops_nobody_behind_it(
    device: Device, relay: object
) -> None:
    report(device, EventKind.RELAY_TRIGGERED, relay=relay)
    report(device, EventKind.CODE_REFUSED, after=1)

    assert lines() == [("door", "pin", "refused", "")]
    assert not Event.objects.filter(processed_at=None).exists()


def test_event_that_cannot_be_understood_is_put_aside(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**values: object) -> None:
        raise ValueError("odd")

    with monkeypatch.context() as patch:
        patch.setattr(logbook, "recognize_model", fail)
        report(device, EventKind.CODE_REFUSED, model="R29")
    report(device, EventKind.CARD_REFUSED, after=1)

    assert lines() == [("door", "card", "refused", "")]


def test_what_a_bridge_tells_late_is_not_what_the_unit_runs_now(
    device: Device,
) -> None:
    def told(version: str, *, late: float) -> str:
        event = IncomingEvent(
            device_id=device.pk,
            source=EventSource.BRIDGE,
            kind=EventKind.CODE_REFUSED,
            data={"firmware": version},
            dedupe=uuid.uuid4().bytes,
            occurred_at=NOON - timedelta(seconds=late),
            received_at=NOON,
        )
        store_events([event])
        logbook.process_waiting(now=NOON)
        return Device.objects.get(pk=device.pk).firmware

    assert told("29.30.10.128", late=2) == "29.30.10.128"
    # Kept on its disk while the internet was away, and the unit was upgraded meanwhile.
    assert told("29.30.10.1", late=600) == "29.30.10.128"
    # It is in the log all the same.
    assert len(lines()) == 2


def test_exit_button_right_after_an_app_opening_is_a_line_of_its_own(
    device: Device,
) -> None:
    installer = device.site.organization.memberships.get().user
    make_bridge(device.site, installer)
    command = commands.request_open(
        actor=installer,
        relay=device.relays.get(),
        channel=CommandChannel.APP,
        now=NOON,
    )
    commands.mark_sent(command_id=command.pk, now=NOON)
    report(device, EventKind.RELAY_TRIGGERED, after=0.3, relay=1)
    report(device, EventKind.RELAY_TRIGGERED, after=8, relay=1)

    assert [line[1] for line in lines()] == ["app", "on_site"]


def test_calls_that_open_no_door_are_kept_unless_the_company_does_not_want_them() -> (
    None
):
    installer = make_installer()
    device = make_device(make_site(installer), installer)
    report(device, EventKind.CALL_STARTED)
    wanted = {"log_unanswered_calls": False}
    change_company_settings(actor=installer, values=wanted, now=NOON)
    report(device, EventKind.CALL_STARTED, after=600)
    assert [kind for kind, *_ in lines()] == ["call"]  # what was there stays


@pytest.mark.parametrize("call_first", [True, False])
def test_call_that_opens_a_door_is_kept_whatever_the_company_wants(
    device: Device, call_first: bool
) -> None:
    installer = device.site.organization.memberships.get().user
    wanted = {"log_unanswered_calls": False}
    change_company_settings(actor=installer, values=wanted, now=NOON)
    report(device, EventKind.CALL_STARTED, after=-300)
    call, opening = EventKind.CALL_STARTED, EventKind.RELAY_TRIGGERED
    for kind in (call, opening) if call_first else (opening, call):
        report(device, kind, after=40 if kind is opening else 0, relay=1)

    assert sorted(kind for kind, *_ in lines()) == ["call", "door"]
    assert LogEntry.objects.get(kind="call").occurred_at == NOON
    assert Visit.objects.count() == 1
