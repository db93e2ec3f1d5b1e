"""``portico bridge`` processes that belong to simulated homes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from portico.simulator.core import logger
from portico.simulator.state import write_private

# A crashed bridge comes back soon, one that cannot start does not fill the log.
FIRST_RESTART_SECONDS: Final = 1.0
LONGEST_RESTART_SECONDS: Final = 30.0
# A bridge that lived this long was healthy.
HEALTHY_SECONDS: Final = 60.0
# It writes its queue to disk on SIGTERM; then it is killed.
STOP_SECONDS: Final = 10.0
# What `portico bridge` reads its token from.
TOKEN_VARIABLE: Final = "PORTICO_BRIDGE_TOKEN"  # noqa: S105 -- a variable's name
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


COMMAND: list[str] = [sys.executable, "-m", "portico", "bridge"]


class BadBridge(ValueError):
    """The order names no bridge that could be started."""


@dataclass(slots=True)
class _Bridge:
    name: str
    server: str
    token: str = field(repr=False, default="")
    task: asyncio.Task[None] | None = None
    process: asyncio.subprocess.Process | None = None
    starts: int = 0


class BridgeSupervisor:
    """Keeps bridges running, and starts them again after a simulator restart.

    ``pnp`` is where they listen for units of theirs that ask for their configuration.
    The token is used for the first start only and is not written to disk.
    """

    def __init__(self, folder: Path, *, pnp: tuple[str, int] | None) -> None:
        self._folder = folder
        self._pnp = ["--pnp", f"{pnp[0]}:{pnp[1]}"] if pnp else ["--no-pnp"]
        self._index = folder / "bridges.json"
        self._bridges: dict[str, _Bridge] = {}

    def load(self) -> None:
        """Start the bridges that were there before."""
        if self._index.exists():
            for entry in json.loads(self._index.read_text("utf-8")):
                self._run(_Bridge(name=entry["name"], server=entry["server"]))

    async def put(self, *, name: str, server: str, token: str) -> dict[str, Any]:
        """Start a bridge; one of that name that runs already is replaced.

        :raises BadBridge: the name is no plain word, or the server no http address.
        """
        if not _NAME.fullmatch(name) or name.startswith("."):
            raise BadBridge("name is made of letters, digits, dot, dash, underscore")
        if not server.startswith(("http://", "https://")):
            raise BadBridge("server is an http address")
        if name in self._bridges:
            await self._stop(self._bridges[name])
        bridge = _Bridge(name=name, server=server, token=token)
        self._run(bridge)
        self._save()
        return self._shown(bridge)

    async def remove(self, name: str) -> bool:
        """Stop a bridge for good; its data stays. False when there is none."""
        bridge = self._bridges.pop(name, None)
        if bridge is None:
            return False
        await self._stop(bridge)
        self._save()
        return True

    def shown(self) -> list[dict[str, Any]]:
        return [self._shown(bridge) for bridge in self._bridges.values()]

    async def close(self) -> None:
        await asyncio.gather(*(self._stop(each) for each in self._bridges.values()))

    def _shown(self, bridge: _Bridge) -> dict[str, Any]:
        return {
            "name": bridge.name,
            "server": bridge.server,
            "running": bridge.process is not None,
            "starts": bridge.starts,
            "data": str(self._data(bridge)),
        }

    def _run(self, bridge: _Bridge) -> None:
        self._bridges[bridge.name] = bridge
        bridge.task = asyncio.get_running_loop().create_task(self._supervise(bridge))

    def _data(self, bridge: _Bridge) -> Path:
        return self._folder / "bridges" / bridge.name

    def _save(self) -> None:
        entries = [
            {"name": each.name, "server": each.server}
            for each in self._bridges.values()
        ]
        write_private(self._index, json.dumps(entries))

    async def _supervise(self, bridge: _Bridge) -> None:
        loop, wait = asyncio.get_running_loop(), FIRST_RESTART_SECONDS
        while True:
            started = loop.time()
            code = await self._once(bridge)
            if loop.time() - started > HEALTHY_SECONDS:
                wait = FIRST_RESTART_SECONDS
            logger.warning("bridge %s ended with %s", bridge.name, code)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_RESTART_SECONDS)

    async def _once(self, bridge: _Bridge) -> int:
        data = self._data(bridge)
        data.mkdir(parents=True, exist_ok=True)
        command = [*COMMAND, "--server", bridge.server]
        # Not in the arguments: those are shown to everybody on the machine.
        environment = os.environ | {TOKEN_VARIABLE: bridge.token}
        command += ["--data", str(data), "--listen", "127.0.0.1:0", *self._pnp]
        log = os.open(
            data / "bridge.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
        )
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )
        finally:
            os.close(log)
        bridge.process = process
        bridge.starts += 1
        try:
            return await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise
        finally:
            bridge.process = None

    async def _stop(self, bridge: _Bridge) -> None:
        if bridge.task is not None:
            bridge.task.cancel()
            await asyncio.gather(bridge.task, return_exceptions=True)
            bridge.task = None


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
