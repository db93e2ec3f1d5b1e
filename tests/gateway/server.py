"""A real gateway on a free port, in a thread of the test process."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from portico.gateway.domain import Domain
from portico.gateway.process import GatewayServer
from portico.gateway.server import Gateway
from portico.kernel.bus import Bus
from tests.waiting import LONGEST_SECONDS


class RunningGateway:
    """Address and inner parts of a gateway that serves."""

    def __init__(self, gateway: Gateway, domain: Domain, port: int, sip: int) -> None:
        self.gateway = gateway
        self.domain = domain
        self.base = f"http://127.0.0.1:{port}"
        self.ws = f"ws://127.0.0.1:{port}"
        self.sip = ("127.0.0.1", sip)

    def end_streams(self) -> None:
        """End the live streams, as a stop does."""
        self.gateway._live.close()

    def pending_contacts(self) -> dict[int, object]:
        """Who was heard of and is not written yet."""
        return dict(self.gateway._presence._pending)


class _Server(GatewayServer):
    def __init__(self, gateway: Gateway, port: int) -> None:
        super().__init__(gateway, "127.0.0.1", port)
        self.up = threading.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the test runner's."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@contextmanager
def running_gateway(
    bus: Bus,
    *,
    web: str = "",
    sip_port: int = 0,
    gateway_id: str = "test",
    port: int = 0,
    remote: str = "",
    image_rate: int = 0,
) -> Iterator[RunningGateway]:
    """Serve until the block ends."""
    domain = Domain()
    gateway = Gateway(
        domain=domain,
        bus=bus,
        gateway_id=gateway_id,
        trusted_proxies=[],
        session_cookie="portico_session",
        web=web,
        scheme="http",
        metrics_token="",
        remote=remote,
        image_rate=image_rate,
        sip=("127.0.0.1", sip_port) if sip_port else None,
    )
    server = _Server(gateway, port)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        assert server.up.wait(LONGEST_SECONDS), "the gateway did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield RunningGateway(gateway, domain, port, sip_port)
    finally:
        server.should_exit = True
        thread.join()
