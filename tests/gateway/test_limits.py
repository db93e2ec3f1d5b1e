"""How much may go in a second."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from portico.gateway import limits
from portico.gateway.limits import Pace

pytestmark = pytest.mark.unit


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(limits, "time", made)
    monkeypatch.setattr(limits, "asyncio", SimpleNamespace(sleep=made.sleep))
    return made


def test_a_second_goes_at_once_and_the_rest_in_time(clock: Clock) -> None:
    pace = Pace(100)

    async def take(count: int) -> None:
        for _ in range(count):
            await pace.take(50)

    asyncio.run(take(2))
    assert clock.now == 1_000.0
    asyncio.run(take(10))
    assert clock.now == 1_005.0
    # What was not used is not saved for later, but for that second.
    clock.now += 3_600
    asyncio.run(take(4))
    assert clock.now == 1_005.0 + 3_600 + 1


def test_no_rate_is_no_limit(clock: Clock) -> None:
    asyncio.run(Pace(0).take(1e12))
    assert clock.now == 1_000.0
