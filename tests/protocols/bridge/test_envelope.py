"""The messages between bridge and gateway: round trips, and refusal of all else."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portico.protocols.akuvox.action_url import EventKind
from portico.protocols.bridge import envelope as env
from portico.protocols.bridge.fields import MAX_INT, MAX_MS

pytestmark = pytest.mark.unit

UUID_TEXT = "0b5e7f9a-3f3e-4a3e-9d4a-2b1f6b9d7c11"
MAC = "0C1105AABBCC"

_texts = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=32
)
_words = st.text(string.ascii_lowercase + "_", max_size=12).map(lambda t: "a" + t)
_times = st.integers(0, MAX_MS)
_counts = st.integers(0, MAX_INT)
_macs = st.binary(min_size=5, max_size=5).map(lambda raw: "0C" + raw.hex().upper())
_ids = st.lists(st.uuids(), max_size=5).map(tuple)
_data = st.dictionaries(_words, _texts | st.integers(-MAX_INT, MAX_INT), max_size=8)
_trees = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_MS, MAX_MS) | _texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3)
    ),
    max_leaves=5,
)


def _or_none(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


_guests = st.builds(
    env.Guest,
    id=_texts,
    salt=st.binary(min_size=8, max_size=64),
    digest=st.binary(min_size=32, max_size=32),
    relays=st.lists(st.integers(1, 4), max_size=4).map(tuple),
    valid_from=_times,
    until=_or_none(_times),
    uses_left=_or_none(_counts),
)
_devices = st.builds(
    env.RosterDevice,
    mac=_macs,
    model=_texts,
    address=_or_none(_texts),
    api_user=_texts,
    api_password=_texts,
    open_user=_texts,
    open_password=_texts,
    event_secret=_texts,
    provisioning=_or_none(_texts),
    rtsp_user=_texts,
    rtsp_password=_texts,
    guests=st.lists(_guests, max_size=3).map(tuple),
)
_presences = st.builds(
    env.DevicePresence,
    mac=_macs,
    online=st.booleans(),
    address=_or_none(_texts),
    model=_or_none(_texts),
    firmware=_or_none(_texts),
    rtt_ms=_or_none(_counts),
    config=_or_none(_words.map(lambda word: word[:12])),
    sip=_or_none(st.booleans()),
)
_names = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=31
)
_finds = st.builds(
    env.FoundUnit, mac=_macs, model=_names, version=_names, address=_names, at=_times
)
from_bridge = st.one_of(
    st.builds(
        env.Auth,
        bridge=st.uuids(),
        signature=st.binary(min_size=64, max_size=64),
        protocol=st.integers(1, MAX_INT),
        version=_texts,
        lan=_or_none(_texts),
    ),
    st.builds(env.Ping, n=_counts),
    st.builds(
        env.Event,
        id=st.uuids(),
        mac=_macs,
        kind=st.sampled_from(EventKind),
        data=_data,
        at=_times,
    ),
    st.builds(env.Found, devices=st.lists(_finds, max_size=4).map(tuple)),
    st.builds(env.Presence, devices=st.lists(_presences, max_size=4).map(tuple)),
    st.builds(
        env.CommandResult,
        id=st.uuids(),
        state=st.sampled_from(env.CommandState),
        reason=st.just("") | _words,
        at=_times,
        took_ms=_counts,
    ),
)
from_server = st.one_of(
    st.builds(
        env.Challenge, nonce=st.binary(min_size=32, max_size=32), server_time=_times
    ),
    st.builds(env.Ready, session=_texts, server_time=_times),
    st.builds(env.Pong, n=_counts, server_time=_times),
    st.builds(env.Ack, ids=_ids),
    st.builds(env.Refused, ids=_ids, reason=_words),
    st.builds(env.Busy, ids=_ids, retry_ms=_counts),
    st.builds(
        env.Roster, revision=_texts, devices=st.lists(_devices, max_size=3).map(tuple)
    ),
    st.builds(
        env.Command,
        id=st.uuids(),
        mac=_macs,
        kind=_words,
        data=st.dictionaries(_texts, _trees, max_size=3),
        expires_at=_times,
    ),
)


@given(from_bridge)
def test_bridge_message_round_trip(message: env.BridgeMessage) -> None:
    assert env.decode_from_bridge(env.encode(message)) == message


@given(from_server)
def test_server_message_round_trip(message: env.ServerMessage) -> None:
    assert env.decode_from_server(env.encode(message)) == message


def both(text: str) -> None:
    for decode in (env.decode_from_bridge, env.decode_from_server):
        try:
            decode(text)
        except env.Nonsense:
            continue


@given(st.text(max_size=200))
def test_garbage_text_is_nonsense(text: str) -> None:
    both(text)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300)
@given(from_bridge | from_server, st.data())
def test_one_wrong_field_never_raises_anything_but_nonsense(
    message: env.BridgeMessage | env.ServerMessage, data: st.DataObject
) -> None:
    plain = json.loads(env.encode(message))
    name = data.draw(st.sampled_from(sorted(plain)))
    plain[name] = data.draw(_json)
    both(json.dumps(plain))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_json"),
        ("{", "not_json"),
        ("[" * 20000, "not_json"),
        ('{"t":"ping","n":1e3}', "not_json"),
        ('{"t":"ping","n":NaN}', "not_json"),
        ('{"t":"ping","n":' + "9" * 5000 + "}", "not_json"),
        ("[]", "not_an_object"),
        ('"ping"', "not_an_object"),
        ("{}", "bad_field"),
        ('{"t":1}', "bad_field"),
        ('{"t":"dance"}', "unknown_type"),
        ('{"t":"pong","n":1,"server_time":1}', "unknown_type"),
        ('{"t":"ping"}', "bad_field"),
        ('{"t":"ping","n":true}', "bad_field"),
        ('{"t":"ping","n":-1}', "bad_field"),
        ('{"t":"ping","n":2147483648}', "bad_field"),
        ('{"t":"ping","n":1,"pad":"' + "x" * 65536 + '"}', "oversized"),
        ('{"t":"ping","n":1,"pad":"' + "ä" * 32768 + '"}', "oversized"),
    ],
)
def test_decode_from_bridge_refuses(text: str, code: str) -> None:
    with pytest.raises(env.Nonsense) as caught:
        env.decode_from_bridge(text)
    assert caught.value.code == code


def event(**changes: object) -> str:
    plain: dict[str, object] = {
        "t": "event",
        "id": UUID_TEXT,
        "mac": MAC,
        "kind": "motion",
        "data": {"relay": 1, "user": "Ann"},
        "at": 1,
    }
    return json.dumps(plain | changes)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", UUID_TEXT.upper()),
        ("id", UUID_TEXT.replace("-", "")),
        ("mac", MAC.lower()),
        ("mac", "01005E000001"),
        ("mac", "000000000000"),
        ("kind", "party"),
        ("data", []),
        ("data", {"relay": 1.5}),
        ("data", {"relay": True}),
        ("data", {"relay": None}),
        ("data", {"relay": {"deep": 1}}),
        ("data", {"BAD KEY": 1}),
        ("data", {"user": "x" * 257}),
        ("data", {"user": "a\nb"}),
        ("data", {"user": "\ud800"}),
        ("data", {f"a{number}": 1 for number in range(25)}),
        ("at", -1),
        ("at", MAX_MS + 1),
        ("at", "1"),
        ("at", None),
    ],
)
def test_event_field_is_checked(name: str, value: object) -> None:
    assert isinstance(env.decode_from_bridge(event()), env.Event)
    with pytest.raises(env.Nonsense):
        env.decode_from_bridge(event(**{name: value}))


def test_unknown_fields_are_ignored() -> None:
    assert env.decode_from_bridge('{"t":"ping","n":3,"later":[1]}') == env.Ping(3)


def test_only_a_roster_may_be_longer_than_a_frame() -> None:
    device = env.RosterDevice(
        MAC, "R20A", None, "admin", "p" * 100, "", "", "s" * 24, ()
    )
    roster = env.Roster("r1", (device,) * 256)
    text = env.encode(roster)

    assert len(text) > env.MAX_FRAME_BYTES
    assert env.decode_from_server(text) == roster
    with pytest.raises(env.Nonsense, match="oversized"):
        env.decode_from_server('{"t":"ack","ids":[],"x":"' + "x" * 65536 + '"}')


def test_found_units_are_bounded() -> None:
    unit = env.FoundUnit(MAC, "m" * 31, "v" * 31, "a" * 45, 1)
    most = env.Found((unit,) * env.MAX_FOUND)
    assert env.decode_from_bridge(env.encode(most)) == most
    with pytest.raises(env.Nonsense):
        env.decode_from_bridge(env.encode(env.Found((unit,) * (env.MAX_FOUND + 1))))


def test_encode_refuses_an_oversized_message() -> None:
    crowd = env.DevicePresence(MAC, True, "x" * 255, "m" * 64, "f" * 64, 1)
    with pytest.raises(env.Nonsense, match="oversized"):
        env.encode(env.Presence((crowd,) * 256))


def test_secrets_are_not_in_the_repr() -> None:
    guest = env.Guest("g", b"salt" * 2, b"\xaa" * 32, (1,), 0, None, None)
    device = env.RosterDevice(
        MAC,
        "R20A",
        None,
        "admin",
        "hunter2",
        "open",
        "hunter3",
        "path-secret",
        (guest,),
        "https://host/p/file-secret/",
        "video",
        "hunter4",
    )
    shown = repr(env.Roster("r", (device,)))

    secrets = ("hunter2", "hunter3", "hunter4", "path-secret", "file-secret")
    for secret in (*secrets, "salt", r"\xaa"):
        assert secret not in shown


def test_contract_examples_are_read() -> None:
    roster = env.decode_from_server(
        json.dumps(
            {
                "t": "roster",
                "revision": "7",
                "devices": [
                    {
                        "mac": MAC,
                        "model": "R20A",
                        "address": None,
                        "api_user": "a",
                        "api_password": "b",
                        "open_user": "c",
                        "open_password": "d",
                        "event_secret": "e",
                        "guests": [
                            {
                                "id": "g1",
                                "salt": "00" * 16,
                                "digest": "ff" * 32,
                                "relays": [1],
                                "from": 5,
                                "until": None,
                                "uses_left": 2,
                            }
                        ],
                    }
                ],
            }
        )
    )
    assert isinstance(roster, env.Roster)
    guest = roster.devices[0].guests[0]
    assert (guest.valid_from, guest.until, guest.uses_left) == (5, None, 2)


def test_open_relay_round_trip() -> None:
    order = env.OpenRelay(env.RelayKind.SECURITY, 2, 5)

    assert env.read_open_relay(env.open_relay_data(order)) == order


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"relay": 1, "hold_seconds": 5},
        {"relay": {"kind": "local"}, "hold_seconds": 5},
        {"relay": {"kind": "lunar", "number": 1}, "hold_seconds": 5},
        {"relay": {"kind": "local", "number": 5}, "hold_seconds": 5},
        {"relay": {"kind": "local", "number": 1}},
        {"relay": {"kind": "local", "number": 1}, "hold_seconds": 0},
        {"relay": {"kind": "local", "number": 1}, "hold_seconds": "5"},
    ],
)
def test_open_relay_refuses(data: dict[str, Any]) -> None:
    with pytest.raises(env.Nonsense):
        env.read_open_relay(data)


def test_command_of_an_unknown_kind_is_still_a_command() -> None:
    text = json.dumps(
        {
            "t": "command",
            "id": UUID_TEXT,
            "mac": MAC,
            "kind": "sing",
            "data": {"song": {"bars": [1, 2]}},
            "expires_at": 9,
        }
    )
    command = env.decode_from_server(text)

    assert isinstance(command, env.Command)
    assert command.data == {"song": {"bars": [1, 2]}}
