"""What a stranger may write into a connection."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from portico.gateway.http import ClientAddresses
from portico.gateway.tolerant import escape_request_line
from tests.gateway.server import RunningGateway

pytestmark = [pytest.mark.integration]
TIMEOUT_SECONDS = 10.0


@pytest.fixture
def raw(gateway: RunningGateway) -> Iterator[socket.socket]:
    address = urlsplit(gateway.base)
    assert address.hostname is not None
    where = (address.hostname, address.port or 0)
    with socket.create_connection(where, TIMEOUT_SECONDS) as connection:
        yield connection


def answer(raw: socket.socket) -> bytes:
    """One whole answer."""
    got = b""
    while b"\r\n\r\n" not in got:
        part = raw.recv(1)
        assert part, got
        got += part
    length = int(got.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while length:
        part = raw.recv(length)
        length -= len(part)
        got += part
    return got


def test_body_that_looks_like_a_request_keeps_its_length(raw: socket.socket) -> None:
    body = "GET /ü".encode()
    raw.sendall(b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n")
    assert answer(raw).startswith(b"HTTP/1.1 200")  # so that the body comes alone
    raw.sendall(body)
    raw.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")

    # Nothing that stands in the body was taken for a request.
    assert answer(raw).startswith(b"HTTP/1.1 404")
    raw.sendall("GET /healthz?ü HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer(raw).startswith(b"HTTP/1.1 200")


def test_bare_line_feed_ends_the_line_that_is_escaped() -> None:
    data = b"POST /\xc3\xbc HTTP/1.1\nContent-Length: 2\n\n\xc3\xbc"

    assert escape_request_line(data) == (
        b"POST /%C3%BC HTTP/1.1\nContent-Length: 2\n\n\xc3\xbc"
    )


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_upgrade_that_we_do_not_know_is_refused_at_once(
    raw: socket.socket, method: bytes
) -> None:
    raw.sendall(
        method + b" /bridge/v1/enrol HTTP/1.1\r\nHost: x\r\n"
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 2\r\n\r\n{}"
    )

    assert answer(raw).startswith(b"HTTP/1.1 400")
    assert raw.recv(1) == b""


def test_last_of_several_forwarded_lines_is_our_proxys() -> None:
    addresses = ClientAddresses(["127.0.0.1"])
    lines = [
        (b"x-forwarded-for", b"6.6.6.6"),
        (b"x-forwarded-for", b"7.7.7.7, 1.2.3.4"),
    ]

    assert addresses.of({"client": ("127.0.0.1", 1), "headers": lines}) == "1.2.3.4"
    assert addresses.of({"client": ("9.9.9.9", 1), "headers": lines}) == "9.9.9.9"
