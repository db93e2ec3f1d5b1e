"""The messages of remote control's connection: read back as written, nonsense refused."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.protocols.bridge import signing
from portico.protocols.bridge.fields import Nonsense
from portico.protocols.bridge.remote import (
    MAX_FRAME_BYTES,
    WINDOW_BYTES,
    Frame,
    FrameKind,
    Head,
    Open,
    ReceiveWindow,
    RemoteAuth,
    RemoteChallenge,
    RemoteOrder,
    RemoteReady,
    SendWindow,
    decode_frame,
    decode_hello,
    encode_frame,
    encode_hello,
    read_remote_order,
)

pytestmark = pytest.mark.unit

ID = uuid.UUID("2b1f6a5e-0d0e-4c58-9f0a-0f3f4f6d7e8f")
_NAMES = st.text("abcXYZ-09", min_size=1, max_size=20)
_VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)
_HEADERS = st.lists(st.tuples(_NAMES, _VALUES), max_size=10).map(tuple)
_PATHS = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=60
).map(lambda rest: f"/{rest}")
_STREAMS = st.integers(1, 2**32 - 1)
_OPENS = st.builds(
    Open,
    st.sampled_from(["GET", "POST", "PUT", "OPTIONS"]),
    _PATHS,
    _HEADERS,
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(0, 2**31 - 1),
)
_FRAMES = st.one_of(
    st.builds(Frame, st.just(FrameKind.OPEN), _STREAMS, _OPENS),
    st.builds(
        Frame,
        st.just(FrameKind.HEAD),
        _STREAMS,
        st.builds(Head, st.integers(100, 599), _HEADERS),
    ),
    st.builds(
        Frame,
        st.sampled_from([FrameKind.DATA, FrameKind.BINARY]),
        _STREAMS,
        st.binary(max_size=300),
    ),
    st.builds(Frame, st.just(FrameKind.TEXT), _STREAMS, st.text(max_size=100)),
    st.builds(Frame, st.just(FrameKind.END), _STREAMS),
    st.builds(
        Frame,
        st.just(FrameKind.RESET),
        _STREAMS,
        st.sampled_from(["gone", "no_answer"]),
    ),
    st.builds(Frame, st.just(FrameKind.CREDIT), _STREAMS, st.integers(1, 2**31 - 1)),
    st.builds(Frame, st.just(FrameKind.CLOSE), _STREAMS, st.integers(1000, 4999)),
    st.builds(Frame, st.sampled_from([FrameKind.PING, FrameKind.PONG]), st.just(0)),
)


@given(_FRAMES)
def test_frame_is_read_back_as_it_was_written(frame: Frame) -> None:
    assert decode_frame(encode_frame(frame)) == frame


@given(st.binary(max_size=400))
def test_any_bytes_are_a_frame_or_nonsense(raw: bytes) -> None:
    try:
        frame = decode_frame(raw)
    except Nonsense:
        return
    assert decode_frame(encode_frame(frame)) == frame


@given(_FRAMES, st.data())
def test_damaged_frames_are_frames_or_nonsense(
    frame: Frame, data: st.DataObject
) -> None:
    raw = bytearray(encode_frame(frame))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    try:
        decode_frame(bytes(raw))
    except Nonsense:
        return


def _open(**changes: Any) -> bytes:
    plain = {"method": "GET", "target": "/", "headers": [], "tls": False}
    plain |= {"websocket": False, "length": None, **changes}
    return b"\x01\x00\x00\x00\x01" + json.dumps(plain).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "http://evil.example/"},
        {"target": "evil"},
        {"target": "/a b"},
        {"target": "/a\r\nX: y"},
        {"target": "/é"},
        {"target": "/" + "a" * 9_000},
        {"method": "get"},
        {"method": "GET /x HTTP/1.1\r\n"},
        {"headers": [["a", "b\r\nc: d"]]},
        {"headers": [["a:", "b"]]},
        {"headers": [["", "b"]]},
        {"headers": [["a", 1]]},
        {"headers": [["a"]]},
        {"headers": [["a", "b" * 20_000]]},
        {"headers": [["a", "b"]] * 101},
        {"length": -1},
        {"tls": 1},
    ],
)
def test_request_that_would_be_another_is_nonsense(changes: dict[str, Any]) -> None:
    assert decode_frame(_open()).stream == 1
    with pytest.raises(Nonsense):
        decode_frame(_open(**changes))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x03\x00\x00\x00",
        b"\x00\x00\x00\x00\x01",
        b"\x03\x00\x00\x00\x00data of no stream",
        b"\x0a\x00\x00\x00\x01",
        b"\x04\x00\x00\x00\x01x",
        b"\x06\x00\x00\x00\x01\x00\x00\x00\x00",
        b"\x09\x00\x00\x00\x01\x00\x01",
        b"\x05\x00\x00\x00\x01Not a word",
        b"\x07\x00\x00\x00\x01\xff",
        b"\x03\x00\x00\x00\x01" + b"x" * MAX_FRAME_BYTES,
    ],
)
def test_malformed_frames_are_nonsense(raw: bytes) -> None:
    with pytest.raises(Nonsense):
        decode_frame(raw)


@pytest.mark.parametrize(
    "message",
    [
        RemoteChallenge(b"n" * 32),
        RemoteAuth(ID, b"s" * 64, "secret", "192.168.1.20", 80),
        RemoteReady(1_700_000_000_000),
    ],
)
def test_greeting_is_read_back(message: Any) -> None:
    assert decode_hello(encode_hello(message)) == message


@given(st.text(max_size=200))
def test_any_text_is_a_greeting_or_nonsense(text: str) -> None:
    try:
        decode_hello(text)
    except Nonsense:
        return


def test_order_names_the_session_and_its_secret() -> None:
    data = {"session": str(ID), "secret": "s", "until": 5, "at": None}

    assert read_remote_order(data) == RemoteOrder(ID, "s", 5, None)
    for name in ("session", "secret", "until"):
        with pytest.raises(Nonsense):
            read_remote_order({**data, name: None})


def test_windows_bound_what_is_on_its_way() -> None:
    sending, receiving = SendWindow(), ReceiveWindow()
    sending.take(WINDOW_BYTES)
    receiving.arrived(WINDOW_BYTES)

    assert sending.left == 0
    granted = receiving.eaten(WINDOW_BYTES)
    assert granted == WINDOW_BYTES
    sending.grant(granted)
    with pytest.raises(Nonsense):
        sending.grant(1)
    receiving.arrived(WINDOW_BYTES + MAX_FRAME_BYTES)
    with pytest.raises(Nonsense):
        receiving.arrived(1)


def test_signature_is_of_this_connection_alone() -> None:
    private = signing.generate_private_key()
    public, nonce = signing.public_key(private), b"n" * 32
    signature = signing.sign_remote(private, nonce, ID)

    assert signing.verify_remote(public, nonce, ID, signature=signature)
    assert not signing.verify_remote(public, b"m" * 32, ID, signature=signature)
    assert not signing.verify_remote(public, nonce, uuid.uuid4(), signature=signature)
    session = signing.sign(private, nonce, ID)
    assert not signing.verify_remote(public, nonce, ID, signature=session)
