"""Orders to upgrade the firmware of units: two at a time, each in the steps of the contract.

Up to the server's word to go on a unit is as it was; after it there is one request, which
nothing breaks off. What becomes of the unit then is judged by what it says when it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

import structlog

from portico.bridge.clock import ServerClock
from portico.bridge.errors import OpeningFailed
from portico.bridge.firmware_office import FirmwareOffice
from portico.bridge.firmware_unit import FirmwareUnit
from portico.bridge.image_store import ImageStore
from portico.bridge.limits import (
    UPGRADE_FINISH,
    UPGRADE_LAST_WORD,
    UPGRADE_LEAVE_AGAIN,
    UPGRADE_SAY_AGAIN,
    UPGRADE_TELL_AT_LEAST,
    UPGRADE_TELL_EVERY,
    UPGRADES_AT_ONCE,
)
from portico.bridge.unit import Unit
from portico.protocols.bridge.firmware import (
    FirmwareOrder,
    FirmwareReport,
    ReportState,
    Verdict,
)

log = structlog.get_logger()


class Upgrades:
    """The orders to upgrade, at most one of each unit."""

    def __init__(
        self, clock: ServerClock, images: ImageStore, watch: Callable[[str], None]
    ) -> None:
        """``watch``: is told the MAC of a unit that was told to write."""
        self._clock = clock
        self._images = images
        self._watch = watch
        # Set once the bridge knows its server.
        self.office: FirmwareOffice | None = None
        self._turns = asyncio.Semaphore(UPGRADES_AT_ONCE)
        self._running: dict[str, _Upgrade] = {}

    def start(self, command: UUID, unit: Unit, order: FirmwareOrder) -> None:
        """Take the order; an older one of the unit is given up, for so has the server.

        :raises OpeningFailed: there is no server to fetch the image from, or the unit is
            being told to write another.
        """
        mac = unit.device.mac
        if self.office is None:
            raise OpeningFailed("download_failed")
        before = self._running.get(mac)
        if before is not None and not before.cancel():
            raise OpeningFailed("overloaded")
        upgrade = _Upgrade(command, FirmwareUnit(unit), order, self.office, self._clock)
        self._running[mac] = upgrade
        upgrade.task = asyncio.create_task(
            self._work(mac, upgrade, before), name=f"upgrade {mac}"
        )

    async def close(self) -> None:
        """Give up what is not past its point of no return, and tell the server so."""
        running = tuple(self._running.values())
        for upgrade in running:
            upgrade.cancel()
        tasks = [upgrade.task for upgrade in running if upgrade.task]
        if tasks:
            await asyncio.wait(tasks, timeout=UPGRADE_FINISH)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, mac: str, upgrade: _Upgrade, before: _Upgrade | None) -> None:
        try:
            if before is not None and before.task is not None:
                await asyncio.wait({before.task})
            if await upgrade.run(self._turns, self._images):
                self._watch(mac)
                await upgrade.say_for_sure(FirmwareReport(ReportState.INSTALLING))
        finally:
            if self._running.get(mac) is upgrade:
                del self._running[mac]


class _Upgrade:
    """One order, from its image to the request after which there is no way back."""

    def __init__(
        self,
        command: UUID,
        unit: FirmwareUnit,
        order: FirmwareOrder,
        office: FirmwareOffice,
        clock: ServerClock,
    ) -> None:
        self._command = command
        self._unit = unit
        self._order = order
        self._office = office
        self._clock = clock
        self._done = 0
        self._is_taken_back = False
        self._is_writing = False
        self.task: asyncio.Task[None] | None = None

    def cancel(self) -> bool:
        """Give it up; False: it is too late for that."""
        if self.task is not None and not self._is_writing:
            self.task.cancel()
        return not self._is_writing

    async def run(self, turns: asyncio.Semaphore, images: ImageStore) -> bool:
        """Whether the unit was told to write; else it is as it was."""
        # Before the image is asked for, so that the server hears of it from one side.
        if await self._is_unwanted():
            log.info("upgrade.taken_back", **self._who)
            return False
        telling = asyncio.create_task(self._keep_telling())
        try:
            async with turns:
                return await self._steps(images, telling)
        except OpeningFailed as error:
            telling.cancel()
            await self._fail(error.reason)
            return False
        except OSError as error:  # the image cannot be read any more
            log.warning("firmware.disk", error=str(error))
            telling.cancel()
            await self._fail("no_room")
            return False
        except asyncio.CancelledError:
            if self._is_taken_back:
                log.info("upgrade.taken_back", **self._who)
                return False
            await self._last_word()
            raise
        finally:
            telling.cancel()

    @property
    def _who(self) -> dict[str, str]:
        return {"mac": self._unit.mac, "command": str(self._command)}

    async def _steps(self, images: ImageStore, telling: asyncio.Task[None]) -> bool:
        """:raises OpeningFailed: the unit is as it was, with a reason of the contract."""
        async with images.image(
            self._order,
            lambda start: self._office.image(self._command, start),
            self._hear,
        ) as image:
            await self._unit.check()
            if self._order.save:
                await self._save()
            await self._unit.receive(self._order, image)
            await self._unit.check()
            telling.cancel()
            verdict = await self._ask_leave()
        log.info("upgrade.verdict", **self._who, verdict=verdict or "none")
        if verdict is not Verdict.GO:
            return False
        self._is_writing = True
        try:
            await self._unit.write(self._order.md5)
        finally:
            self._is_writing = False
        log.info("upgrade.written", **self._who, version=self._order.version)
        return True

    async def _fail(self, reason: str) -> None:
        log.warning("upgrade.failed", **self._who, reason=reason)
        await self.say_for_sure(_failure(reason))

    def _hear(self, done: int) -> None:
        self._done = done

    async def _save(self) -> None:
        """:raises OpeningFailed: ``not_saved``."""
        configuration = await self._unit.configuration()
        for pause in (*UPGRADE_LEAVE_AGAIN, None):
            if await self._office.keep(self._command, configuration):
                return
            if pause is not None:
                await asyncio.sleep(pause)
        raise OpeningFailed("not_saved")

    async def _ask_leave(self) -> Verdict | None:
        """What the server says to writing it; without a word from it: nothing is written."""
        report = FirmwareReport(ReportState.READY, done=self._order.size)
        for pause in (*UPGRADE_LEAVE_AGAIN, None):
            verdict = await self._office.say(self._command, report)
            if verdict is not None:
                return verdict
            if pause is not None:
                await asyncio.sleep(pause)
        # It may have said yes, and its answer was lost.
        raise OpeningFailed("bridge_lost")

    async def _keep_telling(self) -> None:
        """How far it is, until the server does not want it any more."""
        told, told_at = self._done, self._clock.monotonic()
        while True:
            await asyncio.sleep(UPGRADE_TELL_EVERY)
            now, done = self._clock.monotonic(), self._done
            if done != told or now - told_at >= UPGRADE_TELL_AT_LEAST:
                told, told_at = done, now
                if await self._is_unwanted() and self.task is not None:
                    self._is_taken_back = True
                    self.task.cancel()
                    return

    async def _is_unwanted(self) -> bool:
        """Say how far it is; whether the server has taken the order back."""
        report = FirmwareReport(ReportState.DOWNLOADING, done=self._done)
        verdict = await self._office.say(self._command, report)
        return verdict in {Verdict.STOP, Verdict.UNKNOWN}

    async def say_for_sure(self, report: FirmwareReport) -> None:
        """Say how it ended; the server's own deadlines are for what it never hears."""
        for pause in (*UPGRADE_SAY_AGAIN, None):
            if await self._office.say(self._command, report) is not None:
                return
            if pause is not None:
                await asyncio.sleep(pause)

    async def _last_word(self) -> None:
        """The bridge stops, or has a newer order."""
        log.info("upgrade.given_up", **self._who)
        try:
            async with asyncio.timeout(UPGRADE_LAST_WORD):
                await self._office.say(self._command, _failure("bridge_lost"))
        except TimeoutError:
            log.warning("upgrade.not_told", **self._who)


def _failure(reason: str) -> FirmwareReport:
    """Nothing was written; see :mod:`portico.bridge.firmware_unit` for what was, perhaps."""
    return FirmwareReport(ReportState.FAILED, reason)
