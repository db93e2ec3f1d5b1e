"""``portico simulate``: virtual units as a process of their own."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from portico.simulator.bridges import BridgeSupervisor
from portico.simulator.control import application
from portico.simulator.core import Clock, World
from portico.simulator.fleet import Fleet, FleetError, summary
from portico.simulator.state import BadState

TOKEN_VARIABLE: Final = "PORTICO_SIM_CONTROL_TOKEN"  # noqa: S105 - a variable's name
EXIT_USAGE: Final = 2
# Requests to the control API that are being answered when the process is stopped.
SHUTDOWN_SECONDS: Final = 1.0


class UsageError(Exception):
    """The command cannot run as it was given; one line says why."""


@dataclass(frozen=True, slots=True)
class _Options:
    units: list[dict[str, Any]]
    state: Path | None
    control: tuple[str, int] | None
    token: str
    clock: Clock
    rtsp: bool
    pnp: tuple[str, int] | None


def main(argv: Sequence[str]) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code: 0, or 2 for a usage error."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.INFO if arguments.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
        stream=sys.stderr,
    )
    try:
        asyncio.run(_run(_options(arguments)))
    except (UsageError, FleetError, BadState) as error:
        sys.stderr.write(f"portico simulate: {error}\n")
        return EXIT_USAGE
    except KeyboardInterrupt:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="portico simulate", description="Virtual intercom devices."
    )
    parser.add_argument("--mac", help="one unit: its MAC address")
    parser.add_argument("--model", default="R20A", help="one unit: its model")
    parser.add_argument("--url", default="", help="one unit: provisioning URL")
    parser.add_argument("--name", default="", help="one unit: a name for people")
    parser.add_argument("--house", type=Path, help="JSON list of units")
    parser.add_argument("--state", type=Path, help="directory of the units' memory")
    parser.add_argument("--control", help="HOST:PORT of the control API")
    parser.add_argument(
        "--control-token", default=os.environ.get(TOKEN_VARIABLE, ""), help="its token"
    )
    parser.add_argument(
        "--time-scale", type=float, default=1.0, help="device seconds per second"
    )
    parser.add_argument("--pnp", help="HOST:PORT where new units ask for their URL")
    parser.add_argument("--no-rtsp", action="store_true", help="no camera streams")
    parser.add_argument("--verbose", action="store_true", help="log what units do")
    return parser


def _options(arguments: argparse.Namespace) -> _Options:
    units = _house(arguments.house) if arguments.house else []
    if arguments.mac:
        names = ("mac", "model", "url", "name")
        units.append({name: getattr(arguments, name) for name in names})
    control = _address("--control", arguments.control) if arguments.control else None
    if control and not arguments.control_token:
        raise UsageError(f"--control needs --control-token or {TOKEN_VARIABLE}")
    if not (units or control or arguments.state):
        raise UsageError("nothing to simulate: give --mac, --house or --control")
    if not arguments.time_scale > 0:
        raise UsageError("--time-scale must be greater than 0")
    return _Options(
        units=units,
        state=arguments.state,
        control=control,
        token=arguments.control_token,
        clock=Clock(arguments.time_scale),
        rtsp=not arguments.no_rtsp,
        pnp=_address("--pnp", arguments.pnp) if arguments.pnp else None,
    )


def _house(path: Path) -> list[dict[str, Any]]:
    try:
        units = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from error
    allowed = {"mac", "model", "url", "name", "label"}
    for place, unit in enumerate(units if isinstance(units, list) else [None], 1):
        if not isinstance(unit, dict) or not {"mac", "model"} <= set(unit) <= allowed:
            raise UsageError(f"{path}: entry {place} needs mac, model and maybe url")
    return list(units)


def _address(option: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"{option} is HOST:PORT, not {text}")
    return host, int(port)


async def _run(options: _Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(World.open_session())
        world = World(
            session, clock=options.clock, state_dir=options.state, pnp=options.pnp
        )
        folder = options.state or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="portico-sim-"))
        )
        fleet = Fleet(world, rtsp=options.rtsp)
        bridges = BridgeSupervisor(folder, pnp=options.pnp)
        stack.push_async_callback(fleet.close)
        stack.push_async_callback(bridges.close)
        app = application(fleet, bridges, token=options.token)
        control = await _serve(app, options.control, stack)
        await fleet.load()
        for unit in options.units:
            await fleet.put(**{"url": "", **unit})
        bridges.load()
        devices = [summary(unit) for unit in fleet.units]
        line = {"ready": True, "control": control, "devices": devices}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        await stop.wait()


async def _serve(
    app: web.Application, address: tuple[str, int] | None, stack: AsyncExitStack
) -> str | None:
    if address is None:
        return None
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    host, port = address
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UsageError(f"cannot listen on {host}:{port}: {reason}") from error
    bound = runner.addresses[0]
    return f"http://{host}:{bound[1]}"
