"""What every part of a unit shares: identity, memory, clock, network and tasks."""

from __future__ import annotations

import asyncio
import enum
import logging
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp

from portico.simulator import state as states
from portico.simulator.catalogue import Model, model_named
from portico.simulator.settings import Settings
from portico.simulator.state import UnitState

logger = logging.getLogger("portico.simulator")

# Writes are gathered for this long (seconds), so that a run of API calls is one write.
SAVE_DELAY: Final = 0.2
# One box cannot have more sockets open than its file limit; real units hold one or two.
MAX_CONNECTIONS: Final = 400


class Phase(enum.StrEnum):
    """Whether the unit runs. ``OFFLINE`` is a pulled cable, ``OFF`` before the start."""

    OFF = "off"
    ONLINE = "online"
    REBOOTING = "rebooting"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Clock:
    """Device time. ``scale`` device seconds pass in one real second for timers;
    the calendar always shows real time."""

    scale: float = 1.0

    def real(self, seconds: float) -> float:
        """Real seconds that ``seconds`` of device time take."""
        return seconds / self.scale

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(slots=True)
class World:
    """What units of one process share."""

    session: aiohttp.ClientSession
    clock: Clock = field(default_factory=Clock)
    rng: random.Random = field(default_factory=random.Random)
    state_dir: Path | None = None
    # Where units without an address ask for one; None: there is nobody.
    pnp: tuple[str, int] | None = None

    @staticmethod
    def open_session() -> aiohttp.ClientSession:
        """A session that obeys no cookies and no proxies, as the devices do."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
        )

    def path(self, mac: str) -> Path | None:
        """The unit's state file, None when nothing is kept."""
        if self.state_dir is None:
            return None
        return self.state_dir / "units" / f"{mac}.json"


class Core:
    """The shared parts of one unit. Must be made inside the running event loop."""

    def __init__(self, *, model: Model, mac: str, world: World) -> None:
        self.mac = mac
        self.world = world
        self.phase = Phase.OFF
        self.endpoint = ""
        self.faults: set[str] = set()
        self._path = world.path(mac)
        stored = states.load(self._path) if self._path else None
        self.model = model_named(stored.model) if stored else model
        self.state = stored or UnitState(
            mac=mac, model=model.name, firmware=model.firmware
        )
        self.settings = Settings(self.model, self.state.config)
        self.settings.on_change(lambda _keys: self.touch())
        self.loop = asyncio.get_running_loop()
        self.booted_at = self.loop.time()
        self._tasks: set[asyncio.Task[None]] = set()
        self._save_handle: asyncio.TimerHandle | None = None

    @property
    def online(self) -> bool:
        return self.phase is Phase.ONLINE

    @property
    def uptime(self) -> int:
        """Seconds of device time since the last boot."""
        return int((self.loop.time() - self.booted_at) * self.world.clock.scale)

    def local_now(self) -> datetime:
        """The time that the unit shows, in its own zone."""
        return self.world.clock.now().astimezone(self.settings.time_zone())

    def later(
        self, seconds: float, callback: Callable[[], None]
    ) -> asyncio.TimerHandle:
        """Run ``callback`` after ``seconds`` of device time."""
        return self.loop.call_later(self.world.clock.real(seconds), callback)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` in the background until done or until the unit is closed."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def touch(self) -> None:
        """The memory changed: write it soon."""
        if self._path is not None and self._save_handle is None:
            self._save_handle = self.loop.call_later(SAVE_DELAY, self.save)

    def save(self) -> None:
        """Write the memory now."""
        if self._save_handle is not None:
            self._save_handle.cancel()
            self._save_handle = None
        if self._path is not None:
            states.store(self._path, self.state)

    def forget(self) -> None:
        """Remove the memory: the unit is thrown away."""
        if self._save_handle is not None:
            self._save_handle.cancel()
            self._save_handle = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None

    async def cancel_tasks(self) -> None:
        """Stop all background work except the caller's own task."""
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s: background work failed", self.mac, exc_info=error)
