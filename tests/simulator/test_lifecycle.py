from __future__ import annotations

import hashlib
import json
from pathlib import Path

import httpx
import pytest

from portico.simulator.core import Clock, Phase
from portico.simulator.state import BadState
from portico.simulator.virtual import VirtualUnit
from tests.simulator.support import MAC, Cloud, action_urls, cloud, run, until
from tests.simulator.test_sip import registrar

pytestmark = pytest.mark.integration

DEVICE = f"{MAC}.cfg"
NAME = "Config.DoorSetting.GENERAL.DeviceName"
FAST = Clock(40)
NEW = "320.30.11.80"
FILE = f"{NEW}.rom"


def _watch(unit: VirtualUnit) -> list[Phase]:
    """The phases that the unit enters from now on."""
    seen: list[Phase] = []

    async def note(phase: Phase) -> None:
        seen.append(phase)

    unit.unit.on_phase(note)
    return seen


async def _answers(unit: VirtualUnit) -> bool:
    try:
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.get(f"http://{unit.address}/api/system/info")
    except httpx.TransportError:
        return False
    return True


def test_memory_survives_a_restart_of_the_simulator(tmp_path: Path) -> None:
    async def first() -> int:
        async with VirtualUnit.start(mac=MAC, model="R20A", state_dir=tmp_path) as unit:
            unit.unit.directory.add("user", [{"Name": "Anna", "UserID": "1"}])
            unit.unit.core.settings.apply({NAME: "Gate"})
            await unit.act("pin", code="9999")
            return unit.port

    async def test() -> None:
        port = await first()
        async with VirtualUnit.start(mac=MAC, model="R20A", state_dir=tmp_path) as unit:
            assert unit.port == port
            assert unit.unit.core.settings[NAME] == "Gate"
            assert [user["Name"] for user in unit.unit.core.state.users] == ["Anna"]
            assert len(unit.unit.core.state.door_log) == 1
        file = tmp_path / "units" / f"{MAC}.json"
        assert file.stat().st_mode & 0o777 == 0o600
        assert json.loads(file.read_text())["config"] == {NAME: "Gate"}

    run(test())


def test_changes_are_written_while_it_runs(tmp_path: Path) -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="R20A", state_dir=tmp_path) as unit:
            unit.unit.core.settings.apply({NAME: "Gate"})
            file = tmp_path / "units" / f"{MAC}.json"

            await until(lambda: file.exists() and "Gate" in file.read_text())

    run(test())


def test_bad_state_file_is_named(tmp_path: Path) -> None:
    async def test() -> None:
        file = tmp_path / "units" / f"{MAC}.json"
        file.parent.mkdir()
        file.write_text("{")
        with pytest.raises(BadState, match=MAC):
            async with VirtualUnit.start(mac=MAC, model="R20A", state_dir=tmp_path):
                pass

    run(test())


def test_offline_unit_refuses_connections_and_keeps_its_port() -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="R20A") as unit:
            address = unit.address
            await unit.act("offline")
            assert not await _answers(unit)
            await unit.act("online")

            assert unit.address == address
            assert await _answers(unit)

    run(test())


def test_reboot_is_an_absence_and_a_boot_report() -> None:
    async def test() -> None:
        async with cloud() as server:
            server.files[DEVICE] = action_urls(server, SetupCompleted="&ip=$ip")
            async with VirtualUnit.start(
                mac=MAC, model="R20A", url=server.url, clock=FAST
            ) as unit:
                await until(lambda: unit.unit.autop.runs == 1)
                away: list[bool] = []

                async def ask(phase: Phase) -> None:
                    if phase is Phase.REBOOTING:
                        away.append(not await _answers(unit))

                unit.unit.on_phase(ask)
                await unit.act("reboot")
                fired = (await unit.wait_fired("SetupCompleted"))[0]

                assert away == [True]
                assert fired.status == 200
                assert fired.url.endswith(f"&ip={unit.address}")
                assert await _answers(unit)

    run(test())


