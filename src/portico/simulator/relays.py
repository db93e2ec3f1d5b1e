"""Relays and the door log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from portico.simulator.actions import ActionSender
from portico.simulator.catalogue import LETTERS, RelayKeys
from portico.simulator.core import Core
from portico.simulator.factory import RELAY

DEFAULT_HOLD_SECONDS: Final = 5
# Types 1 to 4 are the manual's; beyond them no source numbers them, these are ours.
LOG_TYPES: Final[Mapping[str, str]] = {
    "card": "1",
    "pin": "2",
    "public_pin": "3",
    "face": "4",
    "qr": "5",
    "nfc": "6",
    "bluetooth": "7",
    "http": "8",
    "exit_button": "9",
    "dtmf": "10",
}
_SUCCESS: Final = "0"
_FAILED: Final = "1"


class RelayBoard:
    """The local relays ``A``… and the security relays ``SA``, ``SB`` of an SR01."""

    def __init__(self, core: Core, actions: ActionSender) -> None:
        self._core = core
        self._actions = actions
        model = core.model
        self.names = [
            *LETTERS[: model.relays],
            *(f"S{letter}" for letter in LETTERS[: model.security_relays]),
        ]
        self._open: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        actions.add_variables(self._variables)

    def is_open(self, name: str) -> bool:
        return name in self._open

    def trigger(self, name: str, *, manual: bool = False, hold: int = 0) -> None:
        """Open a relay, after its trigger delay.

        Closes again after ``hold`` seconds (0: the configured hold delay). A ``manual``
        relay stays as it is until the next manual trigger turns it back. A relay that
        is triggered while open reports again and holds from the beginning.

        :raises KeyError: this unit has no such relay.
        """
        if name not in self.names:
            raise KeyError(name)
        delay = self._seconds(name, ("TriggerDelay{}", "TrigDelay{}"), 0)
        if delay:
            self._core.later(delay, lambda: self._switch_on(name, manual, hold))
        else:
            self._switch_on(name, manual, hold)

    def close(self, name: str) -> None:
        """Close a relay now; nothing happens to one that is closed."""
        self._cancel(name)
        if name in self._open:
            self._open.discard(name)
            self._report(name, "Closed")

    def power_off(self) -> None:
        """All relays fall back without a report: the unit loses its power."""
        for name in list(self._timers):
            self._cancel(name)
        self._open.clear()

    def log(
        self, how: str, *, relays: list[str], granted: bool, name: str, code: str
    ) -> None:
        """Write one door log entry; ``how`` is a key of :data:`LOG_TYPES`."""
        now = self._core.local_now()
        state = self._core.state
        entry = {
            "ID": state.next_id("doorlog"),
            "Date": now.strftime("%Y-%m-%d"),
            "Time": now.strftime("%H:%M:%S"),
            "Name": name or "Unknown",
            "Code": code,
            "Type": LOG_TYPES[how],
            "Status": _SUCCESS if granted else _FAILED,
            "Relay": "".join(f"Relay{each}" for each in relays),
            "AccessMode": how,
        }
        state.append_log(state.door_log, entry)
        self._core.touch()

    def _switch_on(
        self,
        name: str,
        manual: bool,  # noqa: FBT001 - private, called by name above
        hold: int,
    ) -> None:
        if not self._core.online:
            return
        if manual and name in self._open:
            self.close(name)
            return
        self._cancel(name)
        self._open.add(name)
        self._report(name, "Triggered")
        if not manual:
            seconds = hold or self._seconds(
                name, ("HoldDelay{}", "Relay{}Delay"), DEFAULT_HOLD_SECONDS
            )
            self._timers[name] = self._core.later(seconds, lambda: self.close(name))

    def _seconds(self, name: str, spellings: tuple[str, str], fallback: int) -> int:
        # An SR01 takes its times from the local relay of the same letter (our reading).
        holds = self._core.model.relay_keys is RelayKeys.HOLD_DELAY
        key = RELAY + spellings[0 if holds else 1].format(name[-1])
        return self._core.settings.number(key, fallback)

    def _report(self, name: str, state: str) -> None:
        # No action URL is known for a security relay.
        if not name.startswith("S"):
            number = str(LETTERS.index(name) + 1)
            self._actions.fire(f"Relay{name}{state}", {"relay_id": number})

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _variables(self) -> dict[str, str]:
        return {
            f"relay{number}status": "1" if letter in self._open else "0"
            for number, letter in enumerate(LETTERS, start=1)
        }
