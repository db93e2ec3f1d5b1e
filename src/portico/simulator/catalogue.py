"""The models and their quirks, read from ``models.toml``."""

from __future__ import annotations

import enum
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

LETTERS: Final = "ABCD"


class UnknownModel(ValueError):
    """No model of that name is in the catalogue."""


class BadCatalogue(ValueError):
    """``models.toml`` contradicts itself."""


class Kind(enum.StrEnum):
    DOOR_PHONE = "door_phone"
    ACCESS_TERMINAL = "access_terminal"
    INDOOR_MONITOR = "indoor_monitor"


class RelayKeys(enum.StrEnum):
    """``HoldDelayA`` (R29, X916) or ``RelayADelay`` (E12, R20A, S532)."""

    HOLD_DELAY = "hold_delay"
    RELAY_DELAY = "relay_delay"


class OpenKeys(enum.StrEnum):
    """Which keys hold the "open relay via HTTP" account."""

    HTTP_TRIG = "http_trig"
    RELAY_ON_WEB = "relay_on_web"


class PictureAuth(enum.StrEnum):
    """Who may fetch ``/picture.jpg``: Basic with the RTSP account, or as the API."""

    RTSP_BASIC = "rtsp_basic"
    API_DIGEST = "api_digest"


# Suffixes after Config.Features.ACTIONURL. by group; relays and inputs are numbered.
_GROUPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "code": ("ValidCodeEntered", "InvalidCodeEntered"),
        "card": ("ValidCardEntered", "InvalidCardEntered"),
        "face": ("ValidFaceRecognition", "InvalidFaceRecognition"),
        "qr": ("ValidQRCodeEntered", "InvalidQRCodeEntered"),
        "tamper": ("AlarmTriggered",),
        "break_in": ("InputBreakIn",),
        "held_open": ("AlarmDoorOpenedTimeoutA", "AlarmDoorOpenedTimeoutB"),
        "call": ("MakeCall", "HangUp"),
        "motion": ("MotionDetect",),
        # Seen on phones and monitors; that door phones have them is our inference.
        "boot": ("SetupCompleted", "Registered", "Unregistered", "IPChanged"),
        "phone": (
            "RegisterFailed",
            "IncomingCall",
            "OutgoingCall",
            "Established",
            "Terminated",
            "MissedCall",
            "IdleToBusy",
            "BusyToIdle",
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model; the comment in ``models.toml`` explains where values come from."""

    name: str
    kind: Kind
    firmware: str
    relays: int
    inputs: int
    relay_keys: RelayKeys
    firmware_ext: str
    common_digits: int
    accounts: int
    open_keys: OpenKeys
    max_users: int
    security_relays: int
    action_urls: frozenset[str]
    missing_targets: frozenset[str] = frozenset()
    unsupported_actions: frozenset[str] = frozenset()
    account_keys: str = "numbered"
    schedule_field: str = "ScheduleRelay"
    picture_auth: PictureAuth = PictureAuth.RTSP_BASIC
    burst_limit: int = 0
    apartment_contacts: bool = False
    config_set_by_get: bool = False
    base64_passwords: bool = False
    basic_broken: bool = False
    target_required: bool = False
    legacy_open: bool = True
    high_security: bool = False
    open_disabled_503: bool = False
    action_url_post: bool = False
    extra_config: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def model_id(self) -> str:
        """The first field of the firmware version (R29 = 29, C313 = 113)."""
        return self.firmware.partition(".")[0]

    @property
    def takes_faces(self) -> bool:
        return "ValidFaceRecognition" in self.action_urls

    @property
    def common_file(self) -> str:
        """The name of the model's common file, for example ``r000000000029.cfg``."""
        return f"r{self.model_id.zfill(self.common_digits)}.cfg"

    def account_prefix(self, number: int) -> str:
        """``Config.Account1``; the E18C has one account and no number."""
        return (
            "Config.Account"
            if self.account_keys == "single"
            else f"Config.Account{number}"
        )


@cache
def catalogue() -> Mapping[str, Model]:
    """Every model by name.

    :raises BadCatalogue: the data file is wrong.
    """
    text = resources.files(__package__).joinpath("models.toml").read_text("utf-8")
    data = tomllib.loads(text)
    return MappingProxyType(
        {
            name: _model(name, data["kinds"][own["kind"]] | own)
            for name, own in data["models"].items()
        }
    )


def model_named(name: str) -> Model:
    """The model, matched without regard to letter case.

    :raises UnknownModel: there is none.
    """
    for known, model in catalogue().items():
        if known.lower() == name.strip().lower():
            return model
    raise UnknownModel(name)


def _model(name: str, table: Mapping[str, Any]) -> Model:
    unknown = set(table) - {each.name for each in fields(Model)}
    if unknown:
        raise BadCatalogue(f"{name}: {sorted(unknown)}")
    values: dict[str, Any] = dict(table)
    values["name"] = name
    values["kind"] = Kind(table["kind"])
    values["relay_keys"] = RelayKeys(table["relay_keys"])
    values["open_keys"] = OpenKeys(table["open_keys"])
    values["picture_auth"] = PictureAuth(
        table.get("picture_auth", PictureAuth.RTSP_BASIC)
    )
    values["missing_targets"] = frozenset(table.get("missing_targets", ()))
    values["unsupported_actions"] = frozenset(table.get("unsupported_actions", ()))
    values["action_urls"] = _suffixes(name, table)
    return Model(**values)


def _suffixes(name: str, table: Mapping[str, Any]) -> frozenset[str]:
    found: set[str] = set()
    for group in table["action_urls"]:
        match group:
            case "relays":
                found |= _numbered("Relay", table["relays"])
            case "inputs":
                found |= _numbered("Input", min(table["inputs"], len(LETTERS)))
            case "break_in_numbered":
                count = min(table["inputs"], len(LETTERS))
                found |= {f"BreakInAlarm{letter}" for letter in LETTERS[:count]}
            case _ if group in _GROUPS:
                found |= set(_GROUPS[group])
            case _:
                raise BadCatalogue(f"{name}: action_urls {group}")
    return frozenset(found)


def _numbered(word: str, count: int) -> set[str]:
    return {
        f"{word}{letter}{state}"
        for letter in LETTERS[:count]
        for state in ("Triggered", "Closed")
    }
