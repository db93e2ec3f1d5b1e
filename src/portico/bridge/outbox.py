"""What the server must still hear, and which commands were begun: both on disk."""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from collections.abc import Container, Iterable
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog

from portico.bridge.clock import ServerClock
from portico.bridge.errors import StoreFull
from portico.bridge.limits import GUEST_HEADROOM, MAX_EVENTS, MAX_JOURNAL, MAX_RESULTS
from portico.bridge.store import Store
from portico.protocols.bridge.envelope import (
    CommandResult,
    CommandState,
    Event,
    decode_from_bridge,
    encode,
)

log = structlog.get_logger()

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
UNKNOWN_OUTCOME: Final = "unknown_outcome"


class Begun(Enum):
    """What the journal says about a command that is not done."""

    NEW = auto()
    RUNNING = auto()


class Outbox:
    """Events and results, oldest first, until the server acknowledges them.

    Bounded: when it is full new events are refused, so that the oldest stay.
    """

    def __init__(self, store: Store, clock: ServerClock) -> None:
        self._store = store
        self._clock = clock
        self._boot = _boot_id()
        self._volatile: dict[UUID, CommandResult] = {}
        self._gone: set[UUID] = set()
        # Set whenever there may be something new to send.
        self.news = asyncio.Event()

    async def recover(self) -> int:
        """After a start: settle what an earlier run left open.

        Commands that were begun are answered ``unknown_outcome``, guests' openings whose
        end nobody noted are reported as they stand. Returns the number of such commands.

        :raises StoreFull: see :meth:`Store.write`.
        """
        at = self._clock.now_ms()

        def change(db: sqlite3.Connection) -> int:
            rows = db.execute("SELECT id FROM command WHERE body IS NULL").fetchall()
            for (text,) in rows:
                state = CommandState.FAILED
                result = CommandResult(UUID(text), state, UNKNOWN_OUTCOME, at, 0)
                self._put_result(db, result)
            db.execute("UPDATE pending SET held = 0")
            return len(rows)

        recovered = await self._store.write(change)
        self.news.set()
        return recovered

    async def add_event(self, event: Event) -> None:
        """Note ``event`` durably.

        :raises StoreFull: the queue or the disk is full; the event is not noted.
        """
        await self._store.write(lambda db: self.put_event(db, event))
        self.news.set()

    def put_event(
        self, db: sqlite3.Connection, event: Event, *, is_guest: bool = False
    ) -> None:
        """Insert inside a caller's transaction; a guest's opening is held back until
        :meth:`release`, and has room of its own.

        :raises StoreFull: the queue is full.
        """
        count = "SELECT count(*) FROM pending WHERE t = 'event'"
        limit = MAX_EVENTS + (GUEST_HEADROOM if is_guest else 0)
        if db.execute(count).fetchone()[0] >= limit:
            raise StoreFull("queue")
        guessed = not self._clock.is_synced
        db.execute(
            "INSERT INTO pending (id, t, body, at, steady, boot, held)"
            " VALUES (?, 'event', ?, ?, ?, ?, ?)",
            (
                str(event.id),
                encode(event),
                event.at,
                self._clock.monotonic() if guessed else None,
                self._boot if guessed else None,
                int(is_guest),
            ),
        )

    async def release(self, event: Event) -> None:
        """Let a held event go out, as it now is."""
        values = (encode(event), str(event.id))
        sql = "UPDATE pending SET body = ?, held = 0 WHERE id = ?"
        await self._store.write(lambda db: db.execute(sql, values))
        self.news.set()

    async def begin(self, command: UUID) -> Begun | CommandResult:
        """Note that ``command`` is about to run, unless it was begun before.

        Only after ``NEW`` may the device be touched. A stored result is returned as it
        was, and queued once more.

        :raises StoreFull: it could not be noted, so it must not run.
        """
        text = str(command)
        # Read first: a full disk can still tell what was done before.
        sql = "SELECT body FROM command WHERE id = ?"
        row = await self._store.read(lambda db: db.execute(sql, (text,)).fetchone())
        if row is None:
            await self._store.write(lambda db: _note_begun(db, text))
            return Begun.NEW
        if row[0] is None:
            return Begun.RUNNING
        result = decode_from_bridge(row[0])
        assert isinstance(result, CommandResult)  # noqa: S101  # we wrote it
        self.put_volatile(result)
        return result

    async def finish(self, result: CommandResult) -> None:
        """Queue how a begun command ended, at once, and note it.

        Somebody at a door does not wait for our disk. If we end before it is noted it
        will be ``unknown_outcome``, which the server does not take after the real one.

        :raises StoreFull: not noted; it is queued in memory only.
        """
        self.put_volatile(result)
        await self._store.write(lambda db: self._put_result(db, result))
        self._volatile.pop(result.id, None)
        self.news.set()

    def put_volatile(self, result: CommandResult) -> None:
        """Queue a result in memory only: the disk does not take it, or has it."""
        if len(self._volatile) < MAX_RESULTS:
            self._volatile[result.id] = result
            self._gone.discard(result.id)
        self.news.set()

    def urgent(self, *, sent: Container[UUID]) -> list[CommandResult]:
        """Results that need no look at the disk."""
        return [result for each, result in self._volatile.items() if each not in sent]

    async def oldest(
        self, most: int, *, sent: Container[UUID]
    ) -> list[Event | CommandResult]:
        """What may be sent of the first ``most`` messages and is not in ``sent``.

        Results come first: somebody waits for them at a door.
        """
        sql = (
            "SELECT id, body, at FROM pending"
            " WHERE held = 0 ORDER BY t DESC, seq LIMIT ?"
        )
        most += len(self._gone)
        rows = await self._store.read(lambda db: db.execute(sql, (most,)).fetchall())
        found: list[Event | CommandResult] = [*self.urgent(sent=sent)]
        for text, body, at in rows:
            known = UUID(text)
            if not (known in sent or known in self._gone or known in self._volatile):
                message = decode_from_bridge(body)
                assert isinstance(message, Event | CommandResult)  # noqa: S101
                found.append(replace(message, at=at))
        return found

    async def forget(self, ids: Iterable[UUID]) -> None:
        """Drop what the server has answered.

        A full disk cannot even delete: then they are remembered as gone until it can.
        A restart before that sends them again; the server knows their ids.
        """
        self._gone |= set(ids)
        for each in self._gone:
            self._volatile.pop(each, None)
        texts = [(str(each),) for each in self._gone]
        sql = "DELETE FROM pending WHERE id = ?"
        try:
            await self._store.write(lambda db: db.executemany(sql, texts))
        except StoreFull as error:
            log.warning("ack.not_noted", cause=str(error))
        else:
            self._gone.clear()

    async def settle_times(self) -> None:
        """Replace guessed times of this boot by server time, now that it is known."""
        values = (self._clock.offset, self._boot)
        sql = (
            "UPDATE pending SET at = CAST((steady + ?) * 1000 AS INTEGER),"
            " steady = NULL, boot = NULL WHERE boot = ?"
        )
        await self._store.write(lambda db: db.execute(sql, values))

    async def size(self) -> int:
        sql = "SELECT count(*) FROM pending"
        rows = await self._store.read(lambda db: db.execute(sql).fetchone())
        return int(rows[0]) + len(self._volatile) - len(self._gone)

    def _put_result(self, db: sqlite3.Connection, result: CommandResult) -> None:
        text, body = str(result.id), encode(result)
        db.execute("UPDATE command SET body = ? WHERE id = ?", (body, text))
        db.execute(
            "INSERT INTO pending (id, t, body, at) VALUES (?, 'result', ?, ?)"
            " ON CONFLICT (id) DO NOTHING",
            (text, body, result.at),
        )


def _note_begun(db: sqlite3.Connection, command: str) -> None:
    unheard = "SELECT count(*) FROM pending WHERE t = 'result'"
    if db.execute(unheard).fetchone()[0] >= MAX_RESULTS:
        raise StoreFull("results")
    db.execute("INSERT INTO command (id) VALUES (?)", (command,))
    db.execute(
        "DELETE FROM command WHERE body IS NOT NULL"
        " AND seq <= (SELECT max(seq) FROM command) - ?",
        (MAX_JOURNAL,),
    )


def _boot_id() -> str:
    # The steady clock counts from boot: its readings mean nothing in another boot.
    if _BOOT_ID.exists():
        return _BOOT_ID.read_text().strip()
    return uuid.uuid4().hex
