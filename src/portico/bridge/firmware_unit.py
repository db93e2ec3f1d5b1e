"""One unit's end of an upgrade: who it is, whether it is free, and giving it an image.

Reasons of failures are those of the contract's reports; all of them leave the unit as it
was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import structlog

from portico.bridge.device_http import Upload
from portico.bridge.errors import OpeningFailed
from portico.bridge.limits import (
    UNIT_BURST_OVER,
    UNIT_UPLOAD_AGAIN,
    UNIT_UPLOAD_CHECK,
    UNIT_UPLOAD_PER_SECOND,
    UNIT_UPLOADS,
)
from portico.bridge.unit import Unit
from portico.protocols.akuvox import firmware_api, local_api
from portico.protocols.akuvox.local_api import Request
from portico.protocols.bridge.firmware import MAX_CONFIGURATION_BYTES, FirmwareOrder

log = structlog.get_logger()
_T = TypeVar("_T")

# Of a unit's answers, and of ways that they did not come.
_REASONS: Final = {
    "gave_way": "in_call",
    "rejected": "refused",
    "unknown_outcome": "refused",
    "no_answer": "unreachable",
    "wrong_device": "unreachable",
}
# Broken off by an opening, or by the unit: worth another try at once.
_WORTH_IT: Final = frozenset({"gave_way", "no_answer", "unreachable"})
# Whether the order to write was carried out cannot be told: a unit that restarts at once
# does not answer.
_MAYBE_WRITTEN: Final = frozenset({"no_answer", "unknown_outcome"})


class FirmwareUnit:
    """What an upgrade does with its unit. All methods raise ``OpeningFailed``."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    @property
    def mac(self) -> str:
        return self._unit.device.mac

    async def check(self) -> None:
        """It is the right unit, and nobody is calling."""
        info = await self._ask(local_api.system_info(), local_api.read_system_info)
        if info.mac != self.mac:
            raise OpeningFailed("unreachable")
        try:
            is_free = await self._ask(
                firmware_api.call_status(), firmware_api.read_is_free
            )
        except OpeningFailed as error:
            if error.reason != "not_supported":
                raise
            is_free = True
        if not is_free:
            raise OpeningFailed("in_call")

    async def configuration(self) -> bytes:
        """All its settings, as JSON."""
        try:
            told = await self._ask(
                firmware_api.whole_configuration(),
                firmware_api.read_configuration,
                most=MAX_CONFIGURATION_BYTES,
            )
        except OpeningFailed as error:
            log.warning("upgrade.not_read", mac=self.mac, reason=error.reason)
            raise OpeningFailed("not_saved") from error
        if len(told) > MAX_CONFIGURATION_BYTES:
            raise OpeningFailed("not_saved")
        return told

    async def receive(self, order: FirmwareOrder, image: Path) -> None:
        """Give it the image. Whoever opens the door meanwhile goes first."""
        for attempt in range(1, UNIT_UPLOADS + 1):
            try:
                await self._receive(order, image)
            except OpeningFailed as error:
                if error.reason not in _WORTH_IT or attempt == UNIT_UPLOADS:
                    raise _told(error) from error
                log.info("upgrade.again", mac=self.mac, reason=error.reason)
                await asyncio.sleep(UNIT_UPLOAD_AGAIN)
            else:
                return

    async def _receive(self, order: FirmwareOrder, image: Path) -> None:
        await self._unit.ask(firmware_api.prepare(), local_api.read_answer)
        within = UNIT_UPLOAD_CHECK + order.size / UNIT_UPLOAD_PER_SECOND
        with image.open("rb") as file:
            md5 = await self._unit.upload(
                firmware_api.upload(),
                Upload(firmware_api.UPLOAD_FIELD, order.name, file),
                firmware_api.read_md5,
                within=within,
            )
        if md5 and md5 != order.md5:
            raise OpeningFailed("bad_image")

    async def write(self, md5: str) -> None:
        """Have it write the image: there is no way back. Returns when it may have begun."""
        for is_last in (False, True):
            try:
                await self._unit.insist(firmware_api.upgrade(md5))
            except OpeningFailed as error:
                if error.reason in _MAYBE_WRITTEN:
                    log.info("upgrade.unanswered", mac=self.mac, reason=error.reason)
                    return
                if is_last or error.reason != "unauthorized":
                    raise _told(error) from error
            else:
                return
            await asyncio.sleep(UNIT_BURST_OVER)

    async def _ask(
        self,
        request: Request,
        read: Callable[[int, bytes], _T],
        *,
        most: int = local_api.MAX_BODY_BYTES,
    ) -> _T:
        """One exchange, and another where that may help."""
        for is_last in (False, False, True):
            try:
                return await self._unit.ask(request, read, most=most)
            except OpeningFailed as error:
                if is_last or error.reason not in {*_WORTH_IT, "unauthorized"}:
                    raise _told(error) from error
            await asyncio.sleep(UNIT_BURST_OVER)
        raise AssertionError  # the loop returns or raises


def _told(error: OpeningFailed) -> OpeningFailed:
    return OpeningFailed(_REASONS.get(error.reason, error.reason))
