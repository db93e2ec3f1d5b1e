"""Plug and play in a house: the roster's units are told, everybody else is not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from portico.bridge.clock import ServerClock
from portico.bridge.finds import Finds
from portico.bridge.lan import Lan
from portico.bridge.pnp import Pnp, PnpSettings
from portico.protocols.akuvox import pnp
from portico.protocols.sip import SipMessage, answer_to, parse
from portico.simulator.virtual import VirtualUnit
from tests.bridge.fake_gateway import Gateway, roster, roster_device, running_gateway
from tests.bridge.process import BridgeProcess, bridge
from tests.waiting import LONGEST_SECONDS

pytestmark = [pytest.mark.integration, pytest.mark.bare]

MAC = "0C1105000001"
STRANGER = "0C1105000002"
SECRET = "file-secret-of-this-unit"
# Nobody listens there: what counts is that the unit takes it.
URL = f"http://127.0.0.1:9/p/{SECRET}/"
Address = tuple[str, int]


@asynccontextmanager
async def house(
    data: Path, *arguments: str
) -> AsyncIterator[tuple[Gateway, BridgeProcess, Address]]:
    """A bridge that serves one unit and listens for it."""
    entry = roster_device(MAC, provisioning=URL)
    async with (
        running_gateway(roster=roster(entry)) as gateway,
        bridge(gateway.url, data, "--pnp", "127.0.0.1:0", *arguments) as process,
    ):
        await process.logged("roster.taken")
        line = await process.logged("pnp.listening")
        host, _, port = line["address"].rpartition(":")
        yield gateway, process, (host, int(port))


class Asker:
    """A unit's socket, played by hand."""

    def __init__(self, group: Address) -> None:
        self.group = group
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)

    def request(self, mac: str, call_id: str) -> bytes:
        return pnp.subscribe(
            mac=mac,
            model="R20A",
            version="320.30.11.80",
            address=self._socket.getsockname(),
            group=self.group,
            tag="1",
            call_id=call_id,
            branch=f"z9hG4bK{call_id}",
        ).encode()

    def ask(self, mac: str, call_id: str) -> None:
        self.send(self.request(mac, call_id))

    def send(self, datagram: bytes, to: Address | None = None) -> None:
        self._socket.sendto(datagram, to or self.group)

    async def heard(self) -> tuple[SipMessage, Address]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(LONGEST_SECONDS):
            data, peer = await loop.sock_recvfrom(self._socket, 65_507)
        return parse(data), peer

    def close(self) -> None:
        self._socket.close()


def shown(process: BridgeProcess) -> str:
    return str(process.log) + "".join(process.errors)


