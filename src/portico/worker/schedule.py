"""The clock: what happens by itself, each task in its own rhythm, in one thread.

Every task is safe to run by several workers at once: what it does is decided by
conditional updates, not by who runs it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.db import DatabaseError, close_old_connections

from portico.devices.services.bridges import forget_dead_sessions
from portico.devices.services.commands import expire_commands
from portico.events.services.logbook import process_waiting
from portico.kernel.bus import Payload, current_bus
from portico.kernel.clock import utcnow

log = structlog.get_logger(__name__)

# A gateway touches its sessions every 20 seconds; three misses mean that it is gone.
SESSION_SILENCE = timedelta(seconds=65)


@dataclass(slots=True)
class Tick:
    """One task of the clock."""

    name: str
    every: float
    run: Callable[[], object]
    due: float = 0.0


def _drain_events() -> None:
    while process_waiting(now=utcnow()):
        pass


def ticks() -> list[Tick]:
    """All tasks, each with its rhythm in seconds."""
    return [
        Tick("events", 0.5, _drain_events),
        Tick("commands", 1.0, lambda: expire_commands(now=utcnow())),
        Tick(
            "sessions",
            10.0,
            lambda: forget_dead_sessions(older_than=utcnow() - SESSION_SILENCE),
        ),
    ]


class Clock:
    """Runs the ticks until stopped; a hint on the bus brings the events forward."""

    def __init__(self) -> None:
        self._wake = threading.Event()
        self._stopping = False
        self._ticks = ticks()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def _hinted(self, subject: str, payload: Payload) -> None:
        del payload
        if subject == "events.waiting":
            self._ticks[0].due = 0.0
            self._wake.set()

    def run(self) -> None:
        """Tick until :meth:`stop`; a task that fails is logged and comes again."""
        unlisten = current_bus().listen(self._hinted)
        try:
            while not self._stopping:
                self._wake.clear()
                self._once()
                nearest = min(tick.due for tick in self._ticks)
                self._wake.wait(max(0.0, nearest - time.monotonic()))
        finally:
            unlisten()

    def _once(self) -> None:
        for tick in self._ticks:
            if tick.due > time.monotonic() or self._stopping:
                continue
            tick.due = time.monotonic() + tick.every
            try:
                close_old_connections()
                tick.run()
            except DatabaseError as error:
                log.error("tick_failed", tick=tick.name, error=str(error))
