"""Upgrades through the bridge's own process, with virtual units and a scripted server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from portico.simulator.core import Clock, Phase
from portico.simulator.virtual import VirtualUnit
from tests.bridge.fake_firmware import image_of, order_of
from tests.bridge.fake_gateway import Gateway, roster, running_gateway
from tests.bridge.process import BridgeProcess, bridge
from tests.bridge.test_simulated_house import OPENING, entry
from tests.simulator.test_sip import registrar
from tests.waiting import LONGEST_SECONDS

pytestmark = [pytest.mark.integration, pytest.mark.bare]

MAC = "0C1105000001"
OTHER = "0C1105000002"
OLD = "320.30.11.63"
NEW = "320.30.11.80"
UPGRADE = "upgrade_firmware"
# Not the one that units come with: after a reset the bridge has none of them.
ACCOUNT = {
    "Config.DoorSetting.APIFCGI.UserName": "bridge",
    "Config.DoorSetting.APIFCGI.Password": "bridge-pass",
    **OPENING,
}
# A slow unit takes a quarter of that in a second.
SLOW_IMAGE = 1_000_000


@dataclass
class House:
    gateway: Gateway
    unit: VirtualUnit
    process: BridgeProcess
    data: Path

    async def order(self, mac: str = MAC, **changes: Any) -> str:
        """Order the upgrade; it was taken."""
        data = order_of(self.gateway.firmware.image, NEW, **changes)
        command = await self.gateway.command(mac, kind=UPGRADE, data=data)
        assert (await self.gateway.result(command))["state"] == "acknowledged"
        return command

    async def said(self, command: str, state: str) -> dict[str, Any]:
        """The first report of that state."""
        desk = self.gateway.firmware
        return dict((await self.gateway.wait(lambda: desk.said(command, state)))[0])

    async def presence(self, mac: str = MAC, **fields: Any) -> dict[str, Any]:
        """The first presence from now on with these fields."""
        seen = len(self.gateway.frames)

        def found() -> list[dict[str, Any]]:
            return [
                device
                for frame in self.gateway.frames[seen:]
                if frame["t"] == "presence"
                for device in frame["devices"]
                if {"mac": mac, **fields}.items() <= device.items()
            ]

        return dict((await self.gateway.wait(found))[0])

    @property
    def firmware(self) -> str:
        return self.unit.unit.core.state.firmware

    @property
    def images(self) -> list[str]:
        """What lies on the box's disk."""
        folder = self.data / "firmware"
        return sorted(path.name for path in folder.glob("*"))


def run(scenario: Callable[[House], Awaitable[None]], data: Path) -> None:
    async def whole() -> None:
        async with house(data) as home:
            await scenario(home)

    asyncio.run(whole())


@asynccontextmanager
async def house(
    data: Path, *others: VirtualUnit, model: str = "R20A", scale: float = 20.0
) -> AsyncIterator[House]:
    start = VirtualUnit.start(mac=MAC, model=model, config=ACCOUNT, clock=Clock(scale))
    async with running_gateway() as gateway, start as unit:
        assert unit.unit.core.state.firmware == OLD
        gateway.firmware.image = image_of(NEW)
        gateway.roster = roster(*(entry(each) for each in (unit, *others)))
        async with bridge(gateway.url, data) as process:
            await gateway.online(MAC)
            yield House(gateway, unit, process, data)


async def until(condition: Callable[[], object]) -> None:
    """Wait for something in this process that nobody tells."""
    async with asyncio.timeout(LONGEST_SECONDS):
        while not condition():  # noqa: ASYNC110 -- there is nothing to be woken by
            await asyncio.sleep(0.01)


