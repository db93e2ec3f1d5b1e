"""``portico serve --demo`` as a person starts it, for tests of whole journeys."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.nats import free_port
from tests.waiting import eventually

# Two minutes even where the machine does other things; usually it takes twenty seconds.
READY_SECONDS = 120.0
STOP_SECONDS = 40.0


class House:
    """A running demo: its address and what its demo.json tells."""

    def __init__(self, data: Path, port: int, process: subprocess.Popen[str]) -> None:
        self.data = data
        self.port = port
        self.process = process
        self.base = f"http://127.0.0.1:{port}"

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.data / "demo.json").read_text())
        return found

    def children(self) -> dict[str, int]:
        """Process ids of the roles by name."""
        return {
            name: pid
            for pid, name in _children_of(self.process.pid)
            if name in {"web", "gateway", "worker", "simulate", "bridge"}
        }

    def stop(self) -> int:
        """Ctrl-C; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=STOP_SECONDS)


def _children_of(parent: int) -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            status = (entry / "stat").read_text().rpartition(")")[2].split()
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended since
            continue
        if int(status[1]) == parent and len(words) > 3:
            yield int(entry.name), words[3].decode()


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "portico", *words]


def clean_environment() -> dict[str, str]:
    """This environment without what the test run has set for itself."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PORTICO_")}
    kept.pop("DJANGO_SETTINGS_MODULE", None)
    return kept


def start(data: Path, port: int = 0) -> House:
    """Start a demo and wait until it says that it is ready."""
    port = port or free_port()
    output = (data.parent / f"{data.name}.log").open("w+")
    process = subprocess.Popen(
        command("serve", "--demo", "--port", str(port), "--data", str(data)),
        stdout=output,
        stderr=subprocess.STDOUT,
        env=clean_environment(),
        text=True,
    )

    def is_ready() -> bool:
        text = Path(output.name).read_text()
        assert process.poll() is None, text
        return f"Portico is ready: http://127.0.0.1:{port}" in text

    try:
        eventually(is_ready, "the demo did not become ready", READY_SECONDS)
    except AssertionError:
        process.kill()
        raise
    finally:
        output.close()
    return House(data, port, process)


@contextmanager
def demo(data: Path) -> Iterator[House]:
    """A demo for the length of the block."""
    house = start(data)
    try:
        yield house
    finally:
        if house.process.poll() is None:
            house.stop()
