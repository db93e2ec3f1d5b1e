"""``portico bridge``: arguments, signals, exit codes."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from portico import __version__
from portico.bridge.agent import Agent
from portico.bridge.errors import BadUsage, BridgeError
from portico.bridge.logs import configure
from portico.bridge.pnp import ANY, PnpSettings
from portico.bridge.settings import Settings
from portico.protocols.akuvox.pnp import GROUP

TOKEN_VARIABLE: Final = "PORTICO_BRIDGE_TOKEN"  # noqa: S105  # a name, no secret
PNP_VARIABLE: Final = "PORTICO_BRIDGE_PNP"
INTERFACE_VARIABLE: Final = "PORTICO_BRIDGE_PNP_INTERFACE"
_LISTEN: Final = "0.0.0.0:8089"
_PNP: Final = f"{GROUP[0]}:{GROUP[1]}"
_OFF: Final = "off"
# The server stores 64 characters.
_NAME_CHARS: Final = 64


def main(argv: Sequence[str]) -> int:
    """Run a bridge until SIGTERM or SIGINT.

    Prints one JSON line when it is enrolled and listens on the LAN. Returns 0 after a
    clean end, 1 on failure, 2 for wrong usage, 3 for a refused token, 4 if another
    bridge uses the data directory.
    """
    # Everything in the data directory is for this account only.
    os.umask(0o077)
    options = _parser().parse_args(argv)
    configure(verbose=options.verbose)
    try:
        settings = _settings(options)
        settings.check()
        asyncio.run(_run(settings))
    except BridgeError as error:
        sys.stderr.write(f"portico bridge: {error}\n")
        return error.exit_code
    return 0


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await Agent(settings, version=__version__).run(stop, _announce)


def _announce(bridge_id: UUID, listen: str) -> None:
    line = {"ready": True, "bridge_id": str(bridge_id), "listen": listen}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(
        server=options.server,
        data=options.data,
        listen=_host_port(options.listen, "--listen"),
        name=options.name[:_NAME_CHARS],
        lan_url=options.lan_url,
        ca=options.ca,
        token=options.token or os.environ.get(TOKEN_VARIABLE, ""),
        is_insecure_allowed=options.insecure_http,
        pnp=_pnp(options),
    )


def _pnp(options: argparse.Namespace) -> PnpSettings | None:
    if options.no_pnp or options.pnp == _OFF:
        return None
    return PnpSettings(_host_port(options.pnp, "--pnp"), options.pnp_interface)


def _host_port(text: str, option: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise BadUsage(f"{option} must be HOST:PORT")
    return host, int(port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="portico bridge",
        description="Connect the intercoms of a home with a Portico server.",
    )
    add = parser.add_argument
    add("--server", required=True, metavar="URL", help="https address of the server")
    add(
        "--token",
        default="",
        help=f"enrolment token of the first start; better in {TOKEN_VARIABLE}",
    )
    add("--data", required=True, type=Path, metavar="DIR", help="key, queue, roster")
    add("--listen", default=_LISTEN, metavar="HOST:PORT", help=f"default {_LISTEN}")
    add("--name", default=socket.gethostname(), help="default: the host's name")
    add(
        "--lan-url",
        default="",
        metavar="URL",
        help="how devices reach the listener, where that cannot be found out",
    )
    add("--ca", type=Path, metavar="FILE", help="own certificate authority, PEM")
    add(
        "--insecure-http",
        action="store_true",
        help="allow an http server that is not this machine",
    )
    add("--verbose", action="store_true", help="log unanswered polls too")
    _add_pnp(parser)
    return parser


def _add_pnp(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--pnp",
        default=os.environ.get(PNP_VARIABLE) or _PNP,
        metavar="HOST:PORT",
        help=f"where units ask for their configuration, default {_PNP}, or {_OFF};"
        f" also {PNP_VARIABLE}",
    )
    add(
        "--pnp-interface",
        default=os.environ.get(INTERFACE_VARIABLE) or ANY,
        metavar="ADDRESS",
        help="address of ours on the units' network, where there are several;"
        f" also {INTERFACE_VARIABLE}",
    )
    add("--no-pnp", action="store_true", help="do not tell units their address")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
