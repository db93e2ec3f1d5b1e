"""The embedded default: datagrams between the processes of one machine.

Every listening process binds a socket in one private folder; a publisher sends to each
socket that it finds there. No broker, nothing to supervise; a process that died leaves a
socket that refuses, which the next publisher removes.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from portico.kernel.bus import MAX_PAYLOAD_BYTES, Handler, Payload, deliver

log = structlog.get_logger(__name__)

# A burst fills the queue of a reader (Linux: ten datagrams) that is about to read; one
# that has stopped costs a sender this much, and then nothing for a while.
_FULL_SECONDS = 0.02
_STUCK_SECONDS = 0.2
# sun_path holds 108 bytes on Linux, with the closing zero.
_MAX_SOCKET_PATH = 107
_GONE = {errno.ECONNREFUSED, errno.ENOENT}


class LocalBus:
    """Hints over Unix datagram sockets in ``folder`` (made with mode 0700)."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.stat()
        if owner.st_uid != os.getuid() or owner.st_mode & 0o077:
            raise PermissionError(f"{folder} is not private to this account")
        self._folder = folder
        self._handlers: list[Handler] = []
        self._lock = threading.Lock()
        self._out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._out.settimeout(_FULL_SECONDS)
        self._stuck: dict[str, float] = {}
        self._inbox: socket.socket | None = None
        self._path: Path | None = None

    def publish(self, subject: str, payload: Payload) -> None:
        message = json.dumps([subject, payload]).encode()
        if len(message) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"hint on {subject} is too large")
        try:
            names = os.listdir(self._folder)  # noqa: PTH208 -- the quick one
        except FileNotFoundError:  # somebody tidied up: rows are polled anyway
            return
        targets = [f"{self._folder}/{name}" for name in names if name.endswith(".sock")]
        for target in targets:
            if self._stuck.get(target, 0.0) > time.monotonic():
                continue
            try:
                self._out.sendto(message, target)
            except OSError as error:
                self._undelivered(target, error)
            else:
                self._stuck.pop(target, None)

    def _undelivered(self, target: str, error: OSError) -> None:
        if error.errno in _GONE:
            self._stuck.pop(target, None)
            Path(target).unlink(missing_ok=True)
        else:  # a full queue: the reader polls its rows anyway
            self._stuck[target] = time.monotonic() + _STUCK_SECONDS
            log.debug("bus_hint_dropped", target=target, error=error.errno)

    def listen(self, handler: Handler) -> Callable[[], None]:
        with self._lock:
            self._handlers.append(handler)
            if self._inbox is None:
                self._start()

        def stop() -> None:
            with self._lock, contextlib.suppress(ValueError):
                self._handlers.remove(handler)

        return stop

    def _start(self) -> None:
        path = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}.sock"
        if len(os.fsencode(path)) > _MAX_SOCKET_PATH:
            raise ValueError(f"bus folder {self._folder} is too deep for a socket")
        inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        inbox.bind(str(path))
        self._inbox, self._path = inbox, path
        threading.Thread(
            target=self._read, args=(inbox,), name="local-bus", daemon=True
        ).start()

    def _read(self, inbox: socket.socket) -> None:
        with inbox:
            # An empty datagram is our own `close`.
            while message := inbox.recv(MAX_PAYLOAD_BYTES):
                try:
                    subject, payload = json.loads(message)
                except ValueError:
                    log.warning("bus_garbage")
                    continue
                deliver(self._handlers, subject, payload)

    def close(self) -> None:
        if self._path is not None:
            # An empty datagram wakes the reader, which then ends.
            with contextlib.suppress(OSError):
                self._out.sendto(b"", str(self._path))
            self._path.unlink(missing_ok=True)
        self._out.close()
