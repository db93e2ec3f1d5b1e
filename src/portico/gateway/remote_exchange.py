"""One request or WebSocket of a browser, answered by the device behind a tunnel."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final

from portico.gateway.http import Message, Receive, Scope, Send, header
from portico.gateway.remote_rules import (
    TooMuch,
    charset_safe_text,
    length_of,
    to_browser,
    to_device,
    wants_tls,
)
from portico.gateway.remote_text import OwnLinks
from portico.gateway.remote_tunnel import Tunnel
from portico.protocols.bridge.fields import Nonsense
from portico.protocols.bridge.remote import MAX_TARGET, FrameKind, Head, Open
from portico.tunnel.streams import Stream, StreamOver

# A firmware image is some 60 MB.
MAX_BODY_BYTES: Final = 128 * 1024 * 1024
# A unit that writes firmware to its flash takes its time; the bridge gives it a minute.
HEAD_SECONDS: Final = 75.0
# Answers without a body, whatever length they state.
_BODILESS: Final = frozenset({204, 304})


class Refusal(Exception):
    """The request is answered by a status of ours and nothing else."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class NoAnswer(Exception):
    """The device did not answer; ``reason`` is the bridge's word for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def asked_of(scope: Scope, tunnel: Tunnel, *, is_socket: bool = False) -> Open:
    """The request as the bridge gets it. :raises Refusal: it cannot be passed on."""
    target = scope["raw_path"].decode("latin-1")
    if query := scope["query_string"].decode("latin-1"):
        target += f"?{query}"
    if len(target) > MAX_TARGET:
        raise Refusal(414, "address_too_long")
    if not target.startswith("/") or not target.isascii() or not target.isprintable():
        raise Refusal(400, "bad_address")
    try:
        headers = to_device(scope["headers"], tunnel.place, tls=tunnel.tls)
    except TooMuch:
        raise Refusal(431, "headers_too_large") from None
    length = None if is_socket else _body_length(scope)
    method = "GET" if is_socket else str(scope["method"])
    return Open(method, target, headers, tunnel.tls, is_socket, length)


def _body_length(scope: Scope) -> int | None:
    if header(scope, b"transfer-encoding"):
        # Browsers always say how much it is; small units need to know.
        raise Refusal(411, "length_required")
    text = header(scope, b"content-length")
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise Refusal(400, "bad_length")
    if len(text) > 12 or int(text) > MAX_BODY_BYTES:
        raise Refusal(413, "too_large")
    return int(text)


async def exchange(
    scope: Scope, receive: Receive, send: Send, *, tunnel: Tunnel
) -> None:
    """Ask the device and pass its answer on.

    :raises Refusal: it is not asked. :raises NoAnswer: it did not answer; nothing was
        sent to the browser yet. :raises LeadsElsewhere: it redirects to somebody else.
    """
    asked = asked_of(scope, tunnel)
    try:
        stream = await tunnel.open(asked)
    except Nonsense:
        raise Refusal(400, "bad_request") from None
    except StreamOver as over:
        raise NoAnswer(over.reason) from None
    is_done = False
    incoming = asyncio.create_task(_incoming(receive, stream, asked.length))
    try:
        head = await _head(stream, incoming)
        if head is not None:
            may_lack = asked.method == "HEAD"
            answer = _answer(head, stream, send, tunnel=tunnel, may_lack=may_lack)
            is_done = await _until_gone(answer, incoming)
    finally:
        incoming.cancel()
        await asyncio.gather(incoming, return_exceptions=True)
        await tunnel.close(stream, is_done=is_done)


async def _head(stream: Stream, incoming: asyncio.Task[None]) -> Head | None:
    """The device's answer's beginning; None: the browser is gone."""
    frames = asyncio.create_task(stream.receive())
    await asyncio.wait(
        {frames, incoming}, timeout=HEAD_SECONDS, return_when=asyncio.FIRST_COMPLETED
    )
    if not frames.done():
        frames.cancel()
        await asyncio.gather(frames, return_exceptions=True)
        if incoming.done():
            return None
        raise NoAnswer("no_answer")
    try:
        frame = frames.result()
    except StreamOver as over:
        raise NoAnswer(over.reason) from None
    if not isinstance(frame.payload, Head) or frame.payload.status < 200:
        raise NoAnswer("refused")
    return frame.payload


async def _until_gone(work: Awaitable[bool], incoming: asyncio.Task[None]) -> bool:
    """The result of ``work``, or False as soon as the browser has gone."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task, incoming}, return_when=asyncio.FIRST_COMPLETED)
        return task.done() and task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _answer(
    head: Head, stream: Stream, send: Send, *, tunnel: Tunnel, may_lack: bool
) -> bool:
    """Pass the answer on; False when it was not whole.

    :param may_lack: a length is stated without a body.
    :raises LeadsElsewhere: it redirects to somebody else.
    """
    headers = to_browser(head.headers, tunnel.place)
    if (tls := wants_tls(head.headers, tunnel.place)) is not None:
        tunnel.tls = tls
    links, length = None, length_of(head.headers)
    if charset_safe_text(head.headers, head.status):
        links, length = OwnLinks(tunnel.place), None
    elif length is not None and head.status not in _BODILESS:
        headers.append((b"content-length", str(length).encode()))
    await send(
        {"type": "http.response.start", "status": head.status, "headers": headers}
    )
    while True:
        try:
            frame = await stream.receive()
        except StreamOver:
            return False  # cut off: uvicorn closes what is not whole
        part = frame.payload if isinstance(frame.payload, bytes) else b""
        if length is not None and (length := length - len(part)) < 0:
            return False
        is_end = frame.kind is FrameKind.END
        if links is not None:
            part = links.feed(part) + (links.rest() if is_end else b"")
        tunnel.sent += len(part)
        if is_end:
            break
        await send({"type": "http.response.body", "body": part, "more_body": True})
    if length and not may_lack and head.status not in _BODILESS:
        return False
    await send({"type": "http.response.body", "body": part})
    return True


