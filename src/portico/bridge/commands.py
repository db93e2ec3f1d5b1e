"""Running the server's commands: at most once, never late, always answered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Final

import structlog

from portico.bridge.access_sync import AccessSyncs
from portico.bridge.cameras import find_camera
from portico.bridge.clock import ServerClock
from portico.bridge.errors import OpeningFailed, StoreFull
from portico.bridge.lan import Lan
from portico.bridge.limits import COMMANDS_AT_ONCE
from portico.bridge.outbox import Begun, Outbox
from portico.bridge.pictures import Pictures
from portico.bridge.remote import RemoteControl
from portico.bridge.scan import Scans
from portico.bridge.settings_read import read_settings
from portico.bridge.unit import Unit
from portico.bridge.upgrading import Upgrades
from portico.protocols.akuvox import local_api
from portico.protocols.bridge.envelope import (
    CAMERA_PICTURE,
    CLEAR_ACCESS,
    FETCH_CONFIGURATION,
    OPEN_RELAY,
    READ_SETTINGS,
    REBOOT,
    RESET_CONFIGURATION,
    RESET_FACTORY,
    SYNC_ACCESS,
    TAKE_PICTURE,
    Command,
    CommandResult,
    CommandState,
    Nonsense,
    OpenRelay,
    read_open_relay,
)
from portico.protocols.bridge.firmware import (
    UPGRADE_FIRMWARE,
    FirmwareOrder,
    read_order,
)
from portico.protocols.bridge.remote import REMOTE_CONTROL
from portico.protocols.bridge.scan import SCAN_NETWORK

log = structlog.get_logger()
# What a unit is told in one request of its API.
_PLAIN_ORDERS: Final = {
    FETCH_CONFIGURATION: local_api.autop_now,
    REBOOT: local_api.reboot,
    RESET_CONFIGURATION: local_api.reset_configuration,
    RESET_FACTORY: local_api.reset_factory,
}
_OF_UNITS: Final = frozenset(
    {
        OPEN_RELAY,
        READ_SETTINGS,
        CLEAR_ACCESS,
        REMOTE_CONTROL,
        SYNC_ACCESS,
        TAKE_PICTURE,
        UPGRADE_FIRMWARE,
        *_PLAIN_ORDERS,
    }
)


class Commands:
    """Runs commands side by side; each device takes its own one after the other."""

    def __init__(
        self,
        outbox: Outbox,
        lan: Lan,
        clock: ServerClock,
        *,
        pictures: Pictures,
        remote: RemoteControl,
        access: AccessSyncs,
        scans: Scans,
        upgrades: Upgrades,
    ) -> None:
        self._access = access
        self._scans = scans
        self._upgrades = upgrades
        self._pictures = pictures
        self._remote = remote
        self._outbox = outbox
        self._lan = lan
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._readings: set[asyncio.Task[None]] = set()
        self._is_closing = False

    def start(self, command: Command) -> None:
        """Begin ``command`` in the background; its result goes to the outbox."""
        if self._is_closing:
            # Not begun, not noted: the server sends it again, or it expires.
            return
        arrived = self._clock.monotonic()
        if len(self._tasks) >= COMMANDS_AT_ONCE:
            self._outbox.put_volatile(
                self._result(command, arrived, OpeningFailed("overloaded"))
            )
            return
        task = asyncio.create_task(self._run(command, arrived))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, within: float) -> None:
        """Take no more commands, and wait for those in hand."""
        self._is_closing = True
        self._scans.stop()
        for reading in self._readings:
            reading.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within)

    async def _run(self, command: Command, arrived: float) -> None:
        try:
            if await self._outbox.begin(command.id) is not Begun.NEW:
                log.info("command.repeated", id=str(command.id))
                return
        except StoreFull as error:
            log.warning("command.not_noted", id=str(command.id), cause=str(error))
            failure = OpeningFailed("overloaded")
            self._outbox.put_volatile(self._result(command, arrived, failure))
            return
        try:
            told = await self._execute(command)
        except OpeningFailed as error:
            result = self._result(command, arrived, error)
        else:
            result = self._result(command, arrived, None)
            result = replace(result, **told)
        log.info(
            "command.done",
            id=str(command.id),
            mac=command.mac,
            state=result.state,
            reason=result.reason,
            took_ms=result.took_ms,
        )
        try:
            await self._outbox.finish(result)
        except StoreFull as error:
            log.warning("result.not_noted", id=str(command.id), cause=str(error))

    async def _execute(self, command: Command) -> dict[str, Any]:
        """What its result tells besides. :raises OpeningFailed: with the reason."""
        if self._clock.now_ms() >= command.expires_at:
            raise OpeningFailed("expired")
        if command.kind == CAMERA_PICTURE:
            camera = await find_camera(command.data)
            await self._pictures.take(command.id, camera)
            return {}
        if command.kind == SCAN_NETWORK:
            return {"counts": await self._scans.run(command.data)}
        if command.kind not in _OF_UNITS:
            raise OpeningFailed("bad_command")
        order = _opening(command) if command.kind == OPEN_RELAY else None
        unit = self._lan.unit(command.mac)
        if unit is None:
            raise OpeningFailed("unknown_device")
        if command.kind == READ_SETTINGS:
            return {"settings": await read_settings(unit, command)}
        if order is not None:
            await unit.open(order, expires_at=command.expires_at)
        else:
            await self._at_unit(unit, command)
        return {}

    async def _at_unit(self, unit: Unit, command: Command) -> None:
        """Everything but openings. :raises OpeningFailed: with the contract's reason."""
        if command.kind in _PLAIN_ORDERS:
            request = _PLAIN_ORDERS[command.kind]()
            await unit.tell(request, expires_at=command.expires_at)
        if command.kind == FETCH_CONFIGURATION:
            reading = asyncio.create_task(self._lan.read_back(command.mac))
            self._readings.add(reading)
            reading.add_done_callback(self._readings.discard)
        elif command.kind == REMOTE_CONTROL:
            await self._remote.begin(unit, command.data, command.expires_at)
        elif command.kind == SYNC_ACCESS:
            self._access.start(command.id, unit)
        elif command.kind == UPGRADE_FIRMWARE:
            self._upgrades.start(command.id, unit, _upgrade(command))
        elif command.kind == CLEAR_ACCESS:
            await unit.clear_access(expires_at=command.expires_at)
        elif command.kind == TAKE_PICTURE:
            own = await unit.camera(expires_at=command.expires_at)
            await self._pictures.take(command.id, own)

    def _result(
        self, command: Command, arrived: float, failure: OpeningFailed | None
    ) -> CommandResult:
        took = int((self._clock.monotonic() - arrived) * 1000)
        state, reason = CommandState.ACKNOWLEDGED, ""
        if failure is not None:
            state = CommandState.DENIED if failure.denied else CommandState.FAILED
            reason = failure.reason
        return CommandResult(command.id, state, reason, self._clock.now_ms(), took)


def _opening(command: Command) -> OpenRelay:
    """:raises OpeningFailed: its data is none of an opening."""
    try:
        return read_open_relay(command.data)
    except Nonsense as error:
        raise OpeningFailed("bad_command") from error


def _upgrade(command: Command) -> FirmwareOrder:
    """:raises OpeningFailed: its data is none of an upgrade."""
    try:
        return read_order(command.data)
    except Nonsense as error:
        raise OpeningFailed("bad_command") from error
