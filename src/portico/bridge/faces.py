"""Face photos on their way to a unit: it fetches each from here, by an address of its own.

Units take a picture by address (``FaceUrl``). The address cannot be guessed, is good for
a few minutes and for the one unit; the pictures are in memory alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from portico.bridge.address import lan_host
from portico.bridge.clock import ServerClock
from portico.bridge.limits import FACE_GOOD_FOR

PREFIX = b"/f/"
_SUFFIX = ".jpg"


@dataclass(slots=True)
class Offer:
    """One photo for one unit; ``fetched`` is set when the unit has asked for it."""

    url: str
    jpeg: bytes = field(repr=False)
    host: str
    until: float
    fetched: asyncio.Event = field(default_factory=asyncio.Event)


class FaceShelf:
    """The photos that units may fetch now."""

    def __init__(self, clock: ServerClock) -> None:
        self._clock = clock
        # The listener's address as units reach it; None: that cannot be told.
        self.base: str | None = None
        self._offers: dict[bytes, Offer] = {}

    @contextmanager
    def offer(self, jpeg: bytes, host: str) -> Iterator[Offer]:
        """Give ``jpeg`` to the unit at ``host`` for as long as the context lasts, and
        for minutes at most."""
        token = secrets.token_urlsafe(32)
        url = f"{self.base}{PREFIX.decode()}{token}{_SUFFIX}"
        until = self._clock.monotonic() + FACE_GOOD_FOR
        self._offers[_digest(token)] = offer = Offer(url, jpeg, host, until)
        try:
            yield offer
        finally:
            del self._offers[_digest(token)]

    def take(self, name: str, source: str) -> bytes | None:
        """The photo that ``source`` may have by this name."""
        # Looked up by digest, so that the time tells nothing about near misses.
        offer = self._offers.get(_digest(name.removesuffix(_SUFFIX)))
        if offer is None or self._clock.monotonic() >= offer.until:
            return None
        if lan_host(source) != offer.host:
            return None
        offer.fetched.set()
        return offer.jpeg


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
