"""The bridge with virtual devices: provisioned action URLs, digest, opening, presence."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from portico.protocols.akuvox.action_url import templates
from portico.simulator.virtual import VirtualUnit
from tests.bridge.fake_gateway import Frame, roster, roster_device, running_gateway
from tests.bridge.process import bridge

pytestmark = pytest.mark.integration

MAC = "0C1105000001"
SECRET = "s" * 24
OPENING = {
    "Config.DoorSetting.RELAY.HttpTrig": "1",
    "Config.DoorSetting.RELAY.UserName": "open",
    "Config.DoorSetting.RELAY.Password": "open-pass",
    "Config.DoorSetting.RELAY.RelayOnWeb": "1",
    "Config.DoorSetting.RELAY.RelayOnWebUser": "open",
    "Config.DoorSetting.RELAY.RelayOnWebPwd": "open-pass",
}


def entry(unit: VirtualUnit, **changes: Any) -> Frame:
    return roster_device(
        unit.mac,
        address=unit.address,
        api_user=unit.api_user,
        api_password=unit.api_password,
        event_secret=SECRET,
        **changes,
    )


def order(kind: str, number: int) -> Frame:
    return {"relay": {"kind": kind, "number": number}, "hold_seconds": 2}


@pytest.mark.parametrize(
    ("model", "kind", "number", "relay"),
    [
        ("R20A", "local", 1, "A"),
        ("R20A", "local", 2, "B"),
        ("R20A", "security", 1, "SA"),
        ("X916", "local", 1, "A"),
        ("IT83", "local", 1, "A"),
    ],
)
def test_open_reports_and_confirms(
    model: str, kind: str, number: int, relay: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with (
            running_gateway() as gateway,
            bridge(gateway.url, tmp_path) as process,
            VirtualUnit.start(mac=MAC, model=model, config=OPENING) as unit,
        ):
            base = f"http://{process.listen}"
            unit.unit.core.settings.apply(templates(base, SECRET, config_revision="r7"))
            await gateway.ready()
            await gateway.send(roster(entry(unit), revision="2"))
            presence = await gateway.online(MAC)
            assert presence["model"] == model
            assert presence["address"] == unit.address

            result = await gateway.result(
                await gateway.command(MAC, data=order(kind, number))
            )

            assert (result["state"], result["reason"]) == ("acknowledged", "")
            if kind == "local":
                # What confirms the opening: the device's own report.
                events = await gateway.wait(
                    lambda: gateway.of("event", kind="relay_triggered")
                )
                assert events[0]["data"]["relay"] == number
                assert events[0]["data"]["status"] == "1"
                assert events[0]["data"]["config"] == "r7"
                assert events[0]["data"]["model"] == model
            else:
                assert unit.unit.relays.is_open(relay)

    asyncio.run(scenario())


def test_credentials_are_reported_masked(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            running_gateway() as gateway,
            bridge(gateway.url, tmp_path) as process,
            VirtualUnit.start(mac=MAC, model="X916") as unit,
        ):
            base = f"http://{process.listen}"
            unit.unit.core.settings.apply(templates(base, SECRET, config_revision="r7"))
            await gateway.ready()
            await gateway.send(roster(entry(unit), revision="2"))
            await gateway.online(MAC)
            await unit.act("pin", code="135790")
            await unit.act("card", card="00A1B2C3D4")
            await unit.act("qr", code="SECRET&user=Owner")
            await gateway.wait(lambda: gateway.of("event", kind="qr_refused"))
            code = gateway.of("event", kind="code_refused")[0]
            card = gateway.of("event", kind="card_refused")[0]
            qr = gateway.of("event", kind="qr_refused")[0]
            assert code["data"]["code"] == "••••••"
            assert card["data"]["card"] == "•••••••3D4"
            assert card["data"]["method"] == "Card"
            assert qr["data"]["qr"] == "••••••••"
            shown = str(gateway.frames)
            for secret in ("135790", "00A1B2C3D4", "SECRET"):
                assert secret not in shown

    asyncio.run(scenario())


def test_a_mute_device_gives_no_answer(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            running_gateway() as gateway,
            bridge(gateway.url, tmp_path),
            VirtualUnit.start(mac=MAC, model="R20A", config=OPENING) as unit,
        ):
            await gateway.ready()
            await gateway.send(roster(entry(unit), revision="2"))
            await gateway.online(MAC)
            unit.unit.core.faults.add("api_silent")
            result = await gateway.result(await gateway.command(MAC))
            assert (result["state"], result["reason"]) == ("failed", "no_answer")

    asyncio.run(scenario())


def test_a_wrong_password_is_unauthorized(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            running_gateway() as gateway,
            bridge(gateway.url, tmp_path) as process,
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
        ):
            await gateway.ready()
            wrong = entry(unit) | {"api_password": "wrong"}
            await gateway.send(roster(wrong, revision="2"))
            await process.logged("roster.taken", revision="2")
            result = await gateway.result(await gateway.command(MAC))
            assert (result["state"], result["reason"]) == ("denied", "unauthorized")

    asyncio.run(scenario())
