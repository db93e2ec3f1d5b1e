"""Action-URL events per second, each durable before its answer, beside a plain view."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks.load import Load, Measured, drive
from benchmarks.processes import Installation, wait_for
from benchmarks.table import Row
from portico.config.start import free_port

if TYPE_CHECKING:
    from benchmarks.world import Unit

TARGET = 8.0
# Each unit may report 50 events a second for long; this many share the load.
UNITS = 2_000
# What the web role runs with by default.
THREADS = 4


def run(place: Installation, *, quick: bool) -> list[Row]:
    from benchmarks.world import make_units  # noqa: PLC0415 -- needs models

    rounds, seconds = (2, 2.0) if quick else (4, 4.0)
    units = make_units(UNITS)
    ports = {"gateway": place.port, "view": free_port()}
    place.gateway()
    start_plain(place, ports["view"])
    found: dict[str, list[Measured]] = {"gateway": [], "view": [], "bare": []}
    first = 1
    for at in range(rounds + 1):
        for name, prefix in (("gateway", "e"), ("view", "e"), ("bare", "n")):
            load = event_load(
                units,
                port=ports["gateway" if name == "gateway" else "view"],
                prefix=prefix,
                seconds=seconds,
                first_number=first,
            )
            measured = drive(place, load)
            first += measured.sent
            if at:  # the first round warms up
                found[name].append(measured)
    return _rows(found)


def start_plain(place: Installation, port: int) -> None:
    """The plain views, served on ``port``."""
    plain = {"DJANGO_SETTINGS_MODULE": "benchmarks.settings.plain"}
    words = ("--port", str(port), "--threads", str(THREADS))
    program = place.start("plain", "benchmarks.plain.server", *words, extra=plain)
    wait_for(f"http://127.0.0.1:{port}/ready", program)


def event_load(
    units: list[Unit],
    *,
    port: int,
    seconds: float,
    first_number: int,
    prefix: str = "e",
    keep_numbers: bool = False,
) -> Load:
    """A granted PIN of every unit in turn, as our templates make it; the number is the
    user's name, so that no two reports are alike."""
    return Load(
        port=port,
        heads=[
            f"GET /{prefix}/{unit.event_secret}?event=ValidCodeEntered&user="
            for unit in units
        ],
        tails=[
            f"&code=4711&mac={unit.mac}&ip=192.168.1.20&model=R29&fw=29.30.10.103"
            "&cfg=5f0d1c2a HTTP/1.1\r\nHost: localhost\r\n"
            "User-Agent: Akuvox R29 29.30.10.103\r\nAccept: */*\r\n\r\n"
            for unit in units
        ],
        seconds=seconds,
        first_number=first_number,
        keep_numbers=keep_numbers,
    )


def _rows(found: dict[str, list[Measured]]) -> list[Row]:
    speed = {
        name: median(m.per_second("200") for m in each) for name, each in found.items()
    }
    errors = sum(m.errors for each in found.values() for m in each)
    latency = median(m.median_ms for m in found["gateway"])
    late = median(m.p99_ms for m in found["gateway"])
    ratio = speed["gateway"] / speed["view"]
    return [
        Row(
            benchmark="events",
            what="durable events on SQLite, plain view finds the device and writes",
            measured=f"{speed['gateway']:,.0f}/s",
            beside=f"{speed['view']:,.0f}/s",
            ratio=f"{ratio:.1f}",
            target=f">= {TARGET:.0f}",
            passed=ratio >= TARGET and errors == 0,
        ),
        Row(
            benchmark="events",
            what="the same, plain view only writes",
            measured=f"{speed['gateway']:,.0f}/s",
            beside=f"{speed['bare']:,.0f}/s",
            ratio=f"{speed['gateway'] / speed['bare']:.1f}",
        ),
        Row(
            benchmark="events",
            what=f"time to the answer, 256 connections; errors: {errors}",
            measured=f"{latency:.1f} ms, p99 {late:.1f} ms",
        ),
    ]
