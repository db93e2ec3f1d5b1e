"""Health, metrics, and what is passed on to web."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from django.db import DatabaseError

from portico.gateway import proxy
from tests.conftest import MemoryBus
from tests.gateway.server import RunningGateway, running_gateway

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


class Web(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        self.send_response(302 if self.path.startswith("/away") else 200)
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("Location", "/elsewhere")
        for name in ("X-Forwarded-For", "X-Forwarded-Proto", "Host", "X-Own"):
            self.send_header(f"Seen-{name}", self.headers.get(name) or "none")
        content = f"{self.command} {self.path} ".encode() + body
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 -- the name that the server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- theirs
        """Be quiet."""


@pytest.fixture
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_requests_are_passed_on_with_the_true_client(web: str, bus: MemoryBus) -> None:
    with running_gateway(bus, web=web) as gateway:
        answer = httpx.post(
            f"{gateway.base}/sites/%C3%BC?x=%20y",
            content=b"z" * 200_000,
            headers={
                "X-Forwarded-For": "6.6.6.6",
                "X-Own": "kept",
                "Host": "a.example",
            },
            trust_env=False,
        )

    assert answer.content == b"POST /sites/%C3%BC?x=%20y " + b"z" * 200_000
    assert answer.headers["seen-x-forwarded-for"] == "127.0.0.1"
    assert answer.headers["seen-x-forwarded-proto"] == "http"
    assert answer.headers["seen-host"] == "a.example"
    assert answer.headers["seen-x-own"] == "kept"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


def ask(gateway: RunningGateway, length: int, part: bytes) -> bytes:
    """Send the beginning of a form of ``length`` bytes; the first line of the answer."""
    port = int(gateway.base.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        head = f"POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        connection.sendall(head.encode() + part)
        return connection.recv(1024).partition(b"\r\n")[0]


def test_a_large_form_has_its_time_and_a_slow_one_has_not(
    web: str, bus: MemoryBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "_TOTAL_SECONDS", 0.2)

    def slowly() -> Iterator[bytes]:
        for _ in range(3):
            yield b"z" * 1000
            threading.Event().wait(0.3)

    with running_gateway(bus, web=web) as gateway:
        # A page's time is over, and nothing has come.
        assert ask(gateway, 1_000_000, b"a few bytes").startswith(b"HTTP/1.1 503")
        monkeypatch.setattr(proxy, "_SLOWEST_BYTES", 1)
        answer = httpx.post(
            f"{gateway.base}/form",
            content=slowly(),
            headers={"Content-Length": "3000"},
            trust_env=False,
        )
        assert answer.content == b"POST /form " + b"z" * 3000
        monkeypatch.setattr(proxy, "_MOST_BYTES", 1_000)
        assert ask(gateway, 1_001, b"").startswith(b"HTTP/1.1 413")


def test_redirects_are_the_browsers_to_follow(web: str, bus: MemoryBus) -> None:
    with running_gateway(bus, web=web) as gateway:
        answer = httpx.get(f"{gateway.base}/away", trust_env=False)

    assert (answer.status_code, answer.headers["location"]) == (302, "/elsewhere")


def test_web_that_is_not_there_is_503_with_retry_after(bus: MemoryBus) -> None:
    with running_gateway(bus, web="http://127.0.0.1:9") as gateway:
        answer = httpx.get(f"{gateway.base}/sites/", trust_env=False)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_health_readiness_and_metrics(gateway: RunningGateway) -> None:
    with httpx.Client(base_url=gateway.base, trust_env=False) as client:
        assert client.get("/healthz").text == "ok\n"
        assert client.get("/readyz").text == "ready\n"
        assert "portico_backlog" in client.get("/metrics").text


def test_state_that_nothing_is_in_any_more_is_zero(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seen(states: dict[str, int]) -> str:
        monkeypatch.setattr("portico.gateway.domain._health", lambda: states)
        return httpx.get(f"{gateway.base}/metrics", trust_env=False).text

    assert 'portico_backlog{what="jobs_dead"} 3.0' in seen({"jobs_dead": 3})
    assert 'portico_backlog{what="jobs_dead"} 0.0' in seen({"events_waiting": 1})


def test_not_ready_without_a_database(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> dict[str, int]:
        raise DatabaseError("gone")

    monkeypatch.setattr("portico.gateway.domain._health", away)
    answer = httpx.get(f"{gateway.base}/readyz", trust_env=False)

    assert (answer.status_code, answer.json()["title"]) == (
        503,
        "database_unavailable",
    )
