"""Upgrades as a whole: the bridge's own process, a virtual unit, the gateway, the tick."""

from __future__ import annotations

from pathlib import Path

import pytest

from portico.devices.models import Device, Presence
from portico.firmware.models import DeviceUpgrade, UpgradeCampaign
from portico.firmware.services.campaigns import stop
from portico.firmware.services.scheduling import run_campaigns
from portico.firmware.states import OPEN
from portico.kernel.clock import utcnow
from tests.access.live_house import LiveHouse, live_house
from tests.bridge.fake_firmware import image_of
from tests.factories.firmware import make_campaign, make_version
from tests.gateway.server import RunningGateway
from tests.simulator.test_sip import registrar
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]

OLD = "320.30.11.63"
NEW = "320.30.11.80"


class Upgrading:
    """A campaign at a house that runs."""

    def __init__(self, house: LiveHouse, size: int = 300_000, **more: object) -> None:
        self.house = house
        device = Device.objects.filter(pk=house.device.pk, firmware=OLD)
        eventually(device.exists)
        version = make_version(
            NEW, model=house.model, content=image_of(NEW, size), name=f"{NEW}.rom"
        )
        self.campaign: UpgradeCampaign = make_campaign(
            house.installer, [house.device], version, **more
        )

    @property
    def row(self) -> DeviceUpgrade:
        return DeviceUpgrade.objects.get(campaign=self.campaign)

    def tick(self) -> DeviceUpgrade:
        """What the worker does all the time."""
        self.house.tick()
        run_campaigns(now=utcnow())
        return self.row

    def is_due(self) -> None:
        """The time has come to look at it again."""
        DeviceUpgrade.objects.update(next_at=utcnow())
        UpgradeCampaign.objects.update(next_at=utcnow())

    def reaches(self, *states: str) -> DeviceUpgrade:
        try:
            eventually(lambda: self.tick().state in states)
        except AssertionError:
            now = f"{self.row.state} {self.row.reason} {self.steps()}"
            raise AssertionError(f"{now} {self.house.process.log[-8:]}") from None
        return self.row

    def steps(self) -> list[str]:
        return list(self.row.steps.order_by("pk").values_list("state", flat=True))

    def fault(self, name: str, *, on: bool = True) -> None:
        self.house.call(self.house.unit.act("fault", name=name, on=on))

    @property
    def firmware(self) -> str:
        return self.house.unit.unit.core.state.firmware


def register_elsewhere(house: LiveHouse) -> None:
    """Its account is with a server that is not Portico's."""

    async def apply() -> None:
        _, config = await house.units.enter_async_context(registrar())
        house.unit.unit.core.settings.apply(config)

    house.call(apply())


def test_a_unit_is_what_it_was_but_for_its_version(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path) as house:
        house.give(value="246802")
        house.settle()
        register_elsewhere(house)
        presence = Presence.objects.filter(device=house.device)
        eventually(lambda: presence.get().sip_at is not None)
        run = Upgrading(house)
        run.fault("firmware_loses_users")
        run.reaches("verifying")
        assert Device.objects.get(pk=house.device.pk).firmware == NEW
        assert run.row.had_sip
        assert run.row.had_credentials
        row = run.reaches("succeeded", "failed", "timed_out")
        assert (row.state, row.reason) == ("succeeded", "")
        assert run.firmware == NEW
        # What it had lost was written again.
        assert house.show("pin", code="246802")
        assert run.steps() == [
            "offered",
            "downloading",
            "installing",
            "verifying",
            "succeeded",
        ]


def test_a_unit_that_refuses_is_left_alone(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path) as house:
        run = Upgrading(house)
        run.fault("firmware_refuses_upload")
        row = run.reaches("aborted", "failed", "timed_out")
        assert (row.state, row.reason) == ("aborted", "refused")
        assert run.firmware == OLD


def test_a_unit_that_refuses_the_last_step_was_not_touched(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path) as house:
        run = Upgrading(house)
        run.fault("firmware_refuses_upgrade")
        row = run.reaches("aborted", "failed", "timed_out")
        assert (row.state, row.reason) == ("aborted", "refused")
        assert "installing" in run.steps()
        assert run.firmware == OLD


def test_a_unit_that_takes_no_image_gets_it_by_its_file(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path) as house:
        run = Upgrading(house)
        run.fault("firmware_no_api")
        eventually(lambda: (run.tick().state, run.row.way) == ("offered", "autop"))
        assert run.firmware == OLD


def test_what_is_stopped_while_the_unit_receives_is_not_written(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path) as house:
        run = Upgrading(house, size=2_000_000)
        run.fault("firmware_slow")
        slot = house.unit.unit.firmware
        eventually(lambda: run.tick().state == "downloading" and slot.status == "ready")
        stop(actor=house.installer, campaign=run.campaign, now=utcnow())
        assert run.row.state not in OPEN
        house.call(house.process.logged("upgrade.taken_back"))
        assert run.firmware == OLD


def test_a_bridge_that_is_killed_is_not_waited_for_by_the_unit(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    with live_house(gateway, tmp_path) as house:
        run = Upgrading(house, size=2_000_000)
        run.fault("firmware_slow")
        slot = house.unit.unit.firmware
        eventually(lambda: run.tick().state == "downloading" and slot.status == "ready")
        house.kill_bridge()
        assert run.firmware == OLD
        assert run.tick().state == "downloading"
        run.fault("firmware_slow", on=False)
        house.start_bridge()
        # Once its silence is noticed it is offered again.
        DeviceUpgrade.objects.update(deadline_at=utcnow())
        run.is_due()
        assert run.tick().reason == "bridge_lost"
        run.is_due()
        row = run.reaches("succeeded", "failed", "timed_out")
        assert (row.state, row.attempt) == ("succeeded", 2)
        assert run.firmware == NEW
