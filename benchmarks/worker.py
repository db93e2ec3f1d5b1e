"""Jobs: how many are ordered and done per second, and how soon a dead worker's go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.jobs import NOTHING, WAIT
from benchmarks.processes import Installation
from benchmarks.table import Row

TAKEOVER_SECONDS = 30.0
_LONGEST_SECONDS = 90.0
_LOOK_SECONDS = 0.02


def run(place: Installation, *, quick: bool) -> list[Row]:
    count = 300 if quick else 2_000
    enqueued = _enqueue(count)
    drained = _drain(place)
    takeover = _takeover(place)
    return [
        Row(
            benchmark="worker",
            what=f"{count:,} jobs, each ordered in a transaction of its own, then done",
            measured=f"{enqueued:,.0f}/s ordered",
            beside=f"{drained:,.0f}/s done",
        ),
        Row(
            benchmark="worker",
            what="a worker is killed in the middle of a job: another goes on after",
            measured=f"{takeover:.1f} s",
            target=f"<= {TAKEOVER_SECONDS:.0f} s",
            passed=takeover <= TAKEOVER_SECONDS,
        ),
    ]


def _enqueue(count: int) -> float:
    from portico.kernel.queue import enqueue  # noqa: PLC0415 -- wired by now

    started = time.perf_counter()
    for _ in range(count):
        enqueue(NOTHING)
    return count / (time.perf_counter() - started)


def _drain(place: Installation) -> float:
    from portico.jobs.models import Job  # noqa: PLC0415 -- needs models

    whole = Job.objects.count()
    program = place.start("worker", "benchmarks.jobs")
    _until(lambda: Job.objects.count() < whole)
    first, started = Job.objects.count(), time.perf_counter()
    _until(lambda: not Job.objects.exists())
    speed = first / (time.perf_counter() - started)
    program.stop()
    return speed


def _takeover(place: Installation) -> float:
    from portico.kernel.queue import enqueue  # noqa: PLC0415 -- wired by now

    workers = [place.start(f"worker-{name}", "benchmarks.jobs") for name in "ab"]
    notes = Path(place.data, "takeover")
    enqueue(WAIT, path=str(notes))
    _until(lambda: len(_pids(notes)) == 1)
    victim = next(w for w in workers if w.pid == _pids(notes)[0])
    victim.kill()
    killed = time.perf_counter()
    _until(lambda: len(_pids(notes)) == 2)
    return time.perf_counter() - killed


def _pids(notes: Path) -> list[int]:
    return [int(x) for x in notes.read_text().split()] if notes.exists() else []


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LONGEST_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the worker did not do its work")
        time.sleep(_LOOK_SECONDS)
