"""Units that poll, fall silent and come back: every change of presence is seen, once."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.processes import Installation
from benchmarks.table import Row

if TYPE_CHECKING:
    from benchmarks.world import Unit

ONLINE_SECONDS, OFFLINE_SECONDS = 5.0, 90.0
_LOOK_SECONDS = 0.5
# Silent for so long is away; a unit that is back so soon never was. Between the two lies
# what the time of its last contact decides.
_AWAY = (100.0, 115.0)
_NOT_AWAY = (3.0, 15.0)

_Act = tuple[float, int, str]


@dataclass(slots=True)
class _Watch:
    """What the database showed: (online, when it happened, when it was seen)."""

    changes: dict[int, list[tuple[bool, float, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    hints: Counter[tuple[int, bool]] = field(default_factory=Counter)
    _last: dict[int, Any] = field(default_factory=dict)

    def look(self) -> None:
        from portico.devices.models import Presence  # noqa: PLC0415 -- needs models

        rows = Presence.objects.values_list("pk", "is_online", "changed_at")
        now = time.time()
        for pk, is_online, changed_at in rows:
            if self._last.get(pk) != changed_at:
                self._last[pk] = changed_at
                self.changes[pk].append((is_online, changed_at.timestamp(), now))

    def hinted(self, subject: str, payload: dict[str, Any]) -> None:
        if subject == "presence.changed":
            self.hints[payload["device"], payload["online"]] += 1


def run(place: Installation, *, quick: bool) -> list[Row]:
    from benchmarks.world import make_units, publish_files  # noqa: PLC0415 -- models
    from portico.kernel.bus import current_bus  # noqa: PLC0415 -- installed by now

    count, seconds, contact = (300, 135.0, 10.0) if quick else (5_000, 300.0, 30.0)
    units = make_units(count)
    publish_files()
    place.gateway()
    place.start("worker", "portico", "worker")
    watch = _Watch()
    unlisten = current_bus().listen(watch.hinted)
    order = {
        "units": [
            (u.mac, f"http://127.0.0.1:{place.port}/p/{u.file_secret}/") for u in units
        ],
        "contact_seconds": contact,
        "seconds": seconds,
        "script": _script(count, seconds, contact),
    }
    client = place.start("client", "benchmarks.fleet")
    client.tell(json.dumps(order))
    client.line()
    acts = _watched(client.line, watch)
    unlisten()
    return _rows(units, acts, watch, seconds)


def _script(count: int, seconds: float, contact: float) -> list[_Act]:
    """Three of ten go away, three of ten only hiccup, the others stay."""
    chance = random.Random()  # noqa: S311 -- no secret
    script: list[_Act] = []
    for number in range(count):
        lot = chance.random()
        if lot < 0.6:
            bounds = _AWAY if lot < 0.3 else _NOT_AWAY
            gone = chance.uniform(contact + 2, seconds - _AWAY[1])
            back = min(gone + chance.uniform(*bounds), seconds - 6)
            script += [(gone, number, "silent"), (back, number, "back")]
    return sorted(script)


def _watched(line: Callable[[], str], watch: _Watch) -> list[tuple[int, str, float]]:
    """Look at the database until the fleet's script is over."""
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(line()))
    reader.start()
    while reader.is_alive():
        watch.look()
        reader.join(_LOOK_SECONDS)
    watch.look()
    acts: list[tuple[int, str, float]] = json.loads(found[0])
    return acts


@dataclass(slots=True)
class _Verdict:
    expected: int = 0
    missed: int = 0
    extra: int = 0
    late: int = 0
    online: list[float] = field(default_factory=list)
    offline: list[float] = field(default_factory=list)


def _rows(
    units: list[Unit], acts: list[tuple[int, str, float]], watch: _Watch, seconds: float
) -> list[Row]:
    by_unit: dict[int, list[float]] = defaultdict(list)
    for number, _, at in acts:
        by_unit[number].append(at)
    verdict = _Verdict()
    for number, unit in enumerate(units):
        _judge(verdict, by_unit.get(number, []), watch.changes[unit.device_id])
    hints = sum(watch.hints.values())
    good = not (verdict.missed or verdict.extra or verdict.late)
    return [
        Row(
            benchmark="presence",
            what=f"{len(units):,} units for {seconds:.0f} s, {len(acts) // 2:,} silent"
            f" for a while: changes seen, {hints:,} hints on the bus",
            measured=f"{verdict.expected - verdict.missed:,} of {verdict.expected:,}",
            beside=f"{verdict.extra} too many",
            ratio=f"{verdict.late} late",
            target="all, none late",
            passed=good,
        ),
        Row(
            benchmark="presence",
            what="slowest to be seen online after the first contact,"
            " offline after the cable was pulled",
            measured=f"{max(verdict.online, default=0):.1f} s",
            beside=f"{max(verdict.offline, default=0):.1f} s",
            target=f"<= {ONLINE_SECONDS:.0f} s, {OFFLINE_SECONDS:.0f} s",
            passed=not verdict.late,
        ),
    ]


def _judge(
    verdict: _Verdict, acts: list[float], changes: list[tuple[bool, float, float]]
) -> None:
    """Compare one unit's script with what was seen of it."""
    is_away = len(acts) == 2 and acts[1] - acts[0] >= _AWAY[0] - 1
    wanted = [True, False, True] if is_away else [True]
    seen = [is_online for is_online, _, _ in changes]
    verdict.expected += len(wanted)
    verdict.missed += max(0, len(wanted) - len(seen))
    verdict.extra += max(0, len(seen) - len(wanted))
    if seen != wanted:
        return
    waits = [(changes[0][2] - changes[0][1], ONLINE_SECONDS, verdict.online)]
    if is_away:
        waits.append((changes[1][2] - acts[0], OFFLINE_SECONDS, verdict.offline))
        waits.append((changes[2][2] - acts[1], ONLINE_SECONDS, verdict.online))
    for wait, limit, waited in waits:
        waited.append(wait)
        verdict.late += wait > limit
