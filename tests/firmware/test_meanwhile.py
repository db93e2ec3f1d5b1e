"""What people and units do between the offer and the end of an upgrade."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from portico.devices.enums import CommandKind, CommandState
from portico.devices.models import Command, Device
from portico.devices.services.registration import remove_device
from portico.events.enums import LogKind, Outcome
from portico.events.models import LogEntry
from portico.firmware.models import DeviceUpgrade, FirmwareVersion
from portico.firmware.services.campaigns import stop
from portico.firmware.services.delivery import (
    image_address,
    image_for_token,
    may_finish,
    note_begun,
    order_data,
)
from portico.firmware.services.restoring import has_restored
from portico.firmware.services.scheduling import is_consistent
from portico.protocols.bridge.firmware import ReportState, Verdict
from portico.provisioning.models import AutopItem, ProvisioningFile
from portico.provisioning.services.autop import note_reset, withdraw
from tests.factories import run_jobs
from tests.factories.firmware import NEW, make_version
from tests.firmware.world import World

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
NEWER = "29.30.11.7"


@pytest.fixture
def version() -> FirmwareVersion:
    return make_version()


def token_of(row: DeviceUpgrade, world: World) -> str:
    address = image_address(row, until=row.deadline_at or world.now)
    return address.split("/")[-2]


def which(row: DeviceUpgrade, world: World) -> dict[str, Any]:
    return {"upgrade_id": row.pk, "attempt": row.attempt, "now": world.now}


def replace(device: Device) -> None:
    """Another unit stands in its place; see ``change_mac``."""
    Device.objects.filter(pk=device.pk).update(mac="0C11050FFFFF", firmware="")


def test_a_registration_of_before_the_restart_does_not_count(
    version: FirmwareVersion,
) -> None:
    world = World()
    [door] = world.devices
    world.registers(door)
    world.order([door], version)
    world.tick(seconds=1)
    assert world.writes(door) == Verdict.GO
    # It writes for minutes, and its account is still registered.
    world.tick(minutes=4)
    world.registers(door)
    world.tick(minutes=1)
    world.reports(door, NEW)
    for _ in range(3):
        world.tick(minutes=5)
    assert world.states() == ["verifying"]
    world.registers(door)
    world.tick(seconds=11)
    assert world.states() == ["succeeded"]


def test_a_unit_that_was_put_in_its_place_is_not_given_the_image(
    version: FirmwareVersion,
) -> None:
    world = World(houses=2, bridges=False)
    world.order(world.devices, version)
    world.tick(seconds=1)
    row = world.row(world.devices[1])
    assert note_begun(**which(row, world))
    for device in world.devices:
        token = token_of(world.row(device), world)
        assert image_for_token(token=token, now=world.now) is not None
        Device.objects.filter(pk=device.pk).update(mac=f"0C11050FFF{device.pk % 97:02}")
        assert image_for_token(token=token, now=world.now) is None
    assert not may_finish(**which(row, world))
    # The place is upgraded all the same: the new unit is offered it anew.
    for _ in range(4):
        world.tick(minutes=6)
        for device in world.devices:
            world.sees(device)
    for device in world.devices:
        row = world.row(device)
        assert (row.state, row.attempt) == ("offered", 2)
        assert row.device_mac == Device.objects.get(pk=device.pk).mac


def test_one_that_is_replaced_while_it_writes_has_failed(
    version: FirmwareVersion,
) -> None:
    world = World()
    [door] = world.devices
    campaign = world.order([door], version)
    world.tick(seconds=1)
    assert world.writes(door) == Verdict.GO
    replace(door)
    world.reports(door, NEW)
    world.tick(seconds=1)
    assert world.states() == ["failed device_gone"]
    assert is_consistent(campaign)


def test_a_newer_version_that_came_meanwhile_is_not_written_over(
    version: FirmwareVersion,
) -> None:
    world = World(houses=2)
    one, two = world.devices
    world.order(world.devices, version)
    world.tick(seconds=1)
    world.takes(one)
    world.says(one, ReportState.DOWNLOADING, done=10)
    command = world.told(two)
    assert command is not None
    for device in world.devices:
        world.reports(device, NEWER)
    assert world.says(one, ReportState.READY) == Verdict.STOP
    assert not order_data(device_id=two.pk, command_id=command.pk)
    for device in world.devices:
        world.sees(device)
    for _ in range(4):
        world.tick(minutes=16)
    assert world.states() == ["skipped downgrade"] * 2


def test_the_last_part_is_kept_from_a_unit_with_a_newer_version(
    version: FirmwareVersion,
) -> None:
    world = World(bridges=False)
    [door] = world.devices
    world.order([door], version)
    world.tick(seconds=1)
    row = world.row(door)
    assert note_begun(**which(row, world))
    world.reports(door, NEWER)
    assert not may_finish(**which(row, world))
    assert world.states() == ["downloading"]


def test_a_line_that_is_gone_from_the_file_is_not_waited_for(
    version: FirmwareVersion,
) -> None:
    world = World(houses=2, bridges=False)
    lost, withdrawn = world.devices
    world.order(world.devices, version)
    world.tick(seconds=1)
    # The one was reset; the order of the other was taken back under AutoP.
    note_reset(device_id=lost.pk, now=world.now)
    item = AutopItem.objects.get(device=withdrawn)
    withdraw(actor=world.installer, order=item.order, now=world.now)
    world.tick(minutes=6)
    assert world.states() == ["waiting retry", "aborted taken_out"]
    world.sees(lost)
    world.tick(minutes=3)
    assert world.state(lost) == "offered"
    run_jobs()
    assert "Config.Firmware.Url" in ProvisioningFile.objects.get(device=lost).body


def test_a_removed_device_that_fetches_by_itself_holds_nothing_up(
    version: FirmwareVersion,
) -> None:
    world = World(doors=2, bridges=False)
    front, back = world.devices
    campaign = world.order(world.devices, version, waves=(50, 50))
    world.tick(seconds=1)
    assert world.state(front) == "offered"
    remove_device(actor=world.installer, device=front, now=world.now)
    world.tick(minutes=6)
    world.sees(back)
    for _ in range(3):
        world.tick(seconds=2)
    assert world.state(back) == "offered"
    assert is_consistent(campaign)


def test_who_could_not_be_taken_back_ends_however_late_somebody_looks(
    version: FirmwareVersion,
) -> None:
    world = World()
    [door] = world.devices
    campaign = world.order([door], version)
    world.tick(seconds=1)
    assert world.writes(door) == Verdict.GO
    stop(actor=world.installer, campaign=campaign, now=world.now)
    world.now += timedelta(days=2)  # no worker ran
    world.sees(door)
    again = world.order([door], version)
    world.tick(seconds=1)
    assert World.campaign_states(campaign) == ["failed wrong_version"]
    # The device is free for another.
    assert World.campaign_states(again) == ["offered"]


def resetting(world: World, version: FirmwareVersion) -> None:
    """To the moment before the reset."""
    [door] = world.devices
    world.order([door], version, reset_after=True)
    world.tick(seconds=1)
    world.takes(door)
    world.saves(door)
    assert world.says(door, ReportState.READY) == Verdict.GO
    world.reports(door, NEW)


def resets() -> list[str]:
    rows = Command.objects.filter(kind=CommandKind.RESET_FACTORY)
    return list(rows.order_by("requested_at").values_list("state", flat=True))


def test_nothing_is_reset_during_a_call(version: FirmwareVersion) -> None:
    world = World()
    [door] = world.devices
    resetting(world, version)
    LogEntry.objects.create(
        organization=door.site.organization,
        site=door.site,
        device=door,
        kind=LogKind.CALL,
        outcome=Outcome.NOTED,
        occurred_at=world.now,
        received_at=world.now,
    )
    for _ in range(3):
        world.tick(seconds=11)
    assert resets() == []
    world.tick(minutes=6)
    assert len(resets()) == 1


def test_a_unit_that_may_be_resetting_is_not_reset_again(
    version: FirmwareVersion,
) -> None:
    world = World()
    resetting(world, version)
    world.tick(seconds=1)
    world.tick(seconds=1)
    assert resets() == ["requested"]
    # It was sent, and the bridge was never heard of again.
    Command.objects.filter(kind=CommandKind.RESET_FACTORY).update(
        state=CommandState.TIMED_OUT, reason="no_answer", sent_at=world.now
    )
    for _ in range(6):
        world.tick(minutes=2)
    assert resets() == ["timed_out"]
    world.tick(minutes=4)
    world.tick(seconds=11)
    world.tick(seconds=11)
    assert len(resets()) == 2


def test_odd_settings_of_a_unit_are_left_out_when_it_gets_them_back(
    version: FirmwareVersion,
) -> None:
    world = World()
    [door] = world.devices
    world.order([door], version)
    row = world.row(door)
    row.backup = (
        '{"Config.A.B": "kept", "Config.A.C": 7, "Config.A.D": ["x"], "Config.A.E": null,'
        ' "Config.A.F\\nConfig.Account1.GENERAL.Enable": "0", "Config.A.G": " x "}'
    )
    assert not has_restored(row, door, world.now)
    [item] = AutopItem.objects.all()
    assert item.order.text == "Config.A.B = kept"
