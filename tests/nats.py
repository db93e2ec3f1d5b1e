"""A NATS server for a test, and free ports."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def short_folder() -> Path:
    """A folder that does not exist yet; pytest's own may be too deep for a socket."""
    return Path(tempfile.gettempdir(), f"portico-t-{secrets.token_hex(4)}")


@contextmanager
def running_nats() -> Iterator[str]:
    """A NATS server of this test's own; yields its URL."""
    program = shutil.which("nats-server")
    assert program, "nats-server is missing; `make test` installs it"
    port = free_port()
    server = subprocess.Popen(
        [program, "-a", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"nats://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=10)
