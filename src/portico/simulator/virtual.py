"""A virtual unit with its own address: the one to use unless there are thousands."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from portico.simulator import acts
from portico.simulator.actions import Fired
from portico.simulator.catalogue import model_named
from portico.simulator.core import Clock, Phase, World
from portico.simulator.factory import API, RTSP
from portico.simulator.local_server import LocalServer
from portico.simulator.ports import LOOPBACK, ReservedPort
from portico.simulator.rtsp import RtspServer
from portico.simulator.sip import SipAgent
from portico.simulator.unit import Unit

# How long a request that is being answered may hold up a reboot (real seconds).
SHUTDOWN_SECONDS: Final = 1.0
WAIT_SECONDS: Final = 10.0


class VirtualUnit:
    """One unit with its HTTP, RTSP and SIP ends on the loopback address."""

    def __init__(self, unit: Unit, *, rtsp: bool = True) -> None:
        self.unit = unit
        self._port = ReservedPort(unit.core.state.port)
        unit.core.state.port = self._port.number
        unit.core.endpoint = f"{LOOPBACK}:{self._port.number}"
        self._server = LocalServer(unit)
        self._runner: web.ServerRunner | None = None
        self._sip = SipAgent(unit)
        has_camera = f"{RTSP}Enable" in unit.core.settings
        self._rtsp = RtspServer(unit) if rtsp and has_camera else None
        unit.on_phase(self._phase_changed)

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        mac: str,
        model: str,
        url: str = "",
        state_dir: Path | None = None,
        config: dict[str, str] | None = None,
        clock: Clock | None = None,
        rtsp: bool = False,
        pnp: tuple[str, int] | None = None,
    ) -> AsyncIterator[VirtualUnit]:
        """A running unit; it has booted when the block begins.

        :param url: provisioning URL; AutoP runs at boot as the mode says.
        :param config: settings that the unit starts with, over the factory's.
        :raises UnknownModel: no such model.
        """
        async with World.open_session() as session:
            world = World(session, clock=clock or Clock(), state_dir=state_dir, pnp=pnp)
            made = cls(Unit(mac=mac, model=model_named(model), world=world), rtsp=rtsp)
            if config:
                made.unit.core.settings.apply(config)
            if url:
                made.unit.provision(url)
            try:
                await made.power_on()
                yield made
            finally:
                await made.close()

    @property
    def mac(self) -> str:
        return self.unit.mac

    @property
    def host(self) -> str:
        return LOOPBACK

    @property
    def port(self) -> int:
        return self._port.number

    @property
    def address(self) -> str:
        """``host:port`` of the local API, which is also ``$ip``."""
        return self.unit.core.endpoint

    @property
    def api_user(self) -> str:
        return self.unit.core.settings[f"{API}UserName"]

    @property
    def api_password(self) -> str:
        return self.unit.core.settings[f"{API}Password"]

    @property
    def rtsp_port(self) -> int:
        """0 when the unit has no camera or it is switched off."""
        return self._rtsp.port if self._rtsp else 0

    @property
    def phase(self) -> Phase:
        return self.unit.core.phase

    @property
    def fired(self) -> deque[Fired]:
        """The action URLs that were sent or tried, oldest first."""
        return self.unit.actions.fired

    async def wait_fired(
        self, suffix: str, *, count: int = 1, seconds: float = WAIT_SECONDS
    ) -> list[Fired]:
        """See :meth:`ActionSender.wait`."""
        return await self.unit.actions.wait(suffix, count=count, seconds=seconds)

    async def act(self, act: str, **params: Any) -> dict[str, Any]:
        """Do something to the unit, see :mod:`portico.simulator.acts`."""
        return await acts.act(self.unit, act, params)

    async def power_on(self) -> None:
        await self.unit.power_on()

    async def close(self) -> None:
        """Stop and keep the memory (if there is a state directory)."""
        await self.unit.close()
        self._port.close()
        if self._rtsp:
            self._rtsp.release()

    async def _phase_changed(self, phase: Phase) -> None:
        if phase is Phase.ONLINE:
            await self._listen()
            return
        await self._sip.stop()
        if self._rtsp:
            await self._rtsp.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _listen(self) -> None:
        server = web.Server(self._serve, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        await web.SockSite(self._runner, self._port.listen()).start()
        if self._rtsp:
            await self._rtsp.start()
        self._sip.start()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        return await answer(self._server, request, request.path)


async def answer(
    server: LocalServer, request: web.BaseRequest, path: str
) -> web.StreamResponse:
    """The unit's answer; a unit that is away or mute drops the connection."""
    try:
        return await server.handle(request, path)
    except ConnectionAbortedError:
        if request.transport is not None:
            request.transport.abort()
        await asyncio.sleep(0)
        return web.Response(status=503)
