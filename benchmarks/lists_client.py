"""In a process of its own, so that it may be on either database: seeds and looks.

Reads how many rows, once and once more, as a JSON list; prints what was measured.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

from portico.config.start import start_django

_TRIES = 7
# By what a row in the middle is found: every list has one with this in its name.
_NEEDLE = "00777"


def main() -> None:
    trouble = start_django()
    if trouble:
        raise RuntimeError(trouble)
    from django.core.management import call_command  # noqa: PLC0415 -- set up by now

    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)
    from benchmarks.lists_world import ListsWorld  # noqa: PLC0415 -- needs models

    world = ListsWorld()
    found = []
    for count in json.load(sys.stdin):
        world.grow(count)
        found.append({title: _measure(world, title) for title in world.lists})
    print(json.dumps(found))


def _measure(world: Any, title: str) -> dict[str, float]:
    address, browser = world.address(title), world.browser(title)
    last = -(-world.count // _page_size())
    return {
        "queries": _queries(browser, address),
        "first page": _median_ms(browser, address),
        "search": _median_ms(browser, f"{address}?q={_NEEDLE}"),
        "last page": _median_ms(browser, f"{address}?page={last}"),
        # Nought where there is no file.
        "export": _export_ms(browser, f"{address}?export=csv"),
    }


def _page_size() -> int:
    from portico.portals.shared.lists import PAGE_SIZE  # noqa: PLC0415 -- set up by now

    return PAGE_SIZE


def _queries(browser: Any, address: str) -> int:
    from django.db import connection  # noqa: PLC0415 -- set up by now
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415 -- as above

    browser.get(address)
    with CaptureQueriesContext(connection) as queries:
        browser.get(address)
    return len(queries)


def _median_ms(browser: Any, address: str) -> float:
    times = []
    for _ in range(_TRIES):
        started = time.perf_counter()
        answer = browser.get(address)
        if answer.status_code != 200:
            raise RuntimeError(f"{address} answered {answer.status_code}")
        times.append((time.perf_counter() - started) * 1_000)
    return statistics.median(times)


def _export_ms(browser: Any, address: str) -> float:
    started = time.perf_counter()
    answer = browser.get(address)
    if not answer.streaming:
        return 0.0
    for _part in answer.streaming_content:
        pass
    return (time.perf_counter() - started) * 1_000


if __name__ == "__main__":
    main()
