from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

import pytest

from portico.gateway.cache import DeviceCache
from portico.gateway.errors import StoreFailed
from tests.waiting import LONGEST_SECONDS

pytestmark = [pytest.mark.unit]


@dataclass(frozen=True)
class Known:
    device_id: int


class Store:
    """Knows "a" and "b"; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.is_down = False

    async def load(self, secrets: Collection[str]) -> dict[str, Known]:
        self.asked.append(sorted(secrets))
        await asyncio.sleep(0)
        if self.is_down:
            raise StoreFailed("locked")
        known = {"a": Known(1), "b": Known(2)}
        return {each: known[each] for each in secrets if each in known}


def test_all_who_ask_at_once_are_one_query_and_then_none() -> None:
    async def scenario() -> None:
        store = Store()
        cache = DeviceCache(store.load)
        found = await asyncio.gather(*(cache.get(each) for each in "abxa"))
        again = await cache.get("a")

        assert found == [Known(1), Known(2), None, Known(1)]
        assert again == Known(1)
        assert store.asked == [["a", "b", "x"]]

    asyncio.run(scenario())


def test_unknown_and_forgotten_are_asked_again() -> None:
    async def scenario() -> None:
        store = Store()
        cache = DeviceCache(store.load)
        assert [await cache.get(each) for each in "xa"] == [None, Known(1)]
        cache.forget(1)
        assert [await cache.get(each) for each in "xa"] == [None, Known(1)]

        assert store.asked == [["x"], ["a"], ["x"], ["a"]]

    asyncio.run(scenario())


def test_a_failure_reaches_all_who_wait_and_the_next_try_loads() -> None:
    async def scenario() -> None:
        store = Store()
        cache = DeviceCache(store.load)
        store.is_down = True
        asked = (cache.get(each) for each in "ab")
        failed = await asyncio.gather(*asked, return_exceptions=True)
        store.is_down = False

        assert [type(each) for each in failed] == [StoreFailed, StoreFailed]
        assert await cache.get("b") == Known(2)

    asyncio.run(scenario())


def test_a_fault_of_any_kind_leaves_nobody_waiting() -> None:
    async def scenario() -> None:
        is_broken = True
        store = Store()

        async def load(secrets: Collection[str]) -> dict[str, Known]:
            if is_broken:
                raise UnicodeError("a programmer's mistake")
            return await store.load(secrets)

        cache = DeviceCache(load)
        async with asyncio.timeout(LONGEST_SECONDS):
            asked = (cache.get(each) for each in "ab")
            failed = await asyncio.gather(*asked, return_exceptions=True)

        assert [type(each) for each in failed] == [StoreFailed, StoreFailed]
        is_broken = False
        assert await cache.get("b") == Known(2)

    asyncio.run(scenario())
