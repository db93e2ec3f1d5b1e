"""The bridge as its users run it: a process with a command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.waiting import LONGEST_SECONDS

ROOT = Path(__file__).parents[2]
TOKEN = "token-1"


class BridgeProcess:
    """One run of the program; ``log`` holds its structured lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.ready_line: dict[str, Any] = {}
        self._changed = asyncio.Condition()
        self._reader = asyncio.create_task(self._read_errors())

    @property
    def listen(self) -> str:
        return str(self.ready_line["listen"])

    async def ready(self) -> None:
        """Wait for the line on stdout.

        :raises AssertionError: the program ended instead.
        """
        assert self.process.stdout is not None
        async with asyncio.timeout(LONGEST_SECONDS):
            line = await self.process.stdout.readline()
        assert line, "".join(self.errors) or self.log
        self.ready_line = json.loads(line)

    async def logged(self, event: str, **fields: Any) -> dict[str, Any]:
        """Wait for a log line with these fields."""

        def found() -> dict[str, Any] | None:
            wanted = {"event": event, **fields}
            lines = (line for line in self.log if wanted.items() <= line.items())
            return next(lines, None)

        async with asyncio.timeout(LONGEST_SECONDS), self._changed:
            await self._changed.wait_for(found)
        return found() or {}

    async def terminate(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        """SIGKILL: no goodbye, no flush."""
        self.process.kill()
        await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(LONGEST_SECONDS):
            code = await self.process.wait()
            await self._reader
        return code

    def memory_kib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1])

    async def _read_errors(self) -> None:
        assert self.process.stderr is not None
        async for raw in self.process.stderr:
            line = raw.decode()
            if line.startswith("{"):
                self.log.append(json.loads(line))
            else:
                self.errors.append(line)
            async with self._changed:
                self._changed.notify_all()


@asynccontextmanager
async def bridge(
    server: str,
    data: Path,
    *arguments: str,
    token: str = TOKEN,
    prelude: str = "",
    limit: Callable[[], None] | None = None,
    is_ready: bool = True,
) -> AsyncIterator[BridgeProcess]:
    """A running bridge; killed at the end if the test has not ended it.

    :param prelude: Python that runs in the process before the bridge is imported.
    """
    start = ["-m", "portico.bridge.cli"]
    if prelude:
        code = f"{prelude}\nimport runpy\n"
        code += "runpy.run_module('portico.bridge.cli', run_name='__main__')"
        start = ["-c", code]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PORTICO", "DJANGO"))
    }
    environment |= {"PYTHONPATH": str(ROOT / "src"), "PORTICO_BRIDGE_TOKEN": token}
    # Tests of plug and play name an address of their own.
    environment |= {"PORTICO_BRIDGE_PNP": "off"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *start,
        *("--server", server, "--data", str(data), "--listen", "127.0.0.1:0"),
        *("--name", "test-box", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        preexec_fn=limit,
    )
    running = BridgeProcess(process)
    try:
        if is_ready:
            await running.ready()
        yield running
    finally:
        if process.returncode is None:
            await running.kill()
