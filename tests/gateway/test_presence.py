"""Our own trouble turns nobody offline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from portico.gateway import presence
from portico.gateway.domain import Domain, PresenceVia, StoreFailed
from portico.gateway.presence import GRACE_SECONDS, Grace, PresenceCollector

pytestmark = [pytest.mark.unit, pytest.mark.bare]


class Clocks:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.monotonic_at, self.wall_at = 1_000.0, 1_700_000_000.0

    def monotonic(self) -> float:
        return self.monotonic_at

    def time(self) -> float:
        return self.wall_at

    def go(self, seconds: float) -> None:
        self.monotonic_at += seconds
        self.wall_at += seconds


class Store:
    def __init__(self) -> None:
        self.is_down = False
        self.registered: list[list[int]] = []

    async def record_contacts(self, contacts: list[Any]) -> list[int]:
        return self._answer()

    async def sweep_silent(self) -> list[int]:
        return self._answer()

    async def note_registered(self, device_ids: set[int]) -> None:
        self._answer()
        self.registered += [sorted(device_ids)]

    def _answer(self) -> list[int]:
        if self.is_down:
            raise StoreFailed("locked")
        return []


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(presence, "time", clocks)
    return clocks


def rounds(grace: Grace, clocks: Clocks, seconds: float) -> None:
    """Rounds as they come when all is well."""
    for _ in range(int(seconds * 2)):
        clocks.go(0.5)
        grace.look()


def suspend(clocks: Clocks) -> None:
    clocks.wall_at += 3_600


def stop_process(clocks: Clocks) -> None:
    clocks.go(60)


def step_back(clocks: Clocks) -> None:
    clocks.wall_at -= 60


@pytest.mark.parametrize("trouble", [suspend, stop_process, step_back])
def test_grace_begins_again_when_the_clocks_jump(
    clocks: Clocks, trouble: Callable[[Clocks], None]
) -> None:
    grace = Grace()
    rounds(grace, clocks, GRACE_SECONDS)
    assert grace.is_over()

    trouble(clocks)
    rounds(grace, clocks, 1)
    assert not grace.is_over()
    rounds(grace, clocks, GRACE_SECONDS)
    assert grace.is_over()


def test_slow_drift_of_the_clocks_is_no_jump(clocks: Clocks) -> None:
    grace = Grace()
    rounds(grace, clocks, GRACE_SECONDS)
    for _ in range(10):
        clocks.wall_at += 1
        rounds(grace, clocks, 0.5)

    assert grace.is_over()


@pytest.mark.parametrize("what", ["flush", "_sweep"])
def test_grace_begins_again_after_a_failure(clocks: Clocks, what: str) -> None:
    store = Store()
    collector = PresenceCollector(cast("Domain", store))
    clocks.go(GRACE_SECONDS)
    collector.heard(1, PresenceVia.EVENT)
    asyncio.run(getattr(collector, what)())
    assert collector._grace.is_over()

    collector.heard(2, PresenceVia.EVENT)
    store.is_down = True
    asyncio.run(getattr(collector, what)())
    assert not collector._grace.is_over()


def test_a_registration_is_not_noted_later_than_it_was(clocks: Clocks) -> None:
    store = Store()
    collector = PresenceCollector(cast("Domain", store))
    store.is_down = True
    collector.registered(1)
    asyncio.run(collector.flush())
    # It may have restarted by now; if it is registered still, it says so again soon.
    store.is_down = False
    asyncio.run(collector.flush())
    assert store.registered == []
    collector.registered(1)
    collector.registered(2)
    collector.restarted(2)
    asyncio.run(collector.flush())
    assert store.registered == [[1]]
