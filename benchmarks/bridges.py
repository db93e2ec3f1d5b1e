"""Idle bridges on one gateway process: whether they stay, and what they cost."""

from __future__ import annotations

import json
import time

from benchmarks.boxes import Held
from benchmarks.processes import Installation
from benchmarks.table import Row
from portico.protocols.bridge import signing

# The first ping of each comes within 20 seconds; the load of entering is over by then.
_SETTLE_SECONDS = 10.0


def run(place: Installation, *, quick: bool) -> list[Row]:
    from benchmarks.world import make_bridges  # noqa: PLC0415 -- needs models

    count, hold = (1_000, 10.0) if quick else (10_000, 60.0)
    keys = [
        (str(box.id), signing.to_base64url(box.private)) for box in make_bridges(count)
    ]
    gateway = place.gateway()
    before = gateway.resident_kib()
    client = place.start("client", "benchmarks.boxes")
    started = time.monotonic()
    seconds = _SETTLE_SECONDS + hold
    client.tell(json.dumps({"port": place.port, "keys": keys, "seconds": seconds}))
    connected = int(client.line().split()[1])
    entering = time.monotonic() - started
    time.sleep(_SETTLE_SECONDS)
    cpu = gateway.cpu_seconds()
    held = Held(**json.loads(client.line()))
    share = (gateway.cpu_seconds() - cpu) / hold
    each = (gateway.resident_kib() - before) / count
    return [
        Row(
            benchmark="bridges",
            what=f"idle bridges on one gateway, held for {hold:.0f} s,"
            f" {held.pongs:,} pings answered",
            measured=f"{held.alive:,} of {count:,} alive",
            beside=f"connected at {connected / entering:,.0f}/s",
            target="all",
            passed=held.alive == count,
        ),
        Row(
            benchmark="bridges",
            what="memory of the gateway for each, and its processor while idle",
            measured=f"{each:.1f} KiB",
            beside=f"{before / 1024:.0f} MiB without",
            ratio=f"{share:.0%} of a core",
        ),
    ]
