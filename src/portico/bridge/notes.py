"""The two things a bridge remembers for a start without internet: roster and time."""

from __future__ import annotations

from typing import Final

from portico.bridge.store import Store
from portico.protocols.bridge.envelope import (
    Nonsense,
    Roster,
    decode_from_server,
    encode,
)

_TIME: Final = "server_ms"
_ROSTER: Final = "roster"


async def last_known_time(store: Store) -> int:
    """Server time in ms as noted by an earlier run; 0 at first."""
    value = await _read(store, _TIME)
    return value if isinstance(value, int) else 0


async def note_time(store: Store, now_ms: int) -> None:
    """Keep server time for a start without internet and without a clock battery.

    :raises StoreFull: not kept.
    """
    await _write(store, _TIME, max(now_ms, await last_known_time(store)))


async def last_roster(store: Store) -> Roster | None:
    """The roster of an earlier run, if this version can read it."""
    text = await _read(store, _ROSTER)
    if not isinstance(text, str):
        return None
    try:
        roster = decode_from_server(text)
    except Nonsense:
        # Written by another version; the server sends a new one.
        return None
    return roster if isinstance(roster, Roster) else None


async def note_roster(store: Store, roster: Roster) -> None:
    """:raises StoreFull: not kept."""
    text = encode(roster)
    if await _read(store, _ROSTER) != text:
        await _write(store, _ROSTER, text)


async def _read(store: Store, name: str) -> object:
    sql = "SELECT value FROM note WHERE name = ?"
    row = await store.read(lambda db: db.execute(sql, (name,)).fetchone())
    return row[0] if row else None


async def _write(store: Store, name: str, value: int | str) -> None:
    sql = "INSERT OR REPLACE INTO note VALUES (?, ?)"
    await store.write(lambda db: db.execute(sql, (name, value)))
