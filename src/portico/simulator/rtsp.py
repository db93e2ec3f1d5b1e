"""The unit's RTSP server (RFC 2326): MJPEG over RTP, in TCP or over UDP.

Paths and accounts are the devices' (``/live/ch00_0`` main, ``/live/ch00_1`` sub; Basic or
Digest by ``RTSP.AuthenticationType``); the codec is not: hardware sends H.264 as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from portico.protocols.digest import DigestGuard, Verdict, check_basic, parse_header
from portico.simulator.factory import RTSP
from portico.simulator.picture import MAIN_SIZE, SUB_SIZE, frame
from portico.simulator.ports import LOOPBACK, ReservedPort
from portico.simulator.rtp_jpeg import CLOCK_RATE, PAYLOAD_TYPE, JpegStream
from portico.simulator.unit import Unit

STREAMS: Final = {"/live/ch00_0": MAIN_SIZE, "/live/ch00_1": SUB_SIZE}
FRAMES_PER_SECOND: Final = 5
# Real units serve two to four viewers.
MAX_VIEWERS: Final = 16
MAX_HEADER_BYTES: Final = 8192
# RFC 2326: a server drops a session that was quiet for longer than it announced. This
# one announces it and keeps the session as long as the connection lives.
SESSION_SECONDS: Final = 60
# A viewer that does not read for this long is gone.
SEND_SECONDS: Final = 5.0
_REALM: Final = "RTSP SERVER"
_METHODS: Final = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"


class _Hangup(Exception):
    """The client closed, or speaks no RTSP."""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]

    @property
    def stream(self) -> str:
        path = urlsplit(self.url).path
        return path.rpartition("/trackID=")[0] or path

    @property
    def sequence(self) -> str:
        return self.headers.get("cseq", "0")


class RtspServer:
    """Listens on the unit's RTSP port while the unit is online."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._port = ReservedPort(unit.core.state.rtsp_port)
        unit.core.state.rtsp_port = self._port.number
        self._guard = DigestGuard(_REALM, qop=False)
        self._server: asyncio.Server | None = None
        self._viewers: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        return self._port.number

    async def start(self) -> None:
        # Simulated units share one host, so each says where its video is.
        self._unit.core.settings.apply({f"{RTSP}Port": str(self.port)})
        self._server = await asyncio.start_server(
            self._accept, sock=self._port.listen(), limit=MAX_HEADER_BYTES
        )

    async def stop(self) -> None:
        """Stop listening and drop all viewers."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._viewers):
            task.cancel()
        await asyncio.gather(*self._viewers, return_exceptions=True)

    def release(self) -> None:
        """Give the port back."""
        self._port.close()

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        if task is None or len(self._viewers) >= MAX_VIEWERS:
            writer.close()
            return
        self._viewers.add(task)
        connection = _Connection(self._unit, self._guard, reader, writer)
        try:
            await connection.run()
        except (_Hangup, OSError, asyncio.CancelledError):
            # Cancelled only by `stop`; asyncio would log a cancelled accept callback.
            pass
        finally:
            self._viewers.discard(task)
            connection.close()


class _Connection:
    """One client: its requests, and the picture it is sent."""

    def __init__(
        self,
        unit: Unit,
        guard: DigestGuard,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._unit = unit
        self._guard = guard
        self._reader = reader
        self._writer = writer
        self._session = secrets.token_hex(8)
        self._stream = ""
        self._channel: int | None = None
        self._udp: asyncio.DatagramTransport | None = None
        self._player: asyncio.Task[None] | None = None

    async def run(self) -> None:
        while True:
            request = await self._read()
            if not self._unit.core.settings.flag(f"{RTSP}Enable"):
                return
            if not await self._handle(request):
                return

    def close(self) -> None:
        if self._player is not None:
            self._player.cancel()
        if self._udp is not None:
            self._udp.close()
        self._writer.close()

    async def _read(self) -> _Request:
        try:
            while (first := await self._reader.readexactly(1)) == b"$":
                # Receiver reports inside the connection.
                size = int.from_bytes((await self._reader.readexactly(3))[1:], "big")
                await self._reader.readexactly(size)
            head = first + await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise _Hangup from error
        lines = head.decode("utf-8", "replace").split("\r\n")
        words = lines[0].split()
        if len(words) != 3 or not words[2].startswith("RTSP/"):
            raise _Hangup
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = headers.get("content-length", "0")
        if length.isdecimal() and 0 < int(length) <= MAX_HEADER_BYTES:
            await self._reader.readexactly(int(length))
        return _Request(words[0], words[1], headers)

    async def _handle(self, request: _Request) -> bool:
        """Answer; False ends the connection."""
        if request.method == "OPTIONS":
            await self._reply(request, 200, {"Public": _METHODS})
            return True
        if challenge := self._refused(request):
            await self._reply(request, 401, {"WWW-Authenticate": challenge})
            return True
        match request.method:
            case "DESCRIBE":
                await self._describe(request)
            case "SETUP":
                await self._setup(request)
            case "PLAY":
                await self._play(request)
            case "GET_PARAMETER":
                await self._reply(request, 200, {"Session": self._session})
            case "TEARDOWN":
                await self._reply(request, 200, {"Session": self._session})
                return False
            case _:
                await self._reply(request, 501, {})
        return True

    def _refused(self, request: _Request) -> str:
        """Empty when the request may go on, else a challenge."""
        settings = self._unit.core.settings
        if not settings.flag(f"{RTSP}Authorization"):
            return ""
        user, password = settings[f"{RTSP}Username"], settings[f"{RTSP}Password"]
        header = request.headers.get("authorization", "")
        if settings[f"{RTSP}AuthenticationType"] == "0":
            verdict = check_basic(header, user=user, password=password)
            return "" if verdict is Verdict.OK else f'Basic realm="{_REALM}"'
        # Clients disagree on which URL they sign (with track, without, with slash).
        signed = parse_header(header)[1].get("uri", "")
        verdict = self._guard.check(
            header, method=request.method, uri=signed, user=user, password=password
        )
        return "" if verdict is Verdict.OK else self._guard.challenge()

    async def _describe(self, request: _Request) -> None:
        if request.stream not in STREAMS:
            await self._reply(request, 404, {})
            return
        width, height = STREAMS[request.stream]
        body = (
            "v=0\r\n"
            f"o=- 1 1 IN IP4 {LOOPBACK}\r\n"
            f"s={self._unit.model.name}\r\n"
            f"c=IN IP4 {LOOPBACK}\r\n"
            "t=0 0\r\n"
            "a=control:*\r\n"
            f"m=video 0 RTP/AVP {PAYLOAD_TYPE}\r\n"
            "a=control:trackID=0\r\n"
            f"a=framerate:{FRAMES_PER_SECOND}\r\n"
            f"a=framesize:{PAYLOAD_TYPE} {width}-{height}\r\n"
        )
        base = request.url.rstrip("/") + "/"
        headers = {"Content-Base": base, "Content-Type": "application/sdp"}
        await self._reply(request, 200, headers, body)

    async def _setup(self, request: _Request) -> None:
        if request.stream not in STREAMS:
            await self._reply(request, 404, {})
            return
        transport = await self._transport(request.headers.get("transport", ""))
        if not transport:
            await self._reply(request, 461, {})
            return
        self._stream = request.stream
        session = f"{self._session};timeout={SESSION_SECONDS}"
        await self._reply(request, 200, {"Transport": transport, "Session": session})

    async def _transport(self, offered: str) -> str:
        """The first offer that can be met, as the answer spells it; else empty."""
        for offer in offered.split(","):
            fields = [field.strip() for field in offer.split(";")]
            named = dict(field.split("=", 1) for field in fields if "=" in field)
            if fields[0] == "RTP/AVP/TCP":
                channel = named.get("interleaved", "0-1").split("-")[0]
                if channel.isdecimal() and int(channel) < 255:
                    self._channel = int(channel)
                    pair = f"{self._channel}-{self._channel + 1}"
                    return f"RTP/AVP/TCP;unicast;interleaved={pair}"
            elif fields[0] in ("RTP/AVP", "RTP/AVP/UDP") and "unicast" in fields:
                ports = named.get("client_port", "")
                port = ports.split("-")[0]
                if port.isdecimal() and 0 < int(port) < 65536:
                    own = await self._open_udp(int(port))
                    return (
                        f"RTP/AVP;unicast;client_port={ports};"
                        f"server_port={own}-{own + 1}"
                    )
        return ""

    async def _open_udp(self, port: int) -> int:
        if self._udp is not None:
            self._udp.close()
        peer: str = self._writer.get_extra_info("peername")[0]
        loop = asyncio.get_running_loop()
        self._udp, _protocol = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol,
            local_addr=(LOOPBACK, 0),
            remote_addr=(peer, port),
        )
        own: int = self._udp.get_extra_info("sockname")[1]
        return own

    async def _play(self, request: _Request) -> None:
        if not self._stream:
            await self._reply(request, 455, {})
            return
        stream = JpegStream(
            ssrc=secrets.randbits(32),
            sequence=secrets.randbits(16),
            timestamp=secrets.randbits(32),
        )
        info = f"url={request.url.rstrip('/')}/trackID=0;seq={stream.next_sequence}"
        headers = {
            "Session": self._session,
            "Range": "npt=now-",
            "RTP-Info": f"{info};rtptime={stream.timestamp}",
        }
        await self._reply(request, 200, headers)
        if self._player is None:
            self._player = asyncio.create_task(self._stream_out(stream))

    async def _stream_out(self, stream: JpegStream) -> None:
        core, size = self._unit.core, STREAMS[self._stream]
        with contextlib.suppress(OSError, TimeoutError):
            while True:
                picture = frame(core.model.name, core.mac, core.local_now(), size=size)
                for packet in stream.packets(picture):
                    self._send(packet)
                async with asyncio.timeout(SEND_SECONDS):
                    await self._writer.drain()
                stream.advance(CLOCK_RATE // FRAMES_PER_SECOND)
                await asyncio.sleep(1 / FRAMES_PER_SECOND)
        self._writer.close()

    def _send(self, packet: bytes) -> None:
        if self._udp is not None:
            self._udp.sendto(packet)
        elif self._channel is not None:
            prefix = b"$" + bytes((self._channel,)) + len(packet).to_bytes(2, "big")
            self._writer.write(prefix + packet)

    async def _reply(
        self,
        request: _Request,
        status: int,
        headers: Mapping[str, str],
        body: str = "",
    ) -> None:
        reason = {200: "OK", 401: "Unauthorized", 404: "Not Found"}.get(status, "Error")
        lines = [f"RTSP/1.0 {status} {reason}", f"CSeq: {request.sequence}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body:
            lines.append(f"Content-Length: {len(body.encode())}")
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        await self._writer.drain()
