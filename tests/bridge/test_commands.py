"""Commands from the server: at most once, never late, always answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from tests.bridge.fake_device import MAC, Device, envelope, page, running_device
from tests.bridge.fake_gateway import Gateway, roster, roster_device, running_gateway
from tests.bridge.process import BridgeProcess, bridge

pytestmark = pytest.mark.integration


def house(
    scenario: Callable[[Gateway, Device, BridgeProcess], Awaitable[None]],
) -> Callable[[Path], None]:
    """Run ``scenario`` with a gateway, a device that is online, and a bridge."""

    def test(tmp_path: Path) -> None:
        async def run() -> None:
            async with running_gateway() as gateway, running_device() as device:
                gateway.roster = roster(roster_device(MAC, address=device.address))
                async with bridge(gateway.url, tmp_path) as process:
                    await gateway.online(MAC)
                    await scenario(gateway, device, process)

        asyncio.run(run())

    return test


async def hang(_: web.BaseRequest) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


@house
async def test_open_is_acknowledged_in_one_round_trip(
    gateway: Gateway, device: Device, process: BridgeProcess
) -> None:
    before = len(device.requests)
    command = await gateway.command(MAC)
    result = await gateway.result(command)

    assert result["state"] == "acknowledged"
    assert result["reason"] == ""
    assert 0 <= result["took_ms"] < 1000
    assert abs(result["at"] - gateway.now()) < 2000
    assert device.trigs == [{"num": 1, "mode": 0, "level": 0, "delay": 3}]
    # The poll left a warm connection and a nonce: nothing but the order itself.
    assert device.requests[before:] == [("POST", "/api/relay/trig", True)]
    assert len(device.connections) == 1


@house
async def test_a_repeated_id_gets_the_stored_answer(
    gateway: Gateway, device: Device, process: BridgeProcess
) -> None:
    command = await gateway.command(MAC)
    first = await gateway.result(command)
    await gateway.command(MAC, id=command)
    await gateway.wait(lambda: len(gateway.of("result", id=command)) == 2)

    assert gateway.of("result", id=command) == [first, first]
    assert len(device.trigs) == 1


@house
async def test_an_expired_command_is_not_sent(
    gateway: Gateway, device: Device, process: BridgeProcess
) -> None:
    command = await gateway.command(MAC, expires_at=gateway.now() - 1)
    result = await gateway.result(command)

    assert (result["state"], result["reason"]) == ("failed", "expired")
    assert device.trigs == []


@house
async def test_a_command_that_expires_while_waiting_its_turn_is_not_sent(
    gateway: Gateway, device: Device, process: BridgeProcess
) -> None:
    device.answers["/api/relay/trig"] = hang
    slow = await gateway.command(MAC)
    await device.wait(lambda: device.trigs)
    late = await gateway.command(MAC, expires_at=gateway.now() + 500)

    assert (await gateway.result(slow))["reason"] == "no_answer"
    assert (await gateway.result(late))["reason"] == "expired"
    assert len(device.trigs) == 1


@house
async def test_no_answer(
    gateway: Gateway, device: Device, process: BridgeProcess
) -> None:
    async def hang_up(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    device.answers["/api/relay/trig"] = hang_up
    result = await gateway.result(await gateway.command(MAC))

    assert (result["state"], result["reason"]) == ("failed", "no_answer")
    assert len(device.trigs) == 1


@house
async def test_opening_page_is_not_repeated_when_the_connection_breaks(
    gateway: Gateway, device: Device, process: BridgeProcess
) -> None:
    async def unsupported(_: web.BaseRequest) -> web.StreamResponse:
        return envelope(retcode=-1, message="unsupport action")

    async def hang_up(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    device.answers["/api/relay/trig"] = unsupported
    device.answers["/fcgi/do"] = hang_up
    result = await gateway.result(await gateway.command(MAC))

    assert (result["state"], result["reason"]) == ("failed", "no_answer")
    assert device.doors == ["1"]


@house
async def test_unreachable(
    gateway: Gateway, device: Device, process: BridgeProcess
) -> None:
    await device.stop()
    result = await gateway.result(await gateway.command(MAC))

    assert (result["state"], result["reason"]) == ("failed", "unreachable")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: envelope(retcode=-100, message="relay is busy"), "rejected"),
        (lambda: web.Response(status=403), "unauthorized"),
        (lambda: web.Response(status=500), "rejected"),
    ],
)
def test_the_device_says_no(
    answer: Callable[[], web.Response], reason: str, tmp_path: Path
) -> None:
    @house
    async def scenario(
        gateway: Gateway, device: Device, process: BridgeProcess
    ) -> None:
        async def refuse(_: web.BaseRequest) -> web.StreamResponse:
            return answer()

        device.answers["/api/relay/trig"] = refuse
        result = await gateway.result(await gateway.command(MAC))
        assert (result["state"], result["reason"]) == ("denied", reason)
        assert len(device.trigs) == 1

    scenario(tmp_path)


@house
async def test_an_unreadable_answer_is_an_unknown_outcome(
    gateway: Gateway, device: Device, process: BridgeProcess
) -> None:
    async def page_of_a_router(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="<html>Welcome</html>", content_type="text/html")

    device.answers["/api/relay/trig"] = page_of_a_router
    result = await gateway.result(await gateway.command(MAC))

    assert (result["state"], result["reason"]) == ("failed", "unknown_outcome")


@house
async def test_model_without_relay_api_is_opened_by_page(
    gateway: Gateway, device: Device, process: BridgeProcess
) -> None:
    async def unsupported(_: web.BaseRequest) -> web.StreamResponse:
        return envelope(retcode=-1, message="unsupport action")

    async def done(_: web.BaseRequest) -> web.StreamResponse:
        return page(0)

    device.answers["/api/relay/trig"] = unsupported
    device.answers["/fcgi/do"] = done
    for _ in range(2):
        result = await gateway.result(await gateway.command(MAC))
        assert result["state"] == "acknowledged"

    assert device.doors == ["1", "1"]
    assert len(device.trigs) == 1  # asked once, remembered
    opened = next(t for _, t, _ in device.requests if t.startswith("/fcgi/"))
    assert opened == (
        "/fcgi/do?action=OpenDoor&UserName=open&Password=open-pass&DoorNum=1"
    )


@house
async def test_security_relay_goes_by_digest_where_high_security_is_on(
    gateway: Gateway, device: Device, process: BridgeProcess
) -> None:
    async def not_safe(_: web.BaseRequest) -> web.StreamResponse:
        return page(-4)

    async def done(_: web.BaseRequest) -> web.StreamResponse:
        return page(0)

    device.answers["/fcgi/do"] = not_safe
    device.answers["/fcgi/OpenDoor"] = done
    data = {"relay": {"kind": "security", "number": 2}, "hold_seconds": 3}
    for _ in range(2):
        result = await gateway.result(await gateway.command(MAC, data=data))
        assert result["state"] == "acknowledged"

    assert device.doors == ["SB", "SB", "SB"]
    assert device.count("/fcgi/do") == 1
    assert device.trigs == []


@house
async def test_another_mac_at_the_address_is_not_touched(
    gateway: Gateway, device: Device, process: BridgeProcess
) -> None:
    stranger = "0C11050000FF"
    gateway.roster = roster(
        roster_device(stranger, address=device.address), revision="2"
    )
    await gateway.send(gateway.roster)
    result = await gateway.result(await gateway.command(stranger))

    assert (result["state"], result["reason"]) == ("failed", "wrong_device")
    assert device.trigs == []


@house
async def test_commands_that_make_no_sense(
    gateway: Gateway, device: Device, process: BridgeProcess
) -> None:
    unknown = await gateway.command("0C11050000FF")
    strange = await gateway.command(MAC, kind="sing")
    broken = await gateway.command(MAC, data={"relay": {"kind": "local"}})

    assert (await gateway.result(unknown))["reason"] == "unknown_device"
    assert (await gateway.result(strange))["reason"] == "bad_command"
    assert (await gateway.result(broken))["reason"] == "bad_command"
    assert device.trigs == []


@house
async def test_a_hanging_poll_does_not_delay_a_command(
    gateway: Gateway, device: Device, process: BridgeProcess
) -> None:
    device.answers["/api/system/info"] = hang
    polls = device.count("/api/system/info")
    # An action URL from another address makes the bridge look there at once.
    await device.report(process.listen, "MotionDetect")
    await gateway.send(
        roster(roster_device(MAC, address=device.address, model="X"), revision="2")
    )
    await device.wait(lambda: device.count("/api/system/info") > polls)
    result = await gateway.result(await gateway.command(MAC))

    assert result["state"] == "acknowledged"
    assert result["took_ms"] < 2000


@house
async def test_devices_do_not_wait_for_each_other(
    gateway: Gateway, device: Device, process: BridgeProcess
) -> None:
    other = "0C1105AABB01"
    async with running_device(mac=other) as second:
        devices = [
            roster_device(MAC, address=device.address),
            roster_device(other, address=second.address),
        ]
        await gateway.send(roster(*devices, revision="2"))
        await gateway.online(other)
        device.answers["/api/relay/trig"] = hang
        slow = await gateway.command(MAC)
        await device.wait(lambda: device.trigs)
        quick = await gateway.command(other)

        assert (await gateway.result(quick))["state"] == "acknowledged"
        assert gateway.of("result", id=slow) == []


def test_kill_in_the_middle_of_a_command_opens_at_most_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            device.answers["/api/relay/trig"] = hang
            async with bridge(gateway.url, tmp_path) as first:
                await gateway.online(MAC)
                command = await gateway.command(MAC)
                await device.wait(lambda: device.trigs)
                await first.kill()
            del device.answers["/api/relay/trig"]
            async with bridge(gateway.url, tmp_path, token=""):
                result = await gateway.result(command)
                assert (result["state"], result["reason"]) == (
                    "failed",
                    "unknown_outcome",
                )
                await gateway.command(MAC, id=command)
                await gateway.wait(lambda: len(gateway.of("result", id=command)) == 2)
                # A new order works as ever.
                fresh = await gateway.result(await gateway.command(MAC))
                assert fresh["state"] == "acknowledged"
            assert len(device.trigs) == 2

    asyncio.run(scenario())


def test_sigterm_finishes_the_command_in_hand(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            go_on = asyncio.Event()

            async def slowly(_: web.BaseRequest) -> web.StreamResponse:
                await go_on.wait()
                return envelope()

            device.answers["/api/relay/trig"] = slowly
            async with bridge(gateway.url, tmp_path) as process:
                await gateway.online(MAC)
                command = await gateway.command(MAC)
                await device.wait(lambda: device.trigs)
                ending = asyncio.create_task(process.terminate())
                await process.logged("stopping")
                go_on.set()
                assert await ending == 0
            assert gateway.of("result", id=command)[0]["state"] == "acknowledged"
            await gateway.wait(lambda: gateway.close_codes)
            assert gateway.close_codes == [1000]

    asyncio.run(scenario())


@pytest.mark.parametrize("wall", ["lambda: 86400.0", "lambda: next(jumps)"])
def test_a_wrong_or_jumping_wall_clock_does_not_matter(
    wall: str, tmp_path: Path
) -> None:
    prelude = (
        "import itertools, time\n"
        "jumps = itertools.cycle([0.0, 4e9, 1e9])\n"
        f"time.time = {wall}\n"
    )

    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(gateway.url, tmp_path, prelude=prelude) as process:
                await gateway.online(MAC)
                late = await gateway.command(MAC, expires_at=gateway.now() - 1)
                assert (await gateway.result(late))["reason"] == "expired"
                good = await gateway.command(MAC)
                result = await gateway.result(good)
                assert result["state"] == "acknowledged"
                assert abs(result["at"] - gateway.now()) < 2000
                await device.report(process.listen, "MotionDetect")
                await gateway.wait(lambda: gateway.of("event"))
                at = gateway.of("event")[0]["at"]
                assert abs(at - gateway.now()) < 2000

    asyncio.run(scenario())


def test_server_time_counts_not_the_wall_clock(tmp_path: Path) -> None:
    async def scenario() -> None:
        day = 86_400_000
        async with running_gateway(shift_ms=day) as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(gateway.url, tmp_path):
                await gateway.online(MAC)
                late = await gateway.command(MAC, expires_at=gateway.now() - 1)
                assert (await gateway.result(late))["reason"] == "expired"
                result = await gateway.result(await gateway.command(MAC))
                assert result["state"] == "acknowledged"

    asyncio.run(scenario())
