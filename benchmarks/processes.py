"""An installation of its own for each benchmark, and the processes that belong to it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

from portico.config.keys import load_or_make_keys
from portico.config.start import free_port, start_django

ROOT = Path(__file__).resolve().parents[1]
_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
_LOOK_SECONDS = 0.05
_PR_SET_PDEATHSIG = 1
_TICKS = os.sysconf("SC_CLK_TCK")


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Program:
    """One process that the benchmark started; its output goes into the data folder."""

    def __init__(
        self, name: str, command: list[str], data: Path, extra: Mapping[str, str]
    ) -> None:
        self.name = name
        self._log = Path(data, f"{name}.log").open("ab")  # noqa: SIM115 -- until stop()
        self._process = subprocess.Popen(  # noqa: S603 -- our own command line
            command,
            cwd=ROOT,
            env={**os.environ, **extra},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if name.startswith("client") else self._log,
            stderr=self._log,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 -- one call, no Python state
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, seconds: float) -> int:
        """Its exit code, when it ends by itself."""
        return self._process.wait(seconds)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def ask(self, text: str, seconds: float) -> str:
        """Hand ``text`` to a client and return what it prints until it ends."""
        out, _ = self._process.communicate(text.encode(), timeout=seconds)
        if self._process.returncode:
            raise RuntimeError(f"{self.name} ended with {self._process.returncode}")
        return out.decode()

    def tell(self, text: str) -> None:
        """Hand one line to a client that goes on."""
        stream = self._process.stdin
        assert stream is not None
        stream.write(text.encode() + b"\n")
        stream.flush()

    def line(self) -> str:
        """The next line that a client prints. :raises RuntimeError: it has ended."""
        stream = self._process.stdout
        assert stream is not None
        text = stream.readline().decode()
        if not text:
            raise RuntimeError(f"{self.name} ended by itself; see its log")
        return text

    def kill(self) -> None:
        """SIGKILL, as the kernel does it when memory runs out."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it in order, or by force after a while."""
        if self.is_running:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                stream.close()

    def resident_kib(self) -> int:
        """Resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text("utf-8")
        line = next(x for x in status.splitlines() if x.startswith("VmRSS"))
        return int(line.split()[1])

    def cpu_seconds(self) -> float:
        """Processor time used since its start, of user and kernel."""
        stat = Path(f"/proc/{self.pid}/stat").read_text("utf-8")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


class Installation:
    """A folder with a database and keys; make it with :func:`installation`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        # Where devices find the gateway: their files say so.
        self.port = free_port()
        self._programs: list[Program] = []

    def start(
        self,
        name: str,
        module: str,
        *words: str,
        extra: Mapping[str, str] | None = None,
    ) -> Program:
        """Run ``python -m module words…`` until the benchmark ends."""
        command = [sys.executable, "-m", module, *words]
        program = Program(name, command, self.data, extra or {})
        self._programs.append(program)
        return program

    def gateway(self) -> Program:
        """A gateway process that answers."""
        program = self.start("gateway", "portico", "gateway", "--port", str(self.port))
        wait_for(f"http://127.0.0.1:{self.port}/readyz", program)
        return program

    def stop_all(self) -> None:
        for program in reversed(self._programs):
            program.stop()


def wait_for(address: str, program: Program, seconds: float = _READY_SECONDS) -> None:
    """Return when ``address`` answers; :raises RuntimeError: it never does."""
    deadline = time.monotonic() + seconds
    with httpx.Client(timeout=5, trust_env=False) as client:
        while time.monotonic() < deadline:
            if not program.is_running:
                raise RuntimeError(f"{program.name} ended by itself; see its log")
            with contextlib.suppress(httpx.HTTPError):
                if client.get(address).is_success:
                    return
            time.sleep(_LOOK_SECONDS)
    raise RuntimeError(f"{program.name} did not get ready")


def raise_file_limit() -> int:
    """As many open files as this account may have; returns how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@contextlib.contextmanager
def installation(data: Path, *, with_database: bool) -> Iterator[Installation]:
    """Portico in ``data``: demo settings, loopback only, Django loaded in this process.

    :param with_database: False for a benchmark whose processes make their own.
    """
    place = Installation(data)
    os.environ |= load_or_make_keys(data) | {
        "PORTICO_MODE": "demo",
        "PORTICO_DATA": str(data),
        "PORTICO_LOG_FORMAT": "json",
        "PORTICO_PUBLIC_URL": f"http://127.0.0.1:{place.port}",
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
    }
    raise_file_limit()
    bus = None
    try:
        trouble = start_django()
        if trouble:
            raise RuntimeError(trouble)
        bus = _bus_folder()
        if with_database:
            from django.core.management import call_command  # noqa: PLC0415 -- set up

            call_command("migrate", verbosity=0, interactive=False)
            call_command("createcachetable", verbosity=0)
        yield place
    finally:
        place.stop_all()
        if bus is not None:
            shutil.rmtree(bus, ignore_errors=True)


def _bus_folder() -> Path:
    from django.conf import settings  # noqa: PLC0415 -- needs the environment

    folder: Path = settings.ENVIRONMENT.bus_folder
    return folder
