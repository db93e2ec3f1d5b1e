"""Jobs for the tests of the worker; a worker process imports this module."""

from __future__ import annotations

import threading
from pathlib import Path

from portico.kernel.queue import PermanentError, RetryPolicy, job

NEVER = 3600.0


@job("tests.note")
def note(path: str, text: str) -> None:
    """Add a line to ``path``."""
    with Path(path).open("a", encoding="utf-8") as stream:
        stream.write(f"{text}\n")


@job("tests.hang_once")
def hang_once(path: str) -> None:
    """The first time: say so and hang, as in the middle of long work; then be done."""
    file = Path(path)
    if not file.exists():
        file.write_text("begun\n", "utf-8")
        threading.Event().wait(NEVER)
    note(path, "done")


@job("tests.fail", retry=RetryPolicy(attempts=3))
def fail() -> None:
    raise OSError("not today")


@job("tests.hopeless")
def hopeless() -> None:
    raise PermanentError("never")
