"""Pictures of visits: who orders them, when, and where they stay."""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import TestCase

from portico.devices.enums import CommandChannel, CommandKind, CommandState
from portico.devices.models import Bridge, Command, Device, DevicePicture
from portico.devices.services.commands import (
    mark_sent,
    record_result,
    request_open,
)
from portico.devices.services.orders import request_order
from portico.events.models import Capture, LogEntry, Visit
from portico.events.services.captures import (
    AGAIN_AFTER,
    FRESH,
    MOST,
    TAKE,
    receive_picture,
    take_capture,
)
from portico.events.services.logbook import log_command
from portico.jobs.models import Job
from portico.kernel.clock import utcnow
from tests.factories import (
    JPEG,
    make_bridge,
    make_device,
    make_event,
    make_installer,
    make_site,
    run_jobs,
)

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
OTHER = b"\xff\xd8\xff\xe0other\xff\xd9"


class House:
    """A house with a device behind a bridge that takes pictures."""

    def __init__(self, model: str = "R29") -> None:
        self.installer = make_installer()
        self.site = make_site(self.installer)
        self.device: Device = make_device(self.site, self.installer, model=model)
        run_jobs()
        self.bridge: Bridge = make_bridge(self.site, self.installer)

    def happens(self, kind: str, **data: Any) -> LogEntry:
        make_event(self.device, kind, **data)
        return LogEntry.objects.order_by("-pk")[0]

    def command(self) -> Command:
        return Command.objects.filter(kind=CommandKind.TAKE_PICTURE).latest(
            "requested_at"
        )

    def brings(self, command: Command, jpeg: bytes = JPEG) -> bool:
        """The bridge has taken it."""
        now = utcnow()
        mark_sent(command_id=command.pk, now=now)
        kept = receive_picture(
            bridge_id=self.bridge.pk, command_id=command.pk, jpeg=jpeg, now=now
        )
        self.answers(command, CommandState.ACKNOWLEDGED)
        return kept

    def answers(self, command: Command, state: CommandState, reason: str = "") -> None:
        now = utcnow()
        mark_sent(command_id=command.pk, now=now)
        record_result(
            bridge_id=self.bridge.pk,
            command_id=command.pk,
            state=state,
            reason=reason,
            at=now,
            now=now,
        )


@pytest.fixture
def house() -> House:
    return House()


def files() -> list[str]:
    if not default_storage.exists("captures"):
        return []
    folder, _ = default_storage.listdir("captures")
    return [
        f"captures/{day}/{name}"
        for day in folder
        for name in default_storage.listdir(f"captures/{day}")[1]
    ]


@pytest.fixture(autouse=True)
def clean_storage() -> None:
    # Other tests leave theirs.
    for name in files():
        default_storage.delete(name)


def orders() -> int:
    return Command.objects.filter(kind=CommandKind.TAKE_PICTURE).count()


@pytest.mark.parametrize(
    "kind", ["motion", "call_started", "code_refused", "face_granted", "tamper"]
)
def test_what_happens_has_its_picture_taken_and_kept(house: House, kind: str) -> None:
    entry = house.happens(kind)
    run_jobs()
    command = house.command()
    assert (command.channel, command.requested_by) == (CommandChannel.SYSTEM, None)
    assert Capture.objects.get().is_coming
    assert house.brings(command)

    capture = Capture.objects.get()
    assert (capture.entry, capture.size) == (entry, len(JPEG))
    assert capture.sha256 == hashlib.sha256(JPEG).hexdigest()
    with default_storage.open(capture.file) as file:
        assert file.read() == JPEG
    assert files() == [capture.file]
    # The same picture is the device's newest, in a file of its own.
    assert DevicePicture.objects.get().file != capture.file
    assert LogEntry.objects.count() == 1


def test_one_visit_has_one_picture_until_it_is_old(house: House) -> None:
    house.happens("motion")
    house.happens("call_started")
    run_jobs()
    assert orders() == 1
    house.brings(house.command())
    house.happens("face_granted", user="Mia")
    run_jobs()
    assert orders() == 1

    Capture.objects.update(taken_at=utcnow() - AGAIN_AFTER)
    house.happens("motion")
    run_jobs()
    assert orders() == 2


def test_a_visit_has_no_more_pictures_than_enough(house: House) -> None:
    for number in range(MOST + 2):
        house.happens("code_refused")
        run_jobs()
        Capture.objects.update(taken_at=utcnow() - AGAIN_AFTER, file=f"{number}")
        Command.objects.update(state=CommandState.ACKNOWLEDGED)

    assert Visit.objects.count() == 1
    assert Capture.objects.count() == MOST


