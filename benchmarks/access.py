"""How long a revoked card still opens, beside deleting it by the device's own API."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import httpx

from benchmarks.door import facts_of, p99
from benchmarks.processes import Installation, wait_for
from benchmarks.table import Row
from portico.config.start import free_port

TARGET_MEDIAN_MS, TARGET_P99_MS = 500.0, 2_000.0
_READY_SECONDS = 120.0
# Seldom enough that looking costs the unit little, often enough for these figures.
_LOOK_SECONDS = 0.01
# A person's pace.
_PAUSE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class _Unit:
    """A unit's own API, as somebody on its LAN has it."""

    api: httpx.Client

    def holding(self, card: str) -> list[dict[str, str]]:
        items = self.api.get("/api/user/get").json()["data"]["item"]
        return [item for item in items if card in item["CardCode"].split(";")]

    def change(self, action: str, item: dict[str, str]) -> None:
        order = {"target": "user", "action": action, "data": {"item": [item]}}
        answer = self.api.post(f"/api/user/{action}", json=order).json()
        if answer["retcode"]:
            raise RuntimeError(f"{action}: {answer}")

    def wait(self, card: str, *, is_there: bool) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while bool(self.holding(card)) is not is_there:
            if time.monotonic() > deadline:
                raise RuntimeError("the device's list did not become what it should")
            time.sleep(_LOOK_SECONDS)


@dataclass(frozen=True, slots=True)
class _Portal:
    """The person's page, as the installer's browser has it."""

    web: httpx.Client
    page: str
    token: str

    def post(self, path: str, **data: str) -> None:
        form = {**data, "csrfmiddlewaretoken": self.token}
        answer = self.web.post(path, data=form)
        if answer.status_code != httpx.codes.FOUND:
            raise RuntimeError(f"{path}: {answer.status_code}")

    def revocations(self) -> list[str]:
        return re.findall(r'action="([^"]+/revoke/)"', self.web.get(self.page).text)


def run(place: Installation, *, quick: bool) -> list[Row]:
    rounds = 30 if quick else 150
    port, data = free_port(), place.data / "demo"
    program = place.start(
        "serve", "portico", "serve", "--demo", "--port", str(port), "--data", str(data)
    )
    wait_for(f"http://127.0.0.1:{port}/readyz", program, _READY_SECONDS)
    facts = facts_of(data / "demo.json")
    unit = _unit(facts["devices"][0]["local_api"])
    through: list[float] = []
    direct: list[float] = []
    with httpx.Client(base_url=facts["base"], timeout=30, trust_env=False) as web:
        portal = _sign_in(web, facts)
        for number in range(-2, rounds):
            portal_ms = _through(portal, unit, f"AAAA{number + 2:04X}")
            time.sleep(_PAUSE_SECONDS)
            own_ms = _direct(unit, f"BBBB{number + 2:04X}")
            if number >= 0:  # the first of each warm up
                through.append(portal_ms)
                direct.append(own_ms)
    return _rows(through, direct)


def _unit(local: dict[str, Any]) -> _Unit:
    client = httpx.Client(
        base_url=f"http://{local['host']}:{local['port']}",
        auth=httpx.DigestAuth(local["user"], local["password"]),
        timeout=30,
        trust_env=False,
    )
    return _Unit(client)


def _sign_in(web: httpx.Client, facts: dict[str, Any]) -> _Portal:
    link = facts["installer"]["link"]
    web.post(link, data={"csrfmiddlewaretoken": form_token(web.get(link).text)})
    sites = web.get("/installer/sites/").text
    found = re.search(r'href="(/installer/sites/[0-9a-f-]{36}/)"', sites)
    if found is None:
        raise RuntimeError("the installer is not signed in")
    people = re.search(rf'"({found[1]}people/\d+/access/)"', web.get(found[1]).text)
    if people is None:
        raise RuntimeError("nobody lives in the demo's house")
    return _Portal(web, people[1], form_token(web.get(f"{people[1]}new/card/").text))


def form_token(page: str) -> str:
    """What a form of the page proves itself with."""
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    if found is None:
        raise RuntimeError("the page has no form")
    return found[1]


def _through(portal: _Portal, unit: _Unit, card: str) -> float:
    portal.post(f"{portal.page}new/card/", value=card)
    unit.wait(card, is_there=True)
    time.sleep(_PAUSE_SECONDS)
    revoke = portal.revocations()[0]
    started = time.perf_counter()
    portal.post(revoke)
    unit.wait(card, is_there=False)
    took = time.perf_counter() - started
    return took * 1000


def _direct(unit: _Unit, card: str) -> float:
    unit.change("add", {"Name": "Direct", "UserID": card, "CardCode": card})
    (held,) = unit.holding(card)
    started = time.perf_counter()
    unit.change("del", {"ID": held["ID"]})
    unit.wait(card, is_there=False)
    took = time.perf_counter() - started
    return took * 1000


def _rows(through: list[float], direct: list[float]) -> list[Row]:
    rows = []
    for name, figure, target in (
        ("median", median, TARGET_MEDIAN_MS),
        ("99th percentile", p99, TARGET_P99_MS),
    ):
        mine, own = figure(through), figure(direct)
        rows.append(
            Row(
                benchmark="access",
                what=f"{name} of {len(through)} revocations, from the click in the portal"
                " until the card is gone from the device, beside the device's own API",
                measured=f"{mine:.0f} ms",
                beside=f"{own:.0f} ms",
                ratio=f"{mine / own:.1f}x",
                target=f"<= {target:.0f} ms",
                passed=mine <= target,
            )
        )
    return rows
