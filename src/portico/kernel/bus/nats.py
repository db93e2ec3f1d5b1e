"""The bus of many machines: a NATS server, or a cluster of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Sequence

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

import nats
from portico.kernel.bus import MAX_PAYLOAD_BYTES, Handler, Payload, deliver

log = structlog.get_logger(__name__)

# Reconnecting is for ever; two seconds between tries keeps the rows' polling in charge.
_RECONNECT_SECONDS = 2
_CONNECT_TIMEOUT_SECONDS = 5
_CANCEL_SECONDS = 0.2


class NatsBus:
    """Hints over NATS subjects under ``prefix``; the client lives in its own thread."""

    def __init__(self, servers: Sequence[str], prefix: str = "portico") -> None:
        self._servers = list(servers)
        self._prefix = prefix
        self._handlers: list[Handler] = []
        self._client: Client | None = None
        self._loop = asyncio.new_event_loop()
        self._connecting: asyncio.Task[None]
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nats-bus", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._connecting = self._loop.create_task(self._connect())
        self._loop.run_forever()
        self._loop.close()

    async def _connect(self) -> None:
        # allow_reconnect and max_reconnect_attempts=-1 cover the first connection too
        # only in part, so it is tried here until it stands.
        while True:
            try:
                self._client = await nats.connect(
                    self._servers,
                    connect_timeout=_CONNECT_TIMEOUT_SECONDS,
                    reconnect_time_wait=_RECONNECT_SECONDS,
                    max_reconnect_attempts=-1,
                    error_cb=self._complain,
                )
                break
            except (OSError, nats.errors.Error) as error:
                await self._complain(error)
                await asyncio.sleep(_RECONNECT_SECONDS)
        await self._client.subscribe(f"{self._prefix}.>", cb=self._receive)
        await self._client.flush()
        self._ready.set()

    async def _complain(self, error: Exception) -> None:
        log.warning("nats_trouble", error=str(error) or type(error).__name__)

    async def _receive(self, message: Msg) -> None:
        subject = message.subject.removeprefix(f"{self._prefix}.")
        payload = json.loads(message.data)
        deliver(self._handlers, subject, payload)

    def wait_ready(self, timeout: float) -> bool:
        """Whether the connection stood within ``timeout`` seconds."""
        return self._ready.wait(timeout)

    def publish(self, subject: str, payload: Payload) -> None:
        message = json.dumps(payload).encode()
        if len(message) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"hint on {subject} is too large")
        client = self._client
        if client is None:
            log.debug("bus_hint_dropped", subject=subject)
            return

        async def send() -> None:
            with contextlib.suppress(nats.errors.Error):
                await client.publish(f"{self._prefix}.{subject}", message)

        asyncio.run_coroutine_threadsafe(send(), self._loop)

    def listen(self, handler: Handler) -> Callable[[], None]:
        self._handlers.append(handler)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._handlers.remove(handler)

        return stop

    def close(self) -> None:
        async def leave() -> None:
            # The client tries again after an error, and takes a cancellation that comes in
            # the same moment for one.
            while not self._connecting.done():
                self._connecting.cancel()
                await asyncio.wait({self._connecting}, timeout=_CANCEL_SECONDS)
            await asyncio.gather(self._connecting, return_exceptions=True)
            if self._client is not None:
                await self._client.close()
            self._loop.stop()

        asyncio.run_coroutine_threadsafe(leave(), self._loop)
        self._thread.join(timeout=_CONNECT_TIMEOUT_SECONDS)