def test_a_unit_gets_its_image_and_comes_back_with_it(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        command = await home.order()
        ready = await home.said(command, "ready")
        assert ready["done"] == len(home.gateway.firmware.image)
        back = home.presence(online=True, firmware=NEW)
        assert await home.said(command, "installing") == {
            "state": "installing",
            "reason": "",
            "touched": False,
            "done": 0,
        }
        await back
        assert home.firmware == NEW
        # It opens as before.
        assert (await home.gateway.result(await home.gateway.command(MAC)))[
            "state"
        ] == "acknowledged"
        assert home.gateway.firmware.kept == {}
        assert not home.gateway.firmware.said(command, "failed")

    run(scenario, tmp_path)


def test_another_version_is_told_at_once_though_the_unit_was_never_away(
    tmp_path: Path,
) -> None:
    async def scenario(home: House) -> None:
        home.unit.unit.core.state.firmware = NEW
        # What is logged is told without waiting for the next regular report.
        await home.process.logged("device.presence", mac=MAC, firmware=NEW)
        assert (await home.presence(firmware=NEW))["online"]

    run(scenario, tmp_path)


def test_settings_are_saved_before_a_reset_to_come(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        home.unit.unit.core.settings.apply(
            {"Config.Settings.SNTP.TimeZone": "GMT+3:00"}
        )
        command = await home.order(save=True)
        await home.said(command, "installing")
        kept = home.gateway.firmware.kept[command]
        assert kept["Config.Settings.SNTP.TimeZone"] == "GMT+3:00"
        assert len(kept) > 50

    run(scenario, tmp_path)


def test_without_its_settings_saved_nothing_is_written(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        home.gateway.firmware.keep_status = 404
        command = await home.order(save=True)
        failed = await home.said(command, "failed")
        assert (failed["reason"], failed["touched"]) == ("not_saved", False)
        assert home.unit.unit.firmware.status == "idle"

    prelude = "import portico.bridge.limits as of; of.UPGRADE_LEAVE_AGAIN = (0.01,)"
    patched(scenario, tmp_path, prelude)


def patched(
    scenario: Callable[[House], Awaitable[None]], data: Path, prelude: str
) -> None:
    """With other limits, where the real ones are minutes."""

    async def whole() -> None:
        start = VirtualUnit.start(
            mac=MAC, model="R20A", config=ACCOUNT, clock=Clock(20.0)
        )
        async with running_gateway() as gateway, start as unit:
            gateway.firmware.image = image_of(NEW)
            gateway.roster = roster(entry(unit))
            async with bridge(gateway.url, data, prelude=prelude) as process:
                await gateway.online(MAC)
                await scenario(House(gateway, unit, process, data))

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("firmware_no_api", "not_supported"),
        ("firmware_refuses_prepare", "refused"),
        ("firmware_refuses_upload", "refused"),
        ("firmware_corrupt", "refused"),
        ("firmware_md5", "bad_image"),
        ("in_call", "in_call"),
    ],
)
def test_what_goes_wrong_before_leaves_the_unit_as_it_is(
    fault: str, reason: str, tmp_path: Path
) -> None:
    async def scenario(home: House) -> None:
        await home.unit.act("fault", name=fault)
        command = await home.order()
        failed = await home.said(command, "failed")
        assert (failed["reason"], failed["touched"]) == (reason, False)
        assert not home.gateway.firmware.said(command, "ready")
        assert (home.firmware, home.unit.phase) == (OLD, Phase.ONLINE)
        # The next attempt, once that is over, takes the image that is there.
        await home.unit.act("fault", name=fault, on=False)
        again = await home.order()
        await home.said(again, "installing")
        assert len(home.gateway.firmware.ranges) == 1

    run(scenario, tmp_path)


def test_a_unit_that_refuses_the_last_step_is_told_as_untouched(
    tmp_path: Path,
) -> None:
    async def scenario(home: House) -> None:
        await home.unit.act("fault", name="firmware_refuses_upgrade")
        command = await home.order()
        failed = await home.said(command, "failed")
        assert (failed["reason"], failed["touched"]) == ("refused", False)
        assert home.gateway.firmware.said(command, "ready")
        assert home.firmware == OLD

    run(scenario, tmp_path)


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("firmware_keeps_old", {"online": True, "firmware": OLD}),
        ("firmware_wrong_version", {"online": True, "firmware": "320.0.0.1"}),
        ("firmware_reboots_twice", {"online": True, "firmware": NEW}),
        ("firmware_bricks", {"online": False}),
        # It has forgotten the bridge's account.
        ("firmware_resets", {"online": False}),
    ],
)
def test_what_became_of_a_unit_is_what_it_says_itself(
    fault: str, seen: dict[str, Any], tmp_path: Path
) -> None:
    async def scenario(home: House) -> None:
        await home.unit.act("fault", name=fault)
        command = await home.order()
        await home.said(command, "installing")
        await until(lambda: home.unit.phase is not Phase.ONLINE)
        if fault != "firmware_bricks":
            await until(lambda: home.unit.phase is Phase.ONLINE)
        await home.presence(**seen)
        assert not home.gateway.firmware.said(command, "failed")

    run(scenario, tmp_path)


