"""The bridge as a whole: what is started, in which order, and how it ends."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import UUID

import aiohttp
import structlog

from portico.bridge import limits, notes
from portico.bridge.access_list import ServerOffice
from portico.bridge.access_sync import AccessSyncs
from portico.bridge.clock import ServerClock
from portico.bridge.commands import Commands
from portico.bridge.device_http import lan_session
from portico.bridge.errors import BridgeError, DataInUse, StoreFull
from portico.bridge.faces import FaceShelf
from portico.bridge.finds import Finds
from portico.bridge.firmware_office import ServerFirmware
from portico.bridge.guests import Guests
from portico.bridge.identity import Identity, enrolled, load_or_create
from portico.bridge.image_store import ImageStore
from portico.bridge.lan import Lan
from portico.bridge.listener import Listener
from portico.bridge.outbox import Outbox
from portico.bridge.pictures import Pictures, Upload
from portico.bridge.pnp import Pnp
from portico.bridge.remote import RemoteControl, RemoteHome
from portico.bridge.scan import Scans
from portico.bridge.session import Hello, Home, Orders
from portico.bridge.settings import Settings
from portico.bridge.store import Store
from portico.bridge.tunnel import Tunnel
from portico.bridge.upgrading import Upgrades
from portico.protocols.bridge.envelope import Roster

log = structlog.get_logger()

_LOCK: Final = "lock"
_IMAGES: Final = "firmware"
_STORE: Final = "bridge.sqlite3"


class Agent:
    """One bridge on one data directory."""

    def __init__(self, settings: Settings, *, version: str) -> None:
        self._settings = settings
        self._version = version

    async def run(
        self, stop: asyncio.Event, ready: Callable[[UUID, str], None]
    ) -> None:
        """Serve until ``stop`` is set, then finish what is in hand.

        :param ready: told the bridge's id and the listener's ``host:port``, once.
        :raises BridgeError: see there.
        """
        async with AsyncExitStack() as stack:
            _lock(self._settings.data, stack)
            identity = load_or_create(self._settings.data)
            store = Store(self._settings.data / _STORE)
            stack.callback(store.close)
            clock = ServerClock(known_ms=await notes.last_known_time(store))
            outbox = Outbox(store, clock)
            await _recover(outbox)
            session = await stack.enter_async_context(lan_session())
            lan = Lan(session, clock)
            stack.push_async_callback(lan.close)
            images = ImageStore(self._settings.data / _IMAGES, clock)
            images.empty()
            work = _Work(store, clock, outbox=outbox, lan=lan, images=images)
            await work.start_offline()
            bound = await work.listener.start(*self._settings.listen)
            work.faces.base = self._settings.lan_base(bound)
            stack.push_async_callback(work.listener.stop)
            if self._settings.pnp is not None:
                await work.pnp.start(self._settings.pnp)
                stack.push_async_callback(work.pnp.stop)
            http = await stack.enter_async_context(self._server_session())
            known = await _unless(stop, self._enrolled(identity, http))
            if known is not None:
                ready(known.known_id, f"{bound[0]}:{bound[1]}")
                url = self._settings.address("/bridge/v1/pictures")
                work.pictures.deliver = Upload(http, url, known)
                work.remote.home = RemoteHome(http, self._settings.server, known)
                stack.push_async_callback(work.remote.close)
                url = self._settings.address("/bridge/v1/access")
                work.access.office = ServerOffice(http, url, known)
                stack.push_async_callback(work.access.close)
                url = self._settings.address("/bridge/v1/firmware")
                work.upgrades.office = ServerFirmware(http, url, known)
                stack.push_async_callback(work.upgrades.close)
                tunnel = Tunnel(http, self._home(known, work, bound))
                await work.run(tunnel, stop)

    @asynccontextmanager
    async def _server_session(self) -> AsyncIterator[aiohttp.ClientSession]:
        connector = aiohttp.TCPConnector(ssl=self._settings.tls())
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"portico-bridge/{self._version}"},
        ) as session:
            yield session

    async def _enrolled(
        self, identity: Identity, http: aiohttp.ClientSession
    ) -> Identity:
        return await enrolled(
            identity,
            self._settings.data,
            http=http,
            url=self._settings.address("/bridge/v1/enrol"),
            token=self._settings.token,
            body={"name": self._settings.name, "version": self._version},
        )

    def _home(self, identity: Identity, work: _Work, bound: tuple[str, int]) -> Home:
        hello = Hello(
            url=self._settings.address("/bridge/v1/session", websocket=True),
            identity=identity,
            version=self._version,
            lan=self._settings.lan_base(bound),
        )
        orders = Orders(
            roster=work.take_roster, command=work.commands.start, synced=work.synced
        )
        return Home(hello, orders, work.outbox, work.lan, work.clock, work.finds)


class _Work:
    """The parts that live as long as the program, wired to each other."""

    def __init__(
        self,
        store: Store,
        clock: ServerClock,
        *,
        outbox: Outbox,
        lan: Lan,
        images: ImageStore,
    ) -> None:
        self._store = store
        self.clock = clock
        self.outbox = outbox
        self.lan = lan
        self._guests = Guests(store, outbox, clock)
        self.pictures = Pictures()
        self.remote = RemoteControl(clock)
        self.faces = FaceShelf(clock)
        self.access = AccessSyncs(clock, self.faces)
        self.finds = Finds(clock)
        self.upgrades = Upgrades(clock, images, lan.watch_closely)
        self.commands = Commands(
            outbox,
            lan,
            clock,
            pictures=self.pictures,
            remote=self.remote,
            access=self.access,
            scans=Scans(lan, self.finds),
            upgrades=self.upgrades,
        )
        self.listener = Listener(
            outbox, lan, guests=self._guests, clock=clock, shelf=self.faces
        )
        self.pnp = Pnp(lan, self.finds, clock)

    async def start_offline(self) -> None:
        """Serve the roster of the last run until the server sends one."""
        roster = await notes.last_roster(self._store)
        if roster is not None:
            await self.lan.update(roster)

    async def take_roster(self, roster: Roster) -> None:
        await self.lan.update(roster)
        self.finds.forget(device.mac for device in roster.devices)
        try:
            await self._guests.sync(roster)
            await notes.note_roster(self._store, roster)
        except StoreFull as error:
            log.warning("roster.not_noted", cause=str(error))
        count = len(roster.devices)
        log.info("roster.taken", revision=roster.revision, devices=count)

    async def synced(self) -> None:
        """The server has told its time: mend what was guessed before."""
        try:
            await self.outbox.settle_times()
            await notes.note_time(self._store, self.clock.now_ms())
        except StoreFull as error:
            log.warning("time.not_noted", cause=str(error))

    async def run(self, tunnel: Tunnel, stop: asyncio.Event) -> None:
        """Until ``stop``; then no new work, the last results, and goodbye."""
        tasks = [
            asyncio.create_task(tunnel.run(), name="tunnel"),
            asyncio.create_task(self._keep_time(), name="time"),
        ]
        stopped = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait(
                {*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done - {stopped}:
                # Neither ends by itself: this raises what went wrong.
                task.result()
            log.info("stopping")
            await self.listener.stop()
            await self.commands.finish(limits.FINISH_COMMANDS)
            await tunnel.close()
        finally:
            for task in (*tasks, stopped):
                task.cancel()
            await asyncio.gather(*tasks, stopped, return_exceptions=True)

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(limits.TIME_NOTE_EVERY)
            if self.clock.is_synced:
                await self.synced()


async def _recover(outbox: Outbox) -> None:
    try:
        recovered = await outbox.recover()
    except StoreFull as error:
        log.warning("disk.full", cause=str(error))
    else:
        log.info("started", unknown_outcomes=recovered, queued=await outbox.size())


async def _unless(stop: asyncio.Event, work: Awaitable[Identity]) -> Identity | None:
    """The result of ``work``, or None if ``stop`` comes first."""
    task = asyncio.ensure_future(work)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for each in (task, stopped):
            each.cancel()
            with suppress(asyncio.CancelledError, BridgeError):
                await each


def _lock(data: Path, stack: AsyncExitStack) -> None:
    """Own ``data`` until the stack closes; the system frees it even after a crash.

    :raises DataInUse: another bridge does. :raises BridgeError: it is not writable.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(data / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BridgeError(f"cannot use {data}: {error.strerror}") from error
    stack.callback(os.close, handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataInUse(f"another bridge uses {data}") from None
