"""The gateway role as a process: uvicorn around :class:`Gateway`."""

from __future__ import annotations

import socket

import uvicorn

from portico.gateway.server import Gateway

# How long open requests may take to end when the process is told to stop.
_GRACE_SECONDS = 10
# Devices keep connections for their next poll; longer than most NAT bindings is useless.
_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 4096
_MAX_FRAME_BYTES = 64 * 1024


class _Server(uvicorn.Server):
    """Tells the gateway first, so that open streams do not hold up the stop."""

    gateway: Gateway

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.gateway.announce_stop()
        await super().shutdown(sockets)


def run_gateway(gateway: Gateway, host: str, port: int) -> int:
    """Serve until SIGINT or SIGTERM; returns the process's exit code."""
    config = uvicorn.Config(
        gateway,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=_MAX_FRAME_BYTES,
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    server.gateway = gateway
    server.run()
    return 0 if server.started else 1
