"""Waiting for something to become true, without a guess how long it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# Far above what anything takes; a failure shows as a failure, not as a hang.
LONGEST_SECONDS = 120.0
_LOOK_SECONDS = 0.02


def eventually(
    condition: Callable[[], object], what: str = "", seconds: float = LONGEST_SECONDS
) -> None:
    """Return as soon as ``condition`` holds. :raises AssertionError: it never did."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, what or "it did not come true in time"
        pause.wait(_LOOK_SECONDS)
