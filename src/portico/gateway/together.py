"""Many who ask for one each at the same time, answered together."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from typing import Generic, TypeVar

from portico.gateway.errors import StoreFailed

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Together(Generic[K, V]):
    """Loads what is asked for, ``most`` at a time and one part after the other.

    Whoever asks gets what was loaded after he asked.
    """

    def __init__(
        self, load: Callable[[Collection[K]], Awaitable[Mapping[K, V]]], most: int
    ) -> None:
        self._load, self._most = load, most
        self._wanted: dict[K, asyncio.Future[V | None]] = {}
        self._loading: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """What there is of ``key``; None: nothing.

        :raises Exception: whatever loading it raises.
        """
        answer = self._wanted.get(key)
        if answer is None:
            answer = asyncio.get_running_loop().create_future()
            self._wanted[key] = answer
        if self._loading is None:
            self._loading = asyncio.create_task(self._load_wanted())
        return await asyncio.shield(answer)

    async def _load_wanted(self) -> None:
        try:
            while self._wanted:
                keys = list(itertools.islice(self._wanted, self._most))
                await self._answer({key: self._wanted.pop(key) for key in keys})
        finally:
            self._loading = None

    async def _answer(self, wanted: dict[K, asyncio.Future[V | None]]) -> None:
        try:
            loaded = await self._load(list(wanted))
        except Exception as error:  # noqa: BLE001 -- it is theirs who asked
            if len(wanted) > 1 and not isinstance(error, StoreFailed):
                # One of them is at fault; the others get theirs.
                for key, answer in wanted.items():
                    await self._answer({key: answer})
                return
            for answer in wanted.values():
                answer.set_exception(error)
                answer.exception()  # who asked may have hung up already
        else:
            for key, answer in wanted.items():
                answer.set_result(loaded.get(key))
