"""The one request of an upgrade after which there is no way back: told once, and for sure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.bridge.fake_device import MAC, Device, envelope, running_device
from tests.bridge.fake_firmware import image_of, order_of
from tests.bridge.fake_gateway import Gateway, roster, roster_device, running_gateway
from tests.bridge.process import BridgeProcess, bridge

pytestmark = [pytest.mark.integration, pytest.mark.bare]

VERSION = "29.30.10.128"
WRITE = "/api/firmware/upgrade"


@dataclass
class Asked:
    """A device that was told to write, and thinks about its answer."""

    gateway: Gateway
    device: Device
    process: BridgeProcess
    command: str
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def said(self, state: str) -> dict[str, Any]:
        desk = self.gateway.firmware
        return dict(
            (await self.gateway.wait(lambda: desk.said(self.command, state)))[0]
        )


@asynccontextmanager
async def asked(data: Path) -> AsyncIterator[Asked]:
    async with running_gateway() as gateway, running_device() as device:
        gateway.roster = roster(roster_device(MAC, address=device.address))
        gateway.firmware.image = image_of(VERSION)

        async def status(_: web.BaseRequest) -> web.StreamResponse:
            return envelope({"Status": "READY"})

        async def taken(request: web.BaseRequest) -> web.StreamResponse:
            await request.read()
            return envelope()

        device.answers["/api/call/status"] = status
        device.answers["/api/firmware/prepare"] = taken
        device.answers["/api/firmware/upload"] = taken
        # A unit has six seconds for an answer; a test waits longer, for other things.
        patience = "import portico.bridge.limits as of; of.LAN_TOTAL = 60.0"
        async with bridge(gateway.url, data, prelude=patience) as process:
            await gateway.online(MAC)
            home = Asked(gateway, device, process, "")

            async def write(_: web.BaseRequest) -> web.StreamResponse:
                await home.may_answer.wait()
                return envelope()

            device.answers[WRITE] = write
            order = order_of(gateway.firmware.image, VERSION)
            home.command = await gateway.command(
                MAC, kind="upgrade_firmware", data=order
            )
            await device.wait(lambda: device.count(WRITE))
            yield home


def run(scenario: Callable[[Asked], Awaitable[None]], data: Path) -> None:
    async def whole() -> None:
        async with asked(data) as home:
            await scenario(home)

    asyncio.run(whole())


def writes(device: Device) -> int:
    """How often it was told, with the right account."""
    told = [target for _, target, allowed in device.requests if allowed]
    return sum(target.startswith(WRITE) for target in told)


def test_an_opening_does_not_break_it_off(tmp_path: Path) -> None:
    async def scenario(home: Asked) -> None:
        opening = await home.gateway.command(MAC)
        # Time for it to break off what it may: some seconds, until the next report.
        known = len(home.gateway.of("presence"))
        await home.gateway.wait(lambda: len(home.gateway.of("presence")) > known)
        assert not home.gateway.of("result", id=opening)
        home.may_answer.set()
        await home.said("installing")
        await home.gateway.result(opening)
        assert writes(home.device) == 1

    run(scenario, tmp_path)


def test_a_bridge_that_is_stopped_hears_the_unit_out(tmp_path: Path) -> None:
    async def scenario(home: Asked) -> None:
        ending = asyncio.create_task(home.process.terminate())
        await home.process.logged("stopping")
        home.may_answer.set()
        assert await ending == 0
        await home.said("installing")
        assert not home.gateway.firmware.said(home.command, "failed")
        assert writes(home.device) == 1

    run(scenario, tmp_path)


def test_a_unit_that_does_not_answer_may_be_writing(tmp_path: Path) -> None:
    async def scenario(home: Asked) -> None:
        async def dies(request: web.BaseRequest) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.abort()
            return envelope()

        # This one first: it is the second order that breaks off.
        home.may_answer.set()
        await home.said("installing")
        home.device.answers[WRITE] = dies
        order = order_of(home.gateway.firmware.image, VERSION)
        home.command = await home.gateway.command(
            MAC, kind="upgrade_firmware", data=order
        )
        await home.said("installing")
        assert not home.gateway.firmware.said(home.command, "failed")
        assert writes(home.device) == 2

    run(scenario, tmp_path)
