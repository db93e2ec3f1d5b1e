"""Units of the house that asked for a configuration and are nobody's yet."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from portico.bridge.clock import ServerClock
from portico.protocols.bridge.envelope import MAX_FOUND, Found, FoundUnit


@dataclass(frozen=True, slots=True)
class _Find:
    model: str
    version: str
    address: str
    at: float


class Finds:
    """The newest of them, in memory: a unit asks again whenever it starts."""

    def __init__(self, clock: ServerClock) -> None:
        self._clock = clock
        self._by_mac: OrderedDict[str, _Find] = OrderedDict()
        # Set when the server should hear the list again.
        self.news = asyncio.Event()

    def note(self, mac: str, *, model: str, version: str, address: str) -> None:
        """``mac`` has asked just now; the oldest gives way to it."""
        self._by_mac.pop(mac, None)
        self._by_mac[mac] = _Find(model, version, address, self._clock.monotonic())
        while len(self._by_mac) > MAX_FOUND:
            self._by_mac.popitem(last=False)
        self.news.set()

    def forget(self, macs: Iterable[str]) -> None:
        """These are in the roster now."""
        for mac in macs:
            self._by_mac.pop(mac, None)

    def message(self) -> Found | None:
        """All of them, dated in server time; None when there are none."""
        if not self._by_mac:
            return None
        now, now_ms = self._clock.monotonic(), self._clock.now_ms()
        return Found(
            tuple(
                FoundUnit(
                    mac,
                    find.model,
                    find.version,
                    find.address,
                    max(0, now_ms - int((now - find.at) * 1000)),
                )
                for mac, find in self._by_mac.items()
            )
        )
