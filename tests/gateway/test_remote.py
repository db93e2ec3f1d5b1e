"""Remote control from browser to device: real gateway, real bridge, a device to fear."""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from aiohttp import WSMsgType, web
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.enums import CommandChannel
from portico.devices.services.bridges import remove_bridge
from portico.devices.services.commands import request_open
from portico.devices.services.registration import remove_device
from portico.kernel.clock import utcnow
from portico.protocols.bridge import signing
from portico.protocols.bridge.remote import (
    RemoteAuth,
    RemoteChallenge,
    decode_hello,
    encode_hello,
)
from portico.remote.enums import EndReason
from portico.remote.models import RemoteSession
from portico.remote.services.sessions import order_data
from tests.conftest import MemoryBus
from tests.factories import make_device, make_installer, make_site
from tests.factories.remote import make_remote_session
from tests.gateway.bridges import enrol
from tests.gateway.remote_house import COOKIE, RemoteHouse, remote_house
from tests.gateway.server import RunningGateway
from tests.nats import free_port
from tests.portals.conftest import client_of
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]

MEGABYTE = 1024 * 1024


@pytest.fixture
def house(
    transactional_db: None,
    bus: MemoryBus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RemoteHouse]:
    with remote_house(bus, tmp_path, monkeypatch) as made:
        yield made


def is_ended(session: RemoteSession, why: EndReason) -> bool:
    session.refresh_from_db()
    return session.end_reason == why


# What passes


def test_page_of_the_device_is_shown_at_an_origin_of_its_own(
    house: RemoteHouse,
) -> None:
    asked = house.page("/status", "<p>Front door</p>")
    tab = house.open()

    answer = tab.get("/status?lang=en", cookie="lang=de; portico_session=secret")

    assert answer.status_code == 200
    assert answer.text == "<p>Front door</p>"
    (seen,) = asked
    assert seen.path_qs == "/status?lang=en"
    assert seen.headers["Host"] == house.unit.address
    assert seen.headers["Cookie"] == "lang=de"
    assert not [name for name in seen.headers if name.lower().startswith("x-forw")]
    entry = AuditEntry.objects.get(action="device.remote_control")
    assert entry.actor_id == house.installer.pk
    assert house.session.attached_at is not None


def test_answer_is_kept_to_its_own_origin(house: RemoteHouse) -> None:
    headers = {
        "Strict-Transport-Security": "max-age=99999999",
        "Content-Security-Policy": "report-uri https://evil.example/",
        "Access-Control-Allow-Origin": "*",
        "X-Accel-Redirect": "/etc/passwd",
        "Service-Worker-Allowed": "/",
        "Link": "<https://evil.example/>; rel=preconnect",
        "Refresh": "0; url=https://evil.example/",
        "Cache-Control": "public, max-age=60",
        "Server": "lighttpd",
    }
    house.page("/", headers=headers)
    tab = house.open()

    answer = tab.get("/")

    policy = answer.headers["content-security-policy"]
    socket_origin = tab.origin.replace("http", "ws", 1)
    assert f"connect-src 'self' {socket_origin};" in policy
    assert "default-src 'self' 'unsafe-inline'" in policy
    assert "form-action 'self'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "evil" not in str(answer.headers)
    gone = {"strict-transport-security", "access-control-allow-origin", "refresh"}
    gone |= {"x-accel-redirect", "service-worker-allowed", "link", "server"}
    assert not gone & set(answer.headers)
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "private, max-age=60"


def test_absolute_links_and_cookies_become_the_origins_own(house: RemoteHouse) -> None:
    own = house.unit.address
    text = (
        f'<a href="http://{own}/a"><script>new WebSocket("ws://{own}/live");'
        f'x="http:\\/\\/{own}\\/b";y="//{own}/c";z="http://127.0.0.1:9/d"</script>'
    )
    cookie = f"sid=1; Path=/; Domain={own.partition(':')[0]}; Secure; HttpOnly"
    house.page("/", text, headers={"Set-Cookie": cookie})
    house.page("/blob", text, kind="application/octet-stream")
    house.page("/steal", headers={"Set-Cookie": f"{COOKIE}=mine; Path=/"})
    tab = house.open()

    answer = tab.get("/")

    host = tab.host
    assert answer.text == (
        f'<a href="http://{host}/a"><script>new WebSocket("ws://{host}/live");'
        f'x="http:\\/\\/{host}\\/b";y="//{host}/c";z="http://127.0.0.1:9/d"</script>'
    )
    assert answer.headers["set-cookie"] == "sid=1; Path=/; HttpOnly; SameSite=Lax"
    assert tab.get("/blob").text == text
    assert "set-cookie" not in tab.get("/steal").headers


