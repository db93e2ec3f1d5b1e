"""``/fcgi/do`` and ``/fcgi/OpenDoor``: opening with the "open relay via HTTP" account.

Sources: KB open-door-via-http-command (return codes), GL (R29 answers 503 while it is
off), pylocal-akuvox (the HTML answer; the R20A wants the new interface). The account is
not the API's.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from portico.protocols.digest import DigestGuard, Verdict, check_basic
from portico.simulator.catalogue import LETTERS, OpenKeys
from portico.simulator.factory import HIGH_SECURITY, RELAY
from portico.simulator.unit import Unit

OK: Final = 0
# Both a wrong account and an unknown action are -1 in the sources.
UNKNOWN_ACTION: Final = -1
WRONG_ACCOUNT: Final = -1
WRONG_RELAY: Final = -2
NOT_ENABLED: Final = -3
NOT_SAFE: Final = -4
NEW_INTERFACE: Final = "please use new interface"
# /fcgi/OpenDoor exists from this third field of the firmware version on (KB).
_HIGH_SECURITY_SINCE: Final = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """``code`` becomes the HTML answer; another ``status`` than 200 has no code."""

    status: int
    code: int = OK
    note: str = ""

    @property
    def html(self) -> str:
        return (
            "<html><body>"
            f"<input id=hcSingleResult type=hidden value='{self.code}'>"
            f"{self.note}</body></html>"
        )


@dataclass(frozen=True, slots=True)
class _Account:
    enabled: bool
    user: str
    password: str


def open_legacy(unit: Unit, query: Mapping[str, str]) -> Answer:
    """``/fcgi/do?action=OpenDoor&UserName=&Password=&DoorNum=``."""
    if query.get("action") != "OpenDoor":
        return Answer(200, UNKNOWN_ACTION)
    if not unit.model.legacy_open:
        return Answer(200, NOT_SAFE, NEW_INTERFACE)
    if unit.core.settings.flag(HIGH_SECURITY):
        return Answer(200, NOT_SAFE)
    account = _account(unit)
    if not account.enabled:
        return _disabled(unit)
    given = f"{query.get('UserName', '')}:{query.get('Password', '')}"
    wanted = f"{account.user}:{account.password}"
    if not account.user or not hmac.compare_digest(given.encode(), wanted.encode()):
        return Answer(200, WRONG_ACCOUNT)
    return _open(unit, query.get("DoorNum", ""))


def open_secure(
    unit: Unit,
    query: Mapping[str, str],
    *,
    guard: DigestGuard,
    header: str,
    method: str,
    uri: str,
) -> Answer:
    """``/fcgi/OpenDoor?action=OpenDoor&DoorNum=`` with Digest or Basic.

    A 401 answer needs a challenge of ``guard``.
    """
    if not has_secure_interface(unit):
        return Answer(404)
    account = _account(unit)
    if not account.enabled:
        return _disabled(unit)
    verdict = check_basic(header, user=account.user, password=account.password)
    if verdict is Verdict.MISSING:
        verdict = guard.check(
            header,
            method=method,
            uri=uri,
            user=account.user,
            password=account.password,
        )
    if verdict is not Verdict.OK or not account.user:
        return Answer(401, note="stale" if verdict is Verdict.STALE else "")
    if query.get("action") != "OpenDoor":
        return Answer(200, UNKNOWN_ACTION)
    return _open(unit, query.get("DoorNum", ""))


def has_secure_interface(unit: Unit) -> bool:
    """Whether the firmware has ``/fcgi/OpenDoor``."""
    fields = unit.core.state.firmware.split(".")
    third = fields[2] if len(fields) > 2 else ""
    return third.isdecimal() and int(third) >= _HIGH_SECURITY_SINCE


def _account(unit: Unit) -> _Account:
    if unit.model.open_keys is OpenKeys.HTTP_TRIG:
        names = ("HttpTrig", "UserName", "Password")
    else:
        names = ("RelayOnWeb", "RelayOnWebUser", "RelayOnWebPwd")
    flag, user, password = (unit.core.settings[RELAY + name] for name in names)
    return _Account(flag == "1", user, password)


def _disabled(unit: Unit) -> Answer:
    if unit.model.open_disabled_503:
        return Answer(503)
    return Answer(200, NOT_ENABLED)


def _open(unit: Unit, door: str) -> Answer:
    if door.startswith("S"):
        relay = door
    elif door in ("1", "2", "3", "4"):
        relay = LETTERS[int(door) - 1]
    else:
        return Answer(200, WRONG_RELAY)
    if relay not in unit.relays.names:
        return Answer(200, WRONG_RELAY)
    unit.relays.log("http", relays=[relay], granted=True, name="", code="")
    unit.relays.trigger(relay)
    return Answer(200)