async def _incoming(receive: Receive, stream: Stream, length: int | None) -> None:
    """Pass the body on; returns when the browser has gone."""
    left = length or 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        part = message.get("body", b"")
        if not left or not part:
            continue
        left -= len(part)
        try:
            await stream.send_data(part)
        except StreamOver:
            left = 0  # the device has answered already, or never will


async def talk(scope: Scope, receive: Receive, send: Send, *, tunnel: Tunnel) -> None:
    """One WebSocket between browser and device, from its acceptance to its end.

    :raises NoAnswer: the device does not want it. :raises Refusal: it is not asked.
    """
    offered = ", ".join(scope.get("subprotocols") or ())
    asked = asked_of(scope, tunnel, is_socket=True)
    try:
        stream = await tunnel.open(asked)
    except (StreamOver, Nonsense):
        raise NoAnswer("gone") from None
    is_done = False
    try:
        async with asyncio.timeout(HEAD_SECONDS):
            frame = await stream.receive()
        if not isinstance(frame.payload, Head) or frame.payload.status != 101:
            raise NoAnswer("refused")
        chosen = dict(frame.payload.headers).get("sec-websocket-protocol")
        known = chosen if chosen in offered.split(", ") else None
        await send({"type": "websocket.accept", "subprotocol": known})
        is_done = await _both_ways(stream, receive, send)
    except (StreamOver, TimeoutError):
        raise NoAnswer("no_answer") from None
    finally:
        await tunnel.close(stream, is_done=is_done)


async def _both_ways(stream: Stream, receive: Receive, send: Send) -> bool:
    """Whether the device closed it."""
    outgoing = asyncio.create_task(_to_browser(stream, send))
    incoming = asyncio.create_task(_to_unit(stream, receive))
    try:
        await asyncio.wait({outgoing, incoming}, return_when=asyncio.FIRST_COMPLETED)
        return outgoing.done()
    finally:
        for task in (outgoing, incoming):
            task.cancel()
        await asyncio.gather(outgoing, incoming, return_exceptions=True)


async def _to_browser(stream: Stream, send: Send) -> None:
    code = 1011
    try:
        while True:
            frame = await stream.receive()
            if frame.kind is FrameKind.TEXT:
                await send(_message(text=str(frame.payload)))
            elif frame.kind is FrameKind.BINARY and isinstance(frame.payload, bytes):
                await send(_message(raw=frame.payload))
            elif frame.kind is FrameKind.CLOSE and isinstance(frame.payload, int):
                code = frame.payload
                return
    except StreamOver:
        return
    finally:
        await send({"type": "websocket.close", "code": code})


async def _to_unit(stream: Stream, receive: Receive) -> None:
    while True:
        message = await receive()
        try:
            if message["type"] != "websocket.receive":
                code = message.get("code", 1000)
                sendable = code if code not in {1005, 1006} else 1000
                await stream.send(FrameKind.CLOSE, sendable)
                return
            if (text := message.get("text")) is not None:
                await stream.send(FrameKind.TEXT, text)
            else:
                await stream.send(FrameKind.BINARY, message.get("bytes") or b"")
        except (StreamOver, Nonsense):
            return


def _message(*, text: str | None = None, raw: bytes | None = None) -> Message:
    if text is not None:
        return {"type": "websocket.send", "text": text}
    return {"type": "websocket.send", "bytes": raw}
