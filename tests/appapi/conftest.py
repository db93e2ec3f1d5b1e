from __future__ import annotations

import pytest

from portico.appapi import waiting
from tests.appapi.support import FakeBridge, House
from tests.conftest import MemoryBus


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def fake_bridge(bus: MemoryBus, house: House) -> FakeBridge:
    """The bridge of ``house``; needs a test with real transactions."""
    return FakeBridge(bus, house)


@pytest.fixture
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look at a command, and no waiting."""
    real = waiting.wait_seconds
    monkeypatch.setattr(
        waiting,
        "wait_seconds",
        lambda command_id, _seconds, *look: real(command_id, 0, *look),
    )
