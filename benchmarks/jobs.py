"""A worker process whose jobs do nothing, or wait: what the worker itself costs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from portico.config.roles import worker
from portico.kernel.queue import job

NOTHING, WAIT = "benchmarks.nothing", "benchmarks.wait"
_WAIT_SECONDS = 120.0


@job(NOTHING)
def do_nothing() -> None:
    return


@job(WAIT)
def wait_first_time(path: str) -> None:
    """Say who runs it; the first to do so is killed while it waits."""
    with Path(path).open("a", encoding="utf-8") as notes:
        notes.write(f"{os.getpid()}\n")
    if len(Path(path).read_text("utf-8").splitlines()) == 1:
        time.sleep(_WAIT_SECONDS)


if __name__ == "__main__":
    sys.exit(worker.main(sys.argv[1:]))
