"""Small pieces of HTTP over raw ASGI."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

TEXT = (b"content-type", b"text/plain; charset=utf-8")
PROBLEM = (b"content-type", b"application/problem+json")

# The largest body any path of ours but the proxy takes: an enrolment.
MAX_BODY_BYTES = 8 * 1024


class TooLarge(Exception):
    """The body is over the limit."""


def header(scope: Scope, name: bytes) -> str:
    """The first header ``name`` (lower case), or ""."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return ""


async def respond(
    send: Send, status: int, body: bytes = b"", headers: Headers = ()
) -> None:
    """Send one whole answer."""
    length = (b"content-length", str(len(body)).encode())
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, length],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def problem(
    send: Send, status: int, code: str, detail: str = "", headers: Headers = ()
) -> None:
    """Send an RFC 9457 problem; ``code`` is stable, ``detail`` for people."""
    content = {"type": "about:blank", "title": code, "status": status}
    if detail:
        content["detail"] = detail
    await respond(send, status, json.dumps(content).encode(), [PROBLEM, *headers])


async def read_body(receive: Receive, limit: int = MAX_BODY_BYTES) -> bytes:
    """The whole body.

    :raises TooLarge: more than ``limit`` bytes.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise TooLarge
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


class ClientAddresses:
    """Who is asking: the peer, or what one of our own proxies says of it."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = frozenset(t.strip() for t in trusted if t.strip())

    def of(self, scope: Scope) -> str:
        peer = (scope.get("client") or ("", 0))[0]
        if peer in self._trusted:
            # Several lines are one list; only its end is our own proxy's word.
            lines = [v for k, v in scope["headers"] if k == b"x-forwarded-for"]
            last = b",".join(lines).rsplit(b",", 1)[-1].decode("latin-1").strip()
            if last:
                return str(last[:45])
        return str(peer)
