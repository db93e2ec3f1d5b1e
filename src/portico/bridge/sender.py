"""Sending the outbox through a session, and taking the server's answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from uuid import UUID

from portico.bridge.limits import RESEND_AFTER, SEND_WINDOW
from portico.bridge.outbox import Outbox
from portico.protocols.bridge.envelope import CommandResult, Event

_Send = Callable[[Event | CommandResult], Awaitable[None]]


class Sender:
    """One session's view of the outbox: what was sent and not yet answered."""

    def __init__(self, outbox: Outbox, monotonic: Callable[[], float]) -> None:
        self._outbox = outbox
        self._monotonic = monotonic
        # id -> when it may be sent again.
        self._sent: dict[UUID, float] = {}
        self._settled = asyncio.Event()

    async def run(self, send: _Send) -> None:
        """Send what there is, for as long as the session lives."""
        while True:
            self._outbox.news.clear()
            now = self._monotonic()
            waiting = {each for each, due in self._sent.items() if due > now}
            for result in self._outbox.urgent(sent=waiting):
                await self._send(result, send)
                waiting.add(result.id)
            for message in await self._outbox.oldest(SEND_WINDOW, sent=waiting):
                await self._send(message, send)
            if not self._sent:
                self._settled.set()
            await self._news_or_due()

    async def _send(self, message: Event | CommandResult, send: _Send) -> None:
        self._sent[message.id] = self._monotonic() + RESEND_AFTER
        await send(message)

    async def stored(self, ids: Iterable[UUID]) -> None:
        """The server has these, or never wants them: forget them."""
        gone = tuple(ids)
        await self._outbox.forget(gone)
        for each in gone:
            self._sent.pop(each, None)
        # The window slides when half of it is free: rereading it costs.
        if len(self._sent) <= SEND_WINDOW // 2:
            self._outbox.news.set()

    def delayed(self, ids: Iterable[UUID], retry_ms: int) -> None:
        """The server is busy: hold these back for a while."""
        due = self._monotonic() + retry_ms / 1000
        self._sent |= {each: due for each in ids if each in self._sent}
        self._outbox.news.set()

    async def settled(self, within: float) -> None:
        """Wait until everything was sent and answered, but not for long."""
        self._settled.clear()
        self._outbox.news.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._settled.wait()

    async def _news_or_due(self) -> None:
        pause = None
        if self._sent:
            pause = max(0.0, min(self._sent.values()) - self._monotonic())
        with suppress(TimeoutError):
            # Not `wait_for`: in Python 3.11 it can swallow a cancellation.
            async with asyncio.timeout(pause):
                await self._outbox.news.wait()
