"""How much longer a door takes through Portico and a bridge than on its own LAN."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from benchmarks.processes import Installation, wait_for
from benchmarks.table import Row
from portico.accounts.services.passwords import app_digest
from portico.config.start import free_port
from portico.protocols.akuvox.local_api import relay_trig

TARGET_MEDIAN_MS, TARGET_P99_MS = 25.0, 60.0
_READY_SECONDS = 120.0
# A person's pace, and time for the confirmation that follows each opening.
_PAUSE_SECONDS = 0.15
_HOLD_SECONDS = 1
_SHIFT = str.maketrans("abcdefghijklmnopqrstuvwxyz", "defghijklmnopqrstuvwxyzabc")


@dataclass(frozen=True, slots=True)
class _Door:
    """One relay: how the app names it, and the unit's own API."""

    mac: str
    number: int
    device: httpx.Client


def run(place: Installation, *, quick: bool) -> list[Row]:
    openings = 60 if quick else 300
    port, data = free_port(), place.data / "demo"
    program = place.start(
        "serve", "portico", "serve", "--demo", "--port", str(port), "--data", str(data)
    )
    wait_for(f"http://127.0.0.1:{port}/readyz", program, _READY_SECONDS)
    facts = facts_of(data / "demo.json")
    doors = [door for unit in facts["devices"] for door in _doors_of(unit)]
    with httpx.Client(base_url=facts["base"], timeout=30, trust_env=False) as app:
        app.headers["X-Auth-Token"] = _sign_in(app, facts["resident"])
        through: list[float] = []
        direct: list[float] = []
        for door in doors:
            _wait_for(app, door)
        for number in range(-len(doors) * 2, openings):
            door = doors[number % len(doors)]
            app_ms = _open(app, door, f"bench-{number}")
            time.sleep(_PAUSE_SECONDS)
            own_ms = _trigger(door)
            time.sleep(_PAUSE_SECONDS)
            if number >= 0:  # the first of each warm up
                through.append(app_ms)
                direct.append(own_ms)
    return _rows(through, direct, len(doors))


def facts_of(path: Path) -> dict[str, Any]:
    """What the demo says of itself, as soon as its house is alive."""
    deadline = time.monotonic() + _READY_SECONDS
    while not path.exists():
        if time.monotonic() > deadline:
            raise RuntimeError("the demo's house did not come to life")
        time.sleep(0.1)
    facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return facts


def _doors_of(unit: dict[str, Any]) -> list[_Door]:
    local = unit["local_api"]
    client = httpx.Client(
        base_url=f"http://{local['host']}:{local['port']}",
        auth=httpx.DigestAuth(local["user"], local["password"]),
        trust_env=False,
    )
    return [_Door(unit["mac"], relay["number"], client) for relay in unit["relays"]]


def _sign_in(app: httpx.Client, resident: dict[str, str]) -> str:
    query = {
        "user": resident["email"].translate(_SHIFT),
        "passwd": app_digest(resident["password"]),
    }
    answer = app.get("/login", params=query).json()
    token: str = answer["datas"]["token"]
    return token


def _open(app: httpx.Client, door: _Door, trace: str) -> float:
    form = {"mac": door.mac, "relay": str(door.number - 1), "trace_id": trace}
    started = time.perf_counter()
    answer = app.post("/opendoor", data=form)
    took = time.perf_counter() - started
    if answer.json().get("result") != 0:
        raise RuntimeError(f"the door did not open: {answer.text}")
    return took * 1000


def _wait_for(app: httpx.Client, door: _Door) -> None:
    """A unit restarts once after its first configuration and is away meanwhile."""
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            _open(app, door, f"ready-{time.monotonic()}")
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1.0)
        else:
            return


def _trigger(door: _Door) -> float:
    request = relay_trig(door.number, hold_seconds=_HOLD_SECONDS)
    started = time.perf_counter()
    answer = door.device.request(
        request.method, request.target, content=request.body, headers=request.headers
    )
    took = time.perf_counter() - started
    if answer.json().get("retcode") != 0:
        raise RuntimeError(f"the device did not open: {answer.text}")
    return took * 1000


def p99(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


def _rows(through: list[float], direct: list[float], doors: int) -> list[Row]:
    rows = []
    for name, figure, target in (
        ("median", median, TARGET_MEDIAN_MS),
        ("99th percentile", p99, TARGET_P99_MS),
    ):
        longer = figure(through) - figure(direct)
        rows.append(
            Row(
                benchmark="door",
                what=f"{name} of {len(through)} openings of {doors} relays"
                " through app API and bridge, beside the device's own API",
                measured=f"{figure(through):.1f} ms",
                beside=f"{figure(direct):.1f} ms",
                ratio=f"+{longer:.1f} ms",
                target=f"<= +{target:.0f} ms",
                passed=longer <= target,
            )
        )
    return rows
