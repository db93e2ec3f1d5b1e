"""The SQLite file of a bridge: opening it, and what a full disk looks like."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from portico.bridge.errors import BridgeError, DiskFull
from portico.bridge.limits import LOCK_WAIT

_T = TypeVar("_T")

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS pending (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    t TEXT NOT NULL CHECK (t IN ('event', 'result')),
    body TEXT NOT NULL,
    at INTEGER NOT NULL,
    -- While server time is unknown: when it was by the steady clock, and of which boot.
    steady REAL,
    boot TEXT,
    -- Counted and noted, but its outcome is still awaited.
    held INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS pending_order ON pending (t, seq);
CREATE TABLE IF NOT EXISTS command (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    body TEXT               -- the result; null while the outcome is unknown
);
CREATE TABLE IF NOT EXISTS guest (
    id TEXT PRIMARY KEY,
    seen INTEGER NOT NULL,  -- the server's last count of uses left
    uses_left INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS note (
    name TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;
"""
# Primary result codes of SQLite for a disk that takes nothing more.
_FULL: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
_READ_ONLY: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})


class Store:
    """One connection, used by one thread, so that a slow disk never stops the loop.

    WAL with ``synchronous=FULL``: what :meth:`write` returned from survives a power cut.
    """

    def __init__(self, path: Path) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._db = self._thread.submit(_opened, path).result()

    async def write(self, change: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run ``change`` in one transaction, durably.

        :raises DiskFull: the disk is full, failing or read-only; nothing changed.
        """
        return await self._run(self._in_transaction, change)

    async def read(self, question: Callable[[sqlite3.Connection], _T]) -> _T:
        return await self._run(question, self._db)

    def close(self) -> None:
        """Write the log back and close; waits for what is under way."""
        self._thread.submit(self._db.close).result()
        self._thread.shutdown()

    async def _run(self, function: Callable[..., _T], *arguments: object) -> _T:
        loop = asyncio.get_running_loop()
        # Shielded: a cancelled caller must not leave a transaction half watched.
        return await asyncio.shield(
            loop.run_in_executor(self._thread, function, *arguments)
        )

    def _in_transaction(self, change: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            with _full_disk_named():
                return self._attempt(change)
        except DiskFull:
            # The log may be all that has no room: write it back and begin it anew, so
            # that at least deleting works.
            with suppress(sqlite3.OperationalError):
                self._db.execute("PRAGMA wal_checkpoint(RESTART)")
        with _full_disk_named():
            return self._attempt(change)

    def _attempt(self, change: Callable[[sqlite3.Connection], _T]) -> _T:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            result = change(db)
            db.execute("COMMIT")
        except BaseException:
            # SQLite has rolled back already after some errors, not after all.
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return result


@contextmanager
def _full_disk_named() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in _FULL | _READ_ONLY:
            raise DiskFull(error.sqlite_errorname) from error
        raise


def _opened(path: Path) -> sqlite3.Connection:
    try:
        # The log beside it inherits the mode; the roster in it holds passwords.
        path.touch(mode=0o600)
        db = sqlite3.connect(path, timeout=LOCK_WAIT, isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        # Guests and passwords that left the roster leave the file too.
        db.execute("PRAGMA secure_delete=ON")
        db.execute("PRAGMA synchronous=FULL")
        # 400 KiB of log at most: space, and time to read it after a power cut.
        db.execute("PRAGMA wal_autocheckpoint=100")
        # 256 KiB: the queue is small, the box may be too.
        db.execute("PRAGMA cache_size=-256")
        db.executescript(_SCHEMA)
    except (OSError, sqlite3.Error) as error:
        raise BridgeError(f"cannot open {path}: {error}") from error
    return db
