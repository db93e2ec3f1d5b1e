"""A client that keeps many connections busy, one request at a time on each.

It runs in a process of its own and is one loop over epoll, without a framework, so that it
takes as little as possible from the server that it measures. Order and result are JSON.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from array import array
from collections import Counter
from dataclasses import asdict, dataclass, field

_CONNECT_SECONDS = 5.0
# Nothing has come for this long: the server hangs, and so would we.
_SILENCE_SECONDS = 10.0
_READ_BYTES = 256 * 1024
_LENGTH = b"content-length: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to send: ``heads`` in turn, each followed by a number that counts up and by
    the tail. Without ``tails`` the heads are whole requests."""

    port: int
    heads: list[str]
    tails: list[str] = field(default_factory=list)
    connections: int = 256
    seconds: float = 5.0
    first_number: int = 1
    # Whether the numbers that were answered with 200 are wanted.
    keep_numbers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came back. ``broken`` counts connections that ended before their answer."""

    statuses: dict[str, int]
    seconds: float
    broken: int
    median_ms: float
    p99_ms: float
    sent: int
    numbers: list[int]

    def answered(self, status: str) -> int:
        return self.statuses.get(status, 0)

    def per_second(self, status: str) -> float:
        return self.answered(status) / self.seconds

    @property
    def errors(self) -> int:
        """Answers that were neither 200 nor 304, and connections that broke."""
        good = self.answered("200") + self.answered("304")
        return sum(self.statuses.values()) - good + self.broken


class _Link:
    """One connection and the request that it waits for."""

    __slots__ = ("buffer", "number", "sent_at", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.buffer = b""
        self.number = 0
        self.sent_at = 0.0


class _Driver:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._heads = [head.encode() for head in load.heads]
        self._tails = [tail.encode() for tail in load.tails]
        self._next = load.first_number
        self._statuses: Counter[bytes] = Counter()
        self._times = array("d")
        self._numbers: list[int] = []
        self._broken = 0
        self._links: dict[int, _Link] = {}
        self._poll = select.epoll()

    def run(self) -> Measured:
        for _ in range(self._load.connections):
            address = ("127.0.0.1", self._load.port)
            connection = socket.create_connection(address, _CONNECT_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._links[connection.fileno()] = _Link(connection)
            self._poll.register(connection, select.EPOLLIN)
        started = time.perf_counter()
        for link in list(self._links.values()):
            self._send(link)
        self._serve(started + self._load.seconds)
        return self._measured(time.perf_counter() - started)

    def _serve(self, end: float) -> None:
        while self._links:
            ready = self._poll.poll(_SILENCE_SECONDS)
            if not ready:
                self._broken += len(self._links)
                return
            for number, _ in ready:
                link = self._links[number]
                try:
                    part = link.socket.recv(_READ_BYTES)
                except OSError:
                    part = b""
                if not part:
                    self._drop(link)
                    self._broken += 1
                    continue
                self._received(link, part, end)

    def _received(self, link: _Link, part: bytes, end: float) -> None:
        buffer = link.buffer + part if link.buffer else part
        if not _is_whole(buffer):
            link.buffer = buffer
            return
        link.buffer = b""
        now = time.perf_counter()
        self._times.append(now - link.sent_at)
        status = buffer[9:12]
        self._statuses[status] += 1
        if self._load.keep_numbers and status == b"200":
            self._numbers.append(link.number)
        if now < end:
            self._send(link)
        else:
            self._drop(link)

    def _send(self, link: _Link) -> None:
        number = self._next
        self._next += 1
        request = self._heads[number % len(self._heads)]
        if self._tails:
            tail = self._tails[number % len(self._tails)]
            request = b"%b%d%b" % (request, number, tail)
        link.number = number
        link.sent_at = time.perf_counter()
        try:
            link.socket.send(request)
        except OSError:
            self._drop(link)
            self._broken += 1

    def _drop(self, link: _Link) -> None:
        self._poll.unregister(link.socket)
        del self._links[link.socket.fileno()]
        link.socket.close()

    def _measured(self, seconds: float) -> Measured:
        times = sorted(self._times) or [0.0]
        return Measured(
            statuses={key.decode(): n for key, n in self._statuses.items()},
            seconds=seconds,
            broken=self._broken,
            median_ms=times[len(times) // 2] * 1000,
            p99_ms=times[int(len(times) * 0.99)] * 1000,
            sent=self._next - self._load.first_number,
            numbers=self._numbers,
        )


def _is_whole(buffer: bytes) -> bool:
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return False
    at = buffer.find(_LENGTH, 0, end)
    if at < 0:  # 304 has none
        return True
    at += len(_LENGTH)
    length = int(buffer[at : buffer.index(b"\r\n", at)])
    return len(buffer) >= end + 4 + length


if __name__ == "__main__":
    measured = _Driver(Load(**json.loads(sys.stdin.read()))).run()
    print(json.dumps(asdict(measured)))
