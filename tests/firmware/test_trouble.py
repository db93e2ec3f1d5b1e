"""What goes wrong with one upgrade, or with one device of it, holds up no other."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from portico.firmware.enums import CampaignState
from portico.firmware.models import (
    DeviceUpgrade,
    FirmwareVersion,
    UpgradeCampaign,
    UpgradeStep,
    UpgradeWave,
)
from portico.firmware.selectors import failing_campaigns
from portico.firmware.services import checking, offering, scheduling
from portico.firmware.services.campaigns import stop
from portico.firmware.services.scheduling import is_consistent
from portico.sites.models import Site
from tests.factories.firmware import NEW, make_version
from tests.firmware.world import World

pytestmark = pytest.mark.integration


@pytest.fixture
def version(db: None) -> FirmwareVersion:
    return make_version()


def break_zone(site: Site) -> None:
    """As after an update of the system's list of time zones."""
    Site.objects.filter(pk=site.pk).update(time_zone="Mars/Olympus")


def test_one_bad_site_holds_up_neither_its_campaign_nor_others(
    version: FirmwareVersion,
) -> None:
    world = World(houses=3)
    bad, good, other = world.devices
    hours = (world.now.time(), (world.now + timedelta(hours=12)).time())
    first = world.order([bad, good], version, window=hours)
    second = world.order([other], version)
    Site.objects.filter(pk=good.site.pk).update(time_zone="UTC")
    break_zone(bad.site)
    with capture_logs() as logs:
        world.tick(seconds=1)
    assert World.campaign_states(first) == ["waiting trouble", "offered"]
    assert World.campaign_states(second) == ["offered"]
    [told] = [line for line in logs if line["event"] == "upgrade_trouble"]
    assert told["exc_info"]
    assert told["upgrade"] == world.row(bad).pk
    # It is tried again a few times; then it is left alone, and the campaign can end.
    for _ in range(4):
        world.now += timedelta(minutes=40)
        for device in world.devices:
            world.sees(device)
        world.tick(seconds=1)
        world.tick(seconds=2)
    assert World.campaign_states(first)[0] == "aborted trouble"
    assert is_consistent(first)


def test_a_campaign_that_fails_as_a_whole_is_put_off(
    version: FirmwareVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(houses=2)
    one, two = world.devices
    bad = world.order([one], version)
    world.now += timedelta(seconds=1)
    good = world.order([two], version)
    advance = scheduling._advance_wave

    def broken(campaign: UpgradeCampaign, wave: UpgradeWave, now: datetime) -> None:
        if campaign == bad:
            raise KeyError(wave.state)
        advance(campaign, wave, now)

    monkeypatch.setattr(scheduling, "_advance_wave", broken)
    with capture_logs() as logs:
        world.tick(seconds=1)
        world.tick(seconds=1)
    assert World.campaign_states(good) == ["offered"]
    assert failing_campaigns() == 1
    failures = [line for line in logs if line["event"] == "upgrade_trouble"]
    assert {line["campaign"] for line in failures} == {str(bad.pk)}
    # It does not fail all the time, but with growing pauses.
    with capture_logs() as logs:
        for _ in range(60):
            world.tick(seconds=2)
    assert len([line for line in logs if line["event"] == "upgrade_trouble"]) == 5
    monkeypatch.setattr(scheduling, "_advance_wave", advance)
    world.sees(one)
    world.tick(minutes=15)
    assert failing_campaigns() == 0
    assert World.campaign_states(bad) == ["offered"]


def test_one_whose_state_cannot_be_told_ends_with_its_deadline(
    version: FirmwareVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(houses=2)
    bad = world.devices[0]
    campaign = world.order(world.devices, version)
    world.tick(seconds=1)
    for device in world.devices:
        world.writes(device)
        world.reports(device, NEW)
    looked_at = checking._lacking

    def broken(row: DeviceUpgrade, *args: object) -> object:
        if row.device_id == bad.pk:
            raise KeyError("what a unit has told")
        return looked_at(row, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(checking, "_lacking", broken)
    world.tick(seconds=1)
    world.tick(seconds=1)
    assert world.states() == ["verifying", "succeeded"]
    world.tick(minutes=31)
    assert world.states() == ["failed trouble", "succeeded"]
    world.tick(seconds=2)
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.COMPLETED


def test_a_large_campaign_does_not_hold_up_a_small_one(
    version: FirmwareVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portico.firmware.services.scheduling.BATCH", 2)
    world = World(houses=8)
    *many, one = world.devices
    large = world.order(many, version)
    world.now += timedelta(seconds=1)
    small = world.order([one], version)
    world.tick(seconds=1)
    assert Counter(World.campaign_states(large)) == {"offered": 2, "queued": 5}
    assert World.campaign_states(small) == ["queued"]
    world.tick(seconds=2)
    assert World.campaign_states(small) == ["offered"]
    for _ in range(8):
        world.tick(seconds=1)
    offered = UpgradeStep.objects.filter(upgrade__campaign=large, state="offered")
    assert offered.values("upgrade").distinct().count() == 7


def test_an_order_of_another_upgrade_is_not_taken_for_its_own(
    version: FirmwareVersion,
) -> None:
    world = World(houses=2)
    one, two = world.devices
    first = world.order([one], version)
    world.tick(seconds=1)
    stop(actor=world.installer, campaign=first, now=world.now)
    second = world.order([one], version)
    third = world.order([two], version)
    with capture_logs() as logs:
        world.tick(seconds=1)
    assert World.campaign_states(second) == ["waiting retry"]
    assert World.campaign_states(third) == ["offered"]
    assert not [line for line in logs if line["event"] == "upgrade_trouble"]
    world.sees(one)
    world.tick(seconds=62)
    assert World.campaign_states(second) == ["offered"]
    assert World.campaign_states(first) == ["cancelled stopped"]


def test_two_workers_never_take_two_entrances_of_a_house(
    version: FirmwareVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(doors=2)
    front, back = world.devices
    world.order([front], version)
    world.now += timedelta(seconds=1)
    world.order([back], version)
    # Each looks at the house before the other has offered.
    monkeypatch.setattr(offering.Offering, "_busy_doors", lambda *args: set())
    world.tick(seconds=1)
    assert world.states() == ["offered", "waiting other_door"]
