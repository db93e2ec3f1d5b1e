"""``portico web``: Django over WSGI."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from granian import Granian
from granian.constants import Interfaces

from portico.config.start import complain, port_trouble, start_django

# One thread answers the most pages; the others are for those who wait for a door.
_THREADS = 4
_STOP_SECONDS = 10


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="portico web")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=_THREADS)
    options = parser.parse_args(argv)
    trouble = start_django() or port_trouble(options.host, options.port)
    if trouble:
        return complain(trouble)
    server = Granian(
        "portico.config.wsgi:application",
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=options.workers,
        blocking_threads=options.threads,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
        log_access=False,
    )
    server.serve()
    return 0
