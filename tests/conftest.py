from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from portico.kernel.bus import Handler, Payload, install_bus
from tests.database import flushable


class MemoryBus:
    """Hints within this process; keeps what was published."""

    def __init__(self) -> None:
        self.published: list[tuple[str, Payload]] = []
        self._handlers: list[Handler] = []

    def publish(self, subject: str, payload: Payload) -> None:
        self.published.append((subject, payload))
        for handler in tuple(self._handlers):
            handler(subject, payload)

    def listen(self, handler: Handler) -> Callable[[], None]:
        self._handlers.append(handler)
        return lambda: self._handlers.remove(handler)

    def close(self) -> None:
        self._handlers.clear()


@pytest.fixture(autouse=True)
def bus() -> Iterator[MemoryBus]:
    """A fresh bus for each test."""
    memory = MemoryBus()
    install_bus(memory)
    yield memory
    memory.close()


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    """Rate limits of one test are not another's."""
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True, scope="session")
def audit_can_be_flushed() -> Iterator[None]:
    """Between tests even the audit log is emptied."""
    with flushable():
        yield


# Their tests use nothing of Portico's database: one run of them is enough.
_BARE = ("tests/bridge/", "tests/protocols/", "tests/simulator/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(_BARE):
            item.add_marker(pytest.mark.bare)