def test_new_unit_of_the_roster_is_told_its_address(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as (_, process, group):
            async with VirtualUnit.start(mac=MAC, model="R20A", pnp=group) as unit:
                await process.logged("pnp.told", mac=MAC, answer=200)
                assert unit.unit.provisioning_url == URL
            assert SECRET not in shown(process)

    asyncio.run(scenario())


def test_stranger_is_reported_and_told_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as (gateway, _, group):
            asker = Asker(group)
            asker.ask(STRANGER, "stranger")
            frames = await gateway.wait(lambda: gateway.of("found"))
            found = frames[0]["devices"]
            assert [{**each, "at": 0} for each in found] == [
                {
                    "mac": STRANGER,
                    "model": "R20A",
                    "version": "320.30.11.80",
                    "address": "127.0.0.1",
                    "at": 0,
                }
            ]
            assert abs(found[0]["at"] - gateway.now()) < 60_000
            # Had it been answered, that answer would come first.
            asker.ask(MAC, "own")
            message, _ = await asker.heard()
            assert message.get("Call-ID") == "own"
            asker.close()

    asyncio.run(scenario())


def test_added_unit_is_no_find_any_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as (gateway, process, group):
            asker = Asker(group)
            asker.ask(STRANGER, "before")
            await gateway.wait(lambda: gateway.of("found"))
            added = roster_device(STRANGER, provisioning=URL)
            await gateway.send(roster(added, revision="2"))
            await process.logged("roster.taken", revision="2")
            asker.ask(STRANGER, "after")
            message, _ = await asker.heard()
            assert (message.status, message.get("Call-ID")) == (200, "after")
            asker.ask("0C1105000003", "third")
            await gateway.wait(lambda: len(gateway.of("found")) > 1)
            macs = [each["mac"] for each in gateway.of("found")[-1]["devices"]]
            assert macs == ["0C1105000003"]
            asker.close()

    asyncio.run(scenario())


def test_repeated_request_is_answered_and_told_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as (_, process, group):
            asker = Asker(group)
            for _ in range(3):
                asker.ask(MAC, "same")
            heard = [await asker.heard() for _ in range(6)]
            answers = [message for message, _ in heard if message.status]
            told = [message for message, _ in heard if message.method == "NOTIFY"]
            assert len(answers) == 3
            assert {each.get("To") for each in answers} == {answers[0].get("To")}
            assert {pnp.read_notify(each) for each in told} == {URL}
            assert len({each.get("Via") for each in told}) == 1
            asker.send(answer_to(told[-1], 200, "OK", tag="2").encode(), heard[-1][1])
            await process.logged("pnp.told", mac=MAC, answer=200)
            asker.close()

    asyncio.run(scenario())


def test_flood_is_dropped_and_forgotten(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as (gateway, process, group):
            asker = Asker(group)
            for junk in (b"", b"\xff" * 60_000, b"SUBSCRIBE sip:MAC SIP/2.0\r\n\r\n"):
                asker.send(junk)
            await process.logged("pnp.dropped")
            for number in range(400):
                asker.ask(f"0C1106{number:06X}", f"flood{number}")
            await gateway.wait(lambda: gateway.of("found"))
            # A real unit repeats its request, and is heard when the noise is over.
            async with VirtualUnit.start(mac=MAC, model="R20A", pnp=group) as unit:
                await process.logged("pnp.told", mac=MAC, answer=200)
                assert unit.unit.provisioning_url == URL
            assert all(len(f["devices"]) <= 64 for f in gateway.of("found"))
            unknown = [line for line in process.log if line["event"] == "pnp.unknown"]
            assert len(unknown) < 400
            asker.close()

    asyncio.run(scenario())


def test_port_in_use_is_said_and_survived(tmp_path: Path) -> None:
    async def scenario() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            async with (
                running_gateway() as gateway,
                bridge(gateway.url, tmp_path, "--pnp", address) as process,
            ):
                line = await process.logged("pnp.not_listening", address=address)
                assert line["cause"] == "Address already in use"
                await gateway.ready()

    asyncio.run(scenario())


def test_switched_off_it_listens_to_nobody(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            running_gateway() as gateway,
            bridge(
                gateway.url, tmp_path, "--pnp", "127.0.0.1:0", "--no-pnp"
            ) as process,
        ):
            await gateway.ready()
            assert not [x for x in process.log if x["event"].startswith("pnp.")]

    asyncio.run(scenario())


def test_two_bridges_hear_one_group(tmp_path: Path) -> None:
    async def scenario() -> None:
        free = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        free.bind(("127.0.0.1", 0))
        group = ("239.255.75.75", int(free.getsockname()[1]))
        free.close()
        place = ("--pnp", f"{group[0]}:{group[1]}", "--pnp-interface", "127.0.0.1")
        async with AsyncExitStack() as stack:
            gateways = []
            for name in ("a", "b"):
                gateway = await stack.enter_async_context(running_gateway())
                started = bridge(gateway.url, tmp_path / name, *place)
                process = await stack.enter_async_context(started)
                await process.logged("pnp.listening")
                gateways.append(gateway)
            asker = Asker(group)
            asker._socket.setsockopt(
                socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1")
            )
            asker.ask(STRANGER, "both")
            for gateway in gateways:
                frames = await gateway.wait(partial(gateway.of, "found"))
                assert frames[0]["devices"][0]["mac"] == STRANGER
            asker.close()

    asyncio.run(scenario())


def unit_at(address: str, *, online: bool) -> Any:
    return SimpleNamespace(
        is_online=online,
        presence=lambda: SimpleNamespace(address=address),
        device=SimpleNamespace(provisioning=URL),
    )


@pytest.mark.parametrize(
    ("unit", "source", "is_told"),
    [
        (unit_at("192.168.1.20", online=False), "127.0.0.1", True),
        (unit_at("127.0.0.1:8080", online=True), "127.0.0.1", True),
        # Its unit is at work elsewhere: this is somebody who knows a MAC.
        (unit_at("192.168.1.20", online=True), "127.0.0.1", False),
        (unit_at("192.168.1.20", online=False), "8.8.8.8", False),
    ],
)
def test_only_the_unit_itself_is_told(
    unit: Any, source: str, is_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        clock = ServerClock()
        lan = cast("Lan", SimpleNamespace(unit=lambda _mac: unit))
        service = Pnp(lan, Finds(clock), clock)
        sent: list[Any] = []
        await service.start(PnpSettings(("127.0.0.1", 0), "127.0.0.1"))
        monkeypatch.setattr(service, "_send", lambda _message, peer: sent.append(peer))
        asker = Asker(("127.0.0.1", 5060))
        service.asked(asker.request(MAC, "x"), (source, 5060))
        await asyncio.sleep(0)
        assert bool(sent) is is_told
        assert all(peer == (source, 5060) for peer in sent)
        asker.close()
        await service.stop()

    asyncio.run(scenario())
