"""Action URLs: what a device's outgoing GET says, and the templates that make it so.

Akuvox units GET a configured URL on an event and fill in ``$variables``. Keys and
variables come from the vendor's HTTP API manual and from the public set-ups of
independent projects (homeassistant-local-akuvox, the EventOS configurator, the SP-R50
template); which unit knows which key differs, and unknown variables are sent as they
stand, which is why ``$…`` values are dropped here.

Nothing in this module does I/O. :func:`parse` is the gateway's hottest function.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote_to_bytes

from portico.kernel.mac import InvalidMac, parse_mac

KEY_PREFIX: Final = "Config.Features.ACTIONURL."
# Web fields for such URLs hold 127 to 255 characters, by firmware; AutoP uses the longer.
MAX_TEMPLATE_CHARS: Final = 255
# Our own templates stay under 255 characters; filled in they do not reach 1 KiB.
MAX_QUERY_BYTES: Final = 2048
MAX_FIELDS: Final = 32
FINGERPRINT_BYTES: Final = 16

_DOT: Final = "\N{BULLET}"
# A card's tail of three helps to tell cards apart, if enough of it stays hidden.
_CARD_TAIL: Final = 3
_CARD_TAIL_FROM: Final = 7
# The length of a QR content says nothing that anybody needs.
_QR_MASK: Final = _DOT * 8


class EventKind(StrEnum):
    """What a device can report, whatever its brand."""

    RELAY_TRIGGERED = "relay_triggered"
    RELAY_CLOSED = "relay_closed"
    INPUT_TRIGGERED = "input_triggered"
    INPUT_CLOSED = "input_closed"
    CODE_GRANTED = "code_granted"
    CODE_REFUSED = "code_refused"
    CARD_GRANTED = "card_granted"
    CARD_REFUSED = "card_refused"
    FACE_GRANTED = "face_granted"
    FACE_REFUSED = "face_refused"
    QR_GRANTED = "qr_granted"
    QR_REFUSED = "qr_refused"
    GUEST_OPENED = "guest_opened"
    TAMPER = "tamper"
    BREAK_IN = "break_in"
    DOOR_HELD_OPEN = "door_held_open"
    CALL_STARTED = "call_started"
    CALL_ENDED = "call_ended"
    MOTION = "motion"
    BOOTED = "booted"
    REGISTERED = "registered"
    UNREGISTERED = "unregistered"
    IP_CHANGED = "ip_changed"


class BadActionUrl(ValueError):
    """The query is not one that our templates make.

    ``code`` is ``too_long``, ``garbled`` or ``unknown_event``. The text never holds
    anything of the query: it may carry a PIN.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class ActionKey:
    """One action URL key: its event, and the query variables in template order."""

    kind: EventKind
    fixed: Mapping[str, int]
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ActionEvent:
    """One report of a device; ``data`` is masked and may be stored.

    ``mac`` is what the device claims (it is no credential). ``raw_code`` is the typed
    code or the QR content of a code or QR event, only for the bridge's guest check:
    never stored, never logged. ``fingerprint`` is equal for equal reports.
    """

    kind: EventKind
    data: dict[str, str | int]
    mac: str | None
    raw_code: str | None = field(repr=False, compare=False)
    fingerprint: bytes


def _key(kind: EventKind, *variables: str, **fixed: int) -> ActionKey:
    pairs = tuple(tuple(each.split("=", 1)) for each in variables)
    return ActionKey(kind, MappingProxyType(fixed), tuple((n, v) for n, v in pairs))


# `$unlocktype` and `$open_type` are two firmwares' names of the same thing. Card events
# ask for it too: nothing else could tell NFC and Bluetooth from a card.
_METHOD: Final = ("method=$unlocktype", "open=$open_type")
_USER: Final = "user=$user_name"


def _numbered_keys() -> dict[str, ActionKey]:
    keys: dict[str, ActionKey] = {}
    for number, letter in enumerate("ABCD", start=1):
        relay = f"status=$relay{number}status"
        contact = f"status=$input{number}status"
        kind = EventKind
        keys |= {
            f"Relay{letter}Triggered": _key(kind.RELAY_TRIGGERED, relay, relay=number),
            f"Relay{letter}Closed": _key(kind.RELAY_CLOSED, relay, relay=number),
            f"Input{letter}Triggered": _key(
                kind.INPUT_TRIGGERED, contact, input=number
            ),
            f"Input{letter}Closed": _key(kind.INPUT_CLOSED, contact, input=number),
            f"BreakInAlarm{letter}": _key(kind.BREAK_IN, contact, input=number),
        }
    return keys


