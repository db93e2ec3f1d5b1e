"""Looking for units at a range of addresses, as the server orders it from a bridge."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from portico.protocols.bridge.envelope import NO_UNIT
from tests.bridge.fake_device import envelope, running_device
from tests.bridge.fake_gateway import Gateway, roster, roster_device, running_gateway
from tests.bridge.process import BridgeProcess, bridge

pytestmark = [pytest.mark.integration, pytest.mark.bare]

OWN = "0C1105000001"
NEW = ["0C1105000002", "0C1105000003", "B01F81000004"]
LOCKED = "0C1105000005"
MACS_OF_OTHERS = "001122334455"
# Tests have no address of the internet: this one stands for them.
PUBLIC = "127.0.0.20"


@dataclass
class Machine:
    """Whatever serves HTTP at one address of the home; it keeps what it is asked."""

    answer: Callable[[], web.Response]
    asked: list[tuple[str, str]] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        self.asked.append((request.method, request.path_qs))
        assert "authorization" not in request.headers
        if self.hold is not None:
            await self.hold.wait()
        return self.answer()


def open_unit(mac: str, model: str = "R20A") -> Callable[[], web.Response]:
    status = {"MAC": mac, "Model": model, "FirmwareVersion": "320.30.11.80"}
    return lambda: envelope({"Status": status})


def challenge(realm: str) -> Callable[[], web.Response]:
    headers = {"WWW-Authenticate": f'Digest realm="{realm}", nonce="1", qop="auth"'}
    return lambda: web.Response(status=401, headers=headers)


def redirect(place: str) -> Callable[[], web.Response]:
    return lambda: web.Response(status=302, headers={"Location": place})


class Home:
    """Machines at 127.0.0.2 and on, all at the port that stands for 80."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    async def add(self, last: int, answer: Callable[[], web.Response]) -> Machine:
        machine = Machine(answer)
        runner = web.ServerRunner(web.Server(machine), shutdown_timeout=0.1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, f"127.0.0.{last}", self.port).start()
        return machine


@asynccontextmanager
async def house(
    data: Path, neighbours: dict[str, str] | None = None, *devices: dict[str, Any]
) -> AsyncIterator[tuple[Gateway, BridgeProcess, Home]]:
    """A bridge whose system knows the MACs of ``neighbours``."""
    arp = data / "arp"
    lines = ["IP address HW type Flags HW address Mask Device"]
    for address, mac in (neighbours or {}).items():
        pretty = ":".join(mac[at : at + 2] for at in range(0, 12, 2)).lower()
        lines.append(f"{address} 0x1 0x2 {pretty} * eth0")
    arp.write_text("\n".join(lines))
    async with AsyncExitStack() as stack:
        home = Home(stack)
        prelude = (
            "import pathlib, portico.bridge.limits as limits\n"
            f"limits.SCAN_PORT = {home.port}\n"
            "import portico.bridge.scan as scan\n"
            f"scan.ARP_TABLE = pathlib.Path({str(arp)!r})\n"
            "real = scan.lan_host\n"
            f"scan.lan_host = lambda text: None if text == {PUBLIC!r} else real(text)"
        )
        gateway = await stack.enter_async_context(
            running_gateway(roster=roster(*devices))
        )
        process = await stack.enter_async_context(
            bridge(gateway.url, data / "box", prelude=prelude)
        )
        await process.logged("roster.taken")
        yield gateway, process, home


async def looked(
    gateway: Gateway, first: str = "127.0.0.1", last: str = "127.0.0.20"
) -> dict[str, Any]:
    """The result of one look."""
    data = {"first": first, "last": last}
    command = await gateway.command(NO_UNIT, kind="scan_network", data=data)
    return await gateway.result(command)


def test_units_without_password_are_offered_and_no_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        entry = roster_device(OWN)
        async with house(tmp_path, None, entry) as (gateway, _, home):
            for last, mac in enumerate(NEW, start=2):
                await home.add(last, open_unit(mac))
            own = await home.add(9, open_unit(OWN))
            box = await home.add(1, open_unit("0C1105EEEEEE"))
            beyond = await home.add(21, open_unit("0C1105DDDDDD"))
            public = await home.add(20, open_unit("0C1105CCCCCC"))
            page = await home.add(10, lambda: web.Response(text="<html>hello"))
            result = await looked(gateway)

            assert (result["state"], result["reason"]) == ("acknowledged", "")
            assert result["counts"] == {"answered": 4, "new": 3, "nameless": 0}
            frames = await gateway.wait(lambda: gateway.of("found"))
            found = {each["mac"]: each for each in frames[-1]["devices"]}
            assert sorted(found) == NEW
            assert {**found[NEW[0]], "at": 0} == {
                "mac": NEW[0],
                "model": "R20A",
                "version": "320.30.11.80",
                "address": "127.0.0.2",
                "at": 0,
            }
            assert own.asked == page.asked == [("GET", "/api/system/info")]
            # The box itself, what is outside the range, and what is not of a home.
            assert box.asked == beyond.asked == public.asked == []

    asyncio.run(scenario())


