"""Server time, without trust in the box's own wall clock."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# Crystals drift up to 100 ppm, 18 ms in three minutes: less than a round trip's error.
_SAMPLE_LIFE: Final = 180.0
# Pings of three minutes.
_SAMPLES: Final = 10


def steady() -> float:
    """Seconds that nothing sets and that go on while the box sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class _Sample:
    taken: float
    round_trip: float
    offset: float  # server seconds minus steady seconds


class ServerClock:
    """Estimates the server's time from round trips.

    Each pong says what time it was on the server between our sending and receiving; the
    middle of the shortest recent round trip is the best guess. Until the first one the
    wall clock serves, but never a time before the last one known from an earlier run
    (boxes without a battery start in the past).
    """

    def __init__(
        self,
        *,
        known_ms: int = 0,
        monotonic: Callable[[], float] = steady,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._samples: deque[_Sample] = deque(maxlen=_SAMPLES)
        self._offset: float | None = None
        self._known = known_ms / 1000
        self._started = monotonic()

    @property
    def is_synced(self) -> bool:
        """Whether the server has told its time since the program started."""
        return self._offset is not None

    @property
    def offset(self) -> float | None:
        """Server time minus `monotonic()` in seconds, once known."""
        return self._offset

    def monotonic(self) -> float:
        return self._monotonic()

    def now_ms(self) -> int:
        """Server time in milliseconds since 1970; a guess before the first sample."""
        now = self._monotonic()
        if self._offset is not None:
            return int((now + self._offset) * 1000)
        at_least = self._known + (now - self._started)
        return int(max(self._wall(), at_least) * 1000)

    def learn(self, *, sent: float, received: float, server_ms: int) -> None:
        """Take in one round trip; ``sent`` and ``received`` are `monotonic()` times."""
        offset = server_ms / 1000 - (sent + received) / 2
        self._samples.append(_Sample(received, received - sent, offset))
        recent = [s for s in self._samples if received - s.taken <= _SAMPLE_LIFE]
        self._offset = min(recent, key=lambda sample: sample.round_trip).offset
