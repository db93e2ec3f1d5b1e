"""What is deleted with time, and with a house's people."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import transaction
from django.test import TestCase

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.models import Command, Device, DevicePicture
from portico.events.models import Capture, Event, LogEntry, Visit
from portico.events.services import retention
from portico.events.services.retention import (
    RAW_KEPT,
    forget_log_of_site,
    order_purge,
    purge_log,
    sweep_captures,
)
from portico.jobs.models import Job
from portico.kernel.clock import utcnow
from portico.sites.models import Site
from portico.tenancy.services.company_settings import change_company_settings
from tests.factories import (
    make_bridge,
    make_capture,
    make_device,
    make_event,
    make_installer,
    make_picture,
    make_site,
    run_jobs,
)

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
DAY = timedelta(days=1)
_KINDS = {
    "face_granted": "door",
    "card_refused": "door",
    "call_started": "call",
    "motion": "motion",
    "tamper": "alarm",
}


@pytest.fixture
def ida() -> User:
    return make_installer("ida")


@pytest.fixture
def site(ida: User) -> Site:
    return make_site(ida)


@pytest.fixture
def device(site: Site, ida: User) -> Device:
    return make_device(site, ida)


@pytest.fixture(autouse=True)
def clean_storage() -> None:
    # Other tests leave theirs.
    for name in files():
        default_storage.delete(name)


def files() -> list[str]:
    found: list[str] = []
    for folder in ("captures", "pictures"):
        if default_storage.exists(folder):
            days, names = default_storage.listdir(folder)
            found += [f"{folder}/{name}" for name in names]
            for day in days:
                inside = default_storage.listdir(f"{folder}/{day}")[1]
                found += [f"{folder}/{day}/{name}" for name in inside]
    return found


def purge(now: datetime) -> None:
    with TestCase.captureOnCommitCallbacks(execute=True):
        purge_log(now=now)


def kinds() -> list[str]:
    return sorted(LogEntry.objects.values_list("kind", flat=True))


def test_each_kind_is_kept_for_as_long_as_the_company_wants(
    ida: User, device: Device
) -> None:
    now = utcnow()
    for kind in _KINDS:
        make_event(device, kind, at=now)
    purge(now + 30 * DAY - timedelta(minutes=1))
    assert kinds() == sorted(_KINDS.values())
    purge(now + 30 * DAY + timedelta(minutes=1))
    assert kinds() == ["alarm", "call", "door", "door"]

    wanted = {"keep_call_days": 100, "keep_alarm_days": 50, "keep_door_days": 400}
    change_company_settings(actor=ida, values=wanted, now=now)
    audit = AuditEntry.objects.get(action="company_settings.changed")
    assert audit.after == wanted
    purge(now + 60 * DAY)
    assert kinds() == ["call", "door", "door"]
    purge(now + 366 * DAY)
    assert kinds() == ["door", "door"]
    purge(now + 401 * DAY)
    assert kinds() == []
    assert not Visit.objects.exists()
    assert AuditEntry.objects.filter(pk=audit.pk).exists()


def test_another_company_keeps_its_own_for_its_own_time(
    ida: User, device: Device
) -> None:
    other = make_installer()
    theirs = make_device(make_site(other), other)
    now = utcnow()
    for one in (device, theirs):
        make_event(one, "motion", at=now)
    change_company_settings(actor=ida, values={"keep_motion_days": 5}, now=now)
    purge(now + 6 * DAY)

    assert [entry.device for entry in LogEntry.objects.all()] == [theirs]
    assert Visit.objects.count() == 1


def test_a_visit_stays_as_long_as_one_of_its_lines(device: Device) -> None:
    now = utcnow()
    make_event(device, "motion", at=now)
    make_event(device, "face_granted", at=now + timedelta(seconds=5))
    purge(now + 31 * DAY)

    assert kinds() == ["door"]
    assert Visit.objects.get().log.count() == 1


def test_pictures_go_with_their_files(ida: User, device: Device) -> None:
    make_bridge(device.site, ida)
    make_event(device, "face_granted")
    make_capture(device)
    make_picture(device, ida)
    now = utcnow()
    assert len(files()) == 2
    change_company_settings(actor=ida, values={"keep_capture_days": 7}, now=now)
    purge(now + 7 * DAY - timedelta(minutes=1))
    assert len(files()) == 2
    purge(now + 7 * DAY + timedelta(minutes=1))

    assert files() == []
    assert not Capture.objects.exists()
    assert not DevicePicture.objects.exists()
    assert kinds() == ["door"]


def test_a_line_takes_its_picture_along(device: Device) -> None:
    make_event(device, "motion")
    make_capture(device)
    Capture.objects.update(ordered_at=utcnow() + 10 * DAY)
    purge(utcnow() + 31 * DAY)

    assert files() == []
    assert not Capture.objects.exists()


def test_raw_events_go_with_their_line_and_in_any_case_after_their_time(
    ida: User, device: Device
) -> None:
    now = utcnow()
    make_event(device, "motion", at=now)
    make_event(device, "face_granted", at=now)
    make_event(device, "call_ended", at=now)
    change_company_settings(actor=ida, values={"keep_motion_days": 3}, now=now)
    purge(now + 4 * DAY)
    assert set(Event.objects.values_list("kind", flat=True)) == {
        "face_granted",
        "call_ended",
    }
    Event.objects.filter(kind="call_ended").update(processed_at=None)
    purge(now + RAW_KEPT + timedelta(minutes=1))

    # What nobody has worked on yet is not old.
    assert [event.kind for event in Event.objects.all()] == ["call_ended"]
    assert kinds() == ["door"]


def test_much_is_deleted_in_batches_over_several_runs(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = utcnow() - 40 * DAY
    for number in range(7):
        make_event(device, "motion", at=old + timedelta(minutes=2 * number))
    monkeypatch.setattr(retention, "_BATCH", 2)
    monkeypatch.setattr(retention, "_MOST_BATCHES", 2)
    Event.objects.all().delete()
    purge(utcnow())
    assert LogEntry.objects.count() == 3
    order_purge()  # the clock's order finds the one that waits already
    assert Job.objects.filter(name="events.purge").count() == 1
    run_jobs()
    assert not LogEntry.objects.exists()


def test_a_house_is_forgotten_in_one_transaction(ida: User, site: Site) -> None:
    device, other = make_device(site, ida), make_device(make_site(ida), ida)
    make_bridge(site, ida)
    for one in (device, other):
        make_event(one, "face_granted", user="Mia")
        make_capture(one)
    make_picture(device, ida)
    make_event(device, "motion")
    Event.objects.filter(kind="motion").update(processed_at=None)
    audits = AuditEntry.objects.count()

    with TestCase.captureOnCommitCallbacks(execute=True), transaction.atomic():
        forget_log_of_site(site=site)
        transaction.set_rollback(True)
    assert (LogEntry.objects.count(), len(files())) == (3, 3)

    with TestCase.captureOnCommitCallbacks(execute=True), transaction.atomic():
        forget_log_of_site(site=site)
        assert len(files()) == 3  # until it is sure

    for model in (LogEntry, Visit, Capture):
        assert [row.site for row in model.objects.all()] == [other.site]
    assert set(Event.objects.values_list("device_id", flat=True)) == {other.pk}
    assert not DevicePicture.objects.exists()
    assert not Command.objects.filter(device=device, state="acknowledged").exists()
    assert files() == [Capture.objects.get().file]
    assert AuditEntry.objects.count() == audits


def test_files_without_rows_are_swept_when_they_are_a_day_old(
    ida: User, device: Device
) -> None:
    make_event(device, "motion")
    kept = make_capture(device)
    lost = make_capture(device)
    lost.delete()
    sweep_captures(now=utcnow())
    assert len(files()) == 2
    sweep_captures(now=utcnow() + 2 * DAY)

    assert files() == [kept.file]
    kept.delete()
    sweep_captures(now=utcnow() + 2 * DAY)
    sweep_captures(now=utcnow() + 2 * DAY)
    assert default_storage.listdir("captures")[0] == []
