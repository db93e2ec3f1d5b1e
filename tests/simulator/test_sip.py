from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from portico.protocols import digest
from portico.protocols.sip import (
    BadSip,
    SipMessage,
    answer_to,
    granted_seconds,
    parse,
)
from portico.simulator import sip
from portico.simulator.factory import ACTION_URL
from portico.simulator.virtual import VirtualUnit
from tests.simulator.support import MAC, cloud, run, until

pytestmark = pytest.mark.integration

PASSWORD = "sip-password"


class Registrar(asyncio.DatagramProtocol):
    """Asks for Digest, grants, and can be told to be difficult."""

    def __init__(self) -> None:
        self.guard = digest.DigestGuard("sip.example")
        self.granted: list[SipMessage] = []
        self.answers: list[SipMessage] = []
        self.keep_alives = 0
        self.drop = 0
        self.min_expires = 0
        self.refuse = 0
        self.peer: tuple[str, int] = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.peer = addr
        if not data.strip():
            self.keep_alives += 1
        elif self.drop:
            self.drop -= 1
        else:
            self._message(parse(data))

    def _message(self, message: SipMessage) -> None:
        if message.status:
            self.answers.append(message)
        else:
            self.send(self._reply(message))

    def send(self, message: SipMessage) -> None:
        self.transport.sendto(message.encode(), self.peer)

    def _reply(self, request: SipMessage) -> SipMessage:
        if self.refuse:
            return answer_to(request, self.refuse, "No", tag="r")
        verdict = self.guard.check(
            request.get("Authorization"),
            method="REGISTER",
            uri=request.uri,
            user="101",
            password=PASSWORD,
        )
        if verdict is not digest.Verdict.OK:
            challenge = [("WWW-Authenticate", self.guard.challenge())]
            return answer_to(request, 401, "Unauthorized", tag="r", extra=challenge)
        if int(request.get("Expires")) < self.min_expires:
            extra = [("Min-Expires", str(self.min_expires))]
            return answer_to(request, 423, "Interval Too Brief", tag="r", extra=extra)
        self.granted.append(request)
        contact = f"{request.get('Contact')};expires={request.get('Expires')}"
        return answer_to(request, 200, "OK", tag="r", extra=[("Contact", contact)])


@asynccontextmanager
async def registrar() -> AsyncIterator[tuple[Registrar, dict[str, str]]]:
    """A registrar, and the settings with which a unit registers there."""
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(
        Registrar, local_addr=("127.0.0.1", 0)
    )
    prefix = "Config.Account1."
    config = {
        f"{prefix}GENERAL.Enable": "1",
        f"{prefix}GENERAL.UserName": "101",
        f"{prefix}GENERAL.Pwd": PASSWORD,
        f"{prefix}GENERAL.DisplayName": "Front door",
        f"{prefix}SIP.Server": "127.0.0.1",
        f"{prefix}SIP.Port": str(transport.get_extra_info("sockname")[1]),
        f"{prefix}REG.Timeout": "60",
    }
    try:
        yield made, config
    finally:
        transport.close()


def _request(method: str, peer: tuple[str, int], **headers: str) -> SipMessage:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return SipMessage(
        (
            ("Via", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKserver"),
            ("From", "<sip:server@127.0.0.1>;tag=s"),
            ("To", f"<sip:101@{peer[0]}>"),
            ("Call-ID", "from-server"),
            ("CSeq", f"1 {method}"),
            *named,
        ),
        method=method,
        uri=f"sip:101@{peer[0]}:{peer[1]}",
    )


def test_unit_registers_with_digest() -> None:
    async def test() -> None:
        async with (
            registrar() as (server, config),
            VirtualUnit.start(mac=MAC, model="R20A", config=config) as unit,
        ):
            await until(lambda: unit.unit.registration == sip.REGISTERED)

            request = server.granted[0]
            assert request.get("User-Agent") == "Akuvox R20A 320.30.11.63"
            assert request.get("From").startswith('"Front door" <sip:101@127.0.0.1>')
            assert request.get("Expires") == "60"
            assert "MESSAGE" in request.get("Allow")
            assert request.get("Contact") == f"<sip:101@127.0.0.1:{server.peer[1]}>"

    run(test())


def test_account_set_later_and_taken_away() -> None:
    async def test() -> None:
        async with (
            registrar() as (_server, config),
            VirtualUnit.start(mac=MAC, model="R20A") as unit,
        ):
            assert unit.unit.registration == sip.OFF
            unit.unit.core.settings.apply(config)
            await until(lambda: unit.unit.registration == sip.REGISTERED)
            unit.unit.core.settings.apply({"Config.Account1.GENERAL.Enable": "0"})
            await until(lambda: unit.unit.registration == sip.OFF)

    run(test())


def test_lost_request_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip, "T1_SECONDS", 0.02)

    async def test() -> None:
        async with registrar() as (server, config):
            server.drop = 2
            async with VirtualUnit.start(mac=MAC, model="R20A", config=config) as unit:
                await until(lambda: unit.unit.registration == sip.REGISTERED)

                assert server.drop == 0

    run(test())


