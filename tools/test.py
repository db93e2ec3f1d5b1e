"""The whole suite: on PostgreSQL, which is started here on a free port, then on SQLite.

The browser and process tests run once, in the second part: they bring their own SQLite.
pytest's summary is the last thing printed.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
_START_SECONDS = 60


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _as_postgres(command: Sequence[str]) -> list[str]:
    """PostgreSQL refuses to run as root; its package brings an account."""
    if os.geteuid() != 0:
        return list(command)
    return ["runuser", "-u", "postgres", "--", *command]


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """A server of its own for this run; yields its URL."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    folder = Path(tempfile.mkdtemp(prefix="portico-pg-"))
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
    port, data = _free_port(), folder / "data"
    quiet: dict[str, Any] = {
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "cwd": folder,
    }
    init = ["-D", str(data), "-U", "portico", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(_as_postgres([str(programs / "initdb"), *init]), check=True, **quiet)
    options = ["-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-F"]
    server = subprocess.Popen(
        _as_postgres([str(programs / "postgres"), "-D", str(data), *options]), **quiet
    )
    try:
        _wait_for(port)
        yield f"postgres://portico@127.0.0.1:{port}/postgres"
    finally:
        stop = [str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"]
        subprocess.run(_as_postgres(stop), check=False, **quiet)
        server.wait(timeout=_START_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=1),
        ):
            return
        time.sleep(0.1)
    raise TimeoutError("PostgreSQL did not start")


def pytest(title: str, *words: str, **environment: str) -> int:
    """Run pytest over two workers; returns its exit code."""
    print(f"=== {title}", flush=True)
    command = [str(BIN / "pytest"), "-q", "-n", "2", "--dist", "loadfile", *words]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=False)
    return done.returncode


def main() -> int:
    """Run both parts, whatever the first gave; 1 if any failed."""
    with postgresql() as url:
        first = pytest(
            "PostgreSQL", "-m", "not e2e and not bare", PORTICO_DATABASE_URL=url
        )
        second = pytest("SQLite, processes, browser", PORTICO_TEST_POSTGRESQL_URL=url)
    if first:
        print("the run on PostgreSQL failed, see above")
    return int(bool(first or second))


if __name__ == "__main__":
    raise SystemExit(main())
