from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from portico.simulator.factory import HIGH_SECURITY, RELAY
from portico.simulator.virtual import VirtualUnit
from tests.simulator.support import MAC, run

pytestmark = pytest.mark.integration

OPEN = {f"{RELAY}HttpTrig": "1", f"{RELAY}UserName": "door", f"{RELAY}Password": "pw"}
LEGACY = "/fcgi/do?action=OpenDoor&UserName=door&Password=pw&DoorNum="
SECURE = "/fcgi/OpenDoor?action=OpenDoor&DoorNum="


async def _ask(unit: VirtualUnit, path: str, auth: Any = None) -> httpx.Response:
    async with httpx.AsyncClient(auth=auth, trust_env=False) as http:
        return await http.get(f"http://{unit.address}{path}")


def _result(answer: httpx.Response) -> int:
    found = re.search(r"id=hcSingleResult type=hidden value='(-?\d+)'", answer.text)
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize(
    ("model", "door", "relay"),
    [("E12W", "1", "A"), ("X916", "3", "C"), ("X916", "SA", "SA"), ("IT83", "1", "A")],
)
def test_open_account_opens_a_relay(model: str, door: str, relay: str) -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model=model, config=OPEN) as unit:
            answer = await _ask(unit, LEGACY + door)

            assert (answer.status_code, _result(answer)) == (200, 0)
            assert unit.unit.relays.is_open(relay)

    run(test())


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/fcgi/do?action=OpenDoor&UserName=door&Password=no&DoorNum=1", -1),
        ("/fcgi/do?action=Dance&UserName=door&Password=pw&DoorNum=1", -1),
        (f"{LEGACY}2", -2),
        (f"{LEGACY}SC", -2),
        (f"{LEGACY}x", -2),
    ],
)
def test_refusals_open_nothing(path: str, code: int) -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="E12W", config=OPEN) as unit:
            answer = await _ask(unit, path)

            assert (answer.status_code, _result(answer)) == (200, code)
            assert not any(map(unit.unit.relays.is_open, unit.unit.relays.names))

    run(test())


def test_disabled_from_the_factory() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="E12W") as most,
            VirtualUnit.start(
                mac="0C1105000002", model="R29C", config={HIGH_SECURITY: "0"}
            ) as r29,
        ):
            assert _result(await _ask(most, f"{LEGACY}1")) == -3
            assert (await _ask(r29, f"{LEGACY}1")).status_code == 503

    run(test())


def test_api_account_does_not_open() -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="E12W", config=OPEN) as unit:
            path = "/fcgi/do?action=OpenDoor&UserName=admin&Password=httpapi&DoorNum=1"

            assert _result(await _ask(unit, path)) == -1

    run(test())


def test_high_security_refuses_the_old_form() -> None:
    async def test() -> None:
        config = OPEN | {HIGH_SECURITY: "1"}
        async with VirtualUnit.start(mac=MAC, model="X916", config=config) as unit:
            assert _result(await _ask(unit, f"{LEGACY}1")) == -4
            assert not unit.unit.relays.is_open("A")

    run(test())


@pytest.mark.parametrize("auth", [httpx.DigestAuth("door", "pw"), ("door", "pw")])
def test_high_security_form_takes_digest_and_basic(auth: Any) -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="R20A", config=OPEN) as unit:
            answer = await _ask(unit, f"{SECURE}2", auth)

            assert (answer.status_code, _result(answer)) == (200, 0)
            assert unit.unit.relays.is_open("B")

    run(test())


@pytest.mark.parametrize("auth", [None, ("door", "no"), httpx.DigestAuth("door", "no")])
def test_high_security_form_without_the_account(auth: Any) -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="R20A", config=OPEN) as unit:
            answer = await _ask(unit, f"{SECURE}1", auth)

            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Digest ")
            assert not unit.unit.relays.is_open("A")

    run(test())


def test_high_security_form_came_with_firmware_x_x_10() -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="R20K", config=OPEN) as unit:
            answer = await _ask(unit, f"{SECURE}1", ("door", "pw"))

            assert unit.unit.core.state.firmware == "320.30.3.122"
            assert answer.status_code == 404

    run(test())


def test_monitor_uses_its_own_keys() -> None:
    async def test() -> None:
        config = {
            f"{RELAY}RelayOnWeb": "1",
            f"{RELAY}RelayOnWebUser": "door",
            f"{RELAY}RelayOnWebPwd": "pw",
        }
        async with VirtualUnit.start(mac=MAC, model="C313", config=config) as unit:
            assert _result(await _ask(unit, f"{LEGACY}1")) == 0

    run(test())
