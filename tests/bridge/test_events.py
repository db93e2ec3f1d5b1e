"""What devices report: durable before the answer, sent once, masked on disk."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.bridge.fake_device import MAC, Device, running_device
from tests.bridge.fake_gateway import Gateway, roster, roster_device, running_gateway
from tests.bridge.process import BridgeProcess, bridge

pytestmark = pytest.mark.integration


async def raw_get(listen: str, target: bytes) -> bytes:
    """Send one GET byte for byte; the status line of the answer."""
    host, _, port = listen.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line


def ids(gateway: Gateway) -> list[str]:
    return [frame["id"] for frame in gateway.of("event")]


def files(data: Path) -> bytes:
    return b"".join(path.read_bytes() for path in data.iterdir())


def test_action_url_becomes_an_event(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC))
            async with bridge(gateway.url, tmp_path) as process:
                await gateway.ready()
                await process.logged("roster.taken")
                status = await device.report(
                    process.listen, "InvalidCodeEntered", code="918273"
                )
                assert status == 200
                await gateway.wait(lambda: gateway.of("event"))
                # The source of the report is where the device was found.
                presence = await gateway.online(MAC)
            event = gateway.of("event")[0]
            assert event["mac"] == MAC
            assert event["kind"] == "code_refused"
            assert event["data"] == {"code": "••••••", "ip": device.address}
            assert abs(event["at"] - gateway.now()) < 5000
            assert presence["address"] == device.address
            assert presence["model"] == "R20A"
            assert presence["firmware"] == "320.30.11.63"
            assert b"918273" not in files(tmp_path)
            assert "918273" not in str(process.log)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/e/wrong?event=MotionDetect", b"404"),
        (b"/e/?event=MotionDetect", b"404"),
        (b"/", b"404"),
        (b"/e/secret-0C1105AABBCC/x?event=MotionDetect", b"404"),
        (b"/e/secret-0C1105AABBCC?event=Unheard", b"400"),
        (b"/e/secret-0C1105AABBCC", b"400"),
        (b"/e/secret-0C1105AABBCC?event=MakeCall&remote=a%0Ab", b"400"),
        (b"/e/secret-0C1105AABBCC?event=MakeCall&user=J%C3%BCrgen", b"200"),
        ("/e/secret-0C1105AABBCC?event=MakeCall&user=Jürgen".encode(), b"200"),
    ],
)
def test_listener_answers(target: bytes, status: bytes, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway:
            gateway.roster = roster(roster_device(MAC))
            async with bridge(gateway.url, tmp_path) as process:
                await process.logged("roster.taken")
                line = await raw_get(process.listen, target)
                assert line.split()[1] == status
                if status == b"200":
                    await gateway.wait(lambda: gateway.of("event"))
                    assert gateway.of("event")[0]["data"] == {"user": "Jürgen"}
                else:
                    assert gateway.of("event") == []

    asyncio.run(scenario())


async def report_many(device: Device, process: BridgeProcess, count: int) -> None:
    for number in range(count):
        status = await device.report(process.listen, "MakeCall", remote=str(number))
        assert status == 200


def test_events_of_an_outage_arrive_once_and_in_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(gateway.url, tmp_path) as process:
                await gateway.online(MAC)
                await gateway.stop()
                await report_many(device, process, 150)
                await process.kill()
            async with bridge(gateway.url, tmp_path, token="") as process:
                await report_many(device, process, 1)
                # Received, but the answers get lost.
                gateway.acks = False
                await gateway.start()
                await gateway.wait(lambda: len(gateway.of("event")) >= 100)
                gateway.acks = True
                seen = set(ids(gateway))
                gateway.frames.clear()
                await gateway.cut()
                await gateway.wait(lambda: len(set(ids(gateway)) | seen) == 151)
                await gateway.wait(lambda: len(ids(gateway)) == 151)
                assert await process.terminate() == 0
            assert seen <= set(ids(gateway))
            remotes = [frame["data"]["remote"] for frame in gateway.of("event")]
            assert remotes == [str(number) for number in range(150)] + ["0"]
            # Nothing is left for a third run.
            gateway.frames.clear()
            async with bridge(gateway.url, tmp_path, token="") as process:
                started = await process.logged("started")
                assert started["queued"] == 0

    asyncio.run(scenario())


def test_busy_and_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway(acks=False) as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(gateway.url, tmp_path) as process:
                await gateway.online(MAC)
                await report_many(device, process, 1)
                await gateway.wait(lambda: gateway.of("event"))
                event = ids(gateway)[0]
                await gateway.send({"t": "busy", "ids": [event], "retry_ms": 50})
                await gateway.wait(lambda: len(gateway.of("event")) == 2)
                refused = {"t": "refused", "ids": [event], "reason": "unknown_device"}
                await gateway.send(refused)
                await process.logged("server.refused", count=1)
                await gateway.cut()
                await gateway.ready(2)
                await report_many(device, process, 1)
                await gateway.wait(lambda: len(gateway.of("event")) == 3)
            assert ids(gateway)[:2] == [event, event]
            assert ids(gateway)[2] != event

    asyncio.run(scenario())


def test_a_full_queue_refuses_the_newest(tmp_path: Path) -> None:
    prelude = "import portico.bridge.limits as limits; limits.MAX_EVENTS = 3"

    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(gateway.url, tmp_path, prelude=prelude) as process:
                await gateway.online(MAC)
                await gateway.stop()
                await report_many(device, process, 3)
                url = f"http://{process.listen}/e/secret-{MAC}?event=MotionDetect"
                async with aiohttp.request("GET", url) as response:
                    assert response.status == 503
                    assert response.headers["Retry-After"] == "30"
                await gateway.start()
                await gateway.wait(lambda: len(gateway.of("event")) == 3)
                kinds = {frame["kind"] for frame in gateway.of("event")}
                assert kinds == {"call_started"}
                async with asyncio.timeout(10):
                    while await device.report(process.listen, "MotionDetect") != 200:
                        await gateway.ready()

    asyncio.run(scenario())


def limited_files() -> None:
    """No file may grow beyond 500 kB: writes fail as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))


