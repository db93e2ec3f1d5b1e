"""Every message between a bridge and the gateway (``docs/bridge-protocol.md``).

Pure: text in, frozen values out, and back. Anything that the document does not allow is
:class:`Nonsense`; fields that it does not name are ignored, so that a newer peer of the
same protocol version may add some.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from enum import StrEnum
from typing import Any, Final, NoReturn, TypeVar
from uuid import UUID

from portico.protocols.akuvox.action_url import EventKind
from portico.protocols.autop.grammar import is_key
from portico.protocols.bridge.fields import MAX_INT, Fields, Nonsense, bad
from portico.protocols.bridge.messages import (
    Ack,
    Auth,
    BridgeMessage,
    Busy,
    Challenge,
    Command,
    CommandResult,
    CommandState,
    DevicePresence,
    Event,
    Found,
    FoundUnit,
    Guest,
    Hours,
    OpenRelay,
    Ping,
    Pong,
    Presence,
    Ready,
    Refused,
    RelayKind,
    RollingCode,
    Roster,
    RosterDevice,
    ServerMessage,
)
from portico.protocols.bridge.signing import (
    NONCE_BYTES,
    SIGNATURE_BYTES,
    to_base64url,
)
from portico.protocols.rtsp import (
    MAX_ACCOUNT,
    MAX_ADDRESS,
    BadRtspAddress,
    RtspAddress,
    read_rtsp_address,
)

__all__ = [
    "CAMERA_PICTURE",
    "CLEAR_ACCESS",
    "FETCH_CONFIGURATION",
    "MAX_DEVICES",
    "MAX_FOUND",
    "MAX_FRAME_BYTES",
    "MAX_IDS",
    "MAX_ROSTER_BYTES",
    "MAX_VALUE",
    "NO_UNIT",
    "OPEN_RELAY",
    "PROTOCOL_VERSION",
    "READ_SETTINGS",
    "REBOOT",
    "RESET_CONFIGURATION",
    "RESET_FACTORY",
    "SYNC_ACCESS",
    "TAKE_PICTURE",
    "Ack",
    "Auth",
    "BridgeMessage",
    "Busy",
    "Challenge",
    "Command",
    "CommandResult",
    "CommandState",
    "DevicePresence",
    "Event",
    "Found",
    "FoundUnit",
    "Guest",
    "Hours",
    "Nonsense",
    "OpenRelay",
    "Ping",
    "Pong",
    "Presence",
    "Ready",
    "Refused",
    "RelayKind",
    "RollingCode",
    "Roster",
    "RosterDevice",
    "ServerMessage",
    "camera_picture_data",
    "decode_from_bridge",
    "decode_from_server",
    "encode",
    "open_relay_data",
    "read_asked_keys",
    "read_camera_picture",
    "read_open_relay",
    "read_settings_data",
]

_Choice = TypeVar("_Choice", bound=StrEnum)
_Message = TypeVar("_Message")

PROTOCOL_VERSION: Final = 1
# What one frame may cost the gateway, which holds thousands of sessions.
MAX_FRAME_BYTES: Final = 64 * 1024
# A roster is one frame with every device and guest of a site: an estate needs more room.
MAX_ROSTER_BYTES: Final = 1024 * 1024
# More units than any one box serves; keeps a presence report under a frame.
MAX_DEVICES: Final = 256
MAX_GUESTS: Final = 500
# More units than anybody sets up in one house at once; a flood of made-up ones ends here.
MAX_FOUND: Final = 64
# 500 ids are 20 kB: well inside a frame.
MAX_IDS: Final = 500
# Codes have 4 to 8 digits; the salt only has to differ.
_SALT_BYTES: Final = (8, 64)
_DIGEST_BYTES: Final = 32
# RFC 4226 asks for 16 at least.
_ROLLING_BYTES: Final = (16, 64)
_PERIOD_SECONDS: Final = (10, 600)
_MAX_DATA_FIELDS: Final = 24
_MAX_DATA_TEXT: Final = 256
_MAX_HOLD_SECONDS: Final = 600
# Settings that are asked for at once, what of a value is told, and keys in one text.
MAX_KEYS: Final = 256
MAX_VALUE: Final = 128
_KEYS_A_TEXT: Final = 8
_MAX_COUNTS: Final = 8

OPEN_RELAY: Final = "open_relay"
FETCH_CONFIGURATION: Final = "fetch_configuration"
TAKE_PICTURE: Final = "take_picture"
CLEAR_ACCESS: Final = "clear_access"
SYNC_ACCESS: Final = "sync_access"
CAMERA_PICTURE: Final = "camera_picture"
READ_SETTINGS: Final = "read_settings"
REBOOT: Final = "reboot"
RESET_CONFIGURATION: Final = "reset_configuration"
RESET_FACTORY: Final = "reset_factory"
# What a command that is for no unit carries: bridges of before need a MAC in each.
NO_UNIT: Final = "020000000000"


def read_open_relay(data: Mapping[str, Any]) -> OpenRelay:
    """:raises Nonsense: not the data of an ``open_relay`` command."""
    of = Fields(dict(data))
    relay = Fields(data.get("relay"), "relay")
    return OpenRelay(
        _one_of(RelayKind, relay.text("kind", 16), "kind"),
        relay.integer("number", 1, 4),
        of.integer("hold_seconds", 1, _MAX_HOLD_SECONDS),
    )


def read_camera_picture(data: Mapping[str, Any]) -> RtspAddress:
    """:raises Nonsense: not the data of a ``camera_picture`` command."""
    of = Fields(dict(data))
    try:
        address = read_rtsp_address(of.text("url", MAX_ADDRESS, empty=False))
    except BadRtspAddress:
        raise bad("url") from None
    user = of.text("user", MAX_ACCOUNT)
    return replace(address, user=user, password=of.text("password", MAX_ACCOUNT))


def read_settings_data(keys: Sequence[str]) -> dict[str, Any]:
    """``data`` of the command that asks what a unit has for ``keys``, at most 256."""
    asked = [
        ",".join(keys[at : at + _KEYS_A_TEXT])
        for at in range(0, min(len(keys), MAX_KEYS), _KEYS_A_TEXT)
    ]
    return {"keys": asked}


def read_asked_keys(data: Mapping[str, Any]) -> list[str]:
    """:raises Nonsense: not the data of a ``read_settings`` command."""
    texts = Fields(dict(data)).items("keys", MAX_KEYS // _KEYS_A_TEXT)
    asked = [key for text in texts if isinstance(text, str) for key in text.split(",")]
    if not asked or not all(map(is_key, asked)):
        raise bad("keys")
    return asked


def camera_picture_data(address: RtspAddress) -> dict[str, Any]:
    """``data`` of the command that asks for a picture from ``address``."""
    return {
        "url": address.public,
        "user": address.user,
        "password": address.password,
    }


def decode_from_bridge(text: str) -> BridgeMessage:
    """:raises Nonsense: not a message that a bridge sends."""
    return _decode(text, _FROM_BRIDGE, MAX_FRAME_BYTES)


def decode_from_server(text: str) -> ServerMessage:
    """:raises Nonsense: not a message that the gateway sends."""
    return _decode(text, _FROM_SERVER, MAX_ROSTER_BYTES)


def encode(message: BridgeMessage | ServerMessage) -> str:
    """The frame that the other side's ``decode_from_…`` reads back as ``message``.

    :raises Nonsense: ``oversized``.
    """
    plain = {"t": _NAMES[type(message)], **_plain_object(message)}
    text = json.dumps(plain, separators=(",", ":"), ensure_ascii=False)
    limit = MAX_ROSTER_BYTES if isinstance(message, Roster) else MAX_FRAME_BYTES
    if _size(text) > limit:
        raise Nonsense("oversized")
    return text


def open_relay_data(order: OpenRelay) -> dict[str, Any]:
    """``data`` of the command that carries ``order``."""
    return {
        "relay": {"kind": order.relay.value, "number": order.number},
        "hold_seconds": order.hold_seconds,
    }


def _decode(
    text: str, readers: Mapping[str, Callable[[Fields], _Message]], cap: int
) -> _Message:
    if len(text) > cap or _size(text) > cap:
        raise Nonsense("oversized")
    try:
        value = json.loads(text, parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Nonsense("not_json") from None
    of = Fields(value)
    read = readers.get(of.text("t", 16))
    if read is None:
        raise Nonsense("unknown_type")
    message = read(of)
    # Only the roster may be longer than a frame.
    if not isinstance(message, Roster) and _size(text) > MAX_FRAME_BYTES:
        raise Nonsense("oversized")
    return message


def _size(text: str) -> int:
    # `surrogatepass`: halves of pairs are refused later, where they would be stored.
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _refuse(_: str) -> NoReturn:
    raise ValueError("no message has fractions, NaN or infinities")


def _one_of(choices: type[_Choice], value: str, name: str) -> _Choice:
    try:
        return choices(value)
    except ValueError:
        raise bad(name) from None


def _read_auth(of: Fields) -> Auth:
    return Auth(
        of.uuid("bridge"),
        of.base64("signature", SIGNATURE_BYTES),
        of.integer("protocol", 1, MAX_INT),
        of.text("version", 32),
        of.text_or_none("lan", 200),
    )


def _read_event(of: Fields) -> Event:
    return Event(
        of.uuid("id"),
        of.mac("mac"),
        _one_of(EventKind, of.text("kind", 32), "kind"),
        of.data("data", _MAX_DATA_FIELDS, _MAX_DATA_TEXT),
        of.time("at"),
    )


def _read_presence(of: Fields) -> Presence:
    devices = (Fields(item, "devices") for item in of.items("devices", MAX_DEVICES))
    return Presence(
        tuple(
            DevicePresence(
                each.mac("mac"),
                each.flag("online"),
                each.text_or_none("address", 255),
                each.text_or_none("model", 64),
                each.text_or_none("firmware", 64),
                each.integer_or_none("rtt_ms", 0, MAX_INT),
                each.text_or_none("config", 12),
                None if each.absent("sip") else each.flag("sip"),
            )
            for each in devices
        )
    )


def _read_found(of: Fields) -> Found:
    devices = (Fields(item, "devices") for item in of.items("devices", MAX_FOUND))
    return Found(
        tuple(
            FoundUnit(
                each.mac("mac"),
                each.text("model", 31),
                each.text("version", 31),
                each.text("address", 45, empty=False),
                each.time("at"),
            )
            for each in devices
        )
    )


def _read_result(of: Fields) -> CommandResult:
    return CommandResult(
        of.uuid("id"),
        _one_of(CommandState, of.text("state", 16), "state"),
        of.word("reason") if of.text("reason", 32) else "",
        of.time("at"),
        of.integer("took_ms", 0, MAX_INT),
        {} if of.absent("settings") else of.settings("settings", MAX_KEYS, MAX_VALUE),
        {} if of.absent("counts") else of.counts("counts", _MAX_COUNTS),
    )


def _read_guest(of: Fields) -> Guest:
    relays = [Fields({"relays": item}) for item in of.items("relays", 4)]
    return Guest(
        of.text("id", 64, empty=False),
        of.hex("salt", *_SALT_BYTES),
        of.hex("digest", _DIGEST_BYTES, _DIGEST_BYTES),
        tuple(each.integer("relays", 1, 4) for each in relays),
        of.time("from"),
        of.time_or_none("until"),
        of.integer_or_none("uses_left", 0, MAX_INT),
        None if of.absent("hours") else _read_hours(of.inner("hours")),
        of.text_or_none("only", 8) or "",
        **_read_rolls(of),
    )


def _read_rolls(of: Fields) -> dict[str, Any]:
    """Of a code that rolls; servers of before say nothing of it."""
    if of.absent("secret") or not of.text("secret", 2 * _ROLLING_BYTES[1]):
        return {}
    return {
        "secret": of.hex("secret", *_ROLLING_BYTES),
        "period": of.integer("period", *_PERIOD_SECONDS),
    }


def _read_hours(of: Fields) -> Hours:
    return Hours(
        of.text("days", 7, empty=False),
        of.text("start", 5, empty=False),
        of.text("end", 5, empty=False),
        of.text("zone", 63, empty=False),
    )


def _read_rolling(of: Fields) -> RollingCode:
    relays = [Fields({"relays": item}) for item in of.items("relays", 4)]
    return RollingCode(
        of.text("id", 64, empty=False),
        of.hex("secret", *_ROLLING_BYTES),
        of.integer("period", *_PERIOD_SECONDS),
        tuple(each.integer("relays", 1, 4) for each in relays),
    )


def _more(of: Fields, name: str) -> list[Fields]:
    """A list that servers of before do not send."""
    if of.absent(name):
        return []
    return [Fields(item, name) for item in of.items(name, MAX_GUESTS)]


def _read_device(of: Fields) -> RosterDevice:
    guests = (Fields(item, "guests") for item in of.items("guests", MAX_GUESTS))
    return RosterDevice(
        mac=of.mac("mac"),
        model=of.text("model", 64),
        address=of.text_or_none("address", 255),
        api_user=of.text("api_user", 128),
        api_password=of.text("api_password", 128),
        open_user=of.text("open_user", 128),
        open_password=of.text("open_password", 128),
        event_secret=of.text("event_secret", 64, empty=False),
        guests=tuple(_read_guest(each) for each in guests),
        provisioning=of.text_or_none("provisioning", 512),
        rtsp_user=of.text_or_none("rtsp_user", 128) or "",
        rtsp_password=of.text_or_none("rtsp_password", 128) or "",
        old_event_secret=of.text_or_none("old_event_secret", 64) or "",
        keys=tuple(_read_guest(each) for each in _more(of, "keys")),
        rolling=tuple(_read_rolling(each) for each in _more(of, "rolling")),
    )


def _read_roster(of: Fields) -> Roster:
    devices = (Fields(item, "devices") for item in of.items("devices", MAX_DEVICES))
    return Roster(
        of.text("revision", 64), tuple(_read_device(each) for each in devices)
    )


def _read_command(of: Fields) -> Command:
    return Command(
        of.uuid("id"),
        of.mac("mac"),
        of.word("kind"),
        of.tree("data"),
        of.time("expires_at"),
    )


_FROM_BRIDGE: Final[Mapping[str, Callable[[Fields], BridgeMessage]]] = {
    "auth": _read_auth,
    "ping": lambda of: Ping(of.integer("n", 0, MAX_INT)),
    "event": _read_event,
    "presence": _read_presence,
    "found": _read_found,
    "result": _read_result,
}
_FROM_SERVER: Final[Mapping[str, Callable[[Fields], ServerMessage]]] = {
    "challenge": lambda of: Challenge(
        of.base64("nonce", NONCE_BYTES), of.time("server_time")
    ),
    "ready": lambda of: Ready(
        of.text("session", 64, empty=False), of.time("server_time")
    ),
    "pong": lambda of: Pong(of.integer("n", 0, MAX_INT), of.time("server_time")),
    "ack": lambda of: Ack(of.uuids("ids", MAX_IDS)),
    "refused": lambda of: Refused(of.uuids("ids", MAX_IDS), of.word("reason")),
    "busy": lambda of: Busy(
        of.uuids("ids", MAX_IDS), of.integer("retry_ms", 0, MAX_INT)
    ),
    "roster": _read_roster,
    "command": _read_command,
}
_NAMES: Final[Mapping[type, str]] = {
    Auth: "auth",
    Ping: "ping",
    Event: "event",
    Presence: "presence",
    Found: "found",
    CommandResult: "result",
    Challenge: "challenge",
    Ready: "ready",
    Pong: "pong",
    Ack: "ack",
    Refused: "refused",
    Busy: "busy",
    Roster: "roster",
    Command: "command",
}


def _plain_object(message: Any) -> dict[str, Any]:
    return {
        each.metadata.get("name", each.name): _plain(
            getattr(message, each.name), each.metadata.get("as", "base64")
        )
        for each in fields(message)
    }


def _plain(value: Any, spelling: str) -> Any:
    if isinstance(value, bytes):
        return value.hex() if spelling == "hex" else to_base64url(value)
    if isinstance(value, tuple):
        return [_plain(item, spelling) for item in value]
    if isinstance(value, UUID):
        return str(value)
    if hasattr(value, "__dataclass_fields__"):
        return _plain_object(value)
    return dict(value) if isinstance(value, Mapping) else value
