from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from portico.simulator.catalogue import model_named
from portico.simulator.core import Clock
from portico.simulator.factory import RELAY
from portico.simulator.settings import Settings
from portico.simulator.state import UnitState
from portico.simulator.virtual import VirtualUnit
from tests.simulator.support import MAC, action_urls, cloud, run, until

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("model", "key"), [("X916", "HoldDelayA"), ("E12W", "RelayADelay")]
)
def test_hold_delay_in_the_models_spelling(model: str, key: str) -> None:
    async def test() -> None:
        async with VirtualUnit.start(
            mac=MAC, model=model, config={RELAY + key: "2"}, clock=Clock(100)
        ) as unit:
            loop = asyncio.get_running_loop()
            before = loop.time()
            unit.unit.relays.trigger("A")
            await until(lambda: not unit.unit.relays.is_open("A"))

            assert 0.019 <= loop.time() - before < 1.0

    run(test())


def test_trigger_delay_opens_later() -> None:
    async def test() -> None:
        async with VirtualUnit.start(
            mac=MAC,
            model="X916",
            config={f"{RELAY}TriggerDelayB": "3"},
            clock=Clock(100),
        ) as unit:
            unit.unit.relays.trigger("B")
            assert not unit.unit.relays.is_open("B")
            await until(lambda: unit.unit.relays.is_open("B"))

    run(test())


def test_both_ends_are_reported_with_the_status() -> None:
    async def test() -> None:
        async with cloud() as server:
            server.files[f"{MAC}.cfg"] = action_urls(
                server,
                RelayATriggered="&s=$relay1status",
                RelayAClosed="&s=$relay1status",
            )
            async with VirtualUnit.start(
                mac=MAC, model="X916", url=server.url, clock=Clock(50)
            ) as unit:
                await until(lambda: unit.unit.autop.runs == 1)
                unit.unit.relays.trigger("A")
                opened = (await unit.wait_fired("RelayATriggered"))[0]
                closed = (await unit.wait_fired("RelayAClosed"))[0]

                assert opened.url.endswith("&s=1")
                assert closed.url.endswith("&s=0")

    run(test())


def test_second_trigger_reports_again_and_holds_anew() -> None:
    async def test() -> None:
        async with cloud() as server:
            server.files[f"{MAC}.cfg"] = action_urls(
                server, RelayATriggered="", RelayAClosed=""
            )
            async with VirtualUnit.start(
                mac=MAC, model="X916", url=server.url, clock=Clock(50)
            ) as unit:
                await until(lambda: unit.unit.autop.runs == 1)
                unit.unit.relays.trigger("A")
                unit.unit.relays.trigger("A")
                await unit.wait_fired("RelayATriggered", count=2)
                await unit.wait_fired("RelayAClosed")

                assert [each.suffix for each in unit.fired].count("RelayAClosed") == 1

    run(test())


def test_power_loss_closes_without_a_report() -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="X916") as unit:
            unit.unit.relays.trigger("A", manual=True)
            await unit.act("offline")

            assert not unit.unit.relays.is_open("A")
            assert len(unit.fired) == 0
            with pytest.raises(KeyError):
                unit.unit.relays.trigger("Z")

    run(test())


@pytest.mark.parametrize(
    ("text", "hours"),
    [("GMT+3:00", 3.0), ("GMT-5:30", -5.5), ("GMT+0:00", 0.0), ("Mars", 0.0)],
)
def test_time_zone_of_the_unit(text: str, hours: float) -> None:
    settings = Settings(model_named("X916"), {"Config.Settings.SNTP.TimeZone": text})

    offset = datetime(2026, 1, 1, tzinfo=UTC).astimezone(settings.time_zone())
    assert offset.utcoffset() == timedelta(hours=hours)


def test_logs_are_bounded() -> None:
    state = UnitState(mac=MAC, model="X916", firmware="1")
    for number in range(1005):
        state.append_log(state.door_log, {"ID": str(number)})

    assert len(state.door_log) == 1000
    assert state.door_log[0] == {"ID": "5"}
