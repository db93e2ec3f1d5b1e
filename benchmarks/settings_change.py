"""How long a changed setting takes to its device, beside setting it by the device's own API."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from statistics import median
from typing import Any

import httpx

from benchmarks.access import form_token
from benchmarks.door import facts_of, p99
from benchmarks.processes import Installation, wait_for
from benchmarks.table import Row
from portico.config.start import free_port

# Several changes in a moment are one order: three seconds are waited for more of them.
TARGET_MEDIAN_MS, TARGET_P99_MS = 6_000.0, 12_000.0
_READY_SECONDS = 120.0
_LOOK_SECONDS = 0.02
_KEY = "Config.Settings.SNTP.NTPServer2"


@dataclass(frozen=True, slots=True)
class _Unit:
    """The unit's own API, as somebody on its LAN has it."""

    api: httpx.Client

    def value(self) -> str:
        order = {"target": "config", "action": "get", "data": {"item": [_KEY]}}
        answer = self.api.post("/api/config/get", json=order).json()
        return str(answer["data"].get(_KEY, ""))

    def put(self, value: str) -> None:
        order = {"target": "config", "action": "set", "data": {_KEY: value}}
        answer = self.api.post("/api/config/set", json=order).json()
        if answer["retcode"]:
            raise RuntimeError(f"config/set: {answer}")

    def wait(self, value: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while self.value() != value:
            if time.monotonic() > deadline:
                raise RuntimeError("the device did not take the setting")
            time.sleep(_LOOK_SECONDS)


def run(place: Installation, *, quick: bool) -> list[Row]:
    rounds = 10 if quick else 40
    port, data = free_port(), place.data / "demo"
    program = place.start(
        "serve", "portico", "serve", "--demo", "--port", str(port), "--data", str(data)
    )
    wait_for(f"http://127.0.0.1:{port}/readyz", program, _READY_SECONDS)
    facts = facts_of(data / "demo.json")
    device = facts["devices"][0]
    unit = _unit(device["local_api"])
    through: list[float] = []
    direct: list[float] = []
    with httpx.Client(base_url=facts["base"], timeout=30, trust_env=False) as web:
        link = facts["installer"]["link"]
        web.post(link, data={"csrfmiddlewaretoken": form_token(web.get(link).text)})
        page = f"/installer/devices/{device['mac']}/provisioning/"
        token = form_token(web.get(page).text)
        for number in range(-1, rounds):
            took = _through(web, page, token, unit, f"through-{number + 1}.example.org")
            own = _direct(unit, f"direct-{number + 1}.example.org")
            if number >= 0:  # the first warms up
                through.append(took)
                direct.append(own)
    return _rows(through, direct)


def _unit(local: dict[str, Any]) -> _Unit:
    return _Unit(
        httpx.Client(
            base_url=f"http://{local['host']}:{local['port']}",
            auth=httpx.DigestAuth(local["user"], local["password"]),
            timeout=30,
            trust_env=False,
        )
    )


def _through(
    web: httpx.Client, page: str, token: str, unit: _Unit, value: str
) -> float:
    form = {
        "csrfmiddlewaretoken": token,
        "token": str(uuid.uuid4()),
        "kind": "regular",
        "text": f"{_KEY} = {value}",
    }
    started = time.perf_counter()
    answer = web.post(f"{page}commands/", data=form)
    if answer.status_code != httpx.codes.FOUND:
        raise RuntimeError(f"the page answered {answer.status_code}")
    unit.wait(value)
    return (time.perf_counter() - started) * 1000


def _direct(unit: _Unit, value: str) -> float:
    started = time.perf_counter()
    unit.put(value)
    unit.wait(value)
    return (time.perf_counter() - started) * 1000


def _rows(through: list[float], direct: list[float]) -> list[Row]:
    rows = []
    for name, figure, target in (
        ("median", median, TARGET_MEDIAN_MS),
        ("99th percentile", p99, TARGET_P99_MS),
    ):
        mine, own = figure(through), figure(direct)
        rows.append(
            Row(
                benchmark="settings-change",
                what=f"{name} of {len(through)} changes, from Submit in the portal until the"
                " device has the setting, beside the device's own API",
                measured=f"{mine:.0f} ms",
                beside=f"{own:.0f} ms",
                ratio=f"{mine / own:.1f}x",
                target=f"<= {target:.0f} ms",
                passed=mine <= target,
            )
        )
    return rows
