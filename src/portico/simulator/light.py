"""Thousands of units in one event loop, for load: one server and one session for all.

A light unit is a full :class:`~portico.simulator.unit.Unit` (AutoP, action URLs, local
API, relays, firmware) without listeners of its own, RTSP and SIP. It costs one timer and
no task while idle. Its local API is reached through the shared server, by the host name
``unit-<mac>`` or by the path prefix ``/unit/<MAC>``.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from portico.kernel.mac import InvalidMac, parse_mac
from portico.simulator.autop_client import HOUR_SECONDS, MODE_KEY, URL_KEY
from portico.simulator.catalogue import model_named
from portico.simulator.core import Clock, World
from portico.simulator.local_server import LocalServer
from portico.simulator.ports import LOOPBACK
from portico.simulator.unit import Unit
from portico.simulator.virtual import SHUTDOWN_SECONDS, answer

HOURLY: Final = "4"
# Digest state is kept for the units that were asked last.
MAX_SERVERS: Final = 1024
_HOST_PREFIX: Final = "unit-"
_PATH_PREFIX: Final = "/unit/"


class LightFleet:
    """Light units by MAC; make it with :meth:`start`."""

    def __init__(self, world: World, *, seed: int) -> None:
        self._world = world
        self._random = random.Random(seed)  # noqa: S311 - spreads polls, no secret
        self._servers: OrderedDict[str, LocalServer] = OrderedDict()
        self.units: dict[str, Unit] = {}
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def start(
        cls, *, contact_seconds: float = HOUR_SECONDS, seed: int = 1
    ) -> AsyncIterator[LightFleet]:
        """A fleet without units and its shared server.

        :param contact_seconds: real seconds between two AutoP runs of a unit: its hour
            passes in that time (all other timers are scaled alike).
        """
        async with World.open_session() as session:
            clock = Clock(HOUR_SECONDS / contact_seconds)
            fleet = cls(World(session, clock=clock), seed=seed)
            server = web.Server(fleet._serve, access_log=None)
            runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_SECONDS)
            await runner.setup()
            try:
                await web.TCPSite(runner, LOOPBACK, 0).start()
                fleet.port = runner.addresses[0][1]
                yield fleet
            finally:
                for unit in fleet.units.values():
                    await unit.close()
                await runner.cleanup()

    async def add(self, *, mac: str, model: str, url: str) -> Unit:
        """Add a unit that polls hourly, beginning anywhere in its first hour."""
        unit = Unit(mac=mac, model=model_named(model), world=self._world)
        unit.core.endpoint = f"{LOOPBACK}:{self.port}"
        unit.core.settings.apply({URL_KEY: url, MODE_KEY: HOURLY})
        self.units[unit.mac] = unit
        await unit.power_on(earlier=self._random.uniform(0.0, HOUR_SECONDS))
        return unit

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        host = request.host.partition(":")[0].lower()
        path = request.path
        if host.startswith(_HOST_PREFIX):
            mac = host.removeprefix(_HOST_PREFIX).partition(".")[0]
        elif path.startswith(_PATH_PREFIX):
            mac, _, rest = path.removeprefix(_PATH_PREFIX).partition("/")
            path = f"/{rest}"
        else:
            return web.Response(status=404)
        server = self._server_of(mac)
        if server is None:
            return web.Response(status=404)
        return await answer(server, request, path)

    def _server_of(self, mac: str) -> LocalServer | None:
        try:
            unit = self.units.get(parse_mac(mac))
        except InvalidMac:
            return None
        if unit is None:
            return None
        server = self._servers.pop(unit.mac, None) or LocalServer(unit)
        self._servers[unit.mac] = server
        while len(self._servers) > MAX_SERVERS:
            self._servers.popitem(last=False)
        return server
