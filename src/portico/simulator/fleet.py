"""The units of one simulator process, and which of them there are after a restart."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from portico.kernel.mac import parse_mac
from portico.simulator.catalogue import model_named
from portico.simulator.core import World
from portico.simulator.unit import Unit
from portico.simulator.virtual import VirtualUnit

# A unit opens two listeners; beyond this use the light mode.
MAX_UNITS: Final = 200


class FleetError(ValueError):
    """The order cannot be carried out; ``status`` is the HTTP status for it."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.status = status


class Fleet:
    """Units by MAC. What is in the state directory comes back with :meth:`load`."""

    def __init__(self, world: World, *, rtsp: bool) -> None:
        self._world = world
        self._rtsp = rtsp
        self._units: dict[str, VirtualUnit] = {}
        self._lock = asyncio.Lock()

    @property
    def units(self) -> list[VirtualUnit]:
        return list(self._units.values())

    def get(self, mac: str) -> VirtualUnit:
        """The unit with that MAC in any form.

        :raises FleetError: there is none.
        """
        try:
            return self._units[parse_mac(mac)]
        except (KeyError, ValueError):
            raise FleetError("no such device", 404) from None

    async def load(self) -> None:
        """Start the units that were there before."""
        folder = self._world.state_dir
        if folder is None:
            return
        for path in sorted((folder / "units").glob("*.json")):
            await self._start(path.stem, "R20A")

    async def put(
        self, *, mac: str, model: str, url: str, name: str = "", label: bool = False
    ) -> VirtualUnit:
        """Add a unit, or give an existing one its URL and let it provision again.

        :raises FleetError: bad MAC, unknown model, or the MAC is another model.
        """
        try:
            mac, known = parse_mac(mac), model_named(model)
        except ValueError as error:
            raise FleetError(f"{type(error).__name__}: {error}") from error
        async with self._lock:
            found = self._units.get(mac)
            if found is None:
                if len(self._units) >= MAX_UNITS:
                    raise FleetError(f"at most {MAX_UNITS} units", 409)
                found = await self._start(mac, known.name)
            elif found.unit.model.name != known.name:
                raise FleetError(f"{mac} is a {found.unit.model.name}", 409)
        found.unit.core.state.name = name or found.unit.core.state.name
        if url:
            found.unit.provision(url, label=label)
        return found

    async def remove(self, mac: str) -> None:
        """Throw a unit away with its memory.

        :raises FleetError: there is none.
        """
        found = self.get(mac)
        del self._units[found.mac]
        await found.close()
        found.unit.core.forget()

    async def close(self) -> None:
        """Stop all units and keep their memory."""
        await asyncio.gather(*(unit.close() for unit in self._units.values()))
        self._units.clear()

    async def _start(self, mac: str, model: str) -> VirtualUnit:
        unit = Unit(mac=mac, model=model_named(model), world=self._world)
        made = VirtualUnit(unit, rtsp=self._rtsp)
        self._units[unit.mac] = made
        await made.power_on()
        return made


def summary(unit: VirtualUnit) -> dict[str, Any]:
    """What the ready line and ``GET /devices`` say about a unit."""
    return {
        "mac": unit.mac,
        "model": unit.unit.model.name,
        "kind": unit.unit.model.kind.value,
        "name": unit.unit.core.state.name,
        "host": unit.host,
        "port": unit.port,
        "rtsp_port": unit.rtsp_port,
        "phase": unit.phase.value,
        "firmware": unit.unit.core.state.firmware,
        "url": unit.unit.provisioning_url,
    }


def details(unit: VirtualUnit) -> dict[str, Any]:
    """Everything a test may want to know about a unit."""
    core, last = unit.unit.core, unit.unit.autop.last
    return summary(unit) | {
        "api_user": unit.api_user,
        "api_password": unit.api_password,
        "relays": {
            name: unit.unit.relays.is_open(name) for name in unit.unit.relays.names
        },
        "users": core.state.users,
        "schedules": core.state.schedules,
        "config": core.state.config,
        "door_log": core.state.door_log,
        "messages": core.state.messages,
        "weather": core.state.weather,
        "registration": unit.unit.registration,
        "autop_runs": unit.unit.autop.runs,
        "autop_failed": bool(last and last.failed),
        "firmware_error": unit.unit.firmware.last_error,
        "failed_action_urls": core.state.failed_action_urls,
        "fired": [
            {"suffix": each.suffix, "url": each.url, "status": each.status}
            for each in unit.fired
        ],
    }