# Free text that strangers can choose (a QR content) stands last of its kind: see `parse`.
KEYS: Final[Mapping[str, ActionKey]] = MappingProxyType(
    _numbered_keys()
    | {
        "ValidCodeEntered": _key(EventKind.CODE_GRANTED, _USER, "code=$code"),
        "InvalidCodeEntered": _key(EventKind.CODE_REFUSED, "code=$code"),
        "ValidCardEntered": _key(
            EventKind.CARD_GRANTED, *_METHOD, _USER, "card=$card_sn"
        ),
        "InvalidCardEntered": _key(EventKind.CARD_REFUSED, *_METHOD, "card=$card_sn"),
        "ValidFaceRecognition": _key(EventKind.FACE_GRANTED, *_METHOD, _USER),
        "InvalidFaceRecognition": _key(EventKind.FACE_REFUSED, *_METHOD),
        "ValidQRCodeEntered": _key(EventKind.QR_GRANTED, *_METHOD, _USER, "qr=$qrcode"),
        "InvalidQRCodeEntered": _key(EventKind.QR_REFUSED, *_METHOD, "qr=$qrcode"),
        "AlarmTriggered": _key(EventKind.TAMPER, "status=$alarmstatus"),
        "InputBreakIn": _key(EventKind.BREAK_IN, "status=$input1status", input=1),
        "AlarmDoorOpenedTimeoutA": _key(
            EventKind.DOOR_HELD_OPEN, "location=$location", relay=1
        ),
        "AlarmDoorOpenedTimeoutB": _key(
            EventKind.DOOR_HELD_OPEN, "location=$location", relay=2
        ),
        "MakeCall": _key(EventKind.CALL_STARTED, "remote=$remote"),
        "HangUp": _key(EventKind.CALL_ENDED, "remote=$remote"),
        "MotionDetect": _key(EventKind.MOTION),
        "SetupCompleted": _key(EventKind.BOOTED),
        "Registered": _key(EventKind.REGISTERED),
        "Unregistered": _key(EventKind.UNREGISTERED),
        "RegisterFailed": _key(EventKind.UNREGISTERED),
        "IPChanged": _key(EventKind.IP_CHANGED),
    }
)

_SAFE_BASE: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]_/~-]+")
_SAFE_WORD: Final = re.compile(r"[A-Za-z0-9._~-]+")


_REVISION: Final = re.compile(r"&cfg=([A-Za-z0-9_-]{1,12})(?:&|$)")


def revision_in(template: str) -> str:
    """The revision of the settings that a unit's stored template tells, or ""."""
    found = _REVISION.search(template)
    return found[1] if found else ""


def templates(base: str, secret: str, *, config_revision: str) -> dict[str, str]:
    """All AutoP lines that make a device report to ``<base>/e/<secret>``.

    :param base: ``http(s)://host[:port][/path]``, no query.
    :param config_revision: comes back with every event, so that the server knows
        which configuration the device runs.
    :raises ValueError: a URL over 255 characters, or text that needs escaping (devices
        do not escape).
    """
    root = base.rstrip("/")
    if not _SAFE_BASE.fullmatch(root):
        raise ValueError("the base address needs characters that devices do not escape")
    if not (_SAFE_WORD.fullmatch(secret) and _SAFE_WORD.fullmatch(config_revision)):
        raise ValueError("secret and revision must be URL-safe words")
    tail = f"&mac=$mac&ip=$ip&model=$model&fw=$firmware&cfg={config_revision}"
    lines = {f"{KEY_PREFIX}Enable": "1", f"{KEY_PREFIX}Method": ""}
    for suffix, key in KEYS.items():
        own = "".join(f"&{name}={variable}" for name, variable in key.variables)
        url = f"{root}/e/{secret}?event={suffix}{own}{tail}"
        if len(url) > MAX_TEMPLATE_CHARS:
            raise ValueError(f"the action URL of {suffix} has {len(url)} characters")
        lines[f"{KEY_PREFIX}{suffix}"] = url
    return lines


