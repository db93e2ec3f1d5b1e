"""The same thing done by several threads at one moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


def at_once(act: Callable[[int], T], count: int) -> list[T | Exception]:
    """What ``act`` gave or raised in each of ``count`` threads that start together."""
    barrier = threading.Barrier(count)
    results: list[T | Exception] = []

    def run(number: int) -> None:
        try:
            barrier.wait(30)
            results.append(act(number))
        except Exception as error:  # noqa: BLE001 -- the test looks at it
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == count
    return results
