"""A change reaches its unit at once where a bridge is, and asks for no more than that."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portico.devices.enums import CommandChannel, CommandKind
from portico.devices.models import Command, Device
from portico.devices.services.registration import recognize_model
from portico.jobs.models import Job
from portico.kernel.clock import utcnow
from portico.provisioning.models import ProvisioningFile
from portico.provisioning.services.fetching import AGAIN, FETCH, fetch_now
from portico.provisioning.services.files import note_fetched
from tests.factories import (
    make_bridge,
    make_device,
    make_installer,
    make_seen,
    make_site,
    run_jobs,
)

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
NOW = utcnow()


class House:
    """A unit of unknown model that has fetched its file once."""

    def __init__(self, *, bridged: bool = True) -> None:
        self.installer = make_installer()
        self.site = make_site(self.installer)
        self.device = make_device(self.site, self.installer, model="")
        if bridged:
            make_bridge(self.site, self.installer)
        make_seen(self.device)
        run_jobs()
        self.fetched()
        run_jobs()
        assert not Command.objects.exists()

    @property
    def file(self) -> ProvisioningFile:
        return ProvisioningFile.objects.get(device=self.device)

    def fetched(self) -> None:
        note_fetched(
            device_id=self.device.pk,
            revision=self.file.revision,
            etag=self.file.etag,
            at=utcnow(),
        )

    def recognized(self, model: str = "R20A") -> None:
        before = self.file.revision
        device = Device.objects.get(pk=self.device.pk)
        recognize_model(device=device, reported=model, firmware="1", now=utcnow())
        publish = Job.objects.filter(name="provisioning.publish")
        assert publish.count() == 1
        run_only("provisioning.publish")
        assert self.file.revision != before


def run_only(name: str) -> None:
    from portico.kernel.queue import find_job

    spec = find_job(name)
    assert spec is not None
    for job in Job.objects.filter(name=name):
        job.delete()
        spec.task(**job.params)


def fetches() -> list[Job]:
    return list(Job.objects.filter(name=FETCH))


def test_unit_whose_model_is_recognised_is_told_to_fetch() -> None:
    house = House()
    house.recognized()
    job = fetches()[0]
    assert NOW < job.run_at < utcnow() + timedelta(seconds=5)
    run_only(FETCH)

    command = Command.objects.get()
    assert command.kind == CommandKind.FETCH_CONFIGURATION
    assert command.channel == CommandChannel.SYSTEM
    assert (command.requested_by, command.requested_by_name) == (None, "Portico")


def test_many_changes_are_one_order() -> None:
    house = House()
    for model in ("R20A", "nobody knows this one"):
        device = Device.objects.get(pk=house.device.pk)
        recognize_model(device=device, reported=model, firmware="1", now=utcnow())
        run_only("provisioning.publish")
    Device.objects.filter(pk=house.device.pk).update(name="Another")
    from portico.provisioning.tasks import publish

    publish(house.device.pk)
    assert len(fetches()) == 1
    run_only(FETCH)
    assert Command.objects.count() == 1


def test_unit_that_has_come_meanwhile_is_left_alone() -> None:
    house = House()
    house.recognized()
    house.fetched()
    run_only(FETCH)

    assert not Command.objects.exists()
    assert not fetches()


def test_it_is_tried_a_few_times_and_no_more() -> None:
    house = House()
    house.recognized()
    for attempt in range(len(AGAIN) + 1):
        job = fetches()[0]
        assert job.params["attempt"] == attempt
        run_only(FETCH)
        Command.objects.update(state="failed", reason="unreachable")

    assert not fetches()
    assert Command.objects.count() == len(AGAIN) + 1


def test_new_change_does_not_wait_behind_a_later_try() -> None:
    house = House()
    house.recognized()
    run_only(FETCH)
    Device.objects.filter(pk=house.device.pk).update(name="Another")
    from portico.provisioning.tasks import publish

    publish(house.device.pk)

    waits = sorted(job.run_at for job in fetches())
    assert len(waits) == 2
    assert waits[0] < utcnow() + timedelta(seconds=5)


def test_without_a_bridge_nothing_is_ordered() -> None:
    house = House(bridged=False)
    house.recognized()
    run_only(FETCH)

    assert not Command.objects.exists()
    assert not fetches()


def test_unit_that_is_away_is_not_called_but_looked_for_again() -> None:
    house = House()
    house.recognized()
    make_seen_long_ago(house.device)
    run_only(FETCH)

    assert not Command.objects.exists()
    assert len(fetches()) == 1


def make_seen_long_ago(device: Device) -> None:
    from portico.devices.services.presence import sweep_silent

    sweep_silent(now=utcnow() + timedelta(hours=1))
    device.presence.refresh_from_db()
    assert not device.presence.is_online


def test_removed_unit_needs_nothing() -> None:
    fetch_now(device_id=987_654, attempt=0, now=NOW)

    assert not Command.objects.exists()
