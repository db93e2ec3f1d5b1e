"""The gateway role as a process: uvicorn around :class:`Gateway`."""

from __future__ import annotations

import gc
import resource
import socket

import uvicorn

from portico.gateway.server import Gateway
from portico.gateway.tolerant import TolerantProtocol

# How long open requests may take to end when the process is told to stop.
_GRACE_SECONDS = 10
# Devices keep connections for their next poll; longer than most NAT bindings is useless.
_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 4096
_MAX_FRAME_BYTES = 64 * 1024
# Every event makes some hundred objects, none of them in a cycle.
_COLLECT_AFTER = 50_000


class GatewayServer(uvicorn.Server):
    """Tells the gateway first, so that open streams do not hold up the stop."""

    def __init__(self, gateway: Gateway, host: str, port: int) -> None:
        self.gateway = gateway
        super().__init__(_config(gateway, host, port))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self.gateway.announce_stop()
        await super().shutdown(sockets)


def _config(gateway: Gateway, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        gateway,
        host=host,
        port=port,
        loop="uvloop",
        http=TolerantProtocol,
        ws="websockets-sansio",
        ws_max_size=_MAX_FRAME_BYTES,
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


def run_gateway(gateway: Gateway, host: str, port: int) -> int:
    """Serve until SIGINT or SIGTERM; returns the process's exit code."""
    _tune()
    server = GatewayServer(gateway, host, port)
    server.run()
    return 0 if server.started else 1


def _tune() -> None:
    """Settle what belongs to the whole process."""
    # A bridge is an open file, and shells give 1,024 of many more.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # What is loaded by now stays: no collection needs to look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)