# Query name -> (name in `data`, longest value kept). `mac`, `code`, `card` and `qr` are
# taken out again by `parse`.
_FIELDS: Final[dict[str, tuple[str, int]]] = {
    "event": ("event", 40),
    "status": ("status", 16),
    "code": ("code", 32),
    "card": ("card", 40),
    "qr": ("qr", 512),
    "method": ("method", 32),
    "open": ("method", 32),
    "remote": ("remote", 64),
    "user": ("user", 64),
    "location": ("location", 64),
    "mac": ("mac", 20),
    "ip": ("ip", 60),
    "model": ("model", 32),
    "fw": ("firmware", 32),
    "cfg": ("config", 64),
}
# These stand at the end of a template, after the free texts. A free text with "&mac=…"
# in it therefore comes first, and the later, true value must win; all others stand
# before it, and the first wins.
_LAST_WINS: Final = frozenset({"mac", "ip", "model", "firmware", "config"})
# C0 and C1 controls, line separators, and the marks that reorder text on a screen.
# Joiners and direction marks (U+200C to U+200F) are part of Persian and Hebrew names.
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")


def parse(query: bytes, *, fingerprint_key: bytes = b"") -> ActionEvent:
    """Read the raw query string (without ``?``) of an action URL.

    ``+`` is kept: devices do not form-encode, and telephone numbers begin with it.
    Values that are too long are cut, unknown names and unfilled ``$variables`` dropped.

    :param fingerprint_key: at most 64 secret bytes. Only with a key does the
        fingerprint tell two codes of the same length apart; without one it is made of
        the masked data, since a plain digest of a PIN can be reversed by trying.
    :raises BadActionUrl: see there.
    """
    if len(query) > MAX_QUERY_BYTES:
        raise BadActionUrl("too_long")
    values = _values(query)
    key = KEYS.get(values.pop("event", ""))
    if key is None:
        raise BadActionUrl("unknown_event")
    # All secrets leave before `data` is made of the rest, whatever the event.
    code, card, qr = (
        values.pop("code", None),
        values.pop("card", None),
        values.pop("qr", None),
    )
    claimed = values.pop("mac", None)
    mac = None if claimed is None else _mac_or_none(claimed)
    data: dict[str, str | int] = {**key.fixed, **values}
    if code is not None:
        data["code"] = _DOT * len(code)
    if card is not None:
        data["card"] = _masked_card(card)
    if qr is not None:
        data["qr"] = _QR_MASK
    secret = (code, card, qr) if fingerprint_key else ()
    content = repr((key.kind.value, mac, sorted(data.items()), secret))
    digest = blake2b(
        content.encode(), digest_size=FINGERPRINT_BYTES, key=fingerprint_key
    )
    raw = code if code is not None else qr
    return ActionEvent(key.kind, data, mac, raw, digest.digest())


def _values(query: bytes) -> dict[str, str]:
    try:
        text = query.decode()
    except UnicodeDecodeError:
        raise BadActionUrl("garbled") from None
    parts = text.split("&")
    if len(parts) > MAX_FIELDS:
        raise BadActionUrl("too_long")
    escaped = "%" in text
    values: dict[str, str] = {}
    for part in parts:
        written, _, value = part.partition("=")
        known = _FIELDS.get(written)
        if known is None:
            continue
        if escaped and "%" in value:
            value = _unquoted(value)
        if not value or value[0] == "$":
            continue
        name, longest = known
        if name not in values or name in _LAST_WINS:
            values[name] = value[:longest]
    for value in values.values():
        # `isprintable` is four times as fast, and true for nearly everything.
        if not value.isprintable() and _CONTROLS.search(value):
            raise BadActionUrl("garbled")
    return values


def _unquoted(value: str) -> str:
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        raise BadActionUrl("garbled") from None


def _mac_or_none(text: str) -> str | None:
    try:
        return parse_mac(text)
    except InvalidMac:
        return None


def _masked_card(card: str) -> str:
    if len(card) < _CARD_TAIL_FROM:
        return _DOT * len(card)
    return _DOT * (len(card) - _CARD_TAIL) + card[-_CARD_TAIL:]
