"""Threads that keep a database connection each."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import connections

# What a call that is still at it may take before its thread is not waited for.
_END_SECONDS = 5.0


def end_pool(pool: ThreadPoolExecutor, threads: int) -> None:
    """Stop ``pool`` of ``threads``; each of them closes its own database connections.

    What was submitted before is done first.
    """
    gate = threading.Barrier(threads)

    def leave() -> None:
        # Together, so that no thread closes twice while another never does.
        with contextlib.suppress(threading.BrokenBarrierError):
            gate.wait(_END_SECONDS)
        connections.close_all()

    for _ in range(threads):
        pool.submit(leave)
    pool.shutdown()
