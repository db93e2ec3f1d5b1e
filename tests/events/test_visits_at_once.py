"""Several writers of one device's log, each in a transaction of its own."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from portico.devices.enums import CommandChannel, CommandState
from portico.devices.models import Command
from portico.events.enums import EventSource
from portico.events.models import Event, LogEntry, Visit
from portico.events.rules import split_visits
from portico.events.services.inbox import IncomingEvent, store_events
from portico.events.services.logbook import log_command, process_waiting
from tests.accounts.parallel import at_once
from tests.factories import make_device, make_installer, make_site

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
_WRITERS = 4


@pytest.mark.parametrize("seed", range(3))
def test_workers_and_jobs_at_once_make_the_visits_that_the_lines_make(
    seed: int,
) -> None:
    """Two workers take events, two settle commands, all of one device."""
    dice = random.Random(seed)  # noqa: S311 -- no secret
    installer = make_installer()
    device = make_device(make_site(installer), installer)
    relay = device.relays.get()
    commands = [
        Command.objects.create(
            device=device,
            relay=relay,
            kind="open_relay",
            state=CommandState.ACKNOWLEDGED,
            requested_by=installer,
            requested_by_name=f"Person {number}",
            channel=CommandChannel.PORTAL,
            requested_at=NOON + timedelta(seconds=dice.randrange(300)),
            expires_at=NOON,
            acknowledged_at=NOON + timedelta(seconds=300),
        )
        for number in range(12)
    ]
    store_events(
        [
            IncomingEvent(
                device_id=device.pk,
                source=EventSource.BRIDGE,
                kind=dice.choice(["motion", "call_started", "card_refused"]),
                data={},
                dedupe=uuid.uuid4().bytes,
                occurred_at=moment,
                received_at=moment,
            )
            for moment in (
                NOON + timedelta(seconds=dice.randrange(300)) for _ in range(30)
            )
        ]
    )

    def write(number: int) -> None:
        if number % 2:
            for command in commands[number // 2 :: 2]:
                log_command(command_id=command.pk, now=NOON)
            return
        # Who finds that another is at it has nothing to do.
        process_waiting(now=NOON)

    assert at_once(write, _WRITERS) == [None] * _WRITERS
    while process_waiting(now=NOON):
        pass

    assert not Event.objects.filter(processed_at=None).exists()
    entries = LogEntry.objects.order_by("occurred_at", "pk")
    assert len(entries) == len(commands) + 30
    found = [
        [line.pk for line in visit.log.order_by("occurred_at", "pk")]
        for visit in Visit.objects.all()
    ]
    wanted = [[line.pk for line in run] for run in split_visits(entries)]
    assert sorted(found) == sorted(wanted)
