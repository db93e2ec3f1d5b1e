"""Events and commands become the house's log."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import structlog
from django.db import OperationalError, connection, transaction
from django.db.models import Q

from portico.access.services.uses import note_use
from portico.devices.enums import MAINTENANCE, CommandChannel, CommandState
from portico.devices.models import Command, Device
from portico.devices.services.commands import (
    confirm_by_relay_event,
    confirm_restart,
)
from portico.devices.services.registration import recognize_model
from portico.events.enums import EventSource, LogKind, Method, Outcome
from portico.events.models import Capture, Event, LogEntry
from portico.events.rules import CALL_GAP, OPENED, is_opening
from portico.events.services.captures import order_capture
from portico.events.services.inbox import fingerprint_in
from portico.events.services.visits import hold_log_of, settle_visits
from portico.kernel.outbox import publish_on_commit
from portico.protocols.akuvox.action_url import EventKind
from portico.provisioning.services.files import note_applied
from portico.tenancy.selectors import logs_unanswered_calls

log = structlog.get_logger(__name__)

BATCH = 200
# Any number that nothing else in the database locks.
_TURN = 0x506F7274
_RELAYS = range(1, 5)
# A unit reports the credential and the relay as two events, in either order.
SAME_OPENING = timedelta(seconds=5)
# The same report again this soon is one that was sent twice.
SAME_REPORT = timedelta(seconds=2)
# Clocks of bridge and server differ by at most half a round trip.
CLOCK_SLACK = timedelta(seconds=2)

# Above what lies between an event and its storing while all is well.
FRESH = timedelta(seconds=30)

_GRANTED = {
    EventKind.CODE_GRANTED: Method.PIN,
    EventKind.CARD_GRANTED: Method.CARD,
    EventKind.FACE_GRANTED: Method.FACE,
    EventKind.QR_GRANTED: Method.QR,
}
_REFUSED = {
    EventKind.CODE_REFUSED: Method.PIN,
    EventKind.CARD_REFUSED: Method.CARD,
    EventKind.FACE_REFUSED: Method.FACE,
    EventKind.QR_REFUSED: Method.QR,
}
_NOTED = {
    EventKind.CALL_STARTED: LogKind.CALL,
    EventKind.MOTION: LogKind.MOTION,
    EventKind.TAMPER: LogKind.ALARM,
    EventKind.BREAK_IN: LogKind.ALARM,
    EventKind.DOOR_HELD_OPEN: LogKind.ALARM,
}
# Units name the credential in a free text; these words are what is known.
_METHOD_WORDS = {
    "nfc": Method.NFC,
    "ble": Method.BLUETOOTH,
    "bluetooth": Method.BLUETOOTH,
    "qr": Method.QR,
    "face": Method.FACE,
    "button": Method.BUTTON,
    "exit": Method.BUTTON,
}
_KINDS = {str(kind): kind for kind in EventKind}
_OUTCOMES = {
    CommandState.ACKNOWLEDGED: Outcome.UNCONFIRMED,
    CommandState.CONFIRMED: Outcome.GRANTED,
    CommandState.DENIED: Outcome.REFUSED,
    CommandState.FAILED: Outcome.FAILED,
    CommandState.TIMED_OUT: Outcome.NO_ANSWER,
}


def process_waiting(*, now: datetime) -> int:
    """Turn up to BATCH waiting events into log entries; returns how many were taken.

    One transaction: an event counts as processed exactly if its effects are there.
    """
    with transaction.atomic():
        if not _is_my_turn():
            return 0
        waiting = Event.objects.filter(processed_at=None).order_by("pk")
        batch = list(waiting[:BATCH])
        devices = Device.objects.select_related("site").in_bulk(
            {event.device_id for event in batch}
        )
        for event in batch:
            device = devices.get(event.device_id)
            if device is not None and not _is_repeated(event):
                _apply_safely(event, device, now)
        Event.objects.filter(pk__in=[event.pk for event in batch]).update(
            processed_at=now
        )
    return len(batch)


def _is_my_turn() -> bool:
    """One worker at a time: two halves of an opening must see each other.

    On SQLite the transaction itself (IMMEDIATE) is the turn.
    """
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_TURN])
        row = cursor.fetchone()
    return bool(row and row[0])


def _apply_safely(event: Event, device: Device, now: datetime) -> None:
    """One event that cannot be understood must not stop those behind it.

    Its row stays, marked as processed, and the error is in the worker's log.
    """
    try:
        with transaction.atomic():
            _apply(event, device, now)
    except OperationalError:
        raise  # the database's trouble, not the event's: all comes again
    except Exception:
        log.exception("event_not_understood", id=event.pk, kind=event.kind)


def _is_repeated(event: Event) -> bool:
    if event.source == EventSource.BRIDGE:
        return False  # known by its id already
    before = Event.objects.filter(
        device_id=event.device_id,
        kind=event.kind,
        received_at__gt=event.received_at - SAME_REPORT,
        received_at__lte=event.received_at,
        pk__lt=event.pk,
    )
    mine = fingerprint_in(event.dedupe)
    return any(fingerprint_in(other.dedupe) == mine for other in before)


def _is_fresh(event: Event) -> bool:
    """Whether what it says of the unit itself still holds, for all we know.

    What a bridge kept while the internet was away may be from before an upgrade, and
    that the unit has the new version decides whether the upgrade succeeded.
    """
    return event.received_at - event.occurred_at < FRESH


def _apply(event: Event, device: Device, now: datetime) -> None:
    hold_log_of(device.pk)
    data = event.data
    if _is_fresh(event) and (data.get("model") or data.get("firmware")):
        recognize_model(
            device=device,
            reported=str(data.get("model", "")),
            firmware=str(data.get("firmware", "")),
            now=event.occurred_at,
        )
    if data.get("config"):
        note_applied(device=device, revision=str(data["config"]), at=event.occurred_at)
    kind = _KINDS.get(event.kind)
    if kind is EventKind.BOOTED:
        confirm_restart(device=device, kinds=MAINTENANCE, at=event.occurred_at, now=now)
    if kind is EventKind.RELAY_TRIGGERED:
        _relay_triggered(event, device, now)
    elif kind in _GRANTED:
        _granted(event, device, _method(data, _GRANTED[kind]))
    elif kind is EventKind.GUEST_OPENED:
        _guest(event, device)
    elif kind in _REFUSED:
        method = _method(data, _REFUSED[kind])
        refused = _write(event, device, LogKind.DOOR, Outcome.REFUSED, method)
        _changed(refused, device)
    elif kind in _NOTED:
        _note(event, device, kind)


def _note(event: Event, device: Device, kind: EventKind) -> None:
    if kind is EventKind.CALL_STARTED and not _is_logged(event, device):
        return
    entry = _write(event, device, _NOTED[kind], Outcome.NOTED, Method.NONE)
    if kind is EventKind.DOOR_HELD_OPEN:
        _name_relay(entry, device, event.data.get("relay"))
    _changed(entry, device)


def _is_logged(call: Event, device: Device) -> bool:
    """Log Setting (SET-4): a company may want no calls but those that open a door."""
    if logs_unanswered_calls(device.site.organization_id):
        return True
    answer = (call.occurred_at, call.occurred_at + CALL_GAP)
    openings = LogEntry.objects.filter(device=device, kind=LogKind.DOOR)
    return openings.filter(outcome__in=OPENED, occurred_at__range=answer).exists()


def _recall_calls(opening: LogEntry, device: Device) -> None:
    """Write the calls that this opening answers, and that were no lines until now."""
    if logs_unanswered_calls(device.site.organization_id):
        return
    since = opening.occurred_at - CALL_GAP
    calls = Event.objects.filter(
        device_id=device.pk,
        kind=EventKind.CALL_STARTED,
        # What is dated by a bridge's clock may be received before it happened.
        received_at__gte=since - CLOCK_SLACK,
        occurred_at__range=(since, opening.occurred_at),
        processed_at__isnull=False,
    )
    for call in calls.order_by("pk"):
        if not _is_repeated(call):
            entry = _write(call, device, LogKind.CALL, Outcome.NOTED, Method.NONE)
            _changed(entry, device)


def _method(data: dict[str, object], default: Method) -> Method:
    said = str(data.get("method", "")).lower()
    return next((m for word, m in _METHOD_WORDS.items() if word in said), default)


def _relay_triggered(event: Event, device: Device, now: datetime) -> None:
    number = event.data.get("relay", 1)
    if number not in _RELAYS:
        log.warning("event_of_unknown_relay", id=event.pk)
        return
    command = confirm_by_relay_event(
        device=device, relay_number=number, at=event.occurred_at, now=now
    )
    if command is not None:
        log_command(command_id=command.pk, now=now)
        return
    cause = _neighbour(event, device, Q(relay_number=None) & ~Q(method=Method.ON_SITE))
    if cause is not None:
        _name_relay(cause, device, number)
        _hint(cause)
        return
    entry = _write(event, device, LogKind.DOOR, Outcome.GRANTED, Method.ON_SITE)
    _name_relay(entry, device, number)
    _changed(entry, device)


def _name_relay(entry: LogEntry, device: Device, number: object) -> None:
    if not isinstance(number, int) or number not in _RELAYS:
        return
    relay = device.relays.filter(kind="local", number=number).first()
    LogEntry.objects.filter(pk=entry.pk).update(
        relay_number=number, relay_name=relay.name if relay else ""
    )


def _granted(event: Event, device: Device, method: Method) -> LogEntry:
    effect = _neighbour(event, device, Q(method=Method.ON_SITE))
    if effect is None:
        effect = _write(event, device, LogKind.DOOR, Outcome.GRANTED, method)
    else:
        LogEntry.objects.filter(pk=effect.pk).update(
            method=method,
            initiator=str(event.data.get("user", ""))[:127],
            credential=_credential(event),
        )
    _changed(effect, device)
    return effect


def _guest(event: Event, device: Device) -> None:
    # The bridge names the key or the QR code; one of another house is none.
    code = note_use(site=device.site, code=str(event.data.get("guest", "")))
    event.data["user"] = code.name
    method = Method.GUEST if code.is_key else Method.QR
    entry = _granted(event, device, method)
    _withdraw_refusal(event, device, entry)


def _withdraw_refusal(event: Event, device: Device, granted: LogEntry) -> None:
    """One attempt is one line: the unit took the guest's code for a wrong one.

    A picture of the attempt is one of the opening.
    """
    refused = LogEntry.objects.filter(
        device=device,
        kind=LogKind.DOOR,
        outcome=Outcome.REFUSED,
        method__in=(Method.PIN, Method.QR),
        command=None,
        occurred_at__gte=event.occurred_at - SAME_OPENING,
        occurred_at__lte=event.occurred_at,
    )
    latest = refused.order_by("-occurred_at").first()
    if latest is None:
        return  # and an earlier one was a slip of the finger, and stays
    Capture.objects.filter(entry=latest).update(entry=granted)
    was, at = latest.visit_id, latest.occurred_at
    latest.delete()
    settle_visits(device_id=device.pk, at=at, was=was)


def _neighbour(event: Event, device: Device, what: Q) -> LogEntry | None:
    """The other half of the same opening, if it has already been written."""
    return (
        LogEntry.objects.filter(
            what,
            device=device,
            kind=LogKind.DOOR,
            outcome=Outcome.GRANTED,
            command=None,
            occurred_at__gte=event.occurred_at - SAME_OPENING,
            occurred_at__lte=event.occurred_at + SAME_OPENING,
        )
        .order_by("-occurred_at")
        .first()
    )


def _credential(event: Event) -> str:
    return str(event.data.get("code") or event.data.get("card") or "")[:63]


def _write(
    event: Event, device: Device, kind: LogKind, outcome: Outcome, method: Method
) -> LogEntry:
    data = event.data
    entry, _ = LogEntry.objects.get_or_create(
        event_id=event.pk,
        defaults={
            "site": device.site,
            "organization_id": device.site.organization_id,
            "device": device,
            "kind": kind,
            "method": method,
            "outcome": outcome,
            "reason": event.kind if kind == LogKind.ALARM else "",
            "initiator": str(data.get("user") or data.get("remote") or "")[:127],
            "credential": _credential(event),
            "device_mac": device.mac,
            "device_name": device.name,
            "occurred_at": event.occurred_at,
            "received_at": event.received_at,
        },
    )
    return entry


@transaction.atomic
def log_command(*, command_id: uuid.UUID, now: datetime) -> LogEntry | None:
    """Write or correct the entry of one command, from the state that it has now."""
    commands = Command.objects.select_related("device__site", "relay")
    device_ids = commands.filter(pk=command_id).values_list("device", flat=True)
    for device_id in device_ids:
        hold_log_of(device_id)
    command = commands.filter(pk=command_id).first()
    outcome = _OUTCOMES.get(CommandState(command.state)) if command else None
    if command is None or command.device is None or outcome is None:
        return None
    known = LogEntry.objects.filter(command=command).first()
    if known is not None and (known.outcome, known.latency_ms) == (
        outcome,
        command.latency_ms,
    ):
        return known
    device, relay = command.device, command.relay
    by_app = command.channel == CommandChannel.APP
    entry, _ = LogEntry.objects.update_or_create(
        command=command,
        defaults={
            "outcome": outcome,
            "reason": command.reason,
            "latency_ms": command.latency_ms,
        },
        create_defaults={
            "site": device.site,
            "organization_id": device.site.organization_id,
            "device": device,
            "kind": LogKind.DOOR,
            "method": Method.APP if by_app else Method.PORTAL,
            "outcome": outcome,
            "reason": command.reason,
            "initiator": command.requested_by_name,
            "device_mac": device.mac,
            "device_name": device.name,
            "relay_number": relay.number if relay else None,
            "relay_name": relay.name if relay else "",
            "occurred_at": command.requested_at,
            "received_at": now,
            "latency_ms": command.latency_ms,
        },
    )
    _changed(entry, device)
    return entry


def _changed(entry: LogEntry, device: Device) -> None:
    """``entry`` is new, or says something else: its visit, its picture, who watches."""
    settle_visits(device_id=device.pk, at=entry.occurred_at)
    if entry.visit_id is None:  # who watches was told with its visit
        order_capture(entry=entry, device=device, now=entry.received_at)
    else:
        _hint(entry)
    if is_opening(entry):
        _recall_calls(entry, device)


def _hint(entry: LogEntry) -> None:
    publish_on_commit(
        "log.changed", entry=entry.pk, visit=entry.visit_id, site=str(entry.site_id)
    )
