"""Wait for a command's end in a thread of web: by hint, and by looking now and then.

A waiting thread serves nobody else, and web has four of them by default. A door that
works answers within a tenth of a second, so waiting is harmless; a house whose bridge or
device is dead must not take the threads away from everybody else. Hence places:

* two threads may wait long, never two for the same house;
* one more may wait shortly, which is still many times what a working door needs;
* whoever comes then is told at once how the command stands.

So one thread is always free for the rest of web, one dead house holds one thread, and no
number of dead houses holds more than three. No transaction is open while waiting: each
look is a query of its own.
"""

from __future__ import annotations

import enum
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from portico.devices.enums import OPEN_STATES, CommandState
from portico.devices.selectors import command_state
from portico.kernel.bus import Bus, Payload, current_bus

if TYPE_CHECKING:
    from portico.devices.models import Command
    from portico.locks.models import LockCommand

# The most impatient client gives up after five seconds and should get its answer first;
# so does a person at a door.
WAIT_SECONDS = 4.5
SHORT_WAIT_SECONDS = 0.5
_LONG_PLACES = 2
_SHORT_PLACES = 1
# If the hint is lost.
_LOOK_SECONDS = 0.25


class Place(enum.Enum):
    """How patiently a thread may wait; the value is in seconds."""

    LONG = WAIT_SECONDS
    SHORT = SHORT_WAIT_SECONDS
    NONE = 0.0


class Places:
    """Who of this process waits how long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._long: set[Hashable] = set()
        self._short = 0

    @contextmanager
    def place(self, house: Hashable) -> Iterator[Place]:
        """A place for a command to ``house``, given back at the end."""
        place = self._take(house)
        try:
            yield place
        finally:
            self._give_back(house, place)

    def _take(self, house: Hashable) -> Place:
        with self._lock:
            if len(self._long) < _LONG_PLACES and house not in self._long:
                self._long.add(house)
                return Place.LONG
            if self._short < _SHORT_PLACES:
                self._short += 1
                return Place.SHORT
            return Place.NONE

    def _give_back(self, house: Hashable, place: Place) -> None:
        with self._lock:
            if place is Place.LONG:
                self._long.discard(house)
            elif place is Place.SHORT:
                self._short -= 1


class _Waiters:
    """The threads of this process that wait, by command."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: dict[str, set[threading.Event]] = defaultdict(set)
        self._bus: Bus | None = None

    def add(self, command: str) -> threading.Event:
        event = threading.Event()
        with self._lock:
            bus = current_bus()
            if self._bus is not bus:
                bus.listen(self._hinted)
                self._bus = bus
            self._events[command].add(event)
        return event

    def remove(self, command: str, event: threading.Event) -> None:
        with self._lock:
            self._events[command].discard(event)
            if not self._events[command]:
                del self._events[command]

    def _hinted(self, subject: str, payload: Payload) -> None:
        if subject != "command.changed" or payload.get("state") in OPEN_STATES:
            return
        with self._lock:
            for event in self._events.get(payload["command"], ()):
                event.set()


places = Places()
_waiters = _Waiters()


# State and reason of a command, read now; None: there is no such command any more.
Look = Callable[[uuid.UUID], tuple[CommandState, str] | None]


def wait_for(
    command: Command | LockCommand, house: Hashable, look: Look | None = None
) -> tuple[CommandState, str]:
    """State and reason of a command of ``house`` when it is answered, or as it stands.

    An unfinished state means that there was no answer within the time, or no place to
    wait for one.
    """
    if command.is_finished:
        return CommandState(command.state), command.reason
    command_id = uuid.UUID(str(command.pk))
    with places.place(house) as place:
        return wait_seconds(command_id, place.value, look)


def wait_seconds(
    command_id: uuid.UUID, seconds: float, look: Look | None = None
) -> tuple[CommandState, str]:
    """The same with a time of one's own; with 0 it is one look."""
    event = _waiters.add(str(command_id))
    deadline = time.monotonic() + seconds
    left = seconds
    try:
        while True:
            # Wait, then look: nothing answers before anybody could have been asked.
            event.wait(min(left, _LOOK_SECONDS))
            event.clear()
            now = (look or command_state)(command_id) or (CommandState.FAILED, "")
            left = max(0.0, deadline - time.monotonic())
            if now[0] not in OPEN_STATES or not left:
                return now
    finally:
        _waiters.remove(str(command_id), event)
