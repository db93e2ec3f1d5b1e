"""Group commit: all events that wait become durable in one transaction."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import structlog

from portico.gateway import metrics
from portico.gateway.domain import IncomingEvent, StoreFailed

log = structlog.get_logger(__name__)

# Beyond this many the gateway says 503 instead of growing.
CAPACITY = 20_000
# One transaction; at this size the cost per event is all in the rows.
BATCH = 2_000

Store = Callable[[Sequence[IncomingEvent]], Awaitable[int]]


class Full(Exception):
    """Too much waits; the sender may come again."""


class Inbox:
    """Collects events and commits them together."""

    def __init__(self, store: Store, committed: Callable[[], None]) -> None:
        self._store = store
        self._committed = committed
        self._waiting: list[IncomingEvent] = []
        self._done: asyncio.Future[None] | None = None
        self._wake = asyncio.Event()
        self._in_hand = 0

    def put(self, event: IncomingEvent) -> asyncio.Future[None]:
        """Queue ``event``; the future ends when it is durable, or fails.

        :raises Full: nothing was queued.
        """
        if len(self._waiting) + self._in_hand >= CAPACITY:
            raise Full
        if self._done is None:
            self._done = asyncio.get_running_loop().create_future()
        self._waiting.append(event)
        self._wake.set()
        return self._done

    async def run(self) -> None:
        """Commit batches until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._commit()

    async def _commit(self) -> None:
        batch, done = self._waiting, self._done
        self._waiting, self._done = [], None
        self._in_hand = len(batch)
        started = time.perf_counter()
        try:
            new = 0
            for start in range(0, len(batch), BATCH):
                new += await self._store(batch[start : start + BATCH])
        except StoreFailed as error:
            log.error("events_not_stored", count=len(batch), error=str(error))
            metrics.DATABASE_FAULTS.labels("events").inc()
            self._settle(done, error)
        else:
            metrics.EVENT_COMMIT.observe(time.perf_counter() - started)
            metrics.EVENT_BATCH.observe(len(batch))
            metrics.EVENTS.labels("all", "duplicate").inc(len(batch) - new)
            self._settle(done, None)
            self._committed()
        finally:
            self._in_hand = 0

    @staticmethod
    def _settle(done: asyncio.Future[None] | None, error: Exception | None) -> None:
        if done is None or done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
            done.exception()  # all who asked may have hung up already
