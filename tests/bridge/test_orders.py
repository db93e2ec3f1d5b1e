"""Orders to a unit as a whole: fetching its configuration, and taking a picture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import av
import pytest
from aiohttp import web

from portico.bridge import frame
from portico.protocols.akuvox.action_url import templates
from portico.protocols.bridge.envelope import read_settings_data
from portico.simulator.core import Phase
from portico.simulator.virtual import VirtualUnit
from tests.bridge.fake_device import MAC, envelope, running_device
from tests.bridge.fake_gateway import Gateway, roster, roster_device, running_gateway
from tests.bridge.process import BridgeProcess, bridge
from tests.bridge.test_commands import hang
from tests.waiting import LONGEST_SECONDS

pytestmark = [pytest.mark.integration, pytest.mark.bare]

RTSP = "Config.DoorSetting.RTSP."
# Every sign that a URL or a header might stumble over.
PASSWORD = "p@ss:w/ord?"
FETCH, PICTURE, OPEN = "fetch_configuration", "take_picture", "open_relay"
CLEAR = "clear_access"
AUTOP = "/api/web/upgradeAdvanced/set"


@asynccontextmanager
async def house(
    data: Path, *, rtsp: bool = True, prelude: str = "", **config: str
) -> AsyncIterator[tuple[Gateway, BridgeProcess, VirtualUnit]]:
    """A bridge with a virtual unit whose video is behind a password."""
    settings = {f"{RTSP}Username": "video", f"{RTSP}Password": PASSWORD}
    settings |= {f"{RTSP}{name}": value for name, value in config.items()}
    async with (
        VirtualUnit.start(mac=MAC, model="R20A", config=settings, rtsp=rtsp) as unit,
        running_gateway() as gateway,
        bridge(gateway.url, data, prelude=prelude) as process,
    ):
        entry = roster_device(
            MAC,
            address=unit.address,
            api_user=unit.api_user,
            api_password=unit.api_password,
            rtsp_password=PASSWORD,
        )
        await gateway.ready()
        await gateway.send(roster(entry, revision="2"))
        await gateway.online(MAC)
        yield gateway, process, unit


async def ordered(gateway: Gateway, kind: str, mac: str = MAC) -> tuple[str, str, str]:
    """Id, state and reason."""
    command = await gateway.command(mac, kind=kind, data={})
    result = await gateway.result(command)
    return command, result["state"], result["reason"]


def test_unit_fetches_its_configuration_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path, rtsp=False) as (gateway, _, unit):
            fetched = asyncio.Event()
            unit.unit.autop.on_finish(lambda _outcome: fetched.set())
            _, state, reason = await ordered(gateway, FETCH)

            assert (state, reason) == ("acknowledged", "")
            async with asyncio.timeout(LONGEST_SECONDS):
                await fetched.wait()

    asyncio.run(scenario())


def test_what_the_unit_made_of_it_is_read_back(tmp_path: Path) -> None:
    def settings(revision: str) -> dict[str, str]:
        return templates("http://10.0.0.1", "s" * 24, config_revision=revision)

    async def scenario() -> None:
        async with house(tmp_path, rtsp=False) as (gateway, process, unit):
            unit.unit.core.settings.apply(settings("r8"))
            await ordered(gateway, FETCH)

            def told() -> set[str | None]:
                devices = [d for f in gateway.of("presence") for d in f["devices"]]
                return {device["config"] for device in devices}

            await gateway.wait(lambda: "r8" in told())
            assert told() == {None, "r8"}
            # A report is newer than what was read.
            unit.unit.core.settings.apply(
                templates(
                    f"http://{process.listen}",
                    f"secret-{MAC}",
                    config_revision="r9",
                )
            )
            await unit.act("motion")
            await unit.act("call", number="1")
            await gateway.wait(lambda: gateway.of("event"))
            await gateway.cut()
            await gateway.ready(sessions=2)
            before = len(gateway.of("presence"))
            await gateway.wait(lambda: len(gateway.of("presence")) > before)
            newest = gateway.of("presence")[-1]["devices"][0]
            assert newest["config"] == "r9"

    asyncio.run(scenario())


def test_fetch_fails_with_its_reason(tmp_path: Path) -> None:
    async def refuse(_: web.BaseRequest) -> web.StreamResponse:
        return envelope(retcode=-1, message="busy")

    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(gateway.url, tmp_path):
                await gateway.online(MAC)
                _, *unknown = await ordered(gateway, FETCH, "0C11050000FF")
                _, *lacking = await ordered(gateway, FETCH)
                device.answers[AUTOP] = refuse
                _, *refused = await ordered(gateway, FETCH)
                late = await gateway.command(
                    MAC, kind=FETCH, data={}, expires_at=gateway.now() - 1
                )

                assert unknown == ["failed", "unknown_device"]
                assert lacking == ["denied", "not_supported"]
                assert refused == ["denied", "rejected"]
                assert (await gateway.result(late))["reason"] == "expired"

    asyncio.run(scenario())


def test_opening_does_not_wait_for_a_fetch_that_hangs(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            device.answers[AUTOP] = hang
            async with bridge(gateway.url, tmp_path):
                await gateway.online(MAC)
                fetch = await gateway.command(MAC, kind=FETCH, data={})
                await device.wait(lambda: device.count(AUTOP))
                opened = await gateway.result(await gateway.command(MAC))

                assert opened["state"] == "acknowledged"
                assert opened["took_ms"] < 2000
                gave_way = await gateway.result(fetch)
                assert (gave_way["state"], gave_way["reason"]) == ("failed", "gave_way")

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["0", "1"], ids=["basic", "digest"])
def test_picture_is_taken_and_delivered(kind: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path, AuthenticationType=kind) as (gateway, process, _):
            command, state, reason = await ordered(gateway, PICTURE)

            assert (state, reason) == ("acknowledged", "")
            jpeg = gateway.pictures[command]
            assert jpeg.startswith(b"\xff\xd8\xff")
            assert jpeg.endswith(b"\xff\xd9")
            (tmp_path / "picture.jpg").write_bytes(jpeg)
            with av.open(str(tmp_path / "picture.jpg")) as shown:
                picture = next(shown.decode(video=0))
            assert (picture.width, picture.height) == (320, 240)
            assert PASSWORD not in str(process.log) + "".join(process.errors)

    asyncio.run(scenario())


def test_picture_fails_with_its_reason(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as (gateway, _, unit):
            settings = unit.unit.core.settings

            async def reason_with(**config: str) -> tuple[str, str]:
                values = {f"{RTSP}{name}": value for name, value in config.items()}
                before = {key: settings[key] for key in values}
                settings.apply(values)
                _, state, reason = await ordered(gateway, PICTURE)
                settings.apply(before)
                return state, reason

            assert await reason_with(Password="other") == ("denied", "unauthorized")
            assert await reason_with(Enable="0") == ("failed", "no_stream")
            assert await reason_with(Port="9") == ("failed", "unreachable")
            assert gateway.pictures == {}
            gateway.picture_status = 503
            _, state, reason = await ordered(gateway, PICTURE)
            assert (state, reason) == ("failed", "not_delivered")

    asyncio.run(scenario())


def test_small_stream_serves_where_the_main_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(
        __import__("portico.simulator.rtsp", fromlist=["STREAMS"]).STREAMS,
        "/live/ch00_0",
    )

    async def scenario() -> None:
        async with house(tmp_path) as (gateway, _, _):
            command, state, _ = await ordered(gateway, PICTURE)
            assert state == "acknowledged"
            assert command in gateway.pictures

    asyncio.run(scenario())


def test_door_opens_while_a_stream_says_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        asked, hung_up = asyncio.Event(), asyncio.Event()

        async def mute(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            asked.set()
            await reader.read()
            writer.close()
            hung_up.set()

        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        port = str(server.sockets[0].getsockname()[1])
        async with house(tmp_path) as (gateway, _, unit):
            unit.unit.core.settings.apply({f"{RTSP}Port": port})
            picture = await gateway.command(MAC, kind=PICTURE, data={})
            async with asyncio.timeout(LONGEST_SECONDS):
                await asked.wait()
            opened = await gateway.result(await gateway.command(MAC))
            assert opened["state"] == "acknowledged"
            assert not gateway.of("result", id=picture)
            silent = await gateway.result(picture)
            assert (silent["state"], silent["reason"]) == ("failed", "no_answer")
            async with asyncio.timeout(LONGEST_SECONDS):
                await hung_up.wait()
        server.close()
        await server.wait_closed()

    asyncio.run(scenario())


def test_bridge_without_video_says_so(tmp_path: Path) -> None:
    (tmp_path / "av.py").write_text("raise ImportError")

    async def scenario() -> None:
        prelude = (
            f"import os; os.environ['PYTHONPATH'] = {str(tmp_path)!r} + os.pathsep"
            " + os.environ['PYTHONPATH']"
        )
        async with house(tmp_path / "data", prelude=prelude) as (gateway, _, _):
            _, state, reason = await ordered(gateway, PICTURE)
            assert (state, reason) == ("failed", "no_video")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("size", "shown"),
    [((1920, 1080), (1280, 720)), ((641, 479), (640, 478)), ((160, 112), (160, 112))],
)
def test_picture_has_a_bounded_size(
    size: tuple[int, int], shown: tuple[int, int], tmp_path: Path
) -> None:
    source = av.VideoFrame(*size, format="yuv420p")
    for plane in source.planes:
        # Noise is what compresses worst.
        plane.update(bytes((i * i * 7919 >> 3) & 255 for i in range(plane.buffer_size)))
    jpeg = frame._jpeg(source)

    assert len(jpeg) <= frame.MAX_BYTES
    (tmp_path / "picture.jpg").write_bytes(jpeg)
    with av.open(str(tmp_path / "picture.jpg")) as opened:
        picture = next(opened.decode(video=0))
    assert (picture.width, picture.height) == shown


def test_codes_cards_and_faces_are_deleted_from_the_unit(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path, rtsp=False) as (gateway, _, unit):
            unit.unit.directory.add(
                "user", [{"Name": "Tenant", "UserID": "7", "PrivatePIN": "4711"}]
            )
            assert unit.unit.directory.items("user")
            for _ in range(2):  # to repeat it does no harm
                _, state, reason = await ordered(gateway, CLEAR)
                assert (state, reason) == ("acknowledged", "")
                assert unit.unit.directory.items("user") == []
            _, state, reason = await ordered(gateway, CLEAR, mac="0C11050000FF")
            assert (state, reason) == ("failed", "unknown_device")

    asyncio.run(scenario())


def test_older_units_keep_codes_and_cards_in_lists_of_their_own(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        cleared: list[str] = []

        async def clear(request: web.BaseRequest) -> web.StreamResponse:
            cleared.append(request.path.split("/")[2])
            return envelope()

        async with (
            running_device() as device,
            running_gateway() as gateway,
            bridge(gateway.url, tmp_path),
        ):
            # It knows no /api/user/clear, and answers 404.
            for name in ("privatekey", "rfkey"):
                device.answers[f"/api/{name}/clear"] = clear
            await gateway.ready()
            entry = roster_device(MAC, address=device.address)
            await gateway.send(roster(entry, revision="2"))
            await gateway.online(MAC)
            _, state, reason = await ordered(gateway, CLEAR)
            assert (state, reason) == ("acknowledged", "")
            assert cleared == ["privatekey", "rfkey"]
            # One that has no such list cannot be cleared, and says so.
            device.answers.clear()
            _, state, reason = await ordered(gateway, CLEAR)
            assert (state, reason) == ("denied", "not_supported")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("kind", "is_kept"),
    [("reboot", True), ("reset_configuration", True), ("reset_factory", False)],
)
def test_unit_restarts_and_forgets_what_the_order_says(
    tmp_path: Path, kind: str, is_kept: bool
) -> None:
    async def scenario() -> None:
        async with house(tmp_path, rtsp=False) as (gateway, _, unit):
            core, gone = unit.unit.core, asyncio.Event()

            async def watch(phase: Phase) -> None:
                if phase is Phase.REBOOTING:
                    gone.set()

            unit.unit.on_phase(watch)
            core.settings.apply({"Config.Test.Kept": "1"})
            core.state.users.append({"ID": "1", "Name": "Ann"})
            _, state, reason = await ordered(gateway, kind)
            assert (state, reason) == ("acknowledged", "")
            async with asyncio.timeout(LONGEST_SECONDS):
                await gone.wait()
            assert bool(core.state.users) is is_kept
            assert (core.settings["Config.Test.Kept"] == "1") is (kind == "reboot")

    asyncio.run(scenario())


def test_reset_that_the_unit_does_not_know_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(gateway.url, tmp_path):
                await gateway.online(MAC)
                _, *refused = await ordered(gateway, "reset_configuration")
                assert refused == ["denied", "not_supported"]

    asyncio.run(scenario())


def test_settings_are_read_back_and_told_with_the_result(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path, rtsp=False) as (gateway, _, unit):
            values = {f"Config.Test.Key{n}": str(n) for n in range(90)}
            unit.unit.core.settings.apply(values | {"Config.Test.Long": "x" * 200})
            asked = [*values, "Config.Test.Long", "Config.Test.Lacking"]
            command = await gateway.command(
                MAC, kind="read_settings", data=read_settings_data(asked)
            )
            result = await gateway.result(command)

            assert result["state"] == "acknowledged"
            assert result["settings"] == values | {"Config.Test.Long": "x" * 128}
            odd = await gateway.command(MAC, kind="read_settings", data={"keys": ["x"]})
            assert (await gateway.result(odd))["reason"] == "bad_command"

    asyncio.run(scenario())
