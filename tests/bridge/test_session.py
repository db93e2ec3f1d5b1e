"""Enrolment, sessions and their ends, and the program's manners."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import WSCloseCode
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portico.protocols.bridge import signing
from tests.bridge.fake_device import MAC, running_device
from tests.bridge.fake_gateway import Gateway, roster, roster_device, running_gateway
from tests.bridge.process import BridgeProcess, bridge

pytestmark = pytest.mark.integration


def pauses(process: BridgeProcess) -> list[float]:
    return [
        line["again_in"] for line in process.log if line["event"] == "session.ended"
    ]


def everything_in(data: Path) -> bytes:
    return b"".join(path.read_bytes() for path in data.iterdir())


def test_enrols_once_then_needs_no_token(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway:
            async with bridge(gateway.url, tmp_path) as first:
                await gateway.ready()
                bridge_id = first.ready_line["bridge_id"]
                assert first.ready_line["ready"] is True
                assert await first.terminate() == 0
            async with bridge(gateway.url, tmp_path, token="") as second:
                await gateway.ready(2)
                assert second.ready_line["bridge_id"] == bridge_id
            assert len(gateway.enrolments) == 1
            sent = gateway.enrolments[0]
            assert set(sent) == {"token", "public_key", "name", "version"}
            assert sent["name"] == "test-box"
            assert len(signing.from_base64url(sent["public_key"])) == 32
            auth = gateway.auths[0]
            assert auth["bridge"] == bridge_id
            assert auth["protocol"] == 1
            assert auth["lan"] == f"http://{first.listen}"

    asyncio.run(scenario())


def test_a_lost_enrolment_answer_is_asked_for_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway(lost_enrolments=2) as gateway:
            async with bridge(gateway.url, tmp_path):
                await gateway.ready()
            assert len(gateway.enrolments) == 3
            assert len({frame["public_key"] for frame in gateway.enrolments}) == 1

    asyncio.run(scenario())


def test_a_kill_during_enrolment_does_not_spend_the_token(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway(lost_enrolments=1) as gateway:
            async with bridge(gateway.url, tmp_path, is_ready=False) as first:
                await gateway.wait(lambda: gateway.enrolments)
                await first.kill()
            async with bridge(gateway.url, tmp_path):
                await gateway.ready()

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [404, 422])
def test_a_refused_token_ends_with_3(status: int, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            running_gateway(enrol_status=status) as gateway,
            bridge(gateway.url, tmp_path, is_ready=False) as process,
        ):
            assert await process.ended() == 3
            assert "portico bridge:" in process.errors[0]
            assert "token-1" not in "".join(process.errors) + str(process.log)

    asyncio.run(scenario())


def test_an_enrolment_waits_for_a_busy_server(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            running_gateway(enrol_status=429) as gateway,
            bridge(gateway.url, tmp_path, is_ready=False) as process,
        ):
            await process.logged("enrol.not_now", status=429)
            gateway.enrol_status = 0
            await process.ready()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("server", "arguments", "token", "code"),
    [
        ("http://192.0.2.1", [], "t", 2),
        ("ftp://127.0.0.1", [], "t", 2),
        ("https://user:pass@127.0.0.1", [], "t", 2),
        ("http://127.0.0.1:9", [], "", 2),
        ("http://127.0.0.1:9", ["--listen", "nonsense"], "t", 2),
        ("http://127.0.0.1:9", ["--listen", "203.0.113.9:0"], "t", 2),
        ("https://127.0.0.1:9", ["--ca", "/nonexistent"], "t", 2),
    ],
)
def test_wrong_usage_ends_with_2(
    server: str, arguments: list[str], token: str, code: int, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with bridge(
            server, tmp_path, *arguments, token=token, is_ready=False
        ) as process:
            assert await process.ended() == code
            assert process.errors[-1].startswith("portico bridge: ")
            assert not any("Traceback" in line for line in process.errors)

    asyncio.run(scenario())


def test_two_bridges_never_share_a_directory(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            running_gateway() as gateway,
            bridge(gateway.url, tmp_path),
            bridge(gateway.url, tmp_path, is_ready=False) as second,
        ):
            assert await second.ended() == 4

    asyncio.run(scenario())


def test_a_damaged_identity_is_not_replaced(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / "identity.json").write_text('{"private_key": "AA"}')
        async with (
            running_gateway() as gateway,
            bridge(gateway.url, tmp_path, is_ready=False) as process,
        ):
            assert await process.ended() == 1
            assert "damaged" in process.errors[0]
            assert gateway.enrolments == []

    asyncio.run(scenario())


def test_files_are_for_the_owner_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        data = tmp_path / "data"
        async with running_gateway() as gateway:
            gateway.roster = roster(roster_device(MAC))
            async with bridge(gateway.url, data) as process:
                await process.logged("roster.taken")
                assert stat.S_IMODE(data.stat().st_mode) == 0o700
                modes = {
                    path.name: stat.S_IMODE(path.stat().st_mode)
                    for path in data.iterdir()
                }
        assert set(modes) >= {"identity.json", "bridge.sqlite3", "bridge.sqlite3-wal"}
        assert set(modes.values()) == {0o600}

    asyncio.run(scenario())


def test_logs_hold_no_secrets(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(gateway.url, tmp_path, "--verbose") as process:
                await gateway.online(MAC)
                await gateway.result(await gateway.command(MAC))
                await device.report(process.listen, "ValidCodeEntered", code="7654321")
                await device.report(process.listen, "MotionDetect", secret="wr0ng-one")
                await gateway.wait(lambda: gateway.of("event"))
                assert await process.terminate() == 0
            key = json.loads((tmp_path / "identity.json").read_text())["private_key"]
            shown = json.dumps(process.log) + "".join(process.errors)
            for secret in (
                *("token-1", "api-pass", "open-pass", f"secret-{MAC}"),
                *("7654321", "wr0ng-one", key),
            ):
                assert secret not in shown

    asyncio.run(scenario())


@pytest.mark.parametrize("code", [4401, 4403, 4409, 4408, 4429, 1012])
def test_it_comes_back_after_every_close_code(code: int, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            running_gateway(refuse_with=code) as gateway,
            bridge(gateway.url, tmp_path) as process,
        ):
            await gateway.wait(lambda: len(gateway.close_codes) >= 2)
            gateway.refuse_with = 0
            await gateway.ready()
            # The socket of a session that was once ready may be closed like that too.
            await gateway.cut(code)
            await gateway.ready(2)
            line = await process.logged("session.ended")
            assert line["code"] == code
            # Full jitter: between nothing and 0.5 s, 1 s, 2 s…
            for step, pause in enumerate(pauses(process)):
                assert 0 <= pause <= 0.5 * 2**step + 0.1

    asyncio.run(scenario())


def test_an_unavailable_server_is_tried_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            running_gateway() as gateway,
            bridge(gateway.url, tmp_path) as process,
        ):
            await gateway.ready()
            gateway.session_status = 503
            await gateway.cut()
            await process.logged("server.unreachable")
            gateway.session_status = 0
            await gateway.ready(2)
            await gateway.stop()
            await process.logged("server.unreachable", error="ClientConnectorError")
            await gateway.start()
            await gateway.ready(3)

    asyncio.run(scenario())


async def _send_text(gateway: Gateway, text: str) -> None:
    await gateway.sockets[-1].send_str(text)


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        '{"t":"dance"}',
        '{"t":"ack","ids":["x"]}',
        '{"t":"challenge","nonce":"AA","server_time":1}',
        '{"t":"ready","session":"again","server_time":1}',
        '{"t":"roster","revision":"1","devices":[{"mac":"nonsense"}]}',
        '{"t":"command","id":"x"}',
        '{"t":"pong","n":1,"pad":"' + "x" * 70000 + '","server_time":1}',
    ],
)
def test_nonsense_from_the_server_ends_the_session(text: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(gateway.url, tmp_path) as process:
                await gateway.online(MAC)
                await _send_text(gateway, text)
                await gateway.wait(lambda: gateway.close_codes)
                assert gateway.close_codes == [4400]
                await process.logged("server.nonsense")
                await gateway.ready(2)
                # Nothing was taken over, nothing was lost.
                result = await gateway.result(await gateway.command(MAC))
                assert result["state"] == "acknowledged"

    asyncio.run(scenario())


def test_binary_and_huge_frames_end_the_session(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, bridge(gateway.url, tmp_path):
            await gateway.ready()
            await gateway.sockets[-1].send_bytes(b"\x00")
            await gateway.ready(2)
            assert gateway.close_codes == [4400]
            await _send_text(gateway, "x" * (1024 * 1024 + 1))
            await gateway.ready(3)
            # Who closes with bytes unread may reset the connection before its word is read.
            assert gateway.close_codes[1] in {
                WSCloseCode.MESSAGE_TOO_BIG,
                WSCloseCode.ABNORMAL_CLOSURE,
            }

    asyncio.run(scenario())


def test_a_device_that_leaves_the_roster_is_left_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(gateway.url, tmp_path) as process:
                await gateway.online(MAC)
                await gateway.send(roster(revision="2"))
                await process.logged("roster.taken", revision="2")
                result = await gateway.result(await gateway.command(MAC))
                assert result["reason"] == "unknown_device"
                assert await device.report(process.listen, "MotionDetect") == 404
                assert await process.terminate() == 0
            assert b"api-pass" not in everything_in(tmp_path)

    asyncio.run(scenario())


def test_a_revoked_bridge_forgets_the_house(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running_gateway() as gateway, running_device() as device:
            gateway.roster = roster(roster_device(MAC, address=device.address))
            async with bridge(gateway.url, tmp_path) as process:
                await gateway.online(MAC)
                gateway.refuse_with = 4403
                await gateway.cut(4403)
                await process.logged("roster.taken", revision="revoked")
                assert await device.report(process.listen, "MotionDetect") == 404
                assert await process.terminate() == 0
            assert b"api-pass" not in everything_in(tmp_path)

    asyncio.run(scenario())


def test_silence_is_noticed_and_pings_carry_on(tmp_path: Path) -> None:
    prelude = (
        "import portico.bridge.limits as limits\n"
        "limits.PING_EVERY = 0.1; limits.PONG_WITHIN = 0.5"
    )

    async def scenario() -> None:
        async with (
            running_gateway() as gateway,
            bridge(gateway.url, tmp_path, prelude=prelude) as process,
        ):
            await gateway.wait(lambda: len(gateway.of("ping")) > 8)
            numbers = [frame["n"] for frame in gateway.of("ping")]
            assert numbers == sorted(set(numbers))
            assert not pauses(process)
            gateway.pongs = False
            await process.logged("server.silent")
            gateway.pongs = True
            await gateway.ready(2)

    asyncio.run(scenario())


def test_the_ready_line_is_one_line_of_json(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            running_gateway() as gateway,
            bridge(gateway.url, tmp_path) as process,
        ):
            assert re.fullmatch(r"127\.0\.0\.1:\d+", process.listen)
            assert await process.terminate() == 0
            assert process.process.stdout is not None
            assert await process.process.stdout.read() == b""

    asyncio.run(scenario())


def self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server context for 127.0.0.1 and the file that makes it trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test gateway")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "ca.pem").write_bytes(pem)
    (folder / "both.pem").write_bytes(secret + pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "both.pem")
    return context, folder / "ca.pem"


def test_tls_is_checked(tmp_path: Path) -> None:
    context, authority = self_signed(tmp_path)

    async def scenario() -> None:
        async with running_gateway(tls=context) as gateway:
            async with bridge(gateway.url, tmp_path / "1", is_ready=False) as stranger:
                await stranger.logged("enrol.unreachable")
                assert gateway.enrolments == []
            async with bridge(
                gateway.url, tmp_path / "2", "--ca", str(authority)
            ) as trusting:
                await gateway.ready()
                assert await trusting.terminate() == 0

    asyncio.run(scenario())
