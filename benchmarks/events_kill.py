"""SIGKILL under load: every event that was answered 200 is in the database."""

from __future__ import annotations

import random
import threading

from benchmarks.events import UNITS, event_load
from benchmarks.load import drive
from benchmarks.processes import Installation
from benchmarks.table import Row

_LOAD_SECONDS = 20.0


def run(place: Installation, *, quick: bool) -> list[Row]:
    from benchmarks.world import make_units  # noqa: PLC0415 -- needs models

    rounds = 2 if quick else 5
    units = make_units(UNITS)
    chance = random.Random()  # noqa: S311 -- no secret
    answered: set[int] = set()
    sent = 1
    for _ in range(rounds):
        gateway = place.gateway()
        load = event_load(
            units,
            port=place.port,
            seconds=_LOAD_SECONDS,
            first_number=sent,
            keep_numbers=True,
        )
        killer = threading.Timer(chance.uniform(1.5, 4.5), gateway.kill)
        killer.start()
        measured = drive(place, load)
        killer.join()
        sent += measured.sent
        answered.update(measured.numbers)
    stored = _stored_numbers()
    lost = answered - stored
    return [
        Row(
            benchmark="events-kill",
            what=f"{rounds} times SIGKILL under load: answered events that are stored",
            measured=f"{len(answered & stored):,} of {len(answered):,}",
            beside=f"{sent - 1:,} sent, {len(stored):,} stored",
            ratio=f"{len(lost)} lost",
            target="0 lost",
            passed=not lost and bool(answered),
        )
    ]


def _stored_numbers() -> set[int]:
    from portico.events.models import Event  # noqa: PLC0415 -- needs models

    rows = Event.objects.values_list("data", flat=True)
    return {int(data["user"]) for data in rows.iterator()}
