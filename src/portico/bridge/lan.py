"""All devices of the roster: watching them, finding them, reporting their presence."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable
from contextlib import suppress

import aiohttp
import structlog

from portico.bridge.address import LanAddress, lan_address, lan_host
from portico.bridge.clock import ServerClock
from portico.bridge.limits import (
    CLOSELY_FOR,
    FAILURES_TO_OFFLINE,
    POLL_AGAIN,
    POLL_CLOSELY,
    POLL_EVERY,
    PRESENCE_PER_FRAME,
    READ_BACK_AFTER,
)
from portico.bridge.unit import Unit
from portico.protocols.bridge.envelope import Presence, Roster

log = structlog.get_logger()


class Lan:
    """The units of the newest roster, each with a task that watches it."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        clock: ServerClock,
        *,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._session = session
        self._clock = clock
        self._uniform = uniform
        self._units: dict[str, Unit] = {}
        self._by_secret: dict[bytes, Unit] = {}
        self._nudges: dict[str, asyncio.Event] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        # Until when units are looked for more often.
        self._closely: dict[str, float] = {}
        # Set when a unit came, went or moved, and the server should know.
        self.changed = asyncio.Event()

    def unit(self, mac: str) -> Unit | None:
        return self._units.get(mac)

    def online_hosts(self) -> dict[str, str]:
        """The addresses at which units are online, with their MACs."""
        places = {
            unit.device.mac: lan_address(unit.presence().address or "")
            for unit in self._units.values()
            if unit.is_online
        }
        return {place.host: mac for mac, place in places.items() if place}

    def unit_by_secret(self, secret: str) -> Unit | None:
        # Looked up by digest, so that the time tells nothing about near misses.
        return self._by_secret.get(_digest(secret))

    async def update(self, roster: Roster) -> None:
        """Serve exactly the units of ``roster`` from now on."""
        wanted = {device.mac: device for device in roster.devices}
        for mac in set(self._units) - set(wanted):
            await self._drop(mac)
        for mac, device in wanted.items():
            unit = self._units.get(mac)
            if unit is None:
                self._watch(Unit(device, self._session, self._clock))
            elif unit.device != device:
                unit.update(device)
                self._nudges[mac].set()
        self._by_secret = {
            _digest(secret): unit
            for unit in self._units.values()
            for secret in (unit.device.event_secret, unit.device.old_event_secret)
            if secret
        }

    def learn(self, unit: Unit, source: str, named: str) -> None:
        """Note the source of an accepted action URL as the unit's likely address.

        :param named: the request's ``ip`` variable; gives the port if it names the
            same host.
        """
        host = lan_host(source)
        if host is None:
            return
        claimed = lan_address(named)
        same = claimed is not None and claimed.host == host
        address = claimed if claimed and same else self._known_at(unit, host)
        if unit.learn(address):
            self._nudges[unit.device.mac].set()

    def watch_closely(self, mac: str) -> None:
        """Look for a unit soon and often: it restarts, and may come back as another."""
        if mac in self._units:
            self._closely[mac] = self._clock.monotonic() + CLOSELY_FOR
            self._nudges[mac].set()

    async def read_back(self, mac: str) -> None:
        """See what a unit has made of the settings that it was told to fetch."""
        for pause in READ_BACK_AFTER:
            await asyncio.sleep(pause)
            unit = self._units.get(mac)
            if unit is None:
                return
            if await unit.read_revision():
                self.changed.set()
                return

    def presence(self) -> list[Presence]:
        """What is known now, in as many frames as it takes."""
        known = [unit.presence() for unit in self._units.values() if unit.is_known]
        return [
            Presence(tuple(known[start : start + PRESENCE_PER_FRAME]))
            for start in range(0, len(known), PRESENCE_PER_FRAME)
        ]

    async def close(self) -> None:
        for mac in tuple(self._units):
            await self._drop(mac)

    def _known_at(self, unit: Unit, host: str) -> LanAddress:
        # A unit on an unusual port does not always say so.
        known = lan_address(unit.presence().address or "")
        return known if known and known.host == host else LanAddress(host)

    def _watch(self, unit: Unit) -> None:
        mac = unit.device.mac
        self._units[mac] = unit
        self._nudges[mac] = asyncio.Event()
        self._start_watcher(unit)

    def _start_watcher(self, unit: Unit) -> None:
        mac = unit.device.mac

        def ended(task: asyncio.Task[None]) -> None:
            # Only a fault of ours ends it; one device's fault must not blind us to it.
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("watcher.failed", mac=mac, error=type(error).__name__)
                loop.call_later(POLL_EVERY[1], again)

        def again() -> None:
            if self._units.get(mac) is unit:
                self._start_watcher(unit)

        loop = asyncio.get_running_loop()
        task = loop.create_task(
            self._keep_watching(unit, self._nudges[mac]), name=f"watch {mac}"
        )
        task.add_done_callback(ended)
        self._watchers[mac] = task

    async def _drop(self, mac: str) -> None:
        watcher = self._watchers.pop(mac)
        watcher.cancel()
        await asyncio.wait({watcher})
        del self._units[mac], self._nudges[mac]
        self._closely.pop(mac, None)

    async def _keep_watching(self, unit: Unit, nudge: asyncio.Event) -> None:
        while True:
            nudge.clear()
            if await unit.poll():
                presence = unit.presence()
                log.info(
                    "device.presence",
                    mac=presence.mac,
                    online=presence.online,
                    address=presence.address,
                    firmware=presence.firmware,
                    reason=unit.last_failure,
                )
                self.changed.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause(unit)):
                    await nudge.wait()

    def _pause(self, unit: Unit) -> float:
        if self._clock.monotonic() < self._closely.get(unit.device.mac, 0.0):
            return POLL_CLOSELY
        in_doubt = 0 < unit.failures < FAILURES_TO_OFFLINE
        return POLL_AGAIN if in_doubt else self._uniform(*POLL_EVERY)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
