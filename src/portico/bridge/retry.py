"""How long to wait before trying again."""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """Full jitter: any time between nothing and a limit that doubles."""

    def __init__(self, first: float, most: float, random: Callable[[], float]) -> None:
        self._first = first
        self._most = most
        self._random = random
        self._limit = first

    def next(self, most: float | None = None) -> float:
        """Seconds to wait now; ``most`` overrides the largest limit this time."""
        cap = self._most if most is None else most
        wait = self._random() * min(self._limit, cap)
        self._limit = min(self._limit * 2, max(cap, self._most))
        return wait

    def reset(self) -> None:
        self._limit = self._first
