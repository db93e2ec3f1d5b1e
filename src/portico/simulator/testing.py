"""The simulator as a process, for tests that are not asynchronous.

Inside an event loop use :class:`portico.simulator.virtual.VirtualUnit` instead::

    async with VirtualUnit.start(mac="0C1105000001", model="R20A", url=url) as unit:
        await unit.act("pin", code="1234")
        await unit.wait_fired("RelayATriggered")
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

from portico.simulator.cli import TOKEN_VARIABLE
from portico.simulator.virtual import VirtualUnit

__all__ = ["SimulatorError", "SimulatorProcess", "VirtualUnit"]

# Importing on a busy two-core machine.
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
REQUEST_SECONDS: Final = 15.0
WAIT_SECONDS: Final = 10.0


class SimulatorError(AssertionError):
    """The process did not start, or refused an order."""


class SimulatorProcess:
    """Runs ``python -m portico.simulator`` and speaks its control API.

    >>> with SimulatorProcess(state=tmp_path) as simulator:
    ...     simulator.add_device("0C1105000001", "R20A", url)
    ...     simulator.act("0C1105000001", "pin", code="1234")
    """

    def __init__(
        self, *, state: Path | None = None, arguments: tuple[str, ...] = ()
    ) -> None:
        self._arguments = [*arguments, *(("--state", str(state)) if state else ())]
        self._token = secrets.token_urlsafe(16)
        self._process: subprocess.Popen[str] | None = None
        self._client: httpx.Client | None = None
        self.ready: dict[str, Any] = {}

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "portico.simulator"]
        command += ["--control", "127.0.0.1:0", *self._arguments]
        source = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, TOKEN_VARIABLE: self._token, "PYTHONPATH": path},
        )
        try:
            self.ready = self._ready_line()
        except SimulatorError:
            self._end()
            raise
        self._client = httpx.Client(
            base_url=self.ready["control"],
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=REQUEST_SECONDS,
            trust_env=False,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client is not None:
            self._client.close()
        self._end()

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def devices(self) -> list[dict[str, Any]]:
        """What ``GET /devices`` lists."""
        found: list[dict[str, Any]] = self._ask("GET", "/devices")
        return found

    def device(self, mac: str) -> dict[str, Any]:
        """Everything about one device."""
        found: dict[str, Any] = self._ask("GET", f"/devices/{mac}")
        return found

    def add_device(
        self, mac: str, model: str, url: str = "", **more: Any
    ) -> dict[str, Any]:
        """Add a device, or re-provision one that is there."""
        order = {"mac": mac, "model": model, "url": url, **more}
        made: dict[str, Any] = self._ask("POST", "/devices", order)
        return made

    def remove_device(self, mac: str) -> None:
        self._ask("DELETE", f"/devices/{mac}")

    def configure(self, mac: str, values: dict[str, str]) -> None:
        """Change settings on the device itself, past all provisioning."""
        self._ask("POST", f"/devices/{mac}/config", values)

    def act(self, mac: str, act: str, **params: Any) -> dict[str, Any]:
        """Do something to a device."""
        order = {"act": act, **params}
        done: dict[str, Any] = self._ask("POST", f"/devices/{mac}/act", order)
        return done

    def wait_fired(
        self, mac: str, suffix: str, *, count: int = 1, seconds: float = WAIT_SECONDS
    ) -> list[dict[str, Any]]:
        """Wait until a device has sent ``count`` action URLs of that event.

        :raises SimulatorError: it did not in time.
        """
        query = f"suffix={suffix}&count={count}&seconds={seconds}"
        found: list[dict[str, Any]] = self._ask("GET", f"/devices/{mac}/fired?{query}")
        return found

    def start_bridge(self, server: str, token: str, name: str) -> dict[str, Any]:
        order = {"server": server, "token": token, "name": name}
        shown: dict[str, Any] = self._ask("POST", "/bridges", order)
        return shown

    def bridges(self) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = self._ask("GET", "/bridges")
        return shown

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        if self._client is None:
            raise SimulatorError("use it in a with block")
        wait = REQUEST_SECONDS + WAIT_SECONDS
        answer = self._client.request(method, path, json=body, timeout=wait)
        if not answer.is_success:
            raise SimulatorError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def _ready_line(self) -> dict[str, Any]:
        process = self._process
        if process is None or process.stdout is None:
            raise SimulatorError("not started")
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(START_SECONDS):
                raise SimulatorError("the simulator did not become ready")
        line = process.stdout.readline()
        try:
            ready = json.loads(line)
        except ValueError as error:
            raise SimulatorError(f"the simulator did not start: {line!r}") from error
        return dict(ready)

    def _end(self) -> None:
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
