"""Thousands of virtual units in one process, falling silent and coming back by a script.

One line of JSON comes in; one says that the units run; one tells when each cable was
pulled and put back, in seconds since 1970.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from benchmarks.processes import raise_file_limit
from portico.simulator.light import LightFleet

_MODEL = "R20A"


async def _live(order: dict[str, Any]) -> None:
    done: list[tuple[int, str, float]] = []
    async with LightFleet.start(contact_seconds=order["contact_seconds"]) as fleet:
        for mac, url in order["units"]:
            await fleet.add(mac=mac, model=_MODEL, url=url)
        units = list(fleet.units.values())
        print("running", flush=True)
        started = time.monotonic()
        for at, number, act in order["script"]:
            await asyncio.sleep(max(0.0, started + at - time.monotonic()))
            if act == "silent":
                await units[number].go_offline()
                done.append((number, act, time.time()))
            else:
                done.append((number, act, time.time()))
                await units[number].go_online()
        await asyncio.sleep(max(0.0, started + order["seconds"] - time.monotonic()))
        print(json.dumps(done), flush=True)


if __name__ == "__main__":
    raise_file_limit()
    asyncio.run(_live(json.loads(sys.stdin.readline())))
