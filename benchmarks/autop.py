"""Provisioning files per second through the gateway, beside a view that renders them."""

from __future__ import annotations

from statistics import median

from benchmarks.events import start_plain
from benchmarks.load import Load, Measured, drive
from benchmarks.processes import Installation
from benchmarks.table import Row
from portico.config.start import free_port

TARGET = 15.0
UNITS = 500


def run(place: Installation, *, quick: bool) -> list[Row]:
    from benchmarks.world import make_units, publish_files  # noqa: PLC0415 -- models

    rounds, seconds = (2, 2.0) if quick else (3, 3.0)
    units = make_units(UNITS)
    tags = publish_files()
    gateway, plain = place.port, free_port()
    place.gateway()
    start_plain(place, plain)
    view_tags = {}
    paths = {unit.device_id: f"/p/{unit.file_secret}/{unit.mac}.cfg" for unit in units}
    view_tags = _tags_of(plain, paths)
    loads = {
        "unchanged": Load(port=gateway, heads=_requests(paths, tags), seconds=seconds),
        "full": Load(port=gateway, heads=_requests(paths, {}), seconds=seconds),
        "view unchanged": Load(
            port=plain, heads=_requests(paths, view_tags), seconds=seconds
        ),
        "view full": Load(port=plain, heads=_requests(paths, {}), seconds=seconds),
    }
    found: dict[str, list[Measured]] = {name: [] for name in loads}
    for at in range(rounds + 1):
        for name, load in loads.items():
            measured = drive(place, load)
            if at:  # the first round warms up
                found[name].append(measured)
    return _rows(found)


def _requests(paths: dict[int, str], tags: dict[int, str]) -> list[str]:
    return [
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Akuvox R29\r\n"
        + (f'If-None-Match: "{tags[pk]}"\r\n' if pk in tags else "")
        + "\r\n"
        for pk, path in paths.items()
    ]


def _tags_of(port: int, paths: dict[int, str]) -> dict[int, str]:
    import httpx  # noqa: PLC0415 -- only here

    base = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=base, trust_env=False) as client:
        return {
            pk: client.get(path).headers["etag"].strip('"')
            for pk, path in paths.items()
        }


def _rows(found: dict[str, list[Measured]]) -> list[Row]:
    status = {"unchanged": "304", "full": "200"}
    speed = {
        name: median(m.per_second(status[name.split()[-1]]) for m in each)
        for name, each in found.items()
    }
    errors = sum(m.errors for each in found.values() for m in each)
    ratio = speed["unchanged"] / speed["view unchanged"]
    return [
        Row(
            benchmark="autop",
            what=f"unchanged file (304), view renders and compares; errors: {errors}",
            measured=f"{speed['unchanged']:,.0f}/s",
            beside=f"{speed['view unchanged']:,.0f}/s",
            ratio=f"{ratio:.1f}",
            target=f">= {TARGET:.0f}",
            passed=ratio >= TARGET and errors == 0,
        ),
        Row(
            benchmark="autop",
            what="whole file (200), view renders",
            measured=f"{speed['full']:,.0f}/s",
            beside=f"{speed['view full']:,.0f}/s",
            ratio=f"{speed['full'] / speed['view full']:.1f}",
        ),
    ]