def test_locked_units_are_offered_where_their_mac_is_known(tmp_path: Path) -> None:
    async def scenario() -> None:
        neighbours = {
            "127.0.0.2": LOCKED,
            "127.0.0.3": NEW[0],
            "127.0.0.4": NEW[2],
            "127.0.0.7": MACS_OF_OTHERS,
            "127.0.0.8": OWN,
        }
        async with house(tmp_path, neighbours, roster_device(OWN)) as place:
            gateway, _, home = place
            await home.add(2, challenge("HTTP API"))
            await home.add(3, redirect("https://127.0.0.3/"))
            await home.add(4, lambda: web.Response(status=403))
            # Nobody knows their MACs: counted only.
            await home.add(5, challenge("HTTPAPI"))
            await home.add(6, redirect("https://127.0.0.6/"))
            # A disk station, a unit of the house, a router.
            await home.add(7, redirect("https://127.0.0.7/"))
            await home.add(8, challenge("HTTP API"))
            await home.add(9, challenge("router"))
            await home.add(10, lambda: web.Response(status=403))
            result = await looked(gateway)

            assert result["counts"] == {"answered": 6, "new": 3, "nameless": 2}
            frames = await gateway.wait(lambda: gateway.of("found"))
            found = {each["mac"]: each["model"] for each in frames[-1]["devices"]}
            assert found == {LOCKED: "", NEW[0]: "", NEW[2]: ""}

    asyncio.run(scenario())


def test_redirect_is_not_followed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as (gateway, _, home):
            trap = await home.add(30, open_unit(NEW[0]))
            await home.add(2, redirect(f"http://127.0.0.30:{home.port}/"))
            result = await looked(gateway)

            assert result["counts"] == {"answered": 0, "new": 0, "nameless": 0}
            assert trap.asked == []

    asyncio.run(scenario())


def test_long_names_and_junk_do_not_end_the_session(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as (gateway, _, home):
            await home.add(2, open_unit(NEW[0], model="R" * 64))
            await home.add(3, lambda: web.json_response([1, 2, 3]))
            await home.add(4, lambda: web.json_response({"x": "y" * 100_000}))
            result = await looked(gateway)

            assert result["counts"] == {"answered": 1, "new": 1, "nameless": 0}
            frames = await gateway.wait(lambda: gateway.of("found"))
            assert frames[-1]["devices"][0]["model"] == "R" * 31
            assert gateway.close_codes == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("127.0.0.9", "127.0.0.2"),
        ("127.0.0.0", "127.0.4.0"),
        ("bridge.home", "127.0.0.2"),
        ("::1", "::2"),
        ("", ""),
    ],
)
def test_range_that_is_none_is_refused(tmp_path: Path, first: str, last: str) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as (gateway, _, _):
            result = await looked(gateway, first, last)
            assert (result["state"], result["reason"]) == ("failed", "bad_command")

    asyncio.run(scenario())


def test_door_opens_while_the_bridge_looks(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_device(mac=OWN) as device:
            entry = roster_device(OWN, address=device.address)
            async with house(tmp_path, None, entry) as (gateway, process, home):
                await gateway.online(OWN)
                hanging = await home.add(2, open_unit(NEW[0]))
                hanging.hold = asyncio.Event()
                data = {"first": "127.0.0.1", "last": "127.0.0.20"}
                look = await gateway.command(NO_UNIT, kind="scan_network", data=data)
                second = await gateway.command(NO_UNIT, kind="scan_network", data=data)
                refused = await gateway.result(second)
                assert (refused["state"], refused["reason"]) == ("failed", "overloaded")
                opened = await gateway.result(await gateway.command(OWN))
                assert opened["state"] == "acknowledged"
                assert not gateway.of("result", id=look)
                hanging.hold.set()
                # A unit that the bridge watches anyway counts without being asked.
                counts = (await gateway.result(look))["counts"]
                assert (counts["answered"], counts["new"]) == (2, 1)
                assert await process.terminate() == 0

    asyncio.run(scenario())
