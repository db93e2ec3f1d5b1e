"""Serves the plain views as the web role is served: granian, WSGI."""

from __future__ import annotations

import argparse

from granian import Granian
from granian.constants import Interfaces


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.plain.server")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    Granian(
        "benchmarks.plain.wsgi:application",
        address="127.0.0.1",
        port=options.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=options.threads,
        log_access=False,
    ).serve()


if __name__ == "__main__":
    main()