def test_what_gave_way_to_an_opening_is_taken_again_for_the_opening(
    house: House,
) -> None:
    house.happens("call_started")
    run_jobs()
    house.answers(house.command(), CommandState.FAILED, "gave_way")
    opened = house.happens("relay_triggered", relay=1)
    run_jobs()
    house.brings(house.command())

    assert orders() == 2
    assert Capture.objects.exclude(file="").get().entry == opened


def test_what_is_late_or_repeated_orders_nothing(house: House) -> None:
    long_ago = utcnow() - FRESH - timedelta(seconds=1)
    house.happens("motion", at=long_ago)
    run_jobs()
    assert orders() == 0
    entry = house.happens("face_granted")
    assert take_capture(entry_id=entry.pk, now=utcnow() + FRESH * 2) is None
    run_jobs()
    assert take_capture(entry_id=entry.pk, now=utcnow()) is None
    assert take_capture(entry_id=2**40, now=utcnow()) is None
    assert orders() == 1


@pytest.mark.parametrize("model", ["C313", "A01"])
def test_units_without_a_camera_are_left_alone(model: str) -> None:
    house = House(model)
    house.happens("tamper")

    assert not Job.objects.filter(name=TAKE).exists()


def test_houses_without_a_bridge_order_nothing(house: House) -> None:
    Bridge.objects.all().delete()
    house.happens("motion")

    assert not Job.objects.filter(name=TAKE).exists()


def test_an_opening_by_app_has_a_picture_and_a_refused_tap_none(house: House) -> None:
    relay = house.device.relays.get()
    for state in (CommandState.FAILED, CommandState.ACKNOWLEDGED):
        tap = request_open(
            actor=house.installer,
            relay=relay,
            channel=CommandChannel.APP,
            idempotency_key=state,
            now=utcnow(),
        )
        reason = "rejected" if state == CommandState.FAILED else ""
        house.answers(tap, state, reason)
        log_command(command_id=tap.pk, now=utcnow())
        run_jobs()
        assert orders() == (state == CommandState.ACKNOWLEDGED)


def ordered(house: House) -> Command:
    return request_order(
        actor=house.installer,
        device=house.device,
        kind=CommandKind.TAKE_PICTURE,
        channel=CommandChannel.PORTAL,
        now=utcnow(),
    )


def test_a_picture_that_somebody_ordered_is_a_line_and_a_visit_of_its_own(
    house: House,
) -> None:
    house.happens("motion")
    Job.objects.filter(name=TAKE).delete()
    command = ordered(house)
    house.brings(command)
    assert not house.brings(command, OTHER)  # answered already

    entry = LogEntry.objects.get(kind="capture")
    name = house.installer.name
    assert (entry.initiator, entry.method, entry.outcome) == (name, "portal", "noted")
    assert entry.visit != LogEntry.objects.get(kind="motion").visit
    assert Capture.objects.get().entry == entry


def test_a_visit_shares_a_picture_that_is_being_taken(house: House) -> None:
    command = ordered(house)
    moved = house.happens("motion")
    run_jobs()
    house.brings(command)

    assert orders() == 1
    kinds = Capture.objects.exclude(file="").values_list("entry__kind", flat=True)
    assert sorted(kinds) == ["capture", "motion"]
    assert Capture.objects.get(entry=moved).sha256
    assert len(files()) == 2


def test_a_picture_for_a_line_that_is_gone_leaves_no_file(house: House) -> None:
    entry = house.happens("motion")
    run_jobs()
    entry.delete()
    assert house.brings(house.command())

    assert files() == []


def test_strangers_and_nonsense_bring_nothing(house: House) -> None:
    house.happens("motion")
    run_jobs()
    command = house.command()
    mark_sent(command_id=command.pk, now=utcnow())
    kept = receive_picture(
        bridge_id=uuid.uuid4(), command_id=command.pk, jpeg=JPEG, now=utcnow()
    )

    assert not kept
    assert Capture.objects.get().file == ""
    assert files() == []


def test_who_watches_is_told_of_the_picture(house: House, bus: Any) -> None:
    entry = house.happens("motion")
    run_jobs()
    bus.published.clear()
    with TestCase.captureOnCommitCallbacks(execute=True):
        house.brings(house.command())

    told = {"visit": entry.visit_id, "entry": entry.pk, "site": str(house.site.pk)}
    assert ("log.changed", told) in bus.published
