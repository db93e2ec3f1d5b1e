"""Upgrades from the order to the end, unit by unit, with everything that goes wrong."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from portico.access.models import DeviceAccess
from portico.devices.enums import CommandKind, CommandState
from portico.devices.models import Bridge, Command, Device
from portico.devices.services.registration import remove_device
from portico.events.enums import LogKind, Outcome
from portico.events.models import LogEntry
from portico.firmware.enums import CampaignState, PauseReason, WaveState
from portico.firmware.errors import BadPlan, NotNow
from portico.firmware.models import (
    DeviceUpgrade,
    FirmwareVersion,
    UpgradeCampaign,
    UpgradeWave,
)
from portico.firmware.services.campaigns import (
    change_pending,
    dry_run,
    hide_record,
    hold_bad,
    order_upgrade,
    pause,
    resume,
    stop,
)
from portico.firmware.services.delivery import (
    image_address,
    image_for_bridge,
    image_for_token,
    may_finish,
    note_begun,
    verdict,
)
from portico.firmware.services.scheduling import is_consistent
from portico.kernel.errors import NotVisible
from portico.notices.models import Notice
from portico.protocols.bridge.firmware import FirmwareReport, ReportState, Verdict
from portico.provisioning.models import AutopItem, ProvisioningFile
from portico.provisioning.services.autop import send_lines
from portico.provisioning.services.files import note_fetched
from tests.factories import make_device, make_installer, make_site, run_jobs
from tests.factories.firmware import NEW, OLD, make_plan, make_version
from tests.firmware.world import SAVED, World

pytestmark = pytest.mark.integration


@pytest.fixture
def version(db: None) -> FirmwareVersion:
    return make_version()


def only(campaign: UpgradeCampaign) -> UpgradeCampaign:
    assert is_consistent(campaign)
    return UpgradeCampaign.objects.get(pk=campaign.pk)


def test_a_unit_is_upgraded_through_its_bridge(version: FirmwareVersion) -> None:
    world = World()
    [door] = world.devices
    campaign = world.order([door], version)
    assert world.states() == ["queued"]
    world.tick(seconds=1)
    assert world.states() == ["offered"]
    assert world.takes(door)
    assert world.fetches(door)
    world.says(door, ReportState.DOWNLOADING)
    world.says(door, ReportState.DOWNLOADING, done=100)
    assert world.states() == ["downloading"]
    assert world.row(door).bytes_sent == 100
    assert world.says(door, ReportState.READY) == Verdict.GO
    # Whoever did not hear it asks again.
    assert world.says(door, ReportState.READY) == Verdict.GO
    assert world.states() == ["installing"]
    world.tick(minutes=1)
    assert world.states() == ["installing"]
    world.reports(door, NEW)
    world.tick(seconds=11)
    world.tick(seconds=1)
    assert world.states() == ["succeeded"]
    world.tick(seconds=1)
    done = only(campaign)
    assert done.state == CampaignState.COMPLETED
    assert Notice.objects.filter(kind="upgrade_finished").count() == 1
    steps = [step.state for step in world.row(door).steps.order_by("pk")]
    assert steps == ["offered", "downloading", "installing", "verifying", "succeeded"]


def test_a_unit_without_a_bridge_fetches_it_by_itself(version: FirmwareVersion) -> None:
    world = World(bridges=False)
    [door] = world.devices
    campaign = world.order([door], version)
    world.tick(seconds=1)
    run_jobs()
    row = world.row(door)
    body = ProvisioningFile.objects.get(device=door).body
    address = image_address(row, until=row.deadline_at or world.now)
    assert f"Config.Firmware.Url = {address}" in body
    assert len(address.rpartition("/")[0].rpartition("/")[2]) <= 70
    token = address.split("/")[-2]
    image = image_for_token(token=token, now=world.now)
    assert image is not None
    assert (image.version, image.by_bridge) == (NEW, False)
    assert image_for_token(token=token[:-1] + "x", now=world.now) is None
    assert image_for_token(token=token, now=world.now + timedelta(days=3)) is None
    which: dict[str, Any] = {
        "upgrade_id": row.pk,
        "attempt": row.attempt,
        "now": world.now,
    }
    assert note_begun(**which)
    assert note_begun(**which)
    assert world.states() == ["downloading"]
    assert may_finish(**which)
    assert may_finish(**which)
    assert world.states() == ["installing"]
    # The last part may be lost on its way: it gets it again, as long as it installs.
    assert image_for_token(token=token, now=world.now) is not None
    assert note_begun(**which)
    world.reports(door, NEW)
    world.tick(seconds=11)
    world.tick(seconds=1)
    assert world.states() == ["succeeded"]
    assert image_for_token(token=token, now=world.now) is None
    world.tick(seconds=1)
    assert only(campaign).state == CampaignState.COMPLETED


def test_a_download_that_stops_half_way_is_tried_again(
    version: FirmwareVersion,
) -> None:
    world = World(bridges=False)
    [door] = world.devices
    world.order([door], version, retries=1)
    for misses in (1, 2):
        world.tick(hours=1)
        row = world.row(door)
        assert row.state == "offered"
        assert note_begun(upgrade_id=row.pk, attempt=row.attempt, now=world.now)
        world.tick(minutes=16)
        assert not may_finish(upgrade_id=row.pk, attempt=row.attempt, now=world.now)
        if misses == 1:
            assert world.states() == ["waiting download_failed"]
    assert world.states() == ["aborted download_failed"]


def test_a_unit_that_does_not_come_in_time_is_not_touched(
    version: FirmwareVersion,
) -> None:
    world = World(bridges=False)
    world.order(world.devices, version)
    world.tick(seconds=1)
    run_jobs()
    world.tick(hours=48)
    assert world.states() == ["aborted not_fetched"]
    run_jobs()
    assert "Config.Firmware" not in ProvisioningFile.objects.get().body
    assert AutopItem.objects.get().state == "withdrawn"


@pytest.mark.parametrize(
    ("came_back", "with_version", "expected"),
    [
        (False, "", "timed_out no_answer"),
        (True, "", "failed wrong_version"),
        (True, "29.30.11.7", "failed wrong_version"),
    ],
)
def test_the_version_that_it_reports_decides(
    came_back: bool, with_version: str, expected: str, version: FirmwareVersion
) -> None:
    world = World()
    [door] = world.devices
    world.order([door], version)
    world.tick(seconds=1)
    assert world.writes(door) == Verdict.GO
    world.tick(minutes=5)
    if came_back:
        world.reports(door, with_version or OLD)
    assert world.states() == ["installing"]
    world.tick(minutes=26)
    assert world.states() == [expected]


def test_it_must_register_again(version: FirmwareVersion) -> None:
    world = World()
    [door] = world.devices
    world.registers(door)
    world.order([door], version)
    world.tick(seconds=1)
    assert world.writes(door) == Verdict.GO
    world.reports(door, NEW)
    world.tick(seconds=1)
    world.tick(minutes=20)
    assert world.states() == ["verifying"]
    world.tick(minutes=11)
    assert world.states() == ["failed no_sip"]


def test_its_codes_must_be_complete_again(version: FirmwareVersion) -> None:
    world = World()
    [door] = world.devices
    world.has_codes(door)
    world.order([door], version)
    world.tick(seconds=1)
    assert world.writes(door) == Verdict.GO
    world.reports(door, NEW)
    world.tick(seconds=1)
    # They are read anew.
    assert DeviceAccess.objects.get().state == "pending"
    world.tick(seconds=11)
    assert world.states() == ["verifying"]
    world.now += timedelta(seconds=1)
    world.has_codes(door)
    world.tick(seconds=11)
    assert world.states() == ["succeeded"]


def test_codes_that_were_not_complete_before_need_not_be_after(
    version: FirmwareVersion,
) -> None:
    world = World()
    [door] = world.devices
    world.has_codes(door)
    DeviceAccess.objects.update(state="failed", reason="no_faces")
    world.order([door], version)
    world.tick(seconds=1)
    world.upgrades(door)
    world.tick(seconds=1)
    world.tick(seconds=11)
    assert world.states() == ["succeeded"]


def test_one_whose_file_is_full_waits_and_the_others_go_on(
    version: FirmwareVersion,
) -> None:
    world = World(houses=2, bridges=False)
    full, other = world.devices
    lines = {f"Config.Settings.OTHERS.Line{n}": "1" for n in range(200)}
    send_lines(actor=world.installer, device=full, lines=lines, key="", now=world.now)
    world.order([full], version)
    world.order([other], version)
    world.tick(seconds=1)
    assert world.states() == ["waiting retry", "offered"]


@pytest.mark.parametrize(
    ("reason", "touched", "expected"),
    [
        ("refused", False, "aborted refused"),
        ("unauthorized", False, "aborted unauthorized"),
        ("bad_image", False, "waiting bad_image"),
        ("in_call", False, "waiting in_call"),
        ("no_room", False, "waiting no_room"),
        ("something_new", False, "aborted refused"),
    ],
)
def test_what_the_bridge_says_before_it_writes(
    reason: str, touched: bool, expected: str, version: FirmwareVersion
) -> None:
    world = World()
    [door] = world.devices
    world.order([door], version)
    world.tick(seconds=1)
    world.takes(door)
    world.says(door, ReportState.DOWNLOADING)
    told = world.says(door, ReportState.FAILED, reason=reason, touched=touched)
    assert told == Verdict.STOP
    assert world.states() == [expected]
    assert world.says(door, ReportState.READY) in {Verdict.STOP, Verdict.UNKNOWN}


def test_a_refusal_after_the_order_to_write_is_no_failure(
    version: FirmwareVersion,
) -> None:
    world = World(houses=2)
    one, other = world.devices
    world.order(world.devices, version)
    world.tick(seconds=1)
    for door, touched in ((one, False), (other, True)):
        assert world.writes(door) == Verdict.GO
        world.says(door, ReportState.FAILED, reason="refused", touched=touched)
    # Of one that was touched its own reports decide.
    assert world.states() == ["aborted refused", "installing"]


def test_a_unit_whose_api_takes_none_gets_it_by_its_file(
    version: FirmwareVersion,
) -> None:
    world = World()
    [door] = world.devices
    world.order([door], version)
    world.tick(seconds=1)
    assert world.takes(door, reason="bad_command")
    world.tick(seconds=3)
    world.tick(seconds=3)
    assert world.states() == ["offered"]
    assert world.row(door).way == "autop"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("unknown_device", "waiting offline"),
        ("unreachable", "waiting unreachable"),
        ("unauthorized", "aborted unauthorized"),
    ],
)
def test_an_order_that_the_bridge_does_not_take(
    reason: str, expected: str, version: FirmwareVersion
) -> None:
    world = World()
    [door] = world.devices
    world.order([door], version)
    world.tick(seconds=1)
    assert world.takes(door, reason=reason)
    world.tick(seconds=3)
    assert world.states() == [expected]


def test_an_order_that_nobody_took_is_given_again(version: FirmwareVersion) -> None:
    world = World()
    [door] = world.devices
    world.order([door], version)
    world.tick(seconds=1)
    first = world.told(door)
    world.tick(seconds=30)
    assert world.states() == ["waiting offline"]
    world.tick(minutes=2)
    assert world.states() == ["offered"]
    assert world.told(door) != first
    assert world.row(door).misses == 0


def test_a_bridge_that_died_before_it_wrote_begins_anew(
    version: FirmwareVersion,
) -> None:
    world = World()
    [door] = world.devices
    world.order([door], version)
    world.tick(seconds=1)
    world.takes(door)
    world.says(door, ReportState.DOWNLOADING, done=5)
    world.tick(minutes=16)
    assert world.states() == ["waiting bridge_lost"]
    # The old order counts no more, whenever the bridge comes back with it.
    assert world.says(door, ReportState.READY) == Verdict.UNKNOWN
    world.tick(minutes=3)
    assert world.states() == ["offered"]
    world.upgrades(door)
    world.tick(seconds=1)
    world.tick(seconds=1)
    assert world.states() == ["succeeded"]


def test_one_that_is_away_is_waited_for(version: FirmwareVersion) -> None:
    world = World(houses=2)
    here, away = world.devices
    world.sees(away, online=False)
    campaign = world.order(world.devices, version, waves=(50, 50))
    world.tick(seconds=1)
    # The one that is there goes first.
    assert world.states() == ["offered", "queued"]
    world.upgrades(here)
    for _ in range(3):
        world.tick(seconds=1)
    world.tick(seconds=1)
    assert world.states() == ["succeeded", "waiting offline"]
    world.tick(hours=25)
    assert world.row(away).is_late
    world.tick(seconds=1)
    assert only(campaign).state == CampaignState.RUNNING
    assert {wave.state for wave in campaign.waves.all()} <= {"passed", "soaking"}
    world.now += timedelta(days=3)
    world.sees(away)
    world.tick(minutes=1)
    world.upgrades(away)
    for _ in range(3):
        world.tick(seconds=1)
    assert world.states() == ["succeeded", "succeeded"]
    world.tick(seconds=1)
    assert only(campaign).state == CampaignState.COMPLETED


def test_one_that_never_comes_is_given_up_untouched(version: FirmwareVersion) -> None:
    world = World()
    world.sees(world.devices[0], online=False)
    campaign = world.order(world.devices, version)
    world.tick(seconds=1)
    world.tick(days=31)
    assert world.states() == ["aborted offline"]
    world.tick(seconds=1)
    world.tick(seconds=1)
    assert only(campaign).state == CampaignState.COMPLETED


def test_left_alone(version: FirmwareVersion) -> None:
    world = World(houses=3)
    current, newer, other = world.devices
    world.reports(current, NEW)
    world.reports(newer, "29.30.11.1")
    Device.objects.filter(pk=other.pk).update(model="R20A")
    plan = make_plan(version)
    ids = [device.pk for device in world.devices]
    told = dry_run(actor=world.installer, devices=ids, plan=plan, now=world.now)
    assert (told.already_current, told.downgrade, told.incompatible) == (1, 1, 1)
    assert told.models == {"R29": 2, "R20A": 1}
    assert (told.ready, told.total, told.sites) == (0, 3, 3)
    assert not UpgradeCampaign.objects.exists()
    campaign = order_upgrade(
        actor=world.installer, devices=ids, plan=plan, now=world.now
    )
    world.tick(seconds=1)
    assert world.states() == [
        "already_current",
        "skipped downgrade",
        "skipped incompatible",
    ]
    assert only(campaign).state != CampaignState.STOPPED
    again = world.order([newer], version, allow_downgrade=True)
    world.tick(seconds=1)
    assert world.state(newer) == "offered"
    only(again)


def test_a_dry_run_counts_each_device_once(version: FirmwareVersion) -> None:
    world = World(houses=3, doors=2)
    first, second, third, *_ = world.devices
    world.sees(first, online=False)
    Device.objects.filter(pk=second.pk).update(firmware="")
    world.order([third], version)
    world.tick(seconds=1)
    Bridge.objects.filter(site=world.sites[2]).delete()
    plan = make_plan(version, reset_after=True, waves=(50, 50))
    ids = [device.pk for device in world.devices]
    told = dry_run(actor=world.installer, devices=ids, plan=plan, now=world.now)
    parts = (
        told.ready,
        told.offline,
        told.unknown_version,
        told.other_campaign,
        told.reset_needs_bridge,
    )
    assert parts == (1, 1, 1, 1, 2)
    assert sum(parts) == told.total == 6
    assert [wave.devices for wave in told.waves] == [3, 3]
    assert told.extra_waves == 0


def test_no_two_entrances_of_a_house_at_once(version: FirmwareVersion) -> None:
    world = World(doors=2)
    campaign = world.order(world.devices, version)
    assert UpgradeWave.objects.filter(campaign=campaign).count() == 2
    world.tick(seconds=1)
    world.tick(seconds=1)
    assert sorted(world.states()) == ["offered", "queued"]
    # Nor in two campaigns.
    other = World(doors=2)
    one, two = other.devices
    other.order([one], version)
    other.order([two], version)
    other.tick(seconds=1)
    assert sorted(other.states()) == ["offered", "waiting other_door"]
    first = next(door for door in other.devices if other.row(door).state == "offered")
    other.upgrades(first)
    other.tick(seconds=1)
    other.tick(seconds=1)
    other.tick(minutes=1)
    assert sorted(other.states()) == ["offered", "succeeded"]


def test_not_during_a_call_nor_a_moment_after(version: FirmwareVersion) -> None:
    world = World()
    [door] = world.devices
    LogEntry.objects.create(
        site=door.site,
        organization=door.organization,
        device=door,
        kind=LogKind.CALL,
        outcome=Outcome.NOTED,
        device_mac=door.mac,
        device_name=door.name,
        occurred_at=world.now,
        received_at=world.now,
    )
    world.order([door], version)
    world.tick(seconds=10)
    assert world.states() == ["waiting in_call"]
    world.tick(minutes=6)
    assert world.states() == ["offered"]


def test_only_within_the_hours_of_the_site(version: FirmwareVersion) -> None:
    world = World(zone="America/New_York", bridges=False)
    [door] = world.devices
    world.now = datetime(2027, 1, 10, 12, tzinfo=UTC)
    world.sees(door)
    campaign = order_upgrade(
        actor=world.installer,
        devices=[door.pk],
        plan=make_plan(version, window=(time(1), time(5))),
        now=world.now,
    )
    world.tick(seconds=1)
    assert world.states() == ["waiting window"]
    # Two in the night in New York.
    world.tick(hours=19)
    row = world.row(door)
    assert row.state == "offered"
    assert note_begun(upgrade_id=row.pk, attempt=row.attempt, now=world.now)
    # The download took too long: the last part does not leave after five.
    world.now += timedelta(hours=3)
    assert not may_finish(upgrade_id=row.pk, attempt=row.attempt, now=world.now)
    world.tick(seconds=1)
    assert world.states() == ["waiting window"]
    assert world.row(door).misses == 0
    only(campaign)


def test_a_bridge_may_not_write_after_the_hours(version: FirmwareVersion) -> None:
    world = World(zone="UTC")
    [door] = world.devices
    world.now = datetime(2027, 1, 10, 4, 59, tzinfo=UTC)
    world.sees(door)
    order_upgrade(
        actor=world.installer,
        devices=[door.pk],
        plan=make_plan(version, window=(time(1), time(5))),
        now=world.now,
    )
    world.tick(seconds=1)
    world.takes(door)
    world.now += timedelta(minutes=2)
    assert world.says(door, ReportState.READY) == Verdict.STOP
    world.tick(seconds=1)
    assert world.states() == ["waiting window"]


def test_at_a_time_on_each_sites_clock(version: FirmwareVersion) -> None:
    world = World(zone="America/New_York")
    berlin = make_site(world.installer, time_zone="Europe/Berlin")
    door = make_device(berlin, world.installer)
    world.devices.append(door)
    Bridge.objects.all().delete()
    world.now = datetime(2027, 1, 10, tzinfo=UTC)
    for device in world.devices:
        world.reports(device, OLD)
    campaign = order_upgrade(
        actor=world.installer,
        devices=[device.pk for device in world.devices],
        plan=make_plan(version, local_start="2027-01-11T02:00"),
        now=world.now,
    )
    assert campaign.starts_at == datetime(2027, 1, 11, 1, tzinfo=UTC)
    world.tick(hours=24)
    assert set(world.states()) == {"queued"}
    world.tick(hours=1, seconds=5)
    assert world.states() == ["waiting window", "offered"]
    for device in world.devices:
        world.sees(device)
    world.tick(hours=6)
    assert world.states()[0] == "offered"


def test_the_error_limit_stops_it_by_itself(version: FirmwareVersion) -> None:
    world = World(houses=6)
    campaign = world.order(world.devices, version, error_cap=2, waves=(50, 50))
    world.tick(seconds=1)
    flying = [d for d in world.devices if world.row(d).state == "offered"]
    assert len(flying) == 3
    for door in flying[:2]:
        world.writes(door)
    world.takes(flying[2])
    world.says(flying[2], ReportState.DOWNLOADING)
    world.now += timedelta(minutes=10)
    world.tick(minutes=21)
    held = only(campaign)
    assert (held.state, held.pause_reason) == ("paused", PauseReason.ERROR_LIMIT)
    assert held.waves.get(number=1).state == WaveState.TRIPPED
    states = world.states()
    assert states.count("timed_out no_answer") == 2
    # The third was not written yet: it is taken back, or was given up as silent before.
    assert world.says(flying[2], ReportState.READY) in {Verdict.STOP, Verdict.UNKNOWN}
    assert Notice.objects.filter(kind="upgrade_stopped").count() == 1
    world.tick(hours=1)
    assert "offered" not in world.states()
    with pytest.raises(BadPlan):
        resume(actor=world.installer, campaign=held, now=world.now)
    resume(actor=world.installer, campaign=held, forgive=True, now=world.now)
    world.tick(minutes=3)
    assert only(campaign).state == CampaignState.RUNNING
    assert world.row(flying[2]).state == "offered"
    # From now on only new failures count.
    assert world.writes(flying[2]) == Verdict.GO
    world.tick(minutes=31)
    assert only(campaign).state == CampaignState.RUNNING


def test_waves_soak(version: FirmwareVersion) -> None:
    world = World(houses=2)
    campaign = world.order(world.devices, version, waves=(50, 50), soak_minutes=60)
    world.tick(seconds=1)
    first = next(door for door in world.devices if world.row(door).state == "offered")
    world.upgrades(first)
    for _ in range(3):
        world.tick(seconds=1)
    assert [w.state for w in campaign.waves.order_by("number")] == [
        "soaking",
        "waiting",
    ]
    world.tick(minutes=59)
    assert "queued" in world.states()
    for door in world.devices:
        world.sees(door)
    world.tick(minutes=2)
    world.tick(seconds=1)
    assert "offered" in world.states()
    only(campaign)


def test_pause_takes_back_what_is_not_written(version: FirmwareVersion) -> None:
    world = World(houses=3)
    one, two, three = world.devices
    campaign = world.order(world.devices, version)
    world.tick(seconds=1)
    assert world.writes(one) == Verdict.GO
    world.takes(two)
    world.says(two, ReportState.DOWNLOADING)
    pause(actor=world.installer, campaign=campaign, now=world.now)
    pause(actor=world.installer, campaign=campaign, now=world.now)
    assert world.states() == ["installing", "queued", "queued"]
    assert world.says(two, ReportState.READY) == Verdict.UNKNOWN
    world.reports(one, NEW)
    world.tick(minutes=5)
    world.tick(seconds=1)
    assert world.states() == ["succeeded", "queued", "queued"]
    resume(actor=world.installer, campaign=campaign, now=world.now)
    for door in (two, three):
        world.sees(door)
    world.tick(seconds=1)
    assert world.states() == ["succeeded", "offered", "offered"]
    only(campaign)


def test_stop_is_for_good(version: FirmwareVersion) -> None:
    world = World(houses=2)
    one, two = world.devices
    campaign = world.order(world.devices, version)
    world.tick(seconds=1)
    assert world.writes(one) == Verdict.GO
    stop(actor=world.installer, campaign=campaign, now=world.now)
    stop(actor=world.installer, campaign=campaign, now=world.now)
    assert world.states() == ["installing", "cancelled stopped"]
    assert world.writes(two) == Verdict.STOP
    # What cannot be taken back any more goes on to its end.
    world.reports(one, NEW)
    world.tick(seconds=1)
    world.tick(seconds=11)
    assert world.states() == ["succeeded", "cancelled stopped"]
    assert only(campaign).state == CampaignState.STOPPED
    for act in (pause, resume):
        with pytest.raises(NotNow):
            act(actor=world.installer, campaign=campaign, now=world.now)


def test_a_device_is_in_one_campaign_that_runs(version: FirmwareVersion) -> None:
    world = World()
    first = world.order(world.devices, version)
    world.now += timedelta(seconds=1)
    second = world.order(world.devices, version)
    world.tick(seconds=1)
    rows = DeviceUpgrade.objects.order_by("campaign__created_at")
    assert [str(row.campaign_id) for row in rows] == [str(first.pk), str(second.pk)]
    assert [f"{row.state} {row.reason}" for row in rows] == [
        "offered ",
        "skipped other_campaign",
    ]
    world.tick(seconds=1)
    world.tick(seconds=1)
    assert only(second).state == CampaignState.COMPLETED


def test_a_removed_device_holds_nothing_up(version: FirmwareVersion) -> None:
    world = World(houses=2)
    one, two = world.devices
    campaign = world.order(world.devices, version)
    remove_device(actor=world.installer, device=one, now=world.now)
    world.tick(seconds=1)
    world.upgrades(two)
    for _ in range(4):
        world.tick(seconds=2)
    done = only(campaign)
    assert done.state == CampaignState.COMPLETED
    gone = done.upgrades.get(device=None)
    assert (gone.state, gone.reason) == ("cancelled", "device_gone")
    assert gone.device_mac == one.mac


def test_a_version_that_is_marked_as_bad_stops(version: FirmwareVersion) -> None:
    world = World(houses=2)
    campaign = world.order(world.devices[:1], version)
    later = world.order(
        world.devices[1:],
        version,
        local_start=(world.now + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M"),
    )
    world.tick(seconds=1)
    version.known_bad = "Opens the door at noon."
    version.save()
    # Whatever arrives first: the bridge is not let on.
    assert world.writes(world.devices[0]) == Verdict.STOP
    assert hold_bad(version=version, now=world.now) == 1
    held = only(campaign)
    assert (held.state, held.pause_reason) == ("paused", PauseReason.WITHDRAWN)
    with pytest.raises(BadPlan):
        resume(actor=world.installer, campaign=held, now=world.now)
    with pytest.raises(BadPlan):
        world.order(world.devices, version)
    world.tick(days=3)
    assert only(later).state == CampaignState.PAUSED
    assert world.state(world.devices[1]) == "queued"


def test_reset_after_upgrade(version: FirmwareVersion) -> None:
    world = World()
    [door] = world.devices
    run_jobs()
    campaign = world.order([door], version, reset_after=True)
    world.tick(seconds=1)
    world.takes(door)
    # Not before its configuration is saved.
    assert world.says(door, ReportState.READY) == Verdict.STOP
    assert world.saves(door)
    assert world.says(door, ReportState.READY) == Verdict.GO
    world.reports(door, NEW)
    world.tick(seconds=1)
    world.tick(seconds=1)
    reset = Command.objects.get(kind=CommandKind.RESET_FACTORY)
    assert reset.device == door
    assert world.states() == ["verifying"]
    Command.objects.filter(pk=reset.pk).update(state=CommandState.CONFIRMED)
    # It has lost all, and comes for its file.
    world.now += timedelta(minutes=1)
    fetch(door, world.now)
    world.tick(seconds=11)
    run_jobs()
    # What was set on its own pages goes back to it.
    assert SAVED.split('"')[1] in ProvisioningFile.objects.get().body
    assert world.states() == ["verifying"]
    world.now += timedelta(minutes=1)
    fetch(door, world.now)
    world.tick(seconds=11)
    assert world.states() == ["succeeded"]
    world.tick(seconds=1)
    assert only(campaign).state == CampaignState.COMPLETED
    assert Command.objects.filter(kind=CommandKind.RESET_FACTORY).count() == 1


def fetch(device: Device, at: datetime) -> None:
    file = ProvisioningFile.objects.get(device=device)
    note_fetched(device_id=device.pk, revision=file.revision, etag=file.etag, at=at)


def test_one_that_does_not_come_back_from_its_reset_fails(
    version: FirmwareVersion,
) -> None:
    world = World()
    [door] = world.devices
    world.order([door], version, reset_after=True)
    world.tick(seconds=1)
    world.takes(door)
    world.saves(door)
    assert world.says(door, ReportState.READY) == Verdict.GO
    world.reports(door, NEW)
    world.tick(seconds=1)
    world.tick(seconds=1)
    Command.objects.filter(kind=CommandKind.RESET_FACTORY).update(
        state=CommandState.ACKNOWLEDGED
    )
    world.tick(minutes=31)
    assert world.states() == ["failed no_configuration"]


def test_without_a_bridge_nothing_is_reset(version: FirmwareVersion) -> None:
    world = World(bridges=False)
    world.order(world.devices, version, reset_after=True)
    world.tick(seconds=1)
    assert world.states() == ["skipped reset_needs_bridge"]


def test_a_second_click_is_one_campaign(version: FirmwareVersion) -> None:
    world = World()
    plan = make_plan(version)
    ids = [world.devices[0].pk]
    made = [
        order_upgrade(actor=world.installer, devices=ids, plan=plan, now=world.now)
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert DeviceUpgrade.objects.count() == 1
    with pytest.raises(NotVisible):
        order_upgrade(actor=make_installer(), devices=ids, plan=plan, now=world.now)


def test_what_has_not_begun_can_be_changed(version: FirmwareVersion) -> None:
    world = World(houses=2)
    start = (world.now + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    campaign = world.order(world.devices, version, local_start=start)
    plan = make_plan(version, token=campaign.edition, reset_after=True)
    change_pending(
        actor=world.installer,
        campaign=campaign,
        devices=[world.devices[1].pk],
        plan=plan,
        now=world.now,
    )
    changed = only(campaign)
    assert changed.reset_after
    assert [row.device_id for row in changed.upgrades.all()] == [world.devices[1].pk]
    world.tick(seconds=1)
    with pytest.raises(NotNow):
        change_pending(
            actor=world.installer,
            campaign=campaign,
            devices=[world.devices[0].pk],
            plan=plan,
            now=world.now,
        )


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("waves", {"waves": (50, 49)}),
        ("waves", {"waves": (0, 100)}),
        ("waves", {"waves": ()}),
        ("local_start", {"local_start": "soon"}),
        ("local_start", {"local_start": "2020-01-01T00:00"}),
        ("local_start", {"local_start": "2099-01-01T00:00"}),
    ],
)
def test_plans_that_are_none(
    field: str, more: dict[str, object], version: FirmwareVersion
) -> None:
    world = World()
    with pytest.raises(BadPlan) as refused:
        world.order(world.devices, version, **more)
    assert refused.value.field == field
    assert not UpgradeCampaign.objects.exists()


def test_records_are_removed_from_the_list_not_from_the_campaign(
    version: FirmwareVersion,
) -> None:
    world = World(houses=2)
    one, two = world.devices
    campaign = world.order(world.devices, version, waves=(50, 50))
    world.tick(seconds=1)
    flying = next(d for d in (one, two) if world.row(d).state == "offered")
    waiting = one if flying == two else two
    with pytest.raises(NotNow):
        hide_record(actor=world.installer, upgrade=world.row(flying), now=world.now)
    hide_record(actor=world.installer, upgrade=world.row(waiting), now=world.now)
    assert world.state(waiting) == "cancelled stopped"
    assert only(campaign).upgrades.count() == 2


def test_no_order_of_somebody_elses_bridge(version: FirmwareVersion) -> None:
    world, other = World(), World()
    [door] = world.devices
    world.order([door], version)
    world.tick(seconds=1)
    world.takes(door)
    strange = other.bridge(other.devices[0])
    command = world.told(door)
    assert command is not None
    now = world.now
    assert (
        image_for_bridge(bridge_id=strange.pk, command_id=command.pk, now=now) is None
    )
    told = verdict(
        bridge_id=strange.pk,
        command_id=command.pk,
        report=FirmwareReport(state=ReportState.READY),
        now=now,
    )
    assert told == Verdict.UNKNOWN
    assert world.states() == ["offered"]