def test_reboot_by_api_answers_first() -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="R20A", clock=FAST) as unit:
            seen = _watch(unit)
            auth = httpx.DigestAuth("admin", "httpapi")
            async with httpx.AsyncClient(auth=auth, trust_env=False) as http:
                body = {"target": "system", "action": "reboot"}
                url = f"http://{unit.address}/api/system/reboot"
                answer = await http.post(url, json=body)
            assert answer.json()["retcode"] == 0
            await until(lambda: seen == [Phase.REBOOTING, Phase.ONLINE])

    run(test())


async def _provisioned(server: Cloud, unit: VirtualUnit) -> None:
    server.files[DEVICE] = f"{NAME} = Gate\n"
    await until(lambda: unit.unit.core.settings[NAME] == "Gate")
    unit.unit.directory.add("user", [{"Name": "Anna", "UserID": "1"}])


def test_configuration_reset_keeps_lists_and_url_and_provisions_again() -> None:
    async def test() -> None:
        async with cloud() as server:
            server.files[DEVICE] = f"{NAME} = Gate\n"
            async with VirtualUnit.start(
                mac=MAC, model="R20A", url=server.url, clock=FAST
            ) as unit:
                await _provisioned(server, unit)
                await unit.act("reset_config")
                assert unit.unit.core.settings[NAME] == ""
                await until(lambda: unit.unit.core.settings[NAME] == "Gate")

                assert len(unit.unit.core.state.users) == 1
                assert server.paths()[-1] == (DEVICE, 200)

    run(test())


@pytest.mark.parametrize("label", [False, True])
def test_factory_reset_forgets_all_but_a_label(label: bool) -> None:
    async def test() -> None:
        async with cloud() as server:
            server.files[DEVICE] = f"{NAME} = Gate\n"
            async with VirtualUnit.start(mac=MAC, model="R20A", clock=FAST) as unit:
                unit.unit.provision(server.url, label=label)
                await _provisioned(server, unit)
                seen = _watch(unit)
                await unit.act("reset_factory")
                assert unit.unit.core.state.users == []
                assert unit.unit.core.state.md5 == {}
                assert unit.api_password == "httpapi"
                await until(lambda: seen == [Phase.REBOOTING, Phase.ONLINE])

                assert unit.unit.provisioning_url == (server.url if label else "")

    run(test())


async def _upgraded(
    server: Cloud, unit: VirtualUnit, name: str, content: bytes = b"\0"
) -> None:
    server.files[name] = content
    await unit.act("upgrade", url=f"{server.base}/fw/{name}")


def test_firmware_by_autop_installs_and_reboots() -> None:
    async def test() -> None:
        async with cloud() as server:
            server.files[FILE] = b"\0" * 1000
            server.files[DEVICE] = (
                action_urls(server, SetupCompleted="&fw=$firmware")
                + f"Config.Firmware.Url = {server.base}/fw/{FILE}\n"
            )
            async with VirtualUnit.start(
                mac=MAC, model="R20A", url=server.url, clock=FAST
            ) as unit:
                fired = (await unit.wait_fired("SetupCompleted"))[0]

                assert fired.url.endswith(f"fw={NEW}")
                assert unit.unit.core.state.firmware == NEW
                await until(lambda: unit.unit.autop.runs == 2)
                # The order is not carried out again: the file did not change.
                assert [p for p, _ in server.paths()].count(FILE) == 1

    run(test())


