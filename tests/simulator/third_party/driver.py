"""Runs published client libraries, unmodified, against virtual units.

Executed by ``test_third_party_clients`` in an environment of its own (Python >= 3.12,
``requirements/clients.txt``); it imports nothing of Portico. Reads a JSON list of units
(``model, host, port, user, password, open_user, open_password``) from standard input and
writes one JSON object per model to standard output.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import sys
from typing import Any

from pyakuvox import discovery  # type: ignore[import-not-found]
from pyakuvox.clients.local import LocalClient  # type: ignore[import-not-found]
from pyakuvox.config import LocalSettings  # type: ignore[import-not-found]
from pylocal_akuvox import (  # type: ignore[import-not-found]
    AkuvoxDevice,
    AkuvoxError,
    AuthConfig,
    AuthMethod,
    run_capability_report,
)

# Methods that a model does not have are recorded as the error's class name.
Results = dict[str, Any]


class Exercise:
    """Calls everything an ``AkuvoxDevice`` has and records what came of it."""

    def __init__(self, device: AkuvoxDevice, unit: dict[str, Any]) -> None:
        self._device = device
        self._unit = unit
        self.results: Results = {}

    async def step(self, name: str, call: Any) -> Any:
        try:
            value = await call
        except AkuvoxError as error:
            self.results[name] = f"{type(error).__name__}: {error}"
            return None
        self.results[name] = "ok"
        return value

    async def everything(self) -> Results:
        device = self._device
        info = await self.step("get_info", device.get_info())
        self.results["model"] = info.model
        self.results["firmware"] = info.firmware_version
        await self.step("get_status", device.get_status())
        await self._users()
        await self._schedules()
        await self._groups()
        await self._contacts()
        await self.step("trigger_relay", device.trigger_relay(num=1, delay=1))
        relays = await self.step("get_relay_status", device.get_relay_status())
        self.results["relays"] = relays
        await self._open_door()
        await self._config()
        await self.step("get_door_logs", device.get_door_logs())
        await self.step("get_door_logs_page", device.get_door_logs(page=1))
        await self.step("get_call_logs", device.get_call_logs())
        await self.step("get_call_logs_page", device.get_call_logs(page=1))
        await self.step("probe_capabilities", device.probe_capabilities())
        return self.results

    async def _users(self) -> None:
        device = self._device
        for number in range(12):
            await self.step(
                "add_user",
                device.add_user(
                    name=f"Anna {number}",
                    user_id=f"{9000 + number}",
                    web_relay="0",
                    schedule_relay="1001-1",
                    lift_floor_num="0",
                    private_pin=f"{4000 + number}",
                    card_code=f"0A0B0C{number:02}",
                ),
            )
        users = await self.step("list_users", device.list_users()) or []
        pages = [await self._page(device.list_users, page) for page in (1, 2, 3)]
        self.results["user_pages"] = pages
        added = [user for user in users if user.user_id.startswith("90")]
        if added:
            last = added[-1]
            await self.step(
                "modify_user", device.modify_user(id=last.id, private_pin="8765")
            )
            again = await device.list_users()
            changed = [user for user in again if user.id == last.id]
            self.results["modified_pin"] = changed[0].private_pin
            self.results["schedule_relay"] = changed[0].schedule_relay
        for user in added:
            await self.step("delete_user", device.delete_user(id=user.id))

    async def _page(self, method: Any, page: int) -> int | str:
        try:
            return len(await method(page=page))
        except AkuvoxError as error:
            return type(error).__name__

    async def _schedules(self) -> None:
        device = self._device
        await self.step(
            "add_schedule",
            device.add_schedule(
                schedule_type="1",
                name="Cleaning",
                week="135",
                time_start="08:00",
                time_end="12:00",
            ),
        )
        schedules = await self.step("list_schedules", device.list_schedules()) or []
        for schedule in [each for each in schedules if each.name == "Cleaning"]:
            await self.step(
                "modify_schedule",
                device.modify_schedule(id=schedule.id, time_end="13:00"),
            )
            await self.step("delete_schedule", device.delete_schedule(id=schedule.id))

    async def _groups(self) -> None:
        device = self._device
        await self.step("add_group", device.add_group(name="Staff"))
        for group in await self.step("list_groups", device.list_groups()) or []:
            await self.step(
                "modify_group", device.modify_group(id=group.id, name="Staff 2")
            )
            await self.step("delete_group", device.delete_group(id=group.id))

    async def _contacts(self) -> None:
        device = self._device
        for name in ("Flat 1", "Flat 2"):
            await self.step(
                "add_contact",
                device.add_contact(name=name, phone="101", group="Default"),
            )
        contacts = await self.step("list_contacts", device.list_contacts()) or []
        ids = [contact.id for contact in contacts if contact.id]
        if ids:
            await self.step(
                "modify_contact", device.modify_contact(id=ids[0], phone="102")
            )
            await self.step("delete_contact", device.delete_contact(id=ids))

    async def _open_door(self) -> None:
        device, unit = self._device, self._unit
        await self.step(
            "open_door_http",
            device.open_door_http(
                user=unit["open_user"], password=unit["open_password"], door_num=1
            ),
        )
        await self.step(
            "open_door_http_wrong",
            device.open_door_http(user=unit["open_user"], password="wrong"),
        )

    async def _config(self) -> None:
        device = self._device
        key = "Config.DoorSetting.DEVICENODE.Location"
        await self.step("set_device_config", device.set_device_config({key: "Gate"}))
        config = await self.step("get_device_config", device.get_device_config())
        if config is not None:
            self.results["location"] = config.get(key)


async def with_pylocal(unit: dict[str, Any]) -> Results:
    auth = AuthConfig(AuthMethod.DIGEST, unit["user"], unit["password"])
    host = f"{unit['host']}:{unit['port']}"
    async with AkuvoxDevice(host, auth, request_delay=0) as device:
        return await Exercise(device, unit).everything()


async def with_report(unit: dict[str, Any]) -> Results:
    auth = AuthConfig(AuthMethod.DIGEST, unit["user"], unit["password"])
    host = f"{unit['host']}:{unit['port']}"
    device = AkuvoxDevice(host, auth, request_delay=0)
    report: Results = await run_capability_report(
        device,
        write=True,
        open_door=True,
        open_door_user=unit["open_user"],
        open_door_password=unit["open_password"],
        redact_stdout=True,
        # `print` is the one emitter with which reports may run side by side.
        emit=print,
    )
    return report


async def with_pyakuvox(unit: dict[str, Any]) -> Results:
    found = await discovery.scan_targets(
        [unit["host"]],
        username=unit["user"],
        password=unit["password"],
        ports=[unit["port"]],
    )
    settings = LocalSettings(
        host=unit["host"],
        port=unit["port"],
        username=unit["user"],
        password=unit["password"],
        auth_type="digest",
        use_ssl=False,
    )
    async with LocalClient(settings) as client:
        info = await client.raw_get("/api/system/info")
        status = await client.raw_get("/api/system/status")
    return {
        "found": [f"{each.model} {each.mac_address} {each.server}" for each in found],
        "info": info,
        "status": status,
    }


async def one(unit: dict[str, Any]) -> Results:
    # One after another: they share the unit.
    results = {"methods": await with_pylocal(unit), "scan": await with_pyakuvox(unit)}
    if unit.get("report"):
        results["report"] = await with_report(unit)
    return results


async def main() -> None:
    units = json.load(sys.stdin)
    with contextlib.redirect_stdout(io.StringIO()):
        found = await asyncio.gather(*(one(unit) for unit in units))
    json.dump(
        dict(zip([unit["model"] for unit in units], found, strict=True)), sys.stdout
    )


asyncio.run(main())
