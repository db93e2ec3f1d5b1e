"""Token buckets: how often somebody may do something, and how much."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict

# Wrong secrets from one address: enough for a house with a few stale units, no more.
GUESSES_PER_SECOND, GUESSES_BURST = 0.5, 20.0
# Queries that one address's wrong secrets may cost. Far above what a house needs, so that
# a guesser there does not lock its units out; nothing against secrets of 128 bits.
LOOKUPS_PER_SECOND, LOOKUPS_BURST = 20.0, 200.0
# Secrets are random, so that one that nobody has will not become valid; but the database
# may be restored.
UNKNOWN_SECONDS = 60.0
MOST_UNKNOWN = 20_000
# What a secret in an address can be as long as.
_SHORTEST, _LONGEST = 16, 64


class Bucket:
    """Allows ``burst`` at once and ``rate`` a second in the long run."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._level = burst
        self._at = time.monotonic()

    def take(self, cost: float = 1.0) -> bool:
        """Spend ``cost``; False when there is not enough."""
        now = time.monotonic()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        if self._level < cost:
            return False
        self._level -= cost
        return True

    def has(self, cost: float = 1.0) -> bool:
        """Whether ``cost`` could be spent now."""
        return self.take(0.0) and self._level >= cost


class Buckets:
    """A bucket per key; the least recently used are forgotten beyond ``most``."""

    def __init__(self, rate: float, burst: float, most: int = 50_000) -> None:
        self._rate, self._burst, self._most = rate, burst, most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, key: str, cost: float = 1.0) -> bool:
        """Spend from the bucket of ``key``."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._rate, self._burst)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket.take(cost)

    def has(self, key: str, cost: float = 1.0) -> bool:
        """Whether ``key`` could spend ``cost`` now; a new key always can."""
        bucket = self._buckets.get(key)
        return bucket is None or bucket.has(cost)


class Pace:
    """At most ``rate`` a second for all who share it, after a second's worth at once.

    They go on in the order in which they asked. No ``rate``: nobody waits.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        # When all that was asked for so far is through.
        self._free = 0.0

    async def take(self, cost: float) -> None:
        """Wait until ``cost`` may go."""
        if not self._rate:
            return
        now = time.monotonic()
        self._free = max(self._free, now - 1.0) + cost / self._rate
        if self._free > now:
            await asyncio.sleep(self._free - now)


class Misses:
    """Who asks for secrets that nobody has, told apart from who shares an address.

    A house, or an estate, is one address. A stale unit there repeats one dead secret: it
    costs one query a minute and nothing else. Only new unknown secrets are guesses.
    """

    def __init__(self) -> None:
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._guesses = Buckets(GUESSES_PER_SECOND, GUESSES_BURST)
        self._lookups = Buckets(LOOKUPS_PER_SECOND, LOOKUPS_BURST)

    def may_look(self, address: str, secret: str) -> bool:
        """Whether ``secret`` is worth a query."""
        if not _SHORTEST <= len(secret) <= _LONGEST or self._is_unknown(secret):
            return False
        # Spent by misses alone, see below: valid units never run out of it.
        return self._lookups.has(address)

    def missed(self, address: str, secret: str) -> bool:
        """``secret`` was not found; False when ``address`` guesses too often."""
        if self._is_unknown(secret):
            return True
        if _SHORTEST <= len(secret) <= _LONGEST:
            if not self._lookups.take(address):
                return False  # nobody looked: it may be a good one
            self._unknown[secret] = time.monotonic() + UNKNOWN_SECONDS
            self._unknown.move_to_end(secret)
            if len(self._unknown) > MOST_UNKNOWN:
                self._unknown.popitem(last=False)
        return self._guesses.take(address)

    def _is_unknown(self, secret: str) -> bool:
        return self._unknown.get(secret, 0.0) > time.monotonic()