def test_whether_its_account_is_registered_is_told(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        assert (await home.gateway.online(MAC))["sip"] is False
        # With a server that is not Portico's.
        async with registrar() as (_, config):
            home.unit.unit.core.settings.apply(config)
            await home.presence(sip=True)
            await home.said(await home.order(), "installing")
            await home.presence(online=True, firmware=NEW, sip=True)
            await home.unit.act("fault", name="firmware_no_sip")
            await home.said(await home.order(), "installing")
            await until(lambda: home.unit.phase is not Phase.ONLINE)
            await home.presence(online=True, sip=False)

    run(scenario, tmp_path)


def test_users_that_were_lost_are_found_so(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        home.unit.unit.directory.add("user", [{"Name": "Ada", "UserID": "1"}])
        await home.unit.act("fault", name="firmware_loses_users")
        await home.said(await home.order(), "installing")
        assert home.unit.unit.directory.items("user") == []

    run(scenario, tmp_path)


@pytest.mark.parametrize("verdict", ["stop", "unknown"])
def test_what_was_taken_back_is_not_written(verdict: str, tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        home.gateway.firmware.verdicts["ready"] = verdict
        command = await home.order()
        await home.process.logged("upgrade.verdict", verdict=verdict)
        # The unit has the image, and whatever comes after goes its way as ever.
        assert home.unit.unit.firmware.status == "uploaded"
        result = await home.gateway.result(await home.gateway.command(MAC))
        assert result["state"] == "acknowledged"
        assert home.firmware == OLD
        assert home.unit.phase is Phase.ONLINE
        assert not home.gateway.firmware.said(command, "installing")

    run(scenario, tmp_path)


def test_an_upgrade_is_taken_back_while_it_is_fetched(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        desk = home.gateway.firmware
        desk.hold_at = 100_000
        command = await home.order()
        await home.gateway.wait(lambda: desk.ranges)
        desk.verdicts["downloading"] = "stop"
        await home.process.logged("upgrade.taken_back", command=command)
        desk.go_on.set()
        assert not desk.said(command, "ready")
        assert home.unit.unit.firmware.status == "idle"
        # And the next order of the unit is done.
        desk.verdicts.clear()
        await home.said(await home.order(), "installing")

    run(scenario, tmp_path)


def test_without_a_word_from_the_server_nothing_is_written(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        home.gateway.firmware.no_answers["ready"] = [503, 503]
        command = await home.order()
        failed = await home.said(command, "failed")
        assert (failed["reason"], failed["touched"]) == ("bridge_lost", False)
        assert len(home.gateway.firmware.said(command, "ready")) == 2
        assert home.firmware == OLD

    prelude = "import portico.bridge.limits as of; of.UPGRADE_LEAVE_AGAIN = (0.01,)"
    patched(scenario, tmp_path, prelude)


def test_leave_is_asked_for_until_there_is_an_answer(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        home.gateway.firmware.no_answers["ready"] = [503, 500]
        command = await home.order()
        await home.said(command, "installing")
        assert len(home.gateway.firmware.said(command, "ready")) == 3

    run(scenario, tmp_path)


def test_a_download_that_breaks_off_goes_on_where_it_was(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        desk = home.gateway.firmware
        desk.breaks = [50_000, 0, 70_000]
        desk.statuses = []
        command = await home.order()
        await home.said(command, "installing")
        starts = [int(each.removeprefix("bytes=").rstrip("-")) for each in desk.ranges]
        assert starts == sorted(starts)
        assert starts[0] == 0
        assert 0 < starts[-1] <= 120_000

    run(scenario, tmp_path)


def test_a_server_without_ranges_gives_it_from_the_start(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        desk = home.gateway.firmware
        desk.knows_ranges = False
        desk.breaks = [50_000]
        await home.said(await home.order(), "installing")
        assert len(desk.ranges) == 2

    run(scenario, tmp_path)


def test_a_busy_server_is_asked_again_and_a_no_is_a_no(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        desk = home.gateway.firmware
        desk.statuses = [503, 429, 404]
        command = await home.order()
        failed = await home.said(command, "failed")
        assert (failed["reason"], failed["touched"]) == ("download_failed", False)
        assert len(desk.ranges) == 3

    run(scenario, tmp_path)


@pytest.mark.parametrize(
    "other", [image_of(NEW, 199_999) + b"!", image_of(NEW, 200_001)]
)
def test_another_image_than_was_ordered_is_not_used(
    other: bytes, tmp_path: Path
) -> None:
    async def scenario(home: House) -> None:
        desk = home.gateway.firmware
        data = order_of(desk.image, NEW)
        desk.image = other
        command = await home.gateway.command(MAC, kind=UPGRADE, data=data)
        failed = await home.said(command, "failed")
        assert (failed["reason"], failed["touched"]) == ("bad_image", False)
        assert home.images == []
        assert home.unit.unit.firmware.status == "idle"

    run(scenario, tmp_path)


def test_a_box_without_room_says_so_and_fetches_nothing(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        command = await home.order()
        failed = await home.said(command, "failed")
        assert (failed["reason"], failed["touched"]) == ("no_room", False)
        assert home.gateway.firmware.ranges == []

    prelude = "import portico.bridge.limits as of; of.IMAGE_HEADROOM = 1 << 60"
    patched(scenario, tmp_path, prelude)


def test_a_door_opens_while_an_image_is_fetched(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        desk = home.gateway.firmware
        desk.hold_at = 100_000
        command = await home.order()
        await home.gateway.wait(lambda: desk.sending)
        opened = await home.gateway.result(await home.gateway.command(MAC))
        # The image is still on its way.
        assert opened["state"] == "acknowledged"
        assert home.unit.unit.relays.is_open("A")
        assert desk.sending == 1
        desk.go_on.set()
        await home.said(command, "installing")

    run(scenario, tmp_path)


def test_a_door_opens_while_the_unit_receives_and_the_image_comes_again(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with house(tmp_path, scale=1.0) as home:
            home.gateway.firmware.image = image_of(NEW, SLOW_IMAGE)
            await home.unit.act("fault", name="firmware_slow")
            command = await home.order()
            slot = home.unit.unit.firmware
            await until(lambda: slot.status == "ready")
            opened = await home.gateway.result(await home.gateway.command(MAC))
            assert opened["state"] == "acknowledged"
            # It was not waited for: the unit has not got it all.
            assert slot.status == "ready"
            assert not home.gateway.firmware.said(command, "ready")
            await home.process.logged("upgrade.again", reason="gave_way")
            await home.said(command, "installing")

    asyncio.run(scenario())


def test_units_of_a_house_share_one_download_two_at_a_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = Clock(20.0)
        macs = [f"0C11050000{number:02}" for number in (2, 3)]
        one = VirtualUnit.start(mac=macs[0], model="R20A", config=ACCOUNT, clock=clock)
        two = VirtualUnit.start(mac=macs[1], model="R20A", config=ACCOUNT, clock=clock)
        async with one as second, two as third, house(tmp_path, second, third) as home:
            for mac in macs:
                await home.gateway.online(mac)
            desk = home.gateway.firmware
            desk.hold_at = 100_000
            # The first one's leave is held back, so that two are under way.
            desk.may_answer.clear()
            commands = [await home.order(mac) for mac in (MAC, *macs)]
            await home.gateway.wait(lambda: desk.sending)
            desk.go_on.set()
            for command in commands[:2]:
                await home.said(command, "ready")
            # The third waits for its turn; that it is there was told.
            await home.said(commands[2], "downloading")
            assert third.unit.firmware.status == "idle"
            desk.may_answer.set()
            for command in commands:
                await home.said(command, "installing")
            assert desk.ranges == ["bytes=0-"]
            assert desk.most_sending == 1
            firmware = {each.unit.core.state.firmware for each in (second, third)}
            assert firmware == {NEW}

    asyncio.run(scenario())


def test_data_of_an_order_are_read_strictly(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        good = order_of(home.gateway.firmware.image, NEW)
        for odd in (
            {"name": "../x.rom"},
            {"sha256": "00"},
            {"size": 0},
            {"md5": "g" * 32},
            {"save": 1},
        ):
            command = await home.gateway.command(MAC, kind=UPGRADE, data=good | odd)
            assert (await home.gateway.result(command))["reason"] == "bad_command"
        lost = await home.gateway.command(OTHER, kind=UPGRADE, data=good)
        assert (await home.gateway.result(lost))["reason"] == "unknown_device"

    run(scenario, tmp_path)


def test_a_unit_without_room_for_us_is_told_as_unauthorized(tmp_path: Path) -> None:
    async def scenario(home: House) -> None:
        changed = {"Config.DoorSetting.APIFCGI.Password": "another"}
        home.unit.unit.core.settings.apply(changed)
        failed = await home.said(await home.order(), "failed")
        assert (failed["reason"], failed["touched"]) == ("unauthorized", False)

    run(scenario, tmp_path)


@pytest.mark.parametrize("step", ["fetching", "receiving", "asking"])
@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_a_bridge_that_ends_on_the_way_leaves_the_unit_as_it_was(
    step: str, how: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as home:
            desk, slot = home.gateway.firmware, home.unit.unit.firmware
            if step == "fetching":
                desk.hold_at = 100_000
            if step == "receiving":
                desk.image = image_of(NEW, 20 * SLOW_IMAGE)
                await home.unit.act("fault", name="firmware_slow")
            if step == "asking":
                desk.may_answer.clear()
            command = await home.order()
            if step == "fetching":
                await home.gateway.wait(lambda: desk.sending)
            if step == "receiving":
                await until(lambda: slot.status == "ready")
            if step == "asking":
                await home.said(command, "ready")
            if how == "kill":
                await home.process.kill()
            else:
                assert await home.process.terminate() == 0
                failed = await home.said(command, "failed")
                assert (failed["reason"], failed["touched"]) == ("bridge_lost", False)
            desk.go_on.set()
            desk.may_answer.set()
            desk.hold_at = 0
            desk.image = image_of(NEW)
            await home.unit.act("fault", name="firmware_slow", on=False)
            assert (home.firmware, home.unit.phase) == (OLD, Phase.ONLINE)
            # Started again it knows nothing of it; a new order goes through.
            async with bridge(home.gateway.url, tmp_path) as again:
                await home.gateway.ready(2)
                await again.logged("device.presence", online=True)
                home.process = again
                assert home.images == []
                await home.said(await home.order(), "installing")
                assert not desk.said(command, "installing")

    asyncio.run(scenario())


def test_an_image_is_never_whole_in_memory(tmp_path: Path) -> None:
    size = 96 * 1024 * 1024

    async def scenario(home: House) -> None:
        desk = home.gateway.firmware
        head = image_of(NEW, 1024)
        desk.image = head + bytes(size - len(head))
        desk.may_answer.clear()
        before = home.process.memory_kib()
        command = await home.order()
        await home.said(command, "ready")
        assert home.process.memory_kib() - before < size // 1024 // 4
        desk.may_answer.set()
        await home.said(command, "installing")

    run(scenario, tmp_path)