def test_too_brief_interval_is_corrected() -> None:
    async def test() -> None:
        async with registrar() as (server, config):
            server.min_expires = 90
            async with VirtualUnit.start(mac=MAC, model="R20A", config=config) as unit:
                await until(lambda: unit.unit.registration == sip.REGISTERED)

                assert server.granted[-1].get("Expires") == "90"

    run(test())


def test_refresh_at_half_of_the_lifetime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip, "SHORTEST_LIFETIME", 0.1)

    async def test() -> None:
        async with registrar() as (server, config):
            config["Config.Account1.REG.Timeout"] = "1"
            async with VirtualUnit.start(mac=MAC, model="R20A", config=config):
                await until(lambda: len(server.granted) == 2)

                first, second = (each.get("CSeq") for each in server.granted)
                assert int(first.split()[0]) < int(second.split()[0])
                assert server.granted[0].get("Call-ID") == server.granted[1].get(
                    "Call-ID"
                )

    run(test())


@pytest.mark.parametrize("refusal", [403, 404, 500])
def test_refused_account_is_failed_and_reported(refusal: int) -> None:
    async def test() -> None:
        async with cloud() as web, registrar() as (server, config):
            server.refuse = refusal
            config |= {
                f"{ACTION_URL}Enable": "1",
                f"{ACTION_URL}RegisterFailed": web.event_url("RegisterFailed"),
            }
            async with VirtualUnit.start(mac=MAC, model="C313", config=config) as unit:
                await unit.wait_fired("RegisterFailed")

                assert unit.unit.registration == sip.FAILED
                assert server.granted == []

    run(test())


def test_wrong_password_is_not_accepted() -> None:
    async def test() -> None:
        async with registrar() as (server, config):
            config["Config.Account1.GENERAL.Pwd"] = "wrong"
            async with VirtualUnit.start(mac=MAC, model="R20A", config=config) as unit:
                await until(lambda: unit.unit.registration == sip.FAILED)

                assert server.granted == []

    run(test())


def test_only_udp_is_simulated() -> None:
    async def test() -> None:
        async with registrar() as (server, config):
            config["Config.Account1.SIP.TransType"] = "2"
            async with VirtualUnit.start(mac=MAC, model="R20A", config=config) as unit:
                assert unit.unit.registration == sip.FAILED
                assert server.granted == []

    run(test())


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("OPTIONS", {}, 200),
        ("MESSAGE", {}, 200),
        ("NOTIFY", {"Event": "check-sync;reboot=false"}, 200),
        ("NOTIFY", {"Event": "talk"}, 489),
        ("INVITE", {}, 488),
        ("BYE", {}, 481),
        ("PUBLISH", {}, 405),
    ],
)
def test_answers_to_the_server(
    method: str, headers: dict[str, str], status: int
) -> None:
    async def test() -> None:
        async with (
            registrar() as (server, config),
            VirtualUnit.start(mac=MAC, model="R20A", config=config) as unit,
        ):
            await until(lambda: unit.unit.registration == sip.REGISTERED)
            server.send(_request(method, server.peer, **headers))
            await until(lambda: server.answers)

            answer = server.answers[0]
            assert answer.status == status
            assert answer.get("Call-ID") == "from-server"
            assert "tag=" in answer.get("To")

    run(test())


def test_check_sync_starts_autop() -> None:
    async def test() -> None:
        async with (
            cloud() as web,
            registrar() as (server, config),
            VirtualUnit.start(
                mac=MAC,
                model="R20A",
                config=config | {"Config.Autoprovision.MODE.Mode": "0"},
            ) as unit,
        ):
            await until(lambda: unit.unit.registration == sip.REGISTERED)
            unit.unit.core.settings.apply({"Config.Autoprovision.GENERAL.Url": web.url})
            server.send(_request("NOTIFY", server.peer, Event="check-sync"))
            await until(lambda: unit.unit.autop.runs == 1)

    run(test())


