"""One bridge's session after its authentication."""

from __future__ import annotations

import asyncio
import time
import uuid

import structlog

from portico.gateway import metrics
from portico.gateway.domain import (
    BridgeInfo,
    Domain,
    EventSource,
    IncomingEvent,
    PresenceVia,
    StoreFailed,
)
from portico.gateway.http import Message, Receive, Send
from portico.gateway.inbox import Full, Inbox
from portico.gateway.limits import Bucket
from portico.gateway.presence import PresenceCollector
from portico.kernel.clock import from_ms, to_ms, utcnow
from portico.protocols.akuvox.action_url import EventKind
from portico.protocols.bridge import envelope
from portico.protocols.bridge import messages as wire

log = structlog.get_logger(__name__)

# A bridge that was offline for a day empties its queue at this rate; a faulty or evil one
# gets no further.
MESSAGES_PER_SECOND, MESSAGES_BURST = 200.0, 2_000.0
# Asked to come again: the database's trouble is over, or not, in a few seconds.
BUSY_MS = 2_000
# uvicorn waits for a peer that does not read for as long as it takes. Far more than any
# line needs for a megabyte, and short enough that a stop does not wait for such a peer.
SEND_SECONDS = 5.0


class Close(Exception):
    """End the session with ``code``."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


async def send_in_time(send: Send, message: Message) -> bool:
    """Send; False when the peer is gone or does not read."""
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await send(message)
    except (OSError, RuntimeError):  # also TimeoutError
        return False
    return True


class Session:
    """What a connected bridge may do, and what it is told."""

    __slots__ = (
        "_configs",
        "_domain",
        "_found",
        "_identities",
        "_inbox",
        "_macs",
        "_presence",
        "_rate",
        "_reading",
        "_revision",
        "_rostering",
        "_send",
        "_sending",
        "_tasks",
        "auth",
        "ended",
        "heard_at",
        "info",
        "name",
        "roster_failed",
    )

    def __init__(
        self,
        *,
        info: BridgeInfo,
        name: str,
        auth: wire.Auth,
        send: Send,
        domain: Domain,
        inbox: Inbox,
        presence: PresenceCollector,
    ) -> None:
        self.info, self.name, self.auth = info, name, auth
        self.heard_at = time.monotonic()
        self.ended = False
        # The database did not give it: somebody asks again in a second.
        self.roster_failed = False
        self._send = send
        self._sending = asyncio.Lock()
        self._rostering = asyncio.Lock()
        self._reading: asyncio.Timeout | None = None
        self._domain, self._inbox, self._presence = domain, inbox, presence
        self._macs: dict[str, int] = {}
        self._identities: dict[str, tuple[str | None, str | None]] = {}
        self._revision: str | None = None
        self._found: wire.Found | None = None
        self._configs: dict[str, str] = {}
        self._rate = Bucket(MESSAGES_PER_SECOND, MESSAGES_BURST)
        self._tasks: set[asyncio.Task[None]] = set()

    # Out

    async def push(self, message: wire.ServerMessage) -> None:
        """Send one message; a session that has ended swallows it."""
        text = envelope.encode(message)
        if not self.ended and not await self._out(
            {"type": "websocket.send", "text": text}
        ):
            self._abandon()

    async def close(self, code: int, reason: str) -> None:
        """End the session from our side."""
        if self.ended:
            return
        self.ended = True
        metrics.BRIDGE_CLOSED.labels(str(code)).inc()
        log.info("bridge_closed", bridge=str(self.info.id), code=code, reason=reason)
        await self._out({"type": "websocket.close", "code": code})
        self._abandon()

    async def _out(self, message: Message) -> bool:
        """Whether it was sent; waiting for others' turns counts as well."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                async with self._sending:
                    await self._send(message)
        except (OSError, RuntimeError):  # gone, or it does not read
            return False
        return True

    def _abandon(self) -> None:
        """Wake the reader, which may wait for a peer that says nothing any more."""
        self.ended = True
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.reschedule(asyncio.get_running_loop().time())

    async def send_roster(self) -> None:
        """Tell the bridge what it serves, if that has changed.

        One at a time: an older roster must not overtake a newer one.
        """
        async with self._rostering:
            if self.ended:
                return
            self.roster_failed = True
            try:
                await self._send_roster()
            except envelope.Nonsense as error:
                # It keeps what it has: an older roster opens more doors than none.
                metrics.ROSTERS_UNSENDABLE.inc()
                log.error(
                    "roster_unsendable", bridge=str(self.info.id), error=str(error)
                )
            self.roster_failed = False

    async def _send_roster(self) -> None:
        roster, macs = await self._domain.roster(self.info.id)
        if not roster.revision:  # removed, and its hint was lost
            await self.close(4403, "revoked")
            return
        self._macs = macs
        if roster.revision != self._revision:
            await self.push(roster)
            self._revision = roster.revision

    async def send_command(self, command_id: uuid.UUID) -> None:
        """Claim the command and send it; another gateway may have been quicker."""
        if self.ended:
            return
        command = await self._domain.claim_command(command_id)
        if command is not None:
            metrics.COMMANDS.inc()
            await self.push(command)

    # In

    async def run(self, receive: Receive) -> None:
        """Serve until the bridge hangs up or :class:`Close` is raised."""
        try:
            async with asyncio.timeout(None) as self._reading:
                await self._read(receive)
        except TimeoutError:
            if not self.ended:  # not ours
                raise
        finally:
            self._reading = None

    async def _read(self, receive: Receive) -> None:
        while not self.ended:
            message = await receive()
            if message["type"] != "websocket.receive":
                return
            self.heard_at = time.monotonic()
            if not self._rate.take():
                raise Close(4429, "flooding")
            await self._handle(self._decoded(message))

    @staticmethod
    def _decoded(message: Message) -> wire.BridgeMessage:
        text = message.get("text")
        if not isinstance(text, str):
            raise Close(4400, "binary")
        try:
            return envelope.decode_from_bridge(text)
        except envelope.Nonsense as error:
            raise Close(4400, str(error)) from None

    async def _handle(self, message: wire.BridgeMessage) -> None:
        match message:
            case wire.Ping(n=number):
                await self.push(wire.Pong(number, to_ms(utcnow())))
            case wire.Event():
                await self._event(message)
            case wire.Presence():
                await self._contacts(message)
            case wire.CommandResult():
                self._spawn_result(message)
            case wire.Found():
                self._take_found(message)
            case wire.Auth():
                raise Close(4400, "auth again")

    async def _event(self, message: wire.Event) -> None:
        if self._revision is None:  # nobody knows yet what is whose
            await self._busy(message.id)
            return
        device_id = self._macs.get(message.mac)
        if device_id is None:
            metrics.EVENTS.labels("bridge", "unknown_device").inc()
            await self.push(wire.Refused((message.id,), "unknown_device"))
            return
        now = utcnow()
        event = IncomingEvent(
            device_id=device_id,
            source=EventSource.BRIDGE,
            kind=message.kind,
            data=dict(message.data),
            dedupe=message.id.bytes,
            occurred_at=min(from_ms(message.at), now),
            received_at=now,
        )
        try:
            stored = self._inbox.put(event)
        except Full:
            await self._busy(message.id)
            return
        if message.kind == EventKind.BOOTED:
            self._presence.restarted(device_id)
        # The next message need not wait for this one's commit.
        task = asyncio.create_task(self._acknowledge(message.id, stored))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _acknowledge(
        self, event_id: uuid.UUID, stored: asyncio.Future[None]
    ) -> None:
        try:
            await asyncio.shield(stored)
        except StoreFailed:
            await self._busy(event_id)
        else:
            metrics.EVENTS.labels("bridge", "stored").inc()
            await self.push(wire.Ack((event_id,)))

    async def _busy(self, event_id: uuid.UUID) -> None:
        metrics.EVENTS.labels("bridge", "busy").inc()
        await self.push(wire.Busy((event_id,), BUSY_MS))

    async def _contacts(self, message: wire.Presence) -> None:
        for unit in message.devices:
            device_id = self._macs.get(unit.mac)
            if device_id is None or not unit.online:
                continue  # silence speaks for itself after a while
            self._presence.heard(device_id, PresenceVia.BRIDGE, unit.address or "")
            if unit.config and self._configs.get(unit.mac) != unit.config:
                self._configs[unit.mac] = unit.config
                await self._domain.note_applied(device_id, unit.config)
            told = (unit.model, unit.firmware)
            if any(told) and self._identities.get(unit.mac) != told:
                self._identities[unit.mac] = told
                await self._domain.recognize(
                    device_id, unit.model or "", unit.firmware or ""
                )
                self._presence.restarted(device_id)
            if unit.sip:
                self._presence.registered(device_id)

    def _take_found(self, message: wire.Found) -> None:
        """Store the newest list, one at a time: nobody waits for it."""
        is_storing, self._found = self._found is not None, message
        if not is_storing:
            task = asyncio.create_task(self._store_found())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _store_found(self) -> None:
        stored: wire.Found | None = None
        try:
            while self._found is not None and self._found is not stored:
                stored = self._found
                await self._domain.note_found(self.info.id, stored)
        except StoreFailed as error:
            # The bridge tells it again when a unit asks again.
            log.error("found_not_stored", error=str(error))
        finally:
            self._found = None

    def _spawn_result(self, message: wire.CommandResult) -> None:
        task = asyncio.create_task(self._result(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _result(self, message: wire.CommandResult) -> None:
        try:
            known = await self._domain.record_result(self.info.id, message)
        except StoreFailed:
            await self._busy(message.id)
            return
        metrics.COMMAND_RESULTS.labels(message.state.value).inc()
        if known:
            await self.push(wire.Ack((message.id,)))
        else:
            await self.push(wire.Refused((message.id,), "unknown_command"))
