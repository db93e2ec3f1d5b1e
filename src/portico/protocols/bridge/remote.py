"""What a bridge and the gateway say on a connection of remote control.

Pure, as :mod:`portico.protocols.bridge.envelope`: it begins with three JSON messages, and
goes on with binary frames that carry the streams of one device (``docs/bridge-protocol.md``,
*Remote control*). Anything else is :class:`Nonsense`.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final
from uuid import UUID

from portico.protocols.bridge.fields import MAX_INT, Fields, Nonsense, bad
from portico.protocols.bridge.signing import (
    NONCE_BYTES,
    SIGNATURE_BYTES,
    to_base64url,
)

REMOTE_CONTROL: Final = "remote_control"
# The gateway takes no longer WebSocket message.
MAX_FRAME_BYTES: Final = 64 * 1024
# A piece of a body: small enough that others have their turn between two of them.
CHUNK_BYTES: Final = 16 * 1024
# What may be on its way in one direction of one stream: the memory that it may cost.
WINDOW_BYTES: Final = 256 * 1024
# What the shortest message costs its reader.
LEAST_COST: Final = 256
# Heads, ends and closes cost nothing; no stream has more than one of each to be read.
MAX_FREE: Final = 3
# Pages of small units ask for some twenty things at once.
MAX_STREAMS: Final = 64
# Together they stay well within one frame.
MAX_HEADERS: Final = 100
MAX_HEADER_BYTES: Final = 16 * 1024
MAX_TARGET: Final = 8 * 1024
MAX_MESSAGE_BYTES: Final = MAX_FRAME_BYTES - 16

_HEAD: Final = struct.Struct(">BI")
_NUMBER: Final = struct.Struct(">I")
_CLOSE: Final = struct.Struct(">H")
_MOST_CREDIT: Final = 2**31 - 1
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_METHOD: Final = re.compile(r"[A-Z]{1,16}")
# Printable ASCII: what is beyond it comes percent-encoded.
_TARGET: Final = re.compile(r"/[\x21-\x7e]*")
# Field values of RFC 9110, with Latin-1 as devices send it; no line breaks ever.
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_WORD: Final = re.compile(rb"[a-z][a-z_]{0,31}")
_LABEL: Final = re.compile(r"[a-z2-7]{26}")

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RemoteOrder:
    """``data`` of a ``remote_control`` command."""

    session: UUID
    secret: str
    until: int
    # Where to connect; None: at the bridge's own server.
    at: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteChallenge:
    nonce: bytes


@dataclass(frozen=True, slots=True)
class RemoteAuth:
    """``host`` and ``port`` are where the unit's pages are, seen by the bridge."""

    bridge: UUID
    signature: bytes
    secret: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class RemoteReady:
    until: int


class FrameKind(IntEnum):
    OPEN = 1
    HEAD = 2
    DATA = 3
    END = 4
    RESET = 5
    CREDIT = 6
    TEXT = 7
    BINARY = 8
    CLOSE = 9
    PING = 10
    PONG = 11


@dataclass(frozen=True, slots=True)
class Open:
    """A request for the device; ``length`` is that of its body, None: it has none."""

    method: str
    target: str
    headers: Headers
    tls: bool = False
    websocket: bool = False
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The device's answer; 101 is an accepted WebSocket."""

    status: int
    headers: Headers


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; ``payload`` as its kind has it, see :func:`decode_frame`."""

    kind: FrameKind
    stream: int
    payload: bytes | Open | Head | int | str = b""

    @property
    def cost(self) -> int:
        """What it takes of its direction's window."""
        if self.kind in _PAID and isinstance(self.payload, bytes):
            return max(len(self.payload), LEAST_COST)
        if self.kind is FrameKind.TEXT and isinstance(self.payload, str):
            return max(len(self.payload.encode()), LEAST_COST)
        return 0


_PAID: Final = frozenset({FrameKind.DATA, FrameKind.BINARY})
_EMPTY: Final = frozenset({FrameKind.END, FrameKind.PING, FrameKind.PONG})


def read_remote_order(data: Mapping[str, Any]) -> RemoteOrder:
    """:raises Nonsense: not the data of a ``remote_control`` command."""
    of = Fields(dict(data))
    return RemoteOrder(
        of.uuid("session"),
        of.text("secret", 64, empty=False),
        of.time("until"),
        of.text_or_none("at", 255),
    )


def encode_hello(message: RemoteChallenge | RemoteAuth | RemoteReady) -> str:
    """The text frame that :func:`decode_hello` reads back."""
    plain: dict[str, Any]
    match message:
        case RemoteChallenge(nonce):
            plain = {"t": "challenge", "nonce": to_base64url(nonce)}
        case RemoteAuth():
            plain = {
                "t": "auth",
                "bridge": str(message.bridge),
                "signature": to_base64url(message.signature),
                "secret": message.secret,
                "host": message.host,
                "port": message.port,
            }
        case RemoteReady(until):
            plain = {"t": "ready", "until": until}
    return json.dumps(plain, separators=(",", ":"))


def decode_hello(text: str) -> RemoteChallenge | RemoteAuth | RemoteReady:
    """:raises Nonsense: none of the three."""
    of = Fields(_object(text.encode("utf-8", "surrogatepass")))
    kind = of.text("t", 16)
    if kind == "challenge":
        return RemoteChallenge(of.base64("nonce", NONCE_BYTES))
    if kind == "auth":
        return RemoteAuth(
            of.uuid("bridge"),
            of.base64("signature", SIGNATURE_BYTES),
            of.text("secret", 64, empty=False),
            of.text("host", 45, empty=False),
            of.integer("port", 1, 65535),
        )
    if kind == "ready":
        return RemoteReady(of.time("until"))
    raise Nonsense("unknown_type")


