"""Bridge sessions without sockets: a peer that stops reading, a database that is slow.

A real socket takes megabytes before its peer's silence shows; here it shows at once.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable
from typing import Any, cast

from portico.gateway.bridge_sessions import BridgeSessions
from portico.gateway.domain import BridgeInfo, Domain, StoreFailed
from portico.gateway.http import ClientAddresses, Message
from portico.gateway.inbox import Inbox
from portico.gateway.presence import PresenceCollector
from portico.protocols.bridge import envelope, signing
from portico.protocols.bridge import messages as wire

PRIVATE = signing.generate_private_key()
SECONDS = 10.0


class MemoryDomain:
    """Everybody is known; rosters are what the test says."""

    def __init__(self) -> None:
        self.site = uuid.uuid4()
        self.revision = "1"
        self.touched: list[list[str]] = []
        self.rosters_asked = 0
        self.is_down = False
        self.lan: list[str] = []

    async def bridge(self, bridge_id: uuid.UUID) -> BridgeInfo:
        return BridgeInfo(bridge_id, self.site, signing.public_key(PRIVATE))

    async def begin_session(
        self, bridge_id: uuid.UUID, session: str, lan: str, version: str
    ) -> bool:
        self.lan.append(lan)
        return True

    async def end_session(self, bridge_id: uuid.UUID, session: str) -> None:
        """Nothing is kept."""

    async def waiting_commands(self, bridge_id: uuid.UUID) -> list[uuid.UUID]:
        return []

    async def all_waiting_commands(self) -> list[tuple[uuid.UUID, uuid.UUID]]:
        return []

    async def touch_sessions(self, sessions: list[str]) -> None:
        self.touched.append(sessions)

    async def roster(self, bridge_id: uuid.UUID) -> tuple[wire.Roster, dict[str, int]]:
        self.rosters_asked += 1
        if self.is_down:
            raise StoreFailed("locked")
        return wire.Roster(self.revision, ()), {}


class MemoryBridge:
    """One end of a session; while ``reads`` is not set, the server's sends hang."""

    def __init__(self, sessions: BridgeSessions, bridge_id: uuid.UUID) -> None:
        self.id = bridge_id
        self.reads = asyncio.Event()
        self.reads.set()
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._outgoing: asyncio.Queue[Message] = asyncio.Queue()
        self._incoming.put_nowait({"type": "websocket.connect"})
        self.serving = asyncio.create_task(
            sessions.serve(self._incoming.get, self._take)
        )

    async def _take(self, message: Message) -> None:
        await self.reads.wait()
        self._outgoing.put_nowait(message)

    def send(self, message: wire.BridgeMessage) -> None:
        text = envelope.encode(message)
        self._incoming.put_nowait({"type": "websocket.receive", "text": text})

    async def next(self) -> Any:
        """The next message, or the code of the close."""
        async with asyncio.timeout(SECONDS):
            while True:
                message = await self._outgoing.get()
                if message["type"] == "websocket.close":
                    return message["code"]
                if message["type"] == "websocket.send":
                    return envelope.decode_from_server(message["text"])

    async def authenticate(self, lan: str | None = None) -> None:
        challenge = await self.next()
        signature = signing.sign(PRIVATE, challenge.nonce, self.id)
        self.send(wire.Auth(self.id, signature, 1, "0.1.0", lan))
        assert isinstance(await self.next(), wire.Ready)


class House:
    """The sessions of one gateway around a :class:`MemoryDomain`."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self.domain = MemoryDomain()
        self.sessions = BridgeSessions(
            cast("Domain", self.domain),
            cast("Inbox", None),
            cast("PresenceCollector", None),
            ClientAddresses(trusted),
            "test",
        )

    def bridge(self, bridge_id: uuid.UUID | None = None) -> MemoryBridge:
        return MemoryBridge(self.sessions, bridge_id or uuid.uuid4())

    async def connected(self, bridge_id: uuid.UUID | None = None) -> MemoryBridge:
        """A bridge that has its first roster."""
        bridge = self.bridge(bridge_id)
        await bridge.authenticate()
        assert isinstance(await bridge.next(), wire.Roster)
        return bridge


async def soon(condition: Any) -> None:
    """Let the loop run until ``condition`` holds."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 -- there is nothing to be woken by
            await asyncio.sleep(0.005)
