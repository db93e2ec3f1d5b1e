"""What the hot path remembers of devices, by their secrets."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from typing import Generic, Protocol, TypeVar

import structlog

from portico.gateway.errors import StoreFailed
from portico.gateway.together import Together

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
        self._together = Together(self._load_and_keep, _MOST_AT_ONCE)
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
        return await self._together.get(secret)

    async def _load_and_keep(self, secrets: Collection[str]) -> dict[str, T]:
        try:
            loaded = await self._load(secrets)
        except StoreFailed:
            raise
        except Exception as error:
            log.exception("cache_load_failed")
            raise StoreFailed(str(error)) from error
        for secret in secrets:
            self._keep(secret, loaded.get(secret))
        return loaded

    def _keep(self, secret: str, loaded: T | None) -> None:
        if loaded is None:
            self._entries.pop(secret, None)
            return
        self._entries[secret] = (time.monotonic() + _LIFETIME_SECONDS, loaded)
        self._secrets[loaded.device_id] = secret
        if len(self._entries) > _MOST_ENTRIES:
            _, (_, oldest) = self._entries.popitem(last=False)
            self._secrets.pop(oldest.device_id, None)

    def forget(self, device_id: int) -> None:
        """Drop what is known of one device."""
        secret = self._secrets.pop(device_id, None)
        if secret is not None:
            self._entries.pop(secret, None)