@pytest.mark.parametrize(
    ("name", "version"), [(FILE, NEW), ("29.1.1.1.rom", "320.30.11.63")]
)
def test_file_that_orders_upgrade_and_reset(name: str, version: str) -> None:
    async def test() -> None:
        async with cloud() as server:
            server.files[name] = b"\0" * 1000
            server.files[DEVICE] = (
                "Config.Autoprovision.RESET_FACTORY.Enable = 1\n"
                f"Config.Firmware.Url = {server.base}/fw/{name}\n"
            )
            async with VirtualUnit.start(
                mac=MAC, model="R20A", url=server.url, clock=FAST
            ) as unit:
                seen = _watch(unit)
                await until(lambda: seen == [Phase.REBOOTING, Phase.ONLINE])

                assert unit.unit.core.state.firmware == version
                assert unit.unit.provisioning_url == ""

    run(test())


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("29.30.11.80.rom", b"\0", "wrong_model"),
        ("320.30.11.80.zip", b"\0", "bad_type"),
        ("latest.rom", b"\0", "bad_file"),
        ("320.30.11.80.rom", b"", "bad_file"),
        ("latest.rom", b"PORTICO-FIRMWARE version=29.1.2.3\n", "wrong_model"),
    ],
)
def test_firmware_that_is_refused_changes_nothing(
    name: str, content: bytes, code: str
) -> None:
    async def test() -> None:
        async with (
            cloud() as server,
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
        ):
            await _upgraded(server, unit, name, content)
            await until(lambda: unit.unit.firmware.last_error == code)

            assert unit.unit.core.state.firmware == "320.30.11.63"
            assert unit.phase is Phase.ONLINE

    run(test())


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("firmware_download", "download_failed"),
        ("firmware_half_download", "download_failed"),
        ("firmware_corrupt", "bad_file"),
    ],
)
def test_firmware_faults_before_the_install(fault: str, code: str) -> None:
    async def test() -> None:
        async with (
            cloud() as server,
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
        ):
            await unit.act("fault", name=fault)
            await _upgraded(server, unit, FILE)
            await until(lambda: unit.unit.firmware.last_error == code)

            assert unit.unit.core.state.firmware == "320.30.11.63"
            assert await unit.act("fault", name=fault, on=False) == {"faults": []}

    run(test())


@pytest.mark.parametrize(
    ("fault", "phase", "version"),
    [
        ("firmware_keeps_old", Phase.ONLINE, "320.30.11.63"),
        ("firmware_wrong_version", Phase.ONLINE, "320.0.0.1"),
        ("firmware_bricks", Phase.OFFLINE, NEW),
    ],
)
def test_firmware_faults_after_the_install(
    fault: str, phase: Phase, version: str
) -> None:
    async def test() -> None:
        async with (
            cloud() as server,
            VirtualUnit.start(mac=MAC, model="R20A", clock=FAST) as unit,
        ):
            seen = _watch(unit)
            await unit.act("fault", name=fault)
            await _upgraded(server, unit, FILE)
            await until(lambda: seen == [Phase.REBOOTING, phase])

            assert unit.unit.core.state.firmware == version

    run(test())


def test_a_unit_that_starts_twice_is_away_twice() -> None:
    async def test() -> None:
        async with (
            cloud() as server,
            VirtualUnit.start(mac=MAC, model="R20A", clock=FAST) as unit,
        ):
            seen = _watch(unit)
            await unit.act("fault", name="firmware_reboots_twice")
            await _upgraded(server, unit, FILE)
            await until(lambda: seen == [Phase.REBOOTING, Phase.ONLINE] * 2)
            # An ordinary restart is one.
            await unit.act("reboot")
            await until(lambda: seen == [Phase.REBOOTING, Phase.ONLINE] * 3)

    run(test())


@pytest.mark.parametrize("fault", ["firmware_loses_users", "firmware_resets"])
def test_a_unit_that_loses_its_memory(fault: str) -> None:
    async def test() -> None:
        async with (
            cloud() as server,
            VirtualUnit.start(
                mac=MAC, model="R20A", clock=FAST, config={NAME: "Gate"}
            ) as unit,
        ):
            unit.unit.directory.add("user", [{"Name": "Anna", "UserID": "1"}])
            seen = _watch(unit)
            await unit.act("fault", name=fault)
            await _upgraded(server, unit, FILE)
            await until(lambda: seen == [Phase.REBOOTING, Phase.ONLINE])

            assert unit.unit.core.state.firmware == NEW
            assert unit.unit.core.state.users == []
            name = unit.unit.core.settings[NAME]
            assert (name == "Gate") is (fault == "firmware_loses_users")

    run(test())


