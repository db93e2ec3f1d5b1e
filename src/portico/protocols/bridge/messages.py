"""The messages of ``docs/bridge-protocol.md`` as values; times are ms of server time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from portico.protocols.akuvox.action_url import EventKind


class CommandState(StrEnum):
    """How a command ended, as far as the bridge can tell."""

    ACKNOWLEDGED = "acknowledged"
    DENIED = "denied"
    FAILED = "failed"


class RelayKind(StrEnum):
    LOCAL = "local"
    SECURITY = "security"


@dataclass(frozen=True, slots=True)
class Challenge:
    nonce: bytes
    server_time: int


@dataclass(frozen=True, slots=True)
class Auth:
    """``lan`` is the base address of the bridge's listener, as devices reach it."""

    bridge: UUID
    signature: bytes
    protocol: int
    version: str
    lan: str | None


@dataclass(frozen=True, slots=True)
class Ready:
    session: str
    server_time: int


@dataclass(frozen=True, slots=True)
class Ping:
    n: int


@dataclass(frozen=True, slots=True)
class Pong:
    n: int
    server_time: int


@dataclass(frozen=True, slots=True)
class Event:
    id: UUID
    mac: str
    kind: EventKind
    data: Mapping[str, str | int]
    at: int


@dataclass(frozen=True, slots=True)
class DevicePresence:
    """``address``, ``model``, ``firmware`` and ``rtt_ms`` are null while unknown.

    ``config`` is the revision of its settings, where the bridge has read it there.
    ``sip``: whether its first SIP account is registered, with whichever server; null: it
    does not say, or the bridge is of before.
    """

    mac: str
    online: bool
    address: str | None
    model: str | None
    firmware: str | None
    rtt_ms: int | None
    config: str | None = None
    sip: bool | None = None


@dataclass(frozen=True, slots=True)
class Presence:
    devices: tuple[DevicePresence, ...]


@dataclass(frozen=True, slots=True)
class FoundUnit:
    """A unit that asked for its configuration and is not in the roster."""

    mac: str
    model: str
    version: str
    address: str
    at: int


@dataclass(frozen=True, slots=True)
class Found:
    devices: tuple[FoundUnit, ...]


@dataclass(frozen=True, slots=True)
class CommandResult:
    """``took_ms`` counts from the command's arrival to the device's answer.

    ``settings``: what the unit has for the keys that a ``read_settings`` asked for.
    ``counts``: what a ``scan_network`` came to.
    """

    id: UUID
    state: CommandState
    reason: str
    at: int
    took_ms: int
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ack:
    ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    ids: tuple[UUID, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Busy:
    ids: tuple[UUID, ...]
    retry_ms: int


@dataclass(frozen=True, slots=True)
class Hours:
    """When a code that repeats is valid, in the house's time.

    ``days``: digits, 0 is Sunday; ``start`` and ``end``: ``HH:MM``, the end not included,
    but for 23:59, which is the end of the day.
    """

    days: str
    start: str
    end: str
    zone: str


@dataclass(frozen=True, slots=True)
class RollingCode:
    """A QR code that changes every ``period`` seconds (RFC 6238, SHA-1, 8 digits behind
    a 9); each is good once."""

    id: str
    secret: bytes = field(repr=False, metadata={"as": "hex"})
    period: int
    relays: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Guest:
    """One code that the bridge may check without the server; see the contract.

    ``only``: ``qr`` for one that no keypad takes. It and ``hours`` are told in ``keys``.
    ``secret``: of one whose code rolls as that of :class:`RollingCode`; ``digest`` is
    nobody's then, for bridges that do not know it.
    """

    id: str
    salt: bytes = field(repr=False, metadata={"as": "hex"})
    digest: bytes = field(repr=False, metadata={"as": "hex"})
    relays: tuple[int, ...]
    valid_from: int = field(metadata={"name": "from"})
    until: int | None
    uses_left: int | None
    hours: Hours | None = None
    only: str = ""
    secret: bytes = field(default=b"", repr=False, metadata={"as": "hex"})
    period: int = 0


@dataclass(frozen=True, slots=True)
class RosterDevice:
    mac: str
    model: str
    address: str | None
    api_user: str
    api_password: str = field(repr=False)
    open_user: str
    open_password: str = field(repr=False)
    event_secret: str = field(repr=False)
    guests: tuple[Guest, ...] = ()
    # The unit's provisioning address: whoever has it gets the unit's passwords.
    provisioning: str | None = field(default=None, repr=False)
    rtsp_user: str = ""
    rtsp_password: str = field(default="", repr=False)
    # Codes with more conditions, which bridges of before do not read, and so do not let in.
    keys: tuple[Guest, ...] = ()
    # The unit may still report with the one of before a rotation.
    old_event_secret: str = field(default="", repr=False)
    rolling: tuple[RollingCode, ...] = ()


@dataclass(frozen=True, slots=True)
class Roster:
    revision: str
    devices: tuple[RosterDevice, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """``kind`` and ``data`` stay open: a bridge answers ``bad_command`` to what it
    does not know, instead of ending the session."""

    id: UUID
    mac: str
    kind: str
    data: Mapping[str, Any]
    expires_at: int


@dataclass(frozen=True, slots=True)
class OpenRelay:
    """The data of an ``open_relay`` command; read by ``envelope.read_open_relay``."""

    relay: RelayKind
    number: int
    hold_seconds: int


BridgeMessage = Auth | Ping | Event | Presence | Found | CommandResult
ServerMessage = Challenge | Ready | Pong | Ack | Refused | Busy | Roster | Command