def test_redirects_stay_at_the_device(house: RemoteHouse) -> None:
    away = {"Location": "https://evil.example/login"}
    near = {"Location": f"http://{house.unit.address}/login?a=1"}
    neighbour = {"Location": "http://127.0.0.1:9/"}
    house.page("/near", status=302, headers=near)
    house.page("/away", status=302, headers=away)
    house.page("/neighbour", status=301, headers=neighbour)
    tab = house.open()

    answer = tab.get("/near")
    assert (answer.status_code, answer.headers["location"]) == (302, "/login?a=1")
    for path in ("/away", "/neighbour"):
        refused = tab.get(path)
        assert refused.status_code == 502
        assert "location" not in refused.headers
        assert "leads elsewhere" in refused.text
        assert "evil" not in refused.text


def test_basic_and_digest_of_the_device_pass(house: RemoteHouse) -> None:
    asked = house.page(
        "/", status=401, headers={"WWW-Authenticate": 'Digest realm="x", nonce="1"'}
    )
    tab = house.open()

    answer = tab.get("/", Authorization='Digest username="admin"')

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Digest realm="x", nonce="1"'
    assert asked[0].headers["Authorization"] == 'Digest username="admin"'


def test_forms_and_websockets_pass_both_ways(house: RemoteHouse) -> None:
    bodies: list[bytes] = []

    async def save(request: web.BaseRequest) -> web.StreamResponse:
        bodies.append(b"".join([part async for part in request.content.iter_any()]))
        assert request.headers["Content-Length"] == str(len(bodies[-1]))
        assert request.headers["Origin"] == f"http://{house.unit.address}"
        return web.Response(status=204)

    async def live(request: web.BaseRequest) -> web.StreamResponse:
        made = web.WebSocketResponse(protocols=["chat"])
        await made.prepare(request)
        async for message in made:
            if message.type is WSMsgType.TEXT:
                await made.send_str(message.data.upper())
            else:
                await made.send_bytes(message.data[::-1])
        return made

    house.on("/save", save)
    house.on("/live", live)
    tab = house.open()

    body = b"name=x&" + b"a" * (2 * MEGABYTE)
    headers = tab.headers(Origin=tab.origin, Sec_Fetch_Site="same-origin")
    assert tab.ask("POST", "/save", content=body, headers=headers).status_code == 204
    assert bodies == [body]
    with tab.socket("/live", subprotocols=["chat", "other"]) as made:
        made.send("ping")
        assert made.recv() == "PING"
        made.send(b"\x01\x02")
        assert made.recv() == b"\x02\x01"
        assert made.subprotocol == "chat"


def test_answers_without_a_body_and_streams_of_events(house: RemoteHouse) -> None:
    more = asyncio.Event()

    async def events(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b"data: 1\n\n")
        await more.wait()
        return answer

    async def unchanged(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=304, headers={"ETag": '"1"', "Content-Length": "9"})

    house.on("/events", events)
    house.on("/unchanged", unchanged)
    house.page("/picture", b"12345", kind="image/png")
    tab = house.open()

    head = tab.ask("HEAD", "/picture")
    assert (head.status_code, head.headers["content-length"]) == (200, "5")
    kept = tab.get("/unchanged")
    assert (kept.status_code, kept.headers["etag"]) == (304, '"1"')
    with tab.http.stream("GET", "/events", headers=tab.headers()) as answer:
        assert next(answer.iter_raw()) == b"data: 1\n\n"
    assert tab.get("/picture").content == b"12345"


# Who gets in


