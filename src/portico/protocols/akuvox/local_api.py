"""The devices' local HTTP API, as far as a bridge needs it: requests out, answers in.

Sources: the vendor's "HTTP API manual for Akuvox Intercom" (2022), its knowledge base on
opening doors by HTTP, and what pylocal-akuvox and pyakuvox found on hardware. Pure: the
caller sends a :class:`Request` and hands status and body back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlencode

from portico.kernel.mac import InvalidMac, parse_mac
from portico.protocols.akuvox.action_url import revision_in

# The longest answer that a bridge asks for is about 1 KiB; old pages are some 10 KiB.
MAX_BODY_BYTES: Final = 64 * 1024
_LONGEST_TEXT: Final = 64
# Wordings of three firmware families for a path that the model does not have; the
# retcode beside them differs, so the text decides.
_UNSUPPORTED: Final = ("api unsupported", "unsupported action", "unsupport action")
_OPEN_RESULT: Final = re.compile(
    r"hcSingleResult[^>]{0,80}?value=['\"]?(-?\d{1,4})", re.IGNORECASE
)
_FAILURE_WORDS: Final = re.compile(r"fail|error|incorrect|invalid", re.IGNORECASE)
# Of an account in `system/info`; 0 is off, 1 registering, 3 failed.
_REGISTERED: Final = "2"
# `retcode -4 Not Safe`: high security is on, use the form with digest.
_NOT_SAFE: Final = -4


class DeviceError(Exception):
    """The device answered, and the answer is no.

    ``code``: ``unauthorized``, ``not_supported`` (the model has no such action),
    ``not_safe`` (the opening form is switched off, the other one is on), ``rejected``,
    or ``garbled`` (no answer of this API: what happened is unknown).
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Dialect(StrEnum):
    """What an unauthenticated ``GET /api/system/info`` shows."""

    API_OPEN = "api_open"  # 200 JSON: no authentication, or we are on the allow list
    API_BASIC = "api_basic"
    API_DIGEST = "api_digest"
    WEB_SPA = "web_spa"  # redirects to HTTPS: /api/web/* with a token (S53x, R29C)
    CLOSED = "closed"  # 403: API off, or an empty allow list (factory default)
    FOREIGN = "foreign"  # not such a device


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; ``target`` is path and query and may hold a password."""

    method: str
    target: str = field(repr=False)
    body: bytes | None = None

    @property
    def headers(self) -> dict[str, str]:
        # The manual says text/plain; every firmware seen takes JSON, and does not check.
        return {} if self.body is None else {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class SystemInfo:
    """Who answers at an address; ``sip``: its first account is registered, None: unsaid."""

    mac: str
    model: str
    firmware: str
    sip: bool | None = None


def identify(status: int, headers: Mapping[str, str]) -> Dialect:
    """Tell the dialect from the answer to an unauthenticated ``system_info()``.

    :param headers: with case-insensitive or lower-case names.
    """
    challenge = headers.get("www-authenticate", "").lower()
    if status == 401 and challenge:
        return Dialect.API_DIGEST if "digest" in challenge else Dialect.API_BASIC
    if 300 <= status < 400:
        secure = headers.get("location", "").lower().startswith("https:")
        return Dialect.WEB_SPA if secure else Dialect.FOREIGN
    if status == 403:
        return Dialect.CLOSED
    is_json = "json" in headers.get("content-type", "").lower()
    return Dialect.API_OPEN if status == 200 and is_json else Dialect.FOREIGN


def system_info() -> Request:
    return Request("GET", "/api/system/info")


def relay_status() -> Request:
    return Request("GET", "/api/relay/status")


def relay_trig(number: int, *, hold_seconds: int) -> Request:
    """Close local relay ``number`` (1 = A) for ``hold_seconds``, then open it again."""
    data = {"num": number, "mode": 0, "level": 0, "delay": hold_seconds}
    order = {"target": "relay", "action": "trig", "data": data}
    body = json.dumps(order, separators=(",", ":")).encode()
    return Request("POST", "/api/relay/trig", body)


# No source shows such a setting, and hardware is only seen to use 554; where a unit says
# another port, it is believed.
RTSP_PORT_KEY: Final = "Config.DoorSetting.RTSP.Port"
RTSP_PORT: Final = 554


def read_rtsp_port(status: int, body: bytes) -> int:
    """The port of the unit's video in an answer to ``config_get``.

    :raises DeviceError: see :func:`read_answer`.
    """
    text = str(read_answer(status, body).get(RTSP_PORT_KEY, ""))
    known = text.isascii() and text.isdigit() and 0 < int(text) <= 65535
    return int(text) if known else RTSP_PORT


# Action URLs that every unit has one of; theirs say which settings they came with.
REVISION_KEYS: Final = tuple(
    f"Config.Features.ACTIONURL.{each}"
    for each in ("RelayATriggered", "SetupCompleted", "MakeCall")
)


def read_revision(status: int, body: bytes) -> str:
    """The revision of the settings on the unit in an answer to ``config_get``, or "".

    :raises DeviceError: see :func:`read_answer`.
    """
    data = read_answer(status, body)
    told = (revision_in(str(data.get(key, ""))) for key in REVISION_KEYS)
    return next(filter(None, told), "")


def autop_now() -> Request:
    """Have the unit ask for its configuration at once ("AutoP Now" of its web page).

    The word is published; which of its accounts hardware wants for it is not.
    """
    body = b'{"AUTOPNow":1}'
    return Request("POST", "/api/web/upgradeAdvanced/set", body)


def reboot() -> Request:
    """Restart the unit (HTTP API manual)."""
    return _plain_order("system", "reboot")


def reset_factory() -> Request:
    """Make the unit as new (HTTP API manual)."""
    return _plain_order("config", "reset_factory")


def reset_configuration() -> Request:
    """Reset its settings and keep its lists, as the button on its web page does.

    The word is inferred from that of the factory reset: no manual has it. A unit that
    does not know it says so, and does nothing.
    """
    return _plain_order("config", "reset_config")


# Where units keep who may open: newer ones users with all their keys, older ones lists of
# codes and cards (HTTP API manual).
ACCESS_LISTS: Final = ("user", "privatekey", "rfkey")


def clear_list(target: str) -> Request:
    """Delete all entries of one of :data:`ACCESS_LISTS`."""
    return _plain_order(target, "clear")


def _plain_order(target: str, action: str) -> Request:
    """An order that needs no data."""
    order = {"target": target, "action": action}
    body = json.dumps(order, separators=(",", ":")).encode()
    return Request("POST", f"/api/{target}/{action}", body)


def config_get(*keys: str) -> Request:
    """Read settings by name; those that the unit does not have are left out."""
    order = {"target": "config", "action": "get", "data": {"item": list(keys)}}
    body = json.dumps(order, separators=(",", ":")).encode()
    return Request("POST", "/api/config/get", body)


def door_number(number: int, *, security: bool) -> str:
    """``DoorNum`` of the opening pages: 1 to 4, or SA and SB for the SR01 relays."""
    return f"S{'ABCD'[number - 1]}" if security else str(number)


def open_door(door: str, *, user: str, password: str) -> Request:
    """The opening page with high security off: the account stands in the query."""
    query = {
        "action": "OpenDoor",
        "UserName": user,
        "Password": password,
        "DoorNum": door,
    }
    return Request("GET", f"/fcgi/do?{urlencode(query)}")


def open_door_secure(door: str) -> Request:
    """The page with high security on (third version field from 10): digest account."""
    query = urlencode({"action": "OpenDoor", "DoorNum": door})
    return Request("GET", f"/fcgi/OpenDoor?{query}")


def read_answer(status: int, body: bytes) -> Mapping[str, Any]:
    """``data`` of an ``/api/*`` answer.

    :raises DeviceError: see there.
    """
    if status in {401, 403}:
        raise DeviceError("unauthorized")
    answer = _json_object(body)
    if answer is not None and _is_unsupported(answer):
        raise DeviceError("not_supported")
    if status in {404, 405, 501}:
        raise DeviceError("not_supported")
    if status >= 400:
        raise DeviceError("rejected")
    if answer is None or type(answer.get("retcode")) is not int or status != 200:
        raise DeviceError("garbled")
    if answer["retcode"] != 0:
        raise DeviceError("rejected")
    data = answer.get("data")
    return data if isinstance(data, dict) else {}


def read_system_info(status: int, body: bytes) -> SystemInfo:
    """:raises DeviceError: see :func:`read_answer`; ``garbled`` without a MAC."""
    data = read_answer(status, body)
    answer = data.get("Status")
    if not isinstance(answer, dict):
        raise DeviceError("garbled")
    try:
        mac = parse_mac(_text(answer, "MAC"))
    except InvalidMac:
        raise DeviceError("garbled") from None
    model, firmware = _text(answer, "Model"), _text(answer, "FirmwareVersion")
    return SystemInfo(mac, model, firmware, _is_registered(data))


def _is_registered(data: Mapping[str, Any]) -> bool | None:
    account = data.get("Account1")
    state = str(account.get("Status", "")) if isinstance(account, dict) else ""
    return state == _REGISTERED if state else None


def read_relay_status(status: int, body: bytes) -> dict[int, bool]:
    """Which relays are energised, by number (1 = A).

    :raises DeviceError: see :func:`read_answer`.
    """
    states: dict[int, bool] = {}
    for number, letter in enumerate("ABCD", start=1):
        value = read_answer(status, body).get(f"Relay{letter}")
        if value is not None:
            # By firmware 0/1, "0"/"1", closed/open or inactive/active.
            states[number] = str(value).lower() in {"1", "open", "active"}
    return states


def read_opening(status: int, body: bytes) -> None:
    """Return if the opening page says that the door was opened.

    :raises DeviceError: see there. ``rejected`` also for a wrong account in the query
        (``-1`` with status 200), and where the feature is switched off (R29: 503).
    """
    if status in {401, 403}:
        raise DeviceError("unauthorized")
    if status in {404, 405, 501}:
        raise DeviceError("not_supported")
    if status >= 400:
        raise DeviceError("rejected")
    if status != 200:
        raise DeviceError("garbled")
    result = _opening_result(body)
    if result == _NOT_SAFE:
        raise DeviceError("not_safe")
    if result != 0:
        raise DeviceError("rejected")


def _opening_result(body: bytes) -> int:
    answer = _json_object(body)
    if answer is not None and type(answer.get("retcode")) is int:
        return int(answer["retcode"])
    page = body.decode("utf-8", "replace")
    if found := _OPEN_RESULT.search(page):
        return int(found[1])
    if "<html" in page.lower():
        # A log-in page, for instance: it says nothing about the door.
        raise DeviceError("garbled")
    # Some answers are bare text; third-party clients go by these words.
    return -1 if _FAILURE_WORDS.search(page) else 0


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_unsupported(answer: Mapping[str, Any]) -> bool:
    message = str(answer.get("message", "")).lower()
    return any(words in message for words in _UNSUPPORTED)


def _text(values: Mapping[str, Any], name: str) -> str:
    """A printable text of at most 64 characters; devices are not trusted either."""
    value = values.get(name)
    kept = "".join(each for each in str(value or "") if each.isprintable())
    return kept[:_LONGEST_TEXT]