def test_a_full_disk_is_survived(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(
                gateway.url,
                tmp_path,
                prelude="import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)",
                limit=limited_files,
            ) as process:
                await gateway.online(MAC)
                await gateway.stop()
                statuses: list[int] = []
                while 503 not in statuses:
                    statuses.append(
                        await device.report(process.listen, "MakeCall", remote="9" * 64)
                    )
                kept = statuses.count(200)
                assert kept > 10
                await process.logged("event.refused")
                await gateway.start()
                await gateway.wait(lambda: len(set(ids(gateway))) == kept)
                # It still talks, and says that it cannot vouch for commands.
                result = await gateway.result(await gateway.command(MAC))
                assert (result["state"], result["reason"]) in {
                    ("failed", "overloaded"),
                    ("acknowledged", ""),
                }, kept

    asyncio.run(scenario())


def test_presence_goes_offline_and_comes_back_at_a_new_address(
    tmp_path: Path,
) -> None:
    prelude = (
        "import portico.bridge.limits as limits\n"
        "limits.POLL_EVERY = (0.2, 0.3); limits.POLL_AGAIN = 0.1"
    )

    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(gateway.url, tmp_path, prelude=prelude) as process:
                first = await gateway.online(MAC)
                assert first["address"] == device.address
                assert first["rtt_ms"] is not None
                await device.stop()
                gone = await gateway.offline(MAC)
                assert gone["rtt_ms"] is None
                device.port = 0
                await device.start()
                assert await device.report(process.listen, "SetupCompleted") == 200
                again = await gateway.online(MAC)
                assert again["address"] == device.address != first["address"]

    asyncio.run(scenario())


def test_a_stranger_cannot_move_a_device(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            running_gateway() as gateway,
            running_device() as device,
            running_device(mac="0C11050000FF") as stranger,
        ):
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(gateway.url, tmp_path) as process:
                await gateway.online(MAC)
                secret = f"secret-{MAC}"
                status = await stranger.report(
                    process.listen, "MotionDetect", secret=secret
                )
                assert status == 200
                await stranger.wait(lambda: stranger.requests)
                result = await gateway.result(await gateway.command(MAC))
                assert result["state"] == "acknowledged"
                assert len(device.trigs) == 1
                assert stranger.trigs == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "[2001:db8::1]:80", "example.org", "100.64.0.1", "x/y"]
)
def test_addresses_beyond_the_lan_are_never_contacted(
    address: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway:
            gateway.roster = roster(roster_device(MAC, address=address))
            async with bridge(gateway.url, tmp_path) as process:
                await process.logged("roster.taken")
                result: dict[str, Any] = await gateway.result(
                    await gateway.command(MAC)
                )
                assert (result["state"], result["reason"]) == ("failed", "unreachable")
                assert result["took_ms"] < 500

    asyncio.run(scenario())


def test_redirects_are_not_followed(tmp_path: Path) -> None:
    from aiohttp import web

    async def scenario() -> None:
        async with (
            running_gateway() as gateway,
            running_device() as device,
            running_device() as target,
        ):

            async def redirect(_: web.BaseRequest) -> web.StreamResponse:
                location = f"http://{target.address}/api/system/info"
                return web.Response(status=302, headers={"Location": location})

            device.answers["/api/system/info"] = redirect
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(gateway.url, tmp_path) as process:
                await process.logged("roster.taken")
                result = await gateway.result(await gateway.command(MAC))
                assert result["reason"] == "wrong_device"
            assert target.requests == []

    asyncio.run(scenario())
