"""Thousands of bridges in one process: authenticated sessions that only ping.

One line of JSON comes in (port, keys, seconds), one says that all are connected, one what
became of them.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, cast
from uuid import UUID

import aiohttp
import uvloop
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from benchmarks.processes import raise_file_limit
from portico.protocols.bridge import envelope, signing
from portico.protocols.bridge import messages as wire

# A little more often than the contract asks: an asyncio tick is never early.
_PING_SECONDS = 18.0
# The contract: without a pong for this long a bridge gives the connection up.
_DEAD_SECONDS = 45.0
_READY_SECONDS = 60.0
# Who enters at the same time; boxes after a restart of the server are no fewer.
_AT_ONCE = 100
_TICK_SECONDS = 0.1
# A port serves one connection from one address to one server; this many addresses do.
_ADDRESSES = 4


@dataclass(frozen=True, slots=True)
class Held:
    """How it ended."""

    alive: int
    closed: int
    pongs: int


class Fetching:
    """What units do that are told to fetch: they get their files and say so."""

    def __init__(self, port: int, files: dict[str, str]) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._files = files
        self._http = aiohttp.ClientSession()
        self._tasks: set[asyncio.Task[None]] = set()

    def obey(self, box: _Box, command: wire.Command) -> None:
        task = asyncio.create_task(self._fetch(box, command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fetch(self, box: _Box, command: wire.Command) -> None:
        now = int(time.time() * 1000)
        done = wire.CommandState.ACKNOWLEDGED
        box.send(wire.CommandResult(command.id, done, "", now, 1))
        if command.kind == envelope.FETCH_CONFIGURATION:
            await self.get(command.mac)

    async def get(self, mac: str) -> None:
        """The unit's file, as the unit asks for it."""
        async with self._http.get(self._base + self._files[mac]) as answer:
            await answer.read()

    async def close(self) -> None:
        await self._http.close()


class _Box(asyncio.Protocol):
    """One session."""

    def __init__(self, port: int, bridge: UUID, private: bytes) -> None:
        self._bridge, self._private = bridge, private
        uri = parse_uri(f"ws://127.0.0.1:{port}/bridge/v1/session")
        self._protocol = ClientProtocol(uri)
        self._transport: asyncio.Transport | None = None
        self.ready = asyncio.get_running_loop().create_future()
        self.on_command: Callable[[_Box, wire.Command], None] | None = None
        self.heard_at = 0.0
        self.pongs = 0
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # No isinstance: uvloop's transport is no asyncio.Transport.
        self._transport = cast("asyncio.Transport", transport)
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._take(envelope.decode_from_server(bytes(event.data).decode()))
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionResetError("closed"))

    def _take(self, message: wire.ServerMessage) -> None:
        match message:
            case wire.Challenge(nonce=nonce):
                signature = signing.sign(self._private, nonce, self._bridge)
                self.send(wire.Auth(self._bridge, signature, 1, "0.1.0", None))
            case wire.Ready():
                self.heard_at = time.monotonic()
                self.ready.set_result(None)
            case wire.Pong():
                self.heard_at = time.monotonic()
                self.pongs += 1
            case wire.Command() if self.on_command is not None:
                self.on_command(self, message)
            case _:
                return

    def send(self, message: wire.BridgeMessage) -> None:
        self._protocol.send_text(envelope.encode(message).encode())
        self._flush()

    def _flush(self) -> None:
        assert self._transport is not None
        for data in self._protocol.data_to_send():
            self._transport.write(data)

    @property
    def is_alive(self) -> bool:
        return not self.closed and time.monotonic() - self.heard_at < _DEAD_SECONDS


async def _connect(
    port: int,
    keys: list[tuple[str, str]],
    boxes: list[_Box],
    units: Fetching | None = None,
) -> None:
    """Let all enter; each is in ``boxes`` as soon as its session is ready."""
    gate = asyncio.Semaphore(_AT_ONCE)
    loop = asyncio.get_running_loop()

    async def enter(number: int, bridge: str, private: str) -> None:
        async with gate:
            box = _Box(port, UUID(bridge), signing.from_base64url(private))
            box.on_command = units.obey if units is not None else None
            source = (f"127.0.0.{1 + number % _ADDRESSES}", 0)
            await loop.create_connection(
                lambda: box, "127.0.0.1", port, local_addr=source
            )
            await asyncio.wait_for(box.ready, _READY_SECONDS)
            boxes.append(box)

    await asyncio.gather(*(enter(number, *key) for number, key in enumerate(keys)))


async def _ping(boxes: list[_Box]) -> None:
    """Every box every 20 seconds, all of them spread over that time."""
    number, owed = 0, 0.0
    while True:
        await asyncio.sleep(_TICK_SECONDS)
        owed += len(boxes) * _TICK_SECONDS / _PING_SECONDS
        while owed >= 1:
            owed -= 1
            number += 1
            box = boxes[number % len(boxes)]
            if not box.closed:
                box.send(wire.Ping(number))


async def _hold(order: dict[str, Any]) -> None:
    boxes: list[_Box] = []
    pinging = asyncio.create_task(_ping(boxes))
    files: dict[str, str] = order.get("files", {})
    units = Fetching(order["port"], files) if files else None
    await _connect(order["port"], order["keys"], boxes, units)
    if units is not None:
        started = time.monotonic()
        await asyncio.gather(*(units.get(mac) for mac in files))
        print(f"fetched {time.monotonic() - started}", flush=True)
    print(f"connected {len(boxes)}", flush=True)
    before = sum(box.pongs for box in boxes)
    await asyncio.sleep(order["seconds"])
    pinging.cancel()
    if units is not None:
        await units.close()
    held = Held(
        alive=sum(box.is_alive for box in boxes),
        closed=sum(box.closed for box in boxes),
        pongs=sum(box.pongs for box in boxes) - before,
    )
    print(json.dumps(asdict(held)), flush=True)


if __name__ == "__main__":
    raise_file_limit()
    uvloop.run(_hold(json.loads(sys.stdin.readline())))
