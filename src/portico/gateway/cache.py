"""What the hot path remembers of devices, by their secrets."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, Generic, Protocol, TypeVar

import structlog

from portico.gateway.domain import StoreFailed

# A lost hint may leave an old file or a removed device in force this long.
_LIFETIME_SECONDS = 30.0
_MOST_ENTRIES = 200_000
# One query for all who ask at the same time: after a restart that is everybody. Below
# the variable limit of every SQLite, and short enough that the first need not wait long.
_MOST_AT_ONCE = 200


log = structlog.get_logger(__name__)


class _Entry(Protocol):
    @property
    def device_id(self) -> int: ...


T = TypeVar("T", bound=_Entry)


class DeviceCache(Generic[T]):
    """Secret → what is known; loaded on demand, dropped by hint or age.

    Unknown secrets are not kept: there is no end of them.
    """

    def __init__(
        self, load: Callable[[Collection[str]], Awaitable[dict[str, T]]]
    ) -> None:
        self._load = load
        self._wanted: dict[str, asyncio.Future[T | None]] = {}
        self._loading: asyncio.Task[None] | None = None
        self._entries: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._secrets: dict[int, str] = {}

    def peek(self, secret: str) -> T | None:
        """The entry, if it is there and fresh."""
        found = self._entries.get(secret)
        if found is None or found[0] < time.monotonic():
            return None
        return found[1]

    async def get(self, secret: str) -> T | None:
        """The entry, loaded if need be; None for an unknown secret.

        :raises StoreFailed: it could not be loaded.
        """
        found = self.peek(secret)
        if found is not None:
            return found
        answer = self._wanted.get(secret)
        if answer is None:
            answer = asyncio.get_running_loop().create_future()
            self._wanted[secret] = answer
        if self._loading is None:
            self._loading = asyncio.create_task(self._load_wanted())
        return await asyncio.shield(answer)

    async def _load_wanted(self) -> None:
        try:
            while self._wanted:
                secrets = list(itertools.islice(self._wanted, _MOST_AT_ONCE))
                wanted = {secret: self._wanted.pop(secret) for secret in secrets}
                try:
                    loaded = await self._load(secrets)
                except StoreFailed as error:
                    _fail(wanted.values(), error)
                    continue
                except Exception as error:
                    # Whatever it was: nobody may wait for ever.
                    log.exception("cache_load_failed")
                    _fail(wanted.values(), StoreFailed(str(error)))
                    continue
                for secret, answer in wanted.items():
                    answer.set_result(self._keep(secret, loaded.get(secret)))
        finally:
            self._loading = None

    def _keep(self, secret: str, loaded: T | None) -> T | None:
        if loaded is None:
            self._entries.pop(secret, None)
            return None
        self._entries[secret] = (time.monotonic() + _LIFETIME_SECONDS, loaded)
        self._secrets[loaded.device_id] = secret
        if len(self._entries) > _MOST_ENTRIES:
            _, (_, oldest) = self._entries.popitem(last=False)
            self._secrets.pop(oldest.device_id, None)
        return loaded

    def forget(self, device_id: int) -> None:
        """Drop what is known of one device."""
        secret = self._secrets.pop(device_id, None)
        if secret is not None:
            self._entries.pop(secret, None)


def _fail(waiting: Iterable[asyncio.Future[Any]], error: StoreFailed) -> None:
    for answer in waiting:
        answer.set_exception(error)
        answer.exception()  # who asked may have hung up already
