"""The call state of a unit, without media: who is being called, and the call log."""

from __future__ import annotations

import asyncio
from typing import Final

from portico.simulator.actions import ActionSender
from portico.simulator.core import Core
from portico.simulator.factory import factory_config

READY: Final = "READY"
CALLING: Final = "CALLING"
DEFAULT_DIAL_OUT_SECONDS: Final = 60
_SOFT_KEY: Final = "Config.Programable.SOFTKEY{:02d}.LocalParam1"
_DIAL_OUT: Final = "Config.Settings.CALLTIMEOUT.DialOut"
_DIALED: Final = "1"


class CallLine:
    """One outgoing call at a time; ends by itself after the dial-out time."""

    def __init__(self, core: Core, actions: ActionSender) -> None:
        self._core = core
        self._actions = actions
        self.remote = ""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        return bool(self.remote)

    @property
    def status(self) -> str:
        """What ``/api/call/status`` says; only ``READY`` is documented."""
        return CALLING if self.remote else READY

    def button_number(self, key: int = 1) -> str:
        """The first number on the main button or another key, empty when none is set."""
        setting = _SOFT_KEY.format(key)
        if setting not in factory_config(self._core.model.name):
            return ""
        return self._core.settings[setting].split(";")[0].strip()

    def dial(self, number: str, name: str = "") -> bool:
        """Start a call; False when one is on already."""
        if self.remote or not number:
            return False
        self.remote = number
        self._log(number, name)
        self._actions.fire("MakeCall", {"remote": number})
        self._actions.fire("OutgoingCall", {"remote": number})
        self._actions.fire("IdleToBusy", {"remote": number})
        seconds = self._core.settings.number(_DIAL_OUT, DEFAULT_DIAL_OUT_SECONDS)
        self._timer = self._core.later(seconds, self._timed_out)
        return True

    def hang_up(self) -> bool:
        """End the call; False when there is none."""
        if not self.remote:
            return False
        remote = self.remote
        self.power_off()
        self._actions.fire("HangUp", {"remote": remote})
        self._actions.fire("Terminated", {"remote": remote})
        self._actions.fire("BusyToIdle", {"remote": remote})
        return True

    def power_off(self) -> None:
        """Drop the call without a report."""
        self.remote = ""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _timed_out(self) -> None:
        self.hang_up()

    def _log(self, number: str, name: str) -> None:
        now = self._core.local_now()
        state = self._core.state
        account = self._core.model.account_prefix(1)
        entry = {
            "ID": state.next_id("calllog"),
            "Date": now.strftime("%Y-%m-%d"),
            "Time": now.strftime("%H:%M:%S"),
            "Name": name or number,
            "Type": _DIALED,
            "LocalIdentity": self._core.settings[f"{account}.GENERAL.UserName"],
            "Num": number,
            "PicUrl": "",
        }
        state.append_log(state.call_log, entry)
        self._core.touch()