def test_without_the_cookie_there_is_nothing(house: RemoteHouse) -> None:
    asked = house.page("/")
    tab = house.open()
    assert tab.get("/").status_code == 200
    secret = tab.secret

    tab.secret = "another"
    assert tab.get("/").status_code == 404
    assert tab.get("/.portico/page.css").status_code == 404
    tab.secret = ""
    assert tab.get("/", cookie=f"{COOKIE}={secret}; {COOKIE}=x").status_code == 404
    with pytest.raises(InvalidStatus), tab.socket("/"):
        pytest.fail("it must not open")
    for host in ("a" * 26, "x", tab.label.swapcase() + "x", f"a.{tab.label}"):
        tab.secret, tab.host = secret, f"{host}.localhost:{house.port}"
        assert tab.get("/").status_code == 404
    assert len(asked) == 1


def test_entry_is_good_once_and_for_a_minute(
    house: RemoteHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = house.order()
    assert tab.enter().status_code == 303
    assert tab.enter().status_code == 404

    again = house.client.post(house.url("remote_enter", house.session.pk))
    later = utcnow() + timedelta(seconds=61)
    with monkeypatch.context() as patch:
        patch.setattr("portico.gateway.remote_domain.utcnow", lambda: later)
        tab.entry = again["Location"]
        assert tab.enter().status_code == 404
    assert tab.enter().status_code == 303


def test_one_browser_at_a_time(house: RemoteHouse) -> None:
    house.page("/")
    first = house.open()
    again = house.client.post(house.url("remote_enter", house.session.pk))
    assert first.get("/").status_code == 200
    old = first.secret
    first.entry = again["Location"]
    assert first.enter().status_code == 303

    assert first.get("/").status_code == 200
    first.secret = old
    assert first.get("/").status_code == 404


def test_host_tricks_lead_to_no_other(house: RemoteHouse) -> None:
    asked = house.page("/")
    tab = house.open()
    cookie = f"Cookie: {COOKIE}={tab.secret}"
    own = f"127.0.0.1:{house.port}"

    here = f"HTTP/1.1\r\nHost: {tab.host}\r\n{cookie}\r\n"
    chunked = "Transfer-Encoding: chunked\r\n"
    for request in (
        f"GET / {here}Host: {own}\r\n",
        f"GET / HTTP/1.1\r\nHost: {own}\r\nHost: {tab.host}\r\n{cookie}\r\n",
        f"POST / {here}Content-Length: 4\r\n{chunked}",
        f"POST / {here}Content-Length: 4\r\nContent-Length: 5\r\n",
        f"POST / {here}Content-Length: 999999999\r\n",
        f"GET / {here}X: a\x00b\r\n",
    ):
        with socket.create_connection(("127.0.0.1", house.port), 10) as raw:
            raw.sendall(f"{request}Connection: close\r\n\r\n0\r\n\r\n".encode())
            status = raw.recv(64).split(b" ")[1]
        assert status in {b"400", b"404", b"411", b"413"}, request
    assert asked == []


def test_our_paths_are_ours(house: RemoteHouse) -> None:
    asked = house.page("/.portico/enter")
    tab = house.open()

    for path in ("/.portico/x", "/%2eportico/x", "/.portico/enter"):
        assert tab.get(path).status_code == 404
    assert tab.get("/.portico/page.css").headers["content-type"] == "text/css"
    assert asked == []
    # And the gateway's own are not there: the device answers.
    assert tab.get("/healthz").status_code == 404
    assert house.unit.count("/healthz") == 1


@pytest.mark.parametrize(
    ("status", "headers", "method"),
    [
        (403, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}, "GET"),
        (403, {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, "GET"),
        (403, {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, "POST"),
        (403, {"Origin": "http://127.0.0.1:8000"}, "POST"),
        (403, {"Origin": "null"}, "POST"),
        (403, {"Service-Worker": "script"}, "GET"),
        (411, {"Transfer-Encoding": "chunked"}, "POST"),
        (431, {"X-Much": "a" * 20_000}, "GET"),
    ],
)
def test_requests_that_no_page_of_the_device_makes_are_refused(
    house: RemoteHouse, status: int, headers: dict[str, str], method: str
) -> None:
    asked = house.page("/")
    tab = house.open()
    content = iter([b"x"]) if "Transfer-Encoding" in headers else None

    refused = tab.ask(
        method, "/", headers={**tab.headers(), **headers}, content=content
    )

    assert refused.status_code == status
    assert asked == []
    there = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    there |= {"Sec-Fetch-Dest": "document"}
    assert tab.ask("GET", "/", headers={**tab.headers(), **there}).status_code == 200


def test_websocket_of_another_origin_is_refused(house: RemoteHouse) -> None:
    tab = house.open()
    tab.get("/")

    with pytest.raises(InvalidStatus), tab.socket("/live", origin="http://evil.test"):
        pytest.fail("it must not open")
    assert house.unit.count("/live") == 0


# A device to fear


def test_bridge_goes_to_no_other_address(house: RemoteHouse) -> None:
    """Redirects of WebSockets are followed by clients, unless somebody forbids it."""
    with socket.create_server(("127.0.0.1", 0)) as victim:
        victim.setblocking(False)
        port = victim.getsockname()[1]
        away = {"Location": f"http://127.0.0.1:{port}/live"}
        house.page("/live", status=302, headers=away)
        house.page("/page", status=302, headers=away)
        tab = house.open()

        with pytest.raises(InvalidStatus), tab.socket("/live"):
            pytest.fail("it must not open")
        assert tab.get("/page").status_code == 502
        for target in (f"//127.0.0.1:{port}/", f"/\\127.0.0.1:{port}/", "/@evil/"):
            tab.get(target)
        with pytest.raises(BlockingIOError):
            victim.accept()


def test_large_body_passes_and_waits_for_its_reader(house: RemoteHouse) -> None:
    sent = 0

    async def large(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal sent
        answer = web.StreamResponse(headers={"Content-Type": "application/zip"})
        await answer.prepare(request)
        for _ in range(100):
            await answer.write(b"x" * MEGABYTE)
            sent += MEGABYTE
        return answer

    house.on("/large", large)
    house.page("/small", "quick")
    tab = house.open()
    with tab.http.stream("GET", "/large", headers=tab.headers()) as answer:
        assert answer.status_code == 200
        before = -1

        def stalls() -> bool:
            nonlocal before
            before, changed = sent, sent != before
            return not changed

        parts = answer.iter_raw(MEGABYTE)
        size = len(next(parts))
        # Nobody reads on: what is on its way fits windows and sockets' buffers. And
        # nobody else waits.
        for _ in range(20):
            eventually(stalls)
            other = httpx.get(
                f"http://127.0.0.1:{house.port}/small",
                headers=tab.headers(),
                trust_env=False,
            )
            assert other.text == "quick"
        assert sent < 40 * MEGABYTE
        size += sum(len(part) for part in parts)
    assert size == 100 * MEGABYTE


def test_lies_about_the_length_do_not_split_answers(house: RemoteHouse) -> None:
    async def short(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 50\r\n\r\nx"
        )
        request.transport.close()
        return web.Response()

    async def garbage(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(b"HTTP/1.1 200 OK\r\nA\x00: b\r\n\r\n")
        request.transport.close()
        return web.Response()

    async def heavy(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(headers={f"Date-{n}": "v" * 900 for n in range(40)})

    house.on("/short", short)
    house.on("/garbage", garbage)
    house.on("/heavy", heavy)
    tab = house.open()

    with pytest.raises(httpx.RemoteProtocolError):
        tab.get("/short")
    assert tab.get("/garbage").status_code == 504
    assert tab.get("/heavy").status_code == 504
    house.page("/")
    assert tab.get("/").status_code == 200


def test_doors_go_first(house: RemoteHouse) -> None:
    """Three pages hang and take all that browsing may have; a door opens all the same."""
    release = asyncio.Event()

    async def hang(_request: web.BaseRequest) -> web.StreamResponse:
        await release.wait()
        return web.Response(text="late")

    house.on("/hang", hang)
    tab = house.open()
    hanging = [
        socket.create_connection(("127.0.0.1", house.port), 30) for _ in range(6)
    ]
    for each in hanging:
        request = (
            f"GET /hang HTTP/1.1\r\nHost: {tab.host}\r\nCookie: {COOKIE}={tab.secret}"
        )
        each.sendall(f"{request}\r\n\r\n".encode())
    eventually(lambda: house.unit.count("/hang") == 3)

    relay = house.device.relays.get()
    request_open(
        actor=house.installer,
        relay=relay,
        channel=CommandChannel.PORTAL,
        now=utcnow(),
    )
    eventually(lambda: len(house.unit.trigs) == 1)

    assert house.unit.count("/hang") == 3
    house._loop.loop.call_soon_threadsafe(release.set)
    for each in hanging:
        assert each.recv(64).startswith(b"HTTP/1.1 200")
        each.close()


def test_silent_device_gets_a_page_of_ours(house: RemoteHouse) -> None:
    async def drop(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    house.on("/", drop)
    tab = house.open()

    answer = tab.get("/")

    assert answer.status_code == 504
    assert "does not answer" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_device_that_wants_https_gets_it_with_its_own_certificate(
    house: RemoteHouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    port = free_port()
    for module in ("portico.bridge.remote_device", "portico.gateway.remote_rules"):
        monkeypatch.setattr(f"{module}.HTTPS_PORT", port)
    house.page("/", status=302, headers={"Location": f"https://127.0.0.1:{port}/in"})
    house.page("/in", "plain")
    with house.secure_page(port, "safe", tmp_path):
        tab = house.open()

        answer = tab.get("/")
        assert (answer.status_code, answer.headers["location"]) == (302, "/in")
        assert tab.get("/in").text == "safe"


# Bridges that are not asked


def test_only_the_ordered_bridge_may_come_and_only_once(
    gateway: RunningGateway,
) -> None:
    installer = make_installer()
    site, other_site = make_site(installer), make_site(installer)
    device = make_device(site, installer)
    own, key, _ = enrol(gateway, site, installer)
    other, other_key, _ = enrol(gateway, other_site, installer)
    site.bridges.update(is_online=True, last_seen_at=utcnow())
    session = make_remote_session(device, installer)
    told = order_data(
        device_id=device.pk, command_id=session.command_id or own, now=utcnow()
    )
    assert told is not None
    secret = str(told["secret"])
    assert not order_data(
        device_id=device.pk, command_id=session.command_id or own, now=utcnow()
    )

    def come(
        bridge: uuid.UUID, private: bytes, secret: str, at: uuid.UUID = session.pk
    ) -> int:
        """The close code; 0: it was let in, and closed itself."""
        with connect(f"{gateway.ws}/bridge/v1/remote/{at}", proxy=None) as made:
            challenge = decode_hello(str(made.recv()))
            assert isinstance(challenge, RemoteChallenge)
            signature = signing.sign_remote(private, challenge.nonce, session.pk)
            auth = RemoteAuth(bridge, signature, secret, "127.0.0.1", 80)
            made.send(encode_hello(auth))
            try:
                made.recv()
                made.send(b"nonsense")
                made.recv()
            except ConnectionClosed as error:
                return error.rcvd.code if error.rcvd else 0
        return 0

    assert come(own, other_key, secret) == 4401
    assert come(uuid.uuid4(), key, secret) == 4401
    assert come(other, other_key, secret) == 4410
    assert come(own, key, "another") == 4410
    assert come(own, key, secret, at=uuid.uuid4()) == 4401
    session.refresh_from_db()
    assert session.attached_at is None
    assert come(own, key, secret) == 4400
    assert come(own, key, secret) == 4410
    assert is_ended(session, EndReason.BRIDGE_GONE)


# How it ends


def test_ending_closes_everything_and_clears_the_browser(house: RemoteHouse) -> None:
    async def live(request: web.BaseRequest) -> web.StreamResponse:
        made = web.WebSocketResponse()
        await made.prepare(request)
        await made.send_str("here")
        await made.receive()
        return made

    house.on("/live", live)
    house.page("/")
    tab = house.open()
    session = house.session
    with tab.socket("/live") as made:
        assert made.recv() == "here"
        house.client.post(house.url("remote_end", session.pk))
        with pytest.raises(ConnectionClosed):
            made.recv()

    over = tab.get("/", cookie="sid=1")
    assert over.status_code == 410
    assert "Remote Control is over" in over.text
    assert f"/installer/devices/{house.device.mac}/remote/" in over.text
    assert over.headers["clear-site-data"] == '"cache", "storage"'
    assert over.headers["set-cookie"] == "sid=; Path=/; Max-Age=0"
    assert is_ended(session, EndReason.ENDED)
    eventually(lambda: AuditEntry.objects.filter(object_id=session.pk).exists())
    entry = AuditEntry.objects.get(object_id=session.pk)
    assert entry.action == "device.remote_control_ended"
    assert entry.actor_id == house.installer.pk
    assert entry.after["why"] == "ended"


def test_time_is_over_after_fifteen_minutes(
    house: RemoteHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.page("/")
    tab = house.open()
    assert tab.get("/").status_code == 200
    session = house.session
    assert session.expires_at - session.opened_at == timedelta(minutes=15)

    later = session.expires_at
    monkeypatch.setattr("portico.gateway.remote_domain.utcnow", lambda: later)
    eventually(lambda: is_ended(session, EndReason.EXPIRED))

    assert tab.get("/").status_code == 410
    assert session.ended_at == session.expires_at
    assert session.requests == 1
    assert AuditEntry.objects.get(object_id=session.pk).actor_id is None


def test_bridge_is_unplugged_in_the_middle(house: RemoteHouse) -> None:
    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "video/mp4"})
        await answer.prepare(request)
        while True:
            await answer.write(b"x" * 1000)
            await asyncio.sleep(0.01)

    house.on("/video", endless)
    tab = house.open()
    session = house.session
    with tab.http.stream("GET", "/video", headers=tab.headers()) as answer:
        parts = answer.iter_raw()
        next(parts)
        house.box.unplug()
        with pytest.raises(httpx.RemoteProtocolError):
            list(parts)

    eventually(lambda: is_ended(session, EndReason.BRIDGE_GONE))
    over = tab.get("/")
    assert over.status_code == 410
    assert "connection of the bridge" in over.text


def test_bridge_that_does_not_come_is_told(
    house: RemoteHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portico.gateway.remote.ATTACH_SECONDS", 0.2)
    house.box.unplug()
    bridges = house.site.bridges.filter(revoked_at=None)
    eventually(lambda: not bridges.get().is_online)
    bridges.update(is_online=True, last_seen_at=utcnow())
    tab = house.order()
    tab.enter()

    answer = tab.get("/")

    assert answer.status_code == 502
    assert "bridge is not connected" in answer.text


@pytest.mark.parametrize("what", ["account", "device", "bridge"])
def test_session_ends_with_what_it_stands_on(house: RemoteHouse, what: str) -> None:
    house.page("/")
    tab = house.open()
    assert tab.get("/").status_code == 200
    session = house.session

    if what == "account":
        User.objects.filter(pk=house.installer.pk).update(is_active=False)
        why = EndReason.RIGHT_LOST
    elif what == "device":
        remove_device(actor=house.installer, device=house.device, now=utcnow())
        why = EndReason.DEVICE_REMOVED
    else:
        bridge = house.site.bridges.get(revoked_at=None)
        remove_bridge(actor=house.installer, bridge=bridge, now=utcnow())
        why = EndReason.BRIDGE_REMOVED

    eventually(lambda: is_ended(session, why))
    assert tab.get("/").status_code == 410
    assert AuditEntry.objects.get(object_id=session.pk).after["why"] == why.value


def test_opening_again_ends_the_former(house: RemoteHouse) -> None:
    house.page("/")
    tab = house.open()
    assert tab.get("/").status_code == 200
    former = house.session

    newer = house.open()

    assert newer.get("/").status_code == 200
    assert newer.label != tab.label
    assert is_ended(former, EndReason.REPLACED)
    assert tab.get("/").status_code == 410


def test_strangers_find_nothing(house: RemoteHouse) -> None:
    house.page("/")
    tab = house.open()
    assert tab.get("/").status_code == 200
    session = house.session
    stranger = client_of(make_installer())

    assert stranger.get(house.url("device_remote")).status_code == 404
    assert stranger.post(house.url("remote_control")).status_code == 404
    for name in ("remote_enter", "remote_end"):
        answer = stranger.post(house.url(name, session.pk))
        assert answer.status_code == 404
    assert tab.get("/").status_code == 200
    assert RemoteSession.objects.count() == 1
