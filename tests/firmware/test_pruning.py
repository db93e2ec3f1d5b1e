"""The steps of upgrades are kept for a year after the end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portico.firmware.models import (
    DeviceUpgrade,
    FirmwareVersion,
    UpgradeCampaign,
    UpgradeStep,
)
from portico.firmware.services import pruning
from portico.firmware.services.campaigns import stop
from portico.firmware.services.pruning import STEPS_KEPT, prune_steps
from portico.worker.schedule import ticks
from tests.factories import run_jobs
from tests.factories.firmware import make_version
from tests.firmware.world import World

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def version() -> FirmwareVersion:
    return make_version()


def end(world: World, *devices: int) -> None:
    world.tick(seconds=1)
    for number in devices:
        world.upgrades(world.devices[number])
    for _ in range(4):
        world.tick(seconds=2)


def test_steps_go_a_year_after_the_end_and_nothing_else(
    version: FirmwareVersion,
) -> None:
    world = World(houses=3)
    over = world.order(world.devices[:1], version)
    end(world, 0)
    over.refresh_from_db()
    assert over.ended_at is not None
    open_one = world.order(world.devices[1:2], version)
    world.tick(seconds=1)
    kept = UpgradeStep.objects.filter(upgrade__campaign=open_one)
    prune_steps(now=over.ended_at + STEPS_KEPT)
    assert UpgradeStep.objects.filter(upgrade__campaign=over).count() == 5

    prune_steps(now=over.ended_at + STEPS_KEPT + timedelta(seconds=1))
    assert not UpgradeStep.objects.filter(upgrade__campaign=over).exists()
    assert DeviceUpgrade.objects.get(campaign=over).state == "succeeded"
    # However old: it has not ended.
    prune_steps(now=over.ended_at + 3 * STEPS_KEPT)
    assert kept.count() == 1


def test_a_stopped_one_keeps_them_until_its_last_device_has_ended(
    version: FirmwareVersion,
) -> None:
    world = World()
    campaign = world.order(world.devices, version)
    world.tick(seconds=1)
    world.writes(world.devices[0])
    stop(actor=world.installer, campaign=campaign, now=world.now)
    later = world.now + 2 * STEPS_KEPT
    prune_steps(now=later)
    assert UpgradeStep.objects.count() == 3
    # Nobody looked for a year; it still comes to its end.
    world.tick(days=400)
    assert world.states() == ["timed_out no_answer"]
    world.tick(seconds=2)
    prune_steps(now=later)
    assert not UpgradeStep.objects.exists()


def test_many_go_in_several_runs_of_the_clocks_job(
    version: FirmwareVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "_BATCH", 1)
    monkeypatch.setattr(pruning, "_MOST_BATCHES", 1)
    monkeypatch.setattr(pruning, "STEPS_KEPT", timedelta(seconds=-3600))
    world = World(houses=3)
    world.order(world.devices, version)
    end(world, 0, 1, 2)
    [tick] = [tick for tick in ticks() if tick.name == "prune_upgrades"]
    tick.run()
    assert run_jobs() >= 3
    assert not UpgradeStep.objects.exists()
    assert UpgradeCampaign.objects.get().is_pruned
