"""Third-party cameras: one picture, from where it was asked for and nowhere else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from portico.protocols.bridge.envelope import NO_UNIT
from portico.simulator.virtual import VirtualUnit
from tests.bridge.fake_device import MAC
from tests.bridge.fake_gateway import Gateway, roster, running_gateway
from tests.bridge.process import BridgeProcess, bridge

pytestmark = [pytest.mark.integration, pytest.mark.bare]

RTSP = "Config.DoorSetting.RTSP."
# Every sign that a URL or a header might stumble over.
PASSWORD = "p@ss:w/ord?#"
# Tests have no other machine than their own: here it counts as one.
LOOPBACK_IS_A_CAMERA = """
import portico.protocols.rtsp as rtsp
_real = rtsp.camera_host
rtsp.camera_host = lambda text: text if text == "127.0.0.1" else _real(text)
"""
# What a name leads to is told by whoever serves the network of the house.
NAME_LEADS_TO = """
import socket
_real_getaddrinfo = socket.getaddrinfo
def _told(host, port, *args, **kwargs):
    names = {{"cam.home": {addresses!r}}}
    found = names.get(host)
    if found is None:
        return _real_getaddrinfo(host, port, *args, **kwargs)
    return [a for ip in found for a in _real_getaddrinfo(ip, port, *args, **kwargs)]
socket.getaddrinfo = _told
"""
HOME = LOOPBACK_IS_A_CAMERA + NAME_LEADS_TO.format(addresses=["127.0.0.1"])


@asynccontextmanager
async def house(
    data: Path, prelude: str, **config: str
) -> AsyncIterator[tuple[Gateway, BridgeProcess, VirtualUnit]]:
    """A bridge of no unit, and a camera: a virtual unit's video behind a password."""
    settings = {f"{RTSP}Username": "admin", f"{RTSP}Password": PASSWORD}
    settings |= {f"{RTSP}{name}": value for name, value in config.items()}
    async with (
        VirtualUnit.start(mac=MAC, model="R20A", config=settings, rtsp=True) as unit,
        running_gateway() as gateway,
        bridge(gateway.url, data, prelude=prelude) as process,
    ):
        await gateway.ready()
        await gateway.send(roster(revision="2"))
        yield gateway, process, unit


async def ordered(
    gateway: Gateway, url: str, password: str = PASSWORD, **changes: Any
) -> tuple[str, str, str]:
    """Id, state and reason."""
    data = {"url": url, "user": "admin", "password": password} | changes
    command = await gateway.command(NO_UNIT, kind="camera_picture", data=data)
    result = await gateway.result(command)
    return command, result["state"], result["reason"]


@pytest.mark.parametrize("kind", ["0", "1"], ids=["basic", "digest"])
def test_picture_is_taken_and_no_secret_is_left(kind: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path, HOME, AuthenticationType=kind) as home:
            gateway, process, unit = home
            url = f"rtsp://cam.home:{unit.rtsp_port}/live/ch00_1"
            command, state, reason = await ordered(gateway, url)

            assert (state, reason) == ("acknowledged", "")
            assert gateway.pictures[command].startswith(b"\xff\xd8\xff")
            assert await process.terminate() == 0
            assert PASSWORD not in str(process.log) + "".join(process.errors)

    asyncio.run(scenario())
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    assert not [data for data in kept if PASSWORD.encode() in data]


def test_picture_fails_with_its_reason(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path, HOME) as (gateway, _, unit):
            place = f"rtsp://cam.home:{unit.rtsp_port}"

            async def reason_of(url: str, password: str = PASSWORD) -> list[str]:
                _, *outcome = await ordered(gateway, url, password)
                return outcome

            stream = f"{place}/live/ch00_0"
            assert await reason_of(stream, "other") == ["denied", "unauthorized"]
            assert await reason_of(f"{place}/nothing") == ["failed", "no_stream"]
            assert await reason_of("rtsp://cam.home:9/") == ["failed", "unreachable"]
            assert await reason_of("rtsp://no.invalid/") == ["failed", "unreachable"]
            assert gateway.pictures == {}
            gateway.picture_status = 503
            assert await reason_of(stream) == ["failed", "not_delivered"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["::1"], ["169.254.1.1"], ["0.0.0.1"], ["224.0.1.75"], ["fe80::1"]],
)
def test_name_that_leads_to_the_bridge_itself_is_refused(
    addresses: list[str], tmp_path: Path
) -> None:
    async def scenario() -> None:
        asked = asyncio.Event()

        async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.set()
            writer.close()

        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        prelude = NAME_LEADS_TO.format(addresses=addresses)
        async with house(tmp_path, prelude) as (gateway, _, _):
            _, *outcome = await ordered(gateway, f"rtsp://cam.home:{port}/")
            assert outcome == ["denied", "refused_address"]
            assert not asked.is_set()
        server.close()
        await server.wait_closed()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"url": "http://cam/", "user": "", "password": ""},
        {"url": "rtsp://127.0.0.1/", "user": "", "password": ""},
        {"url": "rtsp://ca m/", "user": "", "password": ""},
        {"url": "rtsp://cam/", "user": "", "password": "x" * 128},
        {"url": "rtsp://cam/", "user": "", "password": 1},
    ],
    ids=json.dumps,
)
def test_what_is_no_cameras_address_is_a_bad_command(
    data: dict[str, Any], tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, bridge(gateway.url, tmp_path):
            await gateway.ready()
            command = await gateway.command(NO_UNIT, kind="camera_picture", data=data)
            result = await gateway.result(command)
            assert (result["state"], result["reason"]) == ("failed", "bad_command")

    asyncio.run(scenario())