def test_busy_unit_says_so_and_acks_are_not_answered() -> None:
    async def test() -> None:
        async with (
            registrar() as (server, config),
            VirtualUnit.start(mac=MAC, model="R20A", config=config) as unit,
        ):
            await until(lambda: unit.unit.registration == sip.REGISTERED)
            await unit.act("call", number="102")
            server.transport.sendto(b"garbage", server.peer)
            server.send(_request("ACK", server.peer))
            server.send(_request("INVITE", server.peer))
            await until(lambda: server.answers)

            assert [each.status for each in server.answers] == [486]

    run(test())


def test_keep_alives_are_sent() -> None:
    async def test() -> None:
        async with registrar() as (server, config):
            config["Config.Account1.NAT.UdpKeepInterval"] = "0"
            async with VirtualUnit.start(mac=MAC, model="R20A", config=config) as unit:
                await until(lambda: unit.unit.registration == sip.REGISTERED)
                assert server.keep_alives == 0
                config["Config.Account1.NAT.UdpKeepInterval"] = "1"
                unit.unit.core.settings.apply(config)
                await until(lambda: server.keep_alives >= 1)

    run(test())


def test_messages_are_read_and_written() -> None:
    folded = b"SIP/2.0 200 OK\r\nv: a\r\nVia: b\r\ni: x\r\nSubject: one\r\n two\r\n\r\n"

    message = parse(folded)

    assert (message.status, message.reason) == (200, "OK")
    assert message.all("via") == ["a", "b"]
    assert message.get("Call-ID") == "x"
    assert message.get("subject") == "one two"
    assert parse(message.encode()) == replace(
        message, headers=(*message.headers, ("Content-Length", "0"))
    )
    with pytest.raises(BadSip):
        parse(b"HTTP/1.1 200 OK\r\n\r\n")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((("Contact", "<sip:a@b>;expires=30"), ("Expires", "60")), 30),
        ((("Contact", "<sip:a@b>"), ("Expires", "60")), 60),
        ((), 1800),
    ],
)
def test_granted_lifetime(headers: tuple[tuple[str, str], ...], expected: int) -> None:
    assert granted_seconds(SipMessage(headers, status=200), 1800) == expected


def _text(peer: tuple[str, int], number: int, body: str, kind: str) -> SipMessage:
    request = _request("MESSAGE", peer, Content_Type=kind)
    headers = tuple(
        (key, f"call-{number}" if key == "Call-ID" else value)
        for key, value in request.headers
    )
    return replace(request, headers=headers, body=body)


def test_indoor_monitor_keeps_a_text_once(tmp_path: Path) -> None:
    plain = "text/plain;charset=utf-8"

    async def test() -> None:
        async with registrar() as (server, config):
            async with VirtualUnit.start(
                mac=MAC, model="C313", config=config, state_dir=tmp_path
            ) as unit:
                await until(lambda: unit.unit.registration == sip.REGISTERED)
                for number, body, kind in (
                    (1, "Hello\n\n\U0001f6aa", plain),
                    (1, "Hello\n\n\U0001f6aa", plain),
                    (2, "<p>", "text/html"),
                    (3, "Bye", plain),
                ):
                    server.send(_text(server.peer, number, body, kind))
                await until(lambda: len(server.answers) == 4)

                assert [a.status for a in server.answers] == [200, 200, 415, 200]
            # It is still there after a power cut, and gone after a factory reset.
            async with VirtualUnit.start(
                mac=MAC, model="C313", state_dir=tmp_path
            ) as unit:
                kept = unit.unit.core.state.messages
                assert [one["Text"] for one in kept] == ["Hello\n\n\U0001f6aa", "Bye"]
                unit.unit.reset_factory()
                assert kept == []

    run(test())


def test_door_phone_takes_a_text_and_shows_none() -> None:
    async def test() -> None:
        async with (
            registrar() as (server, config),
            VirtualUnit.start(mac=MAC, model="R20A", config=config) as unit,
        ):
            await until(lambda: unit.unit.registration == sip.REGISTERED)
            server.send(_text(server.peer, 1, "Hello", "text/plain"))
            await until(lambda: server.answers)

            assert server.answers[0].status == 200
            assert unit.unit.core.state.messages == []

    run(test())
