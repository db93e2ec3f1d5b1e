"""Writing a unit's user list: never in the way of a door, and always told how it ended."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.bridge.fake_device import MAC, envelope, running_device
from tests.bridge.fake_gateway import Gateway, roster, roster_device, running_gateway
from tests.bridge.process import bridge
from tests.bridge.test_commands import hang

pytestmark = [pytest.mark.integration, pytest.mark.bare]

SYNC = "sync_access"
USER: dict[str, Any] = {
    "id": "PT-C1",
    "tag": "t1",
    "name": "Ada",
    "pins": ["246802"],
    "cards": [],
    "bluetooth": "",
    "schedule": "",
    "relays": [1],
    "security": [],
}


def wanted(*users: dict[str, Any]) -> dict[str, Any]:
    return {"revision": "r2", "users": list(users), "schedules": []}


def page(*items: dict[str, str]) -> web.Response:
    return web.json_response(
        {"retcode": 0, "message": "OK", "data": {"num": len(items), "item": items}}
    )


async def report(gateway: Gateway, command: str) -> dict[str, Any]:
    """The last word on ``command``."""

    def found() -> list[dict[str, Any]]:
        said = [body for key, body in gateway.reports if key == command]
        return [body for body in said if body["state"] != "working"]

    return dict((await gateway.wait(found))[0])


def test_a_door_opens_while_a_list_is_read(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            gateway.access_list = wanted(USER)
            device.answers["/api/user/get"] = hang
            async with bridge(gateway.url, tmp_path):
                await gateway.online(MAC)
                sync = await gateway.command(MAC, kind=SYNC, data={})
                assert (await gateway.result(sync))["state"] == "acknowledged"
                await device.wait(lambda: device.count("/api/user/get"))
                opened = await gateway.result(await gateway.command(MAC))
                assert opened["state"] == "acknowledged"
                assert opened["took_ms"] < 2000
                # The list is read again by itself.
                users: list[dict[str, str]] = []

                async def get(_: web.BaseRequest) -> web.StreamResponse:
                    return page(*users)

                async def add(request: web.BaseRequest) -> web.StreamResponse:
                    items = json.loads(await request.read())["data"]["item"]
                    users.extend({**item, "ID": "9"} for item in items)
                    return envelope()

                device.answers["/api/user/get"] = get
                device.answers["/api/user/add"] = add
                device.answers["/api/schedule/get"] = get
                said = await report(gateway, sync)
                assert said["state"] == "done"
                assert said["present"] == ["PT-C1:t1"]
                assert users[0]["Schedule-Relay"] == "1001-1;"

    asyncio.run(scenario())


def test_what_goes_wrong_is_told_with_its_reason(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(gateway.url, tmp_path):
                await gateway.online(MAC)
                other = await gateway.command("0C11050000FF", kind=SYNC, data={})
                assert (await gateway.result(other))["reason"] == "unknown_device"
                # It knows no /api/user/get, and answers 404.
                lacking = await gateway.command(MAC, kind=SYNC, data={})
                assert (await report(gateway, lacking))["reason"] == "not_supported"
                gateway.access_list = {"revision": "r", "users": [{"id": "77"}]}
                odd = await gateway.command(MAC, kind=SYNC, data={})
                assert (await report(gateway, odd))["reason"] == "no_list"

    asyncio.run(scenario())


def test_a_newer_order_takes_the_place_of_an_older(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            let_go = asyncio.Event()

            async def slow(_: web.BaseRequest) -> web.StreamResponse:
                await let_go.wait()
                return page()

            device.answers["/api/user/get"] = slow
            device.answers["/api/schedule/get"] = slow
            async with bridge(gateway.url, tmp_path):
                await gateway.online(MAC)
                first = await gateway.command(MAC, kind=SYNC, data={})
                await device.wait(lambda: device.count("/api/user/get"))
                second = await gateway.command(MAC, kind=SYNC, data={})
                assert (await gateway.result(second))["state"] == "acknowledged"
                let_go.set()
                assert (await report(gateway, second))["state"] == "done"
                assert first not in {key for key, _ in gateway.reports}

    asyncio.run(scenario())
