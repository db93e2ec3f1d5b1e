"""Many who ask at the same time are answered together, and none for another's fault."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from portico.gateway.errors import StoreFailed
from portico.gateway.together import Together

pytestmark = [pytest.mark.unit]


class Lengths:
    """Knows how long words are, of at least one letter; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.begun = asyncio.Event()
        self.is_down = False

    async def load(self, words: Collection[str]) -> dict[str, int]:
        self.asked.append(list(words))
        self.begun.set()
        await asyncio.sleep(0)
        if self.is_down:
            raise StoreFailed("locked")
        if "?" in words:
            raise ValueError("no word")
        return {word: len(word) for word in words if word}


async def ask(together: Together[str, int], *words: str) -> list[object]:
    asked = (together.get(word) for word in words)
    return await asyncio.gather(*asked, return_exceptions=True)


def test_so_many_at_a_time_each_once() -> None:
    async def scenario() -> None:
        lengths = Lengths()
        found = await ask(Together(lengths.load, 2), "a", "be", "a", "", "sea")
        assert found == [1, 2, 1, None, 3]
        assert lengths.asked == [["a", "be"], ["", "sea"]]

    asyncio.run(scenario())


def test_what_is_being_loaded_is_loaded_anew_for_who_asks_now() -> None:
    async def scenario() -> None:
        lengths = Lengths()
        together = Together(lengths.load, 2)
        first = asyncio.create_task(together.get("a"))
        await lengths.begun.wait()
        assert await together.get("a") == await first
        assert lengths.asked == [["a"], ["a"]]

    asyncio.run(scenario())


def test_one_at_fault_fails_alone() -> None:
    async def scenario() -> None:
        found = await ask(Together(Lengths().load, 3), "a", "?", "be")
        assert found[::2] == [1, 2]
        assert isinstance(found[1], ValueError)

    asyncio.run(scenario())


def test_a_database_that_is_away_is_asked_once() -> None:
    async def scenario() -> None:
        lengths = Lengths()
        lengths.is_down = True
        together = Together(lengths.load, 3)
        failed = await ask(together, "a", "be")
        assert [type(each) for each in failed] == [StoreFailed, StoreFailed]
        assert len(lengths.asked) == 1
        lengths.is_down = False
        assert await together.get("a") == 1

    asyncio.run(scenario())
