"""Which lines of a log are one visit, however and whenever they arrive."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from portico.devices.models import Device
from portico.events.enums import EventSource
from portico.events.models import Capture, Event, LogEntry, Visit
from portico.events.rules import split_visits
from portico.events.services.inbox import IncomingEvent, store_events
from portico.events.services.logbook import process_waiting
from tests.factories import make_device, make_installer, make_site

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
# Seconds after noon, kind, who.
Report = tuple[float, str, str]


@pytest.fixture
def device() -> Device:
    installer = make_installer()
    return make_device(make_site(installer), installer)


def arrive(device: Device, *reports: Report, late: float = 0) -> None:
    """Let the worker see ``reports`` one by one, in this order."""
    for after, kind, user in reports:
        moment = NOON + timedelta(seconds=after)
        event = IncomingEvent(
            device_id=device.pk,
            source=EventSource.BRIDGE,
            kind=kind,
            data={"user": user} if user else {},
            dedupe=uuid.uuid4().bytes,
            occurred_at=moment,
            received_at=moment + timedelta(seconds=late),
        )
        store_events([event])
        process_waiting(now=moment + timedelta(seconds=late))


def visits() -> list[list[str]]:
    """Each visit as its lines, both in the order of time."""
    found: list[list[str]] = []
    for visit in Visit.objects.order_by("began_at", "pk"):
        lines = visit.log.order_by("occurred_at", "pk")
        assert visit.began_at == lines[0].occurred_at
        assert visit.ended_at == list(lines)[-1].occurred_at
        found.append([f"{one.kind} {one.initiator}".strip() for one in lines])
    assert not LogEntry.objects.filter(visit=None).exists()
    return found


def test_motion_ring_wrong_code_and_opening_are_one_visit(device: Device) -> None:
    arrive(
        device,
        (0, "motion", ""),
        (5, "call_started", "100"),
        (20, "code_refused", ""),
        (25, "face_granted", "Mia"),
        (30, "motion", ""),
    )

    assert visits() == [["motion", "call 100", "door", "door Mia", "motion"]]


def test_two_people_one_after_the_other_are_two_visits(device: Device) -> None:
    arrive(
        device,
        (0, "card_granted", "Mia"),
        (3, "motion", ""),
        (12, "card_granted", "Noah"),
        (30, "code_refused", ""),
    )

    assert visits() == [["door Mia", "motion"], ["door Noah"], ["door"]]


def test_one_person_who_opens_twice_is_one_visit_with_two_lines(
    device: Device,
) -> None:
    arrive(device, (0, "card_granted", "Mia"), (12, "card_granted", "Mia"))

    assert visits() == [["door Mia", "door Mia"]]


def test_nobody_known_is_nobody_twice(device: Device) -> None:
    arrive(device, (0, "card_granted", ""), (12, "card_granted", ""))

    assert visits() == [["door"], ["door"]]


@pytest.mark.parametrize(
    ("first", "gap", "count"),
    [
        ("motion", 60, 1),
        ("motion", 61, 2),
        ("call_started", 120, 1),
        ("call_started", 121, 2),
    ],
)
def test_a_pause_ends_a_visit(device: Device, first: str, gap: int, count: int) -> None:
    arrive(device, (0, first, ""), (gap, "face_granted", "Mia"))

    assert len(visits()) == count


def test_what_goes_on_and_on_begins_anew_every_five_minutes(device: Device) -> None:
    arrive(device, *((after, "motion", "") for after in range(0, 900, 30)))

    assert [len(one) for one in visits()] == [10, 10, 10]


def test_a_ring_across_the_five_minutes_stays_with_its_motion(device: Device) -> None:
    arrive(device, (295, "motion", ""), (301, "call_started", ""), (310, "motion", ""))

    assert visits() == [["motion", "call", "motion"]]


def test_a_late_opening_parts_what_was_one(device: Device) -> None:
    arrive(device, (0, "motion", ""), (50, "motion", ""))
    assert visits() == [["motion", "motion"]]
    kept = Visit.objects.get().pk
    arrive(device, (20, "face_granted", "Mia"), late=3600)

    assert visits() == [["motion", "door Mia"], ["motion"]]
    assert LogEntry.objects.get(kind="door").visit_id == kept


def test_a_late_motion_joins_what_was_two(device: Device) -> None:
    arrive(device, (0, "motion", ""), (100, "call_started", ""))
    assert len(visits()) == 2
    arrive(device, (50, "motion", ""), late=3600)

    assert visits() == [["motion", "motion", "call"]]


def test_devices_and_houses_are_apart(device: Device) -> None:
    installer = device.site.organization.memberships.get().user
    other = make_device(device.site, installer, name="Gate")
    arrive(device, (0, "motion", ""))
    arrive(other, (1, "motion", ""))

    assert visits() == [["motion"], ["motion"]]
    assert {visit.device for visit in Visit.objects.all()} == {device, other}


def test_a_withdrawn_refusal_takes_its_visit_and_leaves_its_picture(
    device: Device,
) -> None:
    arrive(device, (0, "code_refused", ""))
    refused = LogEntry.objects.get()
    Capture.objects.create(
        entry=refused,
        site=device.site,
        organization=device.site.organization,
        ordered_at=NOON,
    )
    arrive(device, (1, "guest_opened", ""))

    assert visits() == [["door"]]
    assert Capture.objects.get().entry == LogEntry.objects.get(method="guest")


_KINDS = ("motion", "call_started", "code_refused", "face_granted", "tamper")


@pytest.mark.parametrize("seed", range(12))
def test_the_order_of_arrival_does_not_matter(device: Device, seed: int) -> None:
    """Whatever comes late: the visits are those that the lines alone make."""
    dice = random.Random(seed)  # noqa: S311 -- no secret
    moments = dice.sample(range(600), 25)
    reports = [
        (float(at), dice.choice(_KINDS), dice.choice(["", "Mia", "Noah"]))
        for at in moments
    ]
    arrive(device, *reports, late=1000)

    entries = LogEntry.objects.order_by("occurred_at", "pk")
    wanted = [[one.pk for one in run] for run in split_visits(entries)]
    found = [
        [one.pk for one in visit.log.order_by("occurred_at", "pk")]
        for visit in Visit.objects.order_by("began_at", "pk")
    ]
    assert found == wanted
    assert Event.objects.count() == len(reports)
