"""Guest codes: checked in the home, with or without internet."""

from __future__ import annotations

import hmac
import sqlite3
import uuid
from collections import deque
from dataclasses import dataclass, field, replace

from portico.bridge.clock import ServerClock
from portico.bridge.conditions import in_hours, rolled
from portico.bridge.limits import GUESS_WINDOW, GUESSES, GUEST_AGAIN_AFTER
from portico.bridge.outbox import Outbox
from portico.bridge.store import Store
from portico.protocols.akuvox.action_url import EventKind
from portico.protocols.bridge.envelope import Event, Guest, Roster, RosterDevice
from portico.protocols.rolling import PERIOD

# Periods after which a code that was used is good no more, by far.
_USED_FOR = 20


@dataclass(slots=True)
class _Door:
    """What happened lately at one device's keypad."""

    wrong: deque[float] = field(default_factory=lambda: deque(maxlen=GUESSES))
    opened: dict[str, float] = field(default_factory=dict)


class Guests:
    """Matches refused codes with the roster's guests, and counts their uses on disk."""

    def __init__(self, store: Store, outbox: Outbox, clock: ServerClock) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock
        self._doors: dict[str, _Door] = {}

    async def sync(self, roster: Roster) -> None:
        """Take over the server's counts without giving back what was used here.

        The server's number lags behind: it falls when it hears of an opening that is
        counted here already, and rises only when somebody allows more.

        :raises StoreFull: see :meth:`Store.write`; guests with counts then wait.
        """
        counts = {
            guest.id: guest.uses_left
            for device in roster.devices
            for guest in (*device.guests, *device.keys)
            if guest.uses_left is not None
        }

        def change(db: sqlite3.Connection) -> None:
            known = {row[0] for row in db.execute("SELECT id FROM guest")}
            db.executemany(
                "DELETE FROM guest WHERE id = ?",
                [(each,) for each in known - set(counts)],
            )
            _forget_used(db, roster, self._clock.now_ms())
            db.executemany(
                "INSERT INTO guest (id, seen, uses_left) VALUES (?1, ?2, ?2)"
                " ON CONFLICT (id) DO UPDATE SET seen = ?2, uses_left ="
                " CASE WHEN ?2 > seen THEN uses_left + ?2 - seen"
                " ELSE min(uses_left, ?2) END",
                list(counts.items()),
            )

        await self._store.write(change)

    def match(
        self, device: RosterDevice, raw_code: str, *, by_qr: bool = False
    ) -> list[Guest]:
        """The guest that this code belongs to, if he may come in now: an entry, or one
        for each door that counts his uses apart.

        After too many wrong codes at one device nobody matches there for a minute, and
        a guest who was let in a moment ago does not match again: the device repeated
        its request.
        """
        door = self._doors.setdefault(device.mac, _Door())
        now = self._clock.monotonic()
        if len(door.wrong) == GUESSES and now - door.wrong[0] < GUESS_WINDOW:
            return []
        at = self._clock.now_ms()
        how = "qr" if by_qr else ""
        entries = _find((*device.guests, *device.keys), raw_code)
        if by_qr:
            entries += _rolled(device, raw_code, at)
        found = [
            guest
            for guest in entries
            if _is_valid(guest, at) and guest.only in {"", how}
        ]
        if not found:
            door.wrong.append(now)
        fresh = [
            guest
            for guest in found
            if now - door.opened.get(guest.id, -GUEST_AGAIN_AFTER) >= GUEST_AGAIN_AFTER
        ]
        door.opened |= {guest.id: now for guest in fresh}
        return fresh

    async def claim(self, device: RosterDevice, guest: Guest) -> Event | None:
        """Count one use and note the opening, before the door opens.

        None: no uses are left. The event is held back until the outbox releases it.

        :raises StoreFull: nothing was counted; the door must stay closed.
        """
        event = Event(
            id=uuid.uuid4(),
            mac=device.mac,
            kind=EventKind.GUEST_OPENED,
            data={"guest": _entry(guest), "status": "unknown"},
            at=self._clock.now_ms(),
        )

        def change(db: sqlite3.Connection) -> bool:
            if not _first_time(db, guest):
                return False
            if guest.uses_left is not None:
                sql = (
                    "UPDATE guest SET uses_left = uses_left - 1"
                    " WHERE id = ? AND uses_left > 0"
                )
                if db.execute(sql, (_entry(guest),)).rowcount != 1:
                    return False
            self._outbox.put_event(db, event, is_guest=True)
            return True

        return event if await self._store.write(change) else None

    async def give_back(self, guest: Guest, event: Event) -> None:
        """Undo :meth:`claim`: the door surely did not open."""

        def change(db: sqlite3.Connection) -> None:
            db.execute(
                "UPDATE guest SET uses_left = uses_left + 1 WHERE id = ?",
                (_entry(guest),),
            )
            name, sign, number = guest.id.partition("@")
            if sign:  # this period's code is good once more
                sql = "UPDATE note SET value = ? WHERE name = ?"
                db.execute(sql, (int(number) - 1, f"rolled:{name}"))
            db.execute("DELETE FROM pending WHERE id = ?", (str(event.id),))

        await self._store.write(change)


def _entry(guest: Guest) -> str:
    """The roster's name of it, without the period of a code that rolls."""
    return guest.id.partition("@")[0]


def _first_time(db: sqlite3.Connection, guest: Guest) -> bool:
    """Whether a rolling code of this period or a later one was not used before."""
    name, sign, number = guest.id.partition("@")
    if not sign:
        return True
    sql = (
        "INSERT INTO note (name, value) VALUES (?1, ?2)"
        " ON CONFLICT (name) DO UPDATE SET value = ?2 WHERE value < ?2"
    )
    return db.execute(sql, (f"rolled:{name}", int(number))).rowcount == 1


def _forget_used(db: sqlite3.Connection, roster: Roster, at_ms: int) -> None:
    """Forget which codes were used of those who are gone, once none is good any more."""
    known = {
        f"rolled:{name}"
        for device in roster.devices
        for name in (*(c.id for c in device.rolling), *(k.id for k in device.keys))
    }
    rows = db.execute("SELECT name, value FROM note WHERE name LIKE 'rolled:%'")
    over = at_ms // 1000 // PERIOD - _USED_FOR
    gone = [(name,) for name, value in rows if name not in known and int(value) < over]
    db.executemany("DELETE FROM note WHERE name = ?", gone)


def _find(guests: tuple[Guest, ...], raw_code: str) -> list[Guest]:
    if not (raw_code.isascii() and raw_code.isdigit()):
        return []
    code = raw_code.encode()
    # No early end: the time must not tell where in the list a code stands.
    return [
        guest
        for guest in guests
        if hmac.compare_digest(hmac.digest(guest.salt, code, "sha256"), guest.digest)
    ]


def _rolled(device: RosterDevice, shown: str, at: int) -> list[Guest]:
    """The entries that have this code now, each good for this one period alone."""
    found = []
    for code in device.rolling:
        if (number := rolled(code, shown, at)) is not None:
            name = f"{code.id}@{number}"
            found.append(Guest(name, b"", b"", code.relays, 0, None, None))
    numbers = [
        (guest, rolled(guest, shown, at)) for guest in device.keys if guest.secret
    ]
    return found + [
        replace(guest, id=f"{guest.id}@{number}")
        for guest, number in numbers
        if number is not None
    ]


def _is_valid(guest: Guest, at_ms: int) -> bool:
    is_in_time = guest.until is None or at_ms < guest.until
    return guest.valid_from <= at_ms and is_in_time and in_hours(guest.hours, at_ms)
