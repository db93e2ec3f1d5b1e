"""A unit's configuration map: factory values, and over them what was changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, timedelta, timezone
from typing import Final

from portico.protocols.autop.grammar import is_key
from portico.simulator.catalogue import Model
from portico.simulator.factory import factory_config, refused_keys

_TIME_ZONE: Final = re.compile(r"GMT([+-])(\d{1,2})(?::(\d{2}))?")

Listener = Callable[[frozenset[str]], None]


class Settings:
    """Reads and writes configuration keys.

    Keys that belong to another model's dialect are ignored, as on hardware, where
    ``config/set`` of a key that the unit lacks changes nothing (EV).
    """

    def __init__(self, model: Model, changed: dict[str, str]) -> None:
        self._factory = factory_config(model.name)
        self._refused = refused_keys(model.name)
        self._changed = changed
        self._listeners: list[Listener] = []

    def __getitem__(self, key: str) -> str:
        """The value, empty for a key that is not there."""
        value = self._changed.get(key)
        return self._factory.get(key, "") if value is None else value

    def __contains__(self, key: str) -> bool:
        return key in self._changed or key in self._factory

    def flag(self, key: str) -> bool:
        """Whether the key is switched on (``1``)."""
        return self[key] == "1"

    def number(self, key: str, fallback: int) -> int:
        """The value as a whole number, ``fallback`` when it is none."""
        text = self[key]
        return int(text) if text.isdecimal() else fallback

    def all(self) -> dict[str, str]:
        """The whole map, as ``config/get`` shows it."""
        return {**self._factory, **self._changed}

    def apply(self, values: Mapping[str, str]) -> frozenset[str]:
        """Store ``values``; returns the keys whose value is now another.

        Values equal to the factory's are kept out of the store.
        """
        changed: set[str] = set()
        for key, value in values.items():
            if key in self._refused or not is_key(key):
                continue
            if self[key] != value or key not in self:
                changed.add(key)
            if self._factory.get(key) == value:
                self._changed.pop(key, None)
            else:
                self._changed[key] = value
        if changed:
            self._tell(frozenset(changed))
        return frozenset(changed)

    def reset(self) -> None:
        """Back to the factory configuration."""
        keys = frozenset(self._changed)
        self._changed.clear()
        self._tell(keys)

    def on_change(self, listener: Listener) -> None:
        """Call ``listener`` with the keys of every later change."""
        self._listeners.append(listener)

    def time_zone(self) -> timezone:
        """The unit's zone from ``Config.Settings.SNTP.TimeZone`` (``GMT+3:00``)."""
        match = _TIME_ZONE.fullmatch(self["Config.Settings.SNTP.TimeZone"])
        if match is None:
            return UTC
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        if offset >= timedelta(hours=24):
            return UTC
        return timezone(-offset if match[1] == "-" else offset)

    def _tell(self, keys: frozenset[str]) -> None:
        for listener in self._listeners:
            listener(keys)
