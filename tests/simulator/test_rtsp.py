from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from portico.protocols import digest
from portico.simulator.factory import RTSP
from portico.simulator.virtual import VirtualUnit
from tests.simulator.support import MAC, run

pytestmark = pytest.mark.integration

OPEN = {f"{RTSP}Authorization": "0"}


class Viewer:
    """A small RTSP client."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, base: str
    ) -> None:
        self.reader, self.writer, self.base = reader, writer, base
        self._sequence = 0

    async def ask(
        self, method: str, path: str, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        self._sequence += 1
        lines = [f"{method} {self.base}{path} RTSP/1.0", f"CSeq: {self._sequence}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *rest = head.strip().split("\r\n")
        found = dict(line.split(": ", 1) for line in rest)
        assert found["CSeq"] == str(self._sequence)
        body = await self.reader.readexactly(int(found.get("Content-Length", "0")))
        return int(first.split()[1]), found, body.decode()

    async def frame(self) -> tuple[int, bytes]:
        assert await self.reader.readexactly(1) == b"$"
        channel = (await self.reader.readexactly(1))[0]
        size = int.from_bytes(await self.reader.readexactly(2), "big")
        return channel, await self.reader.readexactly(size)


@asynccontextmanager
async def viewer(unit: VirtualUnit) -> AsyncIterator[Viewer]:
    reader, writer = await asyncio.open_connection(unit.host, unit.rtsp_port)
    try:
        yield Viewer(reader, writer, f"rtsp://{unit.host}:{unit.rtsp_port}")
    finally:
        writer.close()
        await writer.wait_closed()


async def _picture(packets: list[bytes]) -> bytes:
    return b"".join(packet[20:] for packet in packets)


def test_interleaved_stream_plays_pictures() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A", config=OPEN, rtsp=True) as unit,
            viewer(unit) as view,
        ):
            status, headers, _ = await view.ask("OPTIONS", "/live/ch00_0")
            assert (status, "DESCRIBE" in headers["Public"]) == (200, True)
            status, headers, sdp = await view.ask("DESCRIBE", "/live/ch00_0")
            assert status == 200
            assert headers["Content-Type"] == "application/sdp"
            assert "m=video 0 RTP/AVP 26" in sdp
            status, headers, _ = await view.ask(
                "SETUP",
                "/live/ch00_0/trackID=0",
                Transport="RTP/AVP/TCP;unicast;interleaved=4-5",
            )
            assert status == 200
            assert "interleaved=4-5" in headers["Transport"]
            session = headers["Session"].split(";")[0]
            status, headers, _ = await view.ask("PLAY", "/live/ch00_0", Session=session)
            assert status == 200
            packets: list[bytes] = []
            while not packets or not packets[-1][1] & 0x80:
                channel, packet = await view.frame()
                assert channel == 4
                packets.append(packet)
            sequence = int.from_bytes(packets[0][2:4], "big")
            assert f"seq={sequence};" in headers["RTP-Info"]
            assert packets[0][18:20] == bytes((40, 30))
            # Receiver reports of the client are read over.
            view.writer.write(b"$\x05\x00\x04abcd")

    run(test())


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.packets: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.packets.put_nowait(data)


def test_udp_stream_and_teardown() -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        transport, receiver = await loop.create_datagram_endpoint(
            _Receiver, local_addr=("127.0.0.1", 0)
        )
        port = transport.get_extra_info("sockname")[1]
        async with (
            VirtualUnit.start(mac=MAC, model="R20A", config=OPEN, rtsp=True) as unit,
            viewer(unit) as view,
        ):
            status, headers, _ = await view.ask(
                "SETUP",
                "/live/ch00_1/trackID=0",
                Transport=f"RTP/AVP;unicast;client_port={port}-{port + 1}",
            )
            assert status == 200
            assert "server_port=" in headers["Transport"]
            session = headers["Session"].split(";")[0]
            assert (await view.ask("PLAY", "/live/ch00_1", Session=session))[0] == 200
            packet = await receiver.packets.get()
            assert (packet[1] & 0x7F, packet[18:20]) == (26, bytes((20, 14)))
            done = await view.ask("TEARDOWN", "/live/ch00_1", Session=session)
            assert done[0] == 200
            assert await view.reader.read() == b""
        transport.close()

    run(test())


@pytest.mark.parametrize(("kind", "scheme"), [("0", "Basic"), ("1", "Digest")])
def test_account_is_needed(kind: str, scheme: str) -> None:
    async def test() -> None:
        config = {f"{RTSP}AuthenticationType": kind, f"{RTSP}Password": "pw"}
        async with (
            VirtualUnit.start(mac=MAC, model="R20A", config=config, rtsp=True) as unit,
            viewer(unit) as view,
        ):
            status, headers, _ = await view.ask("DESCRIBE", "/live/ch00_0")
            challenge = headers["WWW-Authenticate"]
            assert (status, challenge.split()[0]) == (401, scheme)
            for password, expected in (("no", 401), ("pw", 200)):
                token = digest.answer(
                    challenge,
                    method="DESCRIBE",
                    uri=f"{view.base}/live/ch00_0",
                    user="admin",
                    password=password,
                )
                assert token is not None
                answer = await view.ask("DESCRIBE", "/live/ch00_0", Authorization=token)
                assert answer[0] == expected

    run(test())


def test_wrong_orders() -> None:
    async def test() -> None:
        async with (
            VirtualUnit.start(mac=MAC, model="R20A", config=OPEN, rtsp=True) as unit,
            viewer(unit) as view,
        ):
            tcp = "RTP/AVP/TCP;interleaved=0-1"
            multicast = "RTP/AVP;multicast"
            assert (await view.ask("DESCRIBE", "/other"))[0] == 404
            assert (await view.ask("SETUP", "/other", Transport=tcp))[0] == 404
            path = "/live/ch00_0"
            assert (await view.ask("SETUP", path, Transport=multicast))[0] == 461
            assert (await view.ask("PLAY", path))[0] == 455
            assert (await view.ask("RECORD", path))[0] == 501
            assert (await view.ask("GET_PARAMETER", path))[0] == 200
            view.writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await view.reader.read() == b""

    run(test())


def test_stream_ends_with_the_power_and_when_switched_off() -> None:
    async def test() -> None:
        async with VirtualUnit.start(
            mac=MAC, model="R20A", config=OPEN, rtsp=True
        ) as unit:
            port = unit.rtsp_port
            async with viewer(unit) as view:
                await view.ask("OPTIONS", "/live/ch00_0")
                await unit.act("offline")
                assert await view.reader.read() == b""
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(unit.host, port)
            await unit.act("online")
            assert unit.rtsp_port == port
            unit.unit.core.settings.apply({f"{RTSP}Enable": "0"})
            async with viewer(unit) as view:
                view.writer.write(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
                assert await view.reader.read() == b""

    run(test())


def test_monitor_has_no_camera() -> None:
    async def test() -> None:
        async with VirtualUnit.start(mac=MAC, model="C313", rtsp=True) as unit:
            assert unit.rtsp_port == 0

    run(test())