def encode_frame(frame: Frame) -> bytes:
    """The binary frame that :func:`decode_frame` reads back.

    :raises Nonsense: it would not be read back.
    """
    raw = _HEAD.pack(frame.kind, frame.stream) + _encoded(frame)
    decode_frame(raw)
    return raw


def decode_frame(raw: bytes) -> Frame:
    """:raises Nonsense: not a frame, or one that breaks a bound."""
    if not _HEAD.size <= len(raw) <= MAX_FRAME_BYTES:
        raise Nonsense("oversized" if raw[_HEAD.size :] else "bad_frame")
    number, stream = _HEAD.unpack_from(raw)
    try:
        kind = FrameKind(number)
    except ValueError:
        raise Nonsense("unknown_type") from None
    is_whole = kind in {FrameKind.PING, FrameKind.PONG}
    if is_whole != (stream == 0):
        raise bad("stream")
    return Frame(kind, stream, _payload(kind, raw[_HEAD.size :]))


def _payload(kind: FrameKind, rest: bytes) -> bytes | Open | Head | int | str:
    if kind in _EMPTY:
        if rest:
            raise bad("payload")
        return b""
    reader = _READERS.get(kind)
    return reader(rest) if reader else rest


def _read_text(rest: bytes) -> str:
    try:
        return rest.decode()
    except UnicodeDecodeError:
        raise bad("text") from None


def _read_reset(rest: bytes) -> str:
    if not _WORD.fullmatch(rest):
        raise bad("reason")
    return rest.decode()


def _read_credit(rest: bytes) -> int:
    credit = _NUMBER.unpack(rest)[0] if len(rest) == _NUMBER.size else 0
    if not 0 < credit <= _MOST_CREDIT:
        raise bad("credit")
    return int(credit)


def _read_close(rest: bytes) -> int:
    code = _CLOSE.unpack(rest)[0] if len(rest) == _CLOSE.size else 0
    if not 1000 <= code <= 4999:
        raise bad("code")
    return int(code)


def _read_open(rest: bytes) -> Open:
    of = Fields(_object(rest))
    method, target = of.text("method", 16), of.text("target", MAX_TARGET)
    if not _METHOD.fullmatch(method) or not _TARGET.fullmatch(target):
        raise bad("target")
    return Open(
        method,
        target,
        _headers(of),
        of.flag("tls"),
        of.flag("websocket"),
        None if of.absent("length") else _length(of),
    )


def _length(of: Fields) -> int:
    return of.integer("length", 0, MAX_INT)


def _read_head(rest: bytes) -> Head:
    of = Fields(_object(rest))
    return Head(of.integer("status", 100, 599), _headers(of))


def _headers(of: Fields) -> Headers:
    found: list[tuple[str, str]] = []
    for item in of.items("headers", MAX_HEADERS):
        if not isinstance(item, list) or len(item) != 2:
            raise bad("headers")
        name, value = item
        if not isinstance(name, str) or not isinstance(value, str):
            raise bad("headers")
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise bad("headers")
        found.append((name, value))
    if sum(len(name) + len(value) for name, value in found) > MAX_HEADER_BYTES:
        raise bad("headers")
    return tuple(found)


def is_header(name: str, value: str) -> bool:
    """Whether a header can be carried at all."""
    return bool(_TOKEN.fullmatch(name) and _VALUE.fullmatch(value))


_READERS: Final[Mapping[FrameKind, Any]] = {
    FrameKind.OPEN: _read_open,
    FrameKind.HEAD: _read_head,
    FrameKind.RESET: _read_reset,
    FrameKind.CREDIT: _read_credit,
    FrameKind.TEXT: _read_text,
    FrameKind.CLOSE: _read_close,
}


def _encoded(frame: Frame) -> bytes:
    payload = frame.payload
    match payload:
        case bytes():
            return payload
        case str():
            return payload.encode("utf-8", "surrogatepass")
        case Open() | Head():
            plain = {name: getattr(payload, name) for name in payload.__slots__}
            return json.dumps(plain, separators=(",", ":")).encode()
        case int():
            size = _CLOSE if frame.kind is FrameKind.CLOSE else _NUMBER
            try:
                return size.pack(payload)
            except struct.error:
                raise bad("number") from None


def _object(raw: bytes) -> object:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise Nonsense("not_json") from None
    if not isinstance(value, dict):
        raise Nonsense("not_an_object")
    return value


class SendWindow:
    """How much may still be sent in one direction of a stream."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = WINDOW_BYTES

    def take(self, cost: int) -> None:
        """Spend; it may go below zero once, by the frame that did not quite fit."""
        self.left -= cost

    def grant(self, credit: int) -> None:
        """:raises Nonsense: more than was ever taken."""
        self.left += credit
        if self.left > WINDOW_BYTES:
            raise bad("credit")


class ReceiveWindow:
    """What the other side may send us, and what it is to be granted again."""

    __slots__ = ("_eaten", "_waiting")

    def __init__(self) -> None:
        self._waiting = self._eaten = 0

    def arrived(self, cost: int) -> None:
        """:raises Nonsense: more than it was allowed."""
        self._waiting += cost
        if self._waiting + self._eaten > WINDOW_BYTES + MAX_FRAME_BYTES:
            raise Nonsense("oversized", "window")

    def eaten(self, cost: int) -> int:
        """What to grant now; 0: not worth a frame yet."""
        self._waiting -= cost
        self._eaten += cost
        if self._eaten < WINDOW_BYTES // 2:
            return 0
        grant, self._eaten = self._eaten, 0
        return grant