def test_a_unit_that_does_not_register_any_more() -> None:
    async def test() -> None:
        async with (
            cloud() as server,
            registrar() as (_, config),
            VirtualUnit.start(mac=MAC, model="R20A", clock=FAST, config=config) as unit,
        ):
            await unit.act("fault", name="firmware_no_sip")
            await until(lambda: unit.unit.registration == 2)
            seen = _watch(unit)
            await _upgraded(server, unit, FILE)
            await until(lambda: seen == [Phase.REBOOTING, Phase.ONLINE])
            assert unit.unit.registration == 3
            # What runs on it then is mended: it registers at the next start.
            await unit.act("fault", name="firmware_no_sip", on=False)
            await unit.act("reboot")
            await until(lambda: unit.unit.registration == 2)

    run(test())


@pytest.mark.parametrize(
    ("fault", "path", "message"),
    [
        ("firmware_no_api", "/firmware/prepare", "Api unsupported"),
        ("firmware_refuses_prepare", "/firmware/prepare", "busy"),
        ("in_call", "/call/status", "OK"),
    ],
)
def test_faults_of_the_api(fault: str, path: str, message: str) -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="R20A") as unit:
            auth = httpx.DigestAuth("admin", "httpapi")
            base = f"http://{unit.address}/api"
            async with httpx.AsyncClient(
                auth=auth, base_url=base, trust_env=False
            ) as http:
                assert (await http.get(path)).json()["retcode"] == 0
                await unit.act("fault", name=fault)
                answer = (await http.get(path)).json()
            assert answer["message"] == message
            if fault == "in_call":
                assert answer["data"] == {"Status": "CALLING"}

    run(test())


def test_a_slow_unit_takes_its_time_by_its_own_clock() -> None:
    async def test() -> None:
        async with (
            cloud() as server,
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
        ):
            await unit.act("fault", name="firmware_slow")
            # For so much it needs four minutes.
            await _upgraded(server, unit, FILE, bytes(64 * 1024 * 1024))
            await until(lambda: FILE in str(server.requests))
            seen = _watch(unit)
            await unit.act("reboot")
            await until(lambda: Phase.REBOOTING in seen)
            assert unit.unit.core.state.firmware == "320.30.11.63"

    run(test())


def test_firmware_by_api_is_prepare_upload_upgrade() -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="R20A", clock=FAST) as unit:
            seen = _watch(unit)
            auth = httpx.DigestAuth("admin", "httpapi")
            content = b"PORTICO-FIRMWARE version=320.30.11.99\n" + b"\0" * 200_000
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
            async with httpx.AsyncClient(
                auth=auth,
                base_url=f"http://{unit.address}/api/firmware",
                trust_env=False,
            ) as http:
                files = {"file": ("new.rom", content)}
                early = await http.post("/upload?silent=0", files=files)
                await http.get("/prepare")
                sent = await http.post("/upload?silent=0", files=files)
                wrong = await http.get("/upgrade?md5=00")
                status = await http.get("/status")
                done = await http.get(f"/upgrade?md5={md5}")

            assert early.json()["message"] == "not_prepared"
            assert sent.json()["data"] == {"md5": md5}
            assert wrong.json()["message"] == "md5_mismatch"
            assert status.json()["data"]["Status"] == "uploaded"
            assert done.json()["retcode"] == 0
            await until(lambda: seen == [Phase.REBOOTING, Phase.ONLINE])
            assert unit.unit.core.state.firmware == "320.30.11.99"

    run(test())


def test_mute_unit_drops_the_connection() -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="R20A") as unit:
            await unit.act("fault", name="api_silent")

            assert not await _answers(unit)

    run(test())
