"""Campaigns over many devices are written down by a job, in parts."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from portico.devices.models import Device
from portico.devices.services.registration import remove_device
from portico.firmware.enums import CampaignState
from portico.firmware.errors import NotNow
from portico.firmware.models import (
    DeviceUpgrade,
    FirmwareVersion,
    Preparation,
    UpgradeCampaign,
)
from portico.firmware.services import preparing
from portico.firmware.services.campaigns import change_pending, stop
from portico.firmware.services.moving import move
from portico.firmware.services.preparing import prepare
from portico.firmware.services.scheduling import is_consistent
from portico.jobs.models import Job
from tests.factories import run_jobs
from tests.factories.firmware import make_plan, make_version
from tests.firmware.test_at_once import at_once
from tests.firmware.world import World

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def version() -> FirmwareVersion:
    return make_version()


@pytest.fixture(autouse=True)
def _many_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "AT_ONCE", 3)
    monkeypatch.setattr(preparing, "_PART", 2)
    monkeypatch.setattr(preparing, "_MOST_PARTS", 2)


def whole(campaign: UpgradeCampaign) -> list[int]:
    assert is_consistent(campaign)
    assert not Preparation.objects.exists()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.SCHEDULED
    return [wave.total for wave in campaign.waves.order_by("number")]


def test_a_few_are_ready_at_once(version: FirmwareVersion) -> None:
    world = World(houses=3)
    campaign = world.order(world.devices, version, waves=(40, 60))
    assert whole(campaign) == [1, 2]


def test_many_are_written_down_by_a_job(version: FirmwareVersion) -> None:
    world = World(houses=7)
    campaign = world.order(world.devices, version, waves=(30, 70), soak_minutes=5)
    assert campaign.state == CampaignState.PREPARING
    assert not DeviceUpgrade.objects.exists()
    world.tick(seconds=1)  # nothing is offered yet
    assert not DeviceUpgrade.objects.exists()
    run_jobs()
    assert whole(campaign) == [2, 5]
    for device in world.devices:
        world.sees(device)
    world.tick(seconds=1)
    assert Counter(world.states()) == {"offered": 2, "queued": 5}


def test_it_goes_on_where_a_worker_was_killed(version: FirmwareVersion) -> None:
    world = World(houses=7)
    campaign = world.order(world.devices, version, waves=(30, 70))
    prepare(campaign_id=campaign.pk, now=world.now)
    assert DeviceUpgrade.objects.count() == 2
    assert is_consistent(campaign)
    # Meanwhile some go offline, which would be another plan, and one is removed.
    for device in world.devices[:3]:
        world.sees(device, online=False)
    planned = {pk for wave in Preparation.objects.get().targets for pk in wave}
    later = planned - set(DeviceUpgrade.objects.values_list("device", flat=True))
    gone = next(one for one in world.devices if one.pk in later)
    remove_device(actor=world.installer, device=gone, now=world.now)
    for _ in range(4):
        prepare(campaign_id=campaign.pk, now=world.now)
    assert whole(campaign) == [2, 4]
    assert not DeviceUpgrade.objects.filter(device_mac=gone.mac).exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_each_device_once(version: FirmwareVersion) -> None:
    world = World(houses=9)
    campaign = world.order(world.devices, version, waves=(30, 70))
    for _ in range(3):
        at_once([lambda: prepare(campaign_id=campaign.pk, now=world.now)] * 3)
    assert whole(campaign) == [2, 7]
    assert DeviceUpgrade.objects.count() == 9


def test_what_is_being_prepared_can_be_stopped_and_not_changed(
    version: FirmwareVersion,
) -> None:
    world = World(houses=7)
    campaign = world.order(world.devices, version)
    prepare(campaign_id=campaign.pk, now=world.now)
    plan = make_plan(version, token=campaign.edition)
    ids = [one.pk for one in world.devices[:1]]
    with pytest.raises(NotNow, match="being prepared"):
        change_pending(
            actor=world.installer,
            campaign=campaign,
            devices=ids,
            plan=plan,
            now=world.now,
        )
    stop(actor=world.installer, campaign=campaign, now=world.now)
    run_jobs()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.STOPPED
    assert set(world.campaign_states(campaign)) == {"cancelled stopped"}
    assert not Preparation.objects.exists()


def test_a_change_of_many_is_prepared_anew(version: FirmwareVersion) -> None:
    world = World(houses=7)
    later = f"{world.now + timedelta(days=3):%Y-%m-%dT%H:%M}"
    campaign = world.order(world.devices, version, local_start=later)
    run_jobs()
    assert whole(campaign) == [7]
    kept = [one.pk for one in world.devices[2:]]
    plan = make_plan(version, token=campaign.edition, waves=(50, 50), local_start=later)
    change_pending(
        actor=world.installer,
        campaign=campaign,
        devices=kept,
        plan=plan,
        now=world.now,
    )
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PREPARING
    run_jobs()
    assert whole(campaign) == [2, 3]
    rows = DeviceUpgrade.objects.order_by("device")
    assert list(rows.values_list("device", flat=True)) == kept
    assert not Job.objects.exists()


def test_a_stop_cancels_many_part_by_part(
    version: FirmwareVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portico.firmware.services.pausing.CHUNK", 2)
    world = World(houses=7)
    campaign = world.order(world.devices, version)
    run_jobs()
    world.tick(seconds=1)
    for device in world.devices[:3]:
        world.takes(device, reason="in_call")
    world.tick(seconds=2)
    assert Counter(s.split()[0] for s in world.states()) == {"offered": 4, "waiting": 3}
    stop(actor=world.installer, campaign=campaign, now=world.now)
    # All that was on its way, and a part of what waited.
    assert Counter(s.split()[0] for s in world.states()) == {
        "cancelled": 6,
        "waiting": 1,
    }
    world.tick(seconds=1)
    assert set(world.states()) == {"cancelled stopped"}
    assert is_consistent(campaign)
    world.tick(seconds=2)
    campaign.refresh_from_db()
    assert campaign.next_at is None


def test_a_stop_writes_wave_after_wave(
    version: FirmwareVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the second wave are on their way, while the first waits for units."""
    world = World(houses=4)
    campaign = world.order(world.devices, version, waves=(50, 50))
    run_jobs()
    for device in Device.objects.filter(upgrades__wave__number=1):
        world.sees(device, online=False)
    world.tick(seconds=1)
    world.tick(hours=25)
    world.tick(seconds=1)
    assert world.states() == ["waiting offline"] * 2 + ["offered"] * 2
    written: list[int] = []

    def noted(part: list[DeviceUpgrade], *args: Any, **named: Any) -> None:
        written.extend(row.wave.number for row in part)
        move(part, *args, **named)

    monkeypatch.setattr("portico.firmware.services.pausing.CHUNK", 2)
    monkeypatch.setattr("portico.firmware.services.pausing.move", noted)
    stop(actor=world.installer, campaign=campaign, now=world.now)
    assert written == [1, 1, 2, 2]
    assert is_consistent(campaign)
