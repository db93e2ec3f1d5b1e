"""Token buckets: how often somebody may do something."""

from __future__ import annotations

import time
from collections import OrderedDict


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
