"""Keypad, card reader, camera and radio: a credential is shown, the unit decides.

Which action URL reports NFC and Bluetooth is documented nowhere; this unit reports both
as a valid card with ``$unlocktype`` telling the method (inferred).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from portico.simulator.access import allowed_relays
from portico.simulator.actions import ActionSender
from portico.simulator.core import Core
from portico.simulator.directory import Directory
from portico.simulator.relays import RelayBoard
from portico.simulator.state import Item

_PUBLIC: Final = "Config.DoorSetting.PASSWORD."
_FORCED: Final = {"Name": "Virtual user", "UserID": "", "ScheduleRelay": "1001-1"}


@dataclass(frozen=True, slots=True)
class Method:
    """How one kind of credential is found and reported."""

    event: str
    variable: str
    unlock_type: str
    matches: Callable[[Item, str], bool]


def _in(field: str) -> Callable[[Item, str], bool]:
    return lambda user, shown: (
        shown
        in (part.strip() for part in user.get(field, "").split(";") if part.strip())
    )


def _is_user(user: Item, shown: str) -> bool:
    return shown in (user.get("UserID"), user.get("Name"), user.get("ID"))


def _has_face(user: Item, shown: str) -> bool:
    return bool(user.get("FaceUrl")) and _is_user(user, shown)


def _has_qr(user: Item, shown: str) -> bool:
    return _in("PrivatePIN")(user, shown) or _in("CardCode")(user, shown)


def _has_bluetooth(user: Item, shown: str) -> bool:
    return user.get("BLEAuthCode") == shown or _is_user(user, shown)


METHODS: Final = {
    "pin": Method("CodeEntered", "code", "PIN", _in("PrivatePIN")),
    "card": Method("CardEntered", "card_sn", "Card", _in("CardCode")),
    "face": Method("FaceRecognition", "", "Face", _has_face),
    "qr": Method("QRCodeEntered", "qrcode", "QR Code", _has_qr),
    "nfc": Method("CardEntered", "card_sn", "NFC", _in("CardCode")),
    "bluetooth": Method("CardEntered", "card_sn", "Bluetooth", _has_bluetooth),
}


class Readers:
    """Checks credentials against the unit's own lists and opens its relays."""

    def __init__(
        self,
        core: Core,
        *,
        actions: ActionSender,
        relays: RelayBoard,
        directory: Directory,
    ) -> None:
        self._core = core
        self._actions = actions
        self._relays = relays
        self._directory = directory

    def show(self, how: str, shown: str, *, force: str = "") -> bool:
        """Present a credential; returns whether the door was opened.

        :param how: a key of :data:`METHODS`.
        :param shown: PIN, card number, QR content, or for face and Bluetooth the user.
        :param force: ``granted`` or ``refused`` makes the event without a user.
        """
        user, log_type = self._find(how, shown)
        relays = self._allowed(user) if user else []
        if force == "granted" and not relays:
            user, relays, log_type = user or dict(_FORCED), ["A"], how
        if force == "refused" or user is None or not relays:
            self._report("Invalid", how, shown, user=None)
            self._relays.log(how, relays=[], granted=False, name="", code=shown)
            return False
        self._report("Valid", how, shown, user=user)
        name = user.get("Name", "")
        self._relays.log(log_type, relays=relays, granted=True, name=name, code=shown)
        for relay in relays:
            self._relays.trigger(relay)
        return True

    def _find(self, how: str, shown: str) -> tuple[Item | None, str]:
        matches = METHODS[how].matches
        for user in self._directory.items("user"):
            if shown and matches(user, shown):
                return user, how
        if how == "pin" and self._is_public(shown):
            return {**_FORCED, "Name": "Public Key"}, "public_pin"
        return None, how

    def _is_public(self, shown: str) -> bool:
        settings = self._core.settings
        keys = [settings[f"{_PUBLIC}PublicKey{number}"] for number in (1, 2, 3)]
        enabled = settings.flag(f"{_PUBLIC}PublicKeyEnable")
        return enabled and shown in [key for key in keys if key]

    def _allowed(self, user: Item) -> list[str]:
        schedules = self._directory.items("schedule")
        opened = allowed_relays(user, schedules, self._core.local_now())
        return [relay for relay in opened if relay in self._relays.names]

    def _report(self, verdict: str, how: str, shown: str, *, user: Item | None) -> None:
        method = METHODS[how]
        variables = {"unlocktype": method.unlock_type, "open_type": method.unlock_type}
        if method.variable:
            variables[method.variable] = shown
        if user is not None:
            variables["user_name"] = user.get("Name", "")
            variables["userid"] = user.get("UserID", "")
            variables["schedule"] = user.get("ScheduleRelay", "")
        self._actions.fire(verdict + method.event, variables)
