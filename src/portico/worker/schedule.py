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
from django.db import close_old_connections, connection

from portico.access.services.ordering import order_due as order_access
from portico.access.services.planning import forget_removed, plan_due
from portico.accounts.services.purge import purge_spent
from portico.devices.services.bridges import forget_dead_sessions
from portico.devices.services.commands import expire_commands
from portico.devices.services.found import forget_old_finds
from portico.devices.services.rotation import expire_old_secrets
from portico.devices.services.wipes import wipe_due
from portico.events.services.logbook import BATCH, process_waiting
from portico.events.services.retention import order_purge, sweep_captures
from portico.exports.services.exporting import purge_exports, sweep_exports
from portico.firmware.services.images import sweep_images
from portico.firmware.services.pruning import order_prune
from portico.firmware.services.scheduling import run_campaigns
from portico.houses.services.importing import purge_imports
from portico.kernel.bus import Payload, current_bus
from portico.kernel.clock import utcnow
from portico.locks.services.opening import expire_openings
from portico.locks.services.refreshing import order_due as order_locks
from portico.mail.services import purge_delivered
from portico.messaging.services.monitors import give_up_old
from portico.messaging.services.sending import order_late
from portico.notices.services.telling import purge_old
from portico.provisioning.services.autop import begin_waves
from portico.provisioning.services.comparing import compare_due
from portico.provisioning.services.web_passwords import expire_web_passwords
from portico.remote.services.sessions import end_due
from portico.support.services.files import sweep_files
from portico.support.tasks import order_fetch
from portico.tenancy.services.reminders import send_due_reminders
from portico.weather.services.asking import (
    forget_empty_places,
    order_due,
    order_searches,
)

log = structlog.get_logger(__name__)

# How long a page tells that something was taken from a unit.
REMOVED_SHOWN = timedelta(days=30)
# A gateway touches its sessions every 20 seconds; three misses mean that it is gone.
SESSION_SILENCE = timedelta(seconds=65)
# One opening makes several events: they are worked on together, and not while the answer
# that somebody waits for is on its way through the same database.
GATHER_SECONDS = 0.05
# 1,000 events are well below a second's work.
BATCHES_PER_TICK = 5


@dataclass(slots=True)
class Tick:
    """One task of the clock."""

    name: str
    every: float
    run: Callable[[], object]
    due: float = 0.0


def _drain_events() -> None:
    """A bounded share of the backlog: commands and sessions must not wait behind it."""
    for _ in range(BATCHES_PER_TICK):
        if process_waiting(now=utcnow()) < BATCH:
            return


def ticks() -> list[Tick]:
    """All tasks, each with its rhythm in seconds."""
    return [
        Tick("commands", 1.0, lambda: expire_commands(now=utcnow())),
        Tick("lock_openings", 1.0, lambda: expire_openings(now=utcnow())),
        Tick("locks", 15.0, lambda: order_locks(now=utcnow())),
        Tick("events", 0.5, _drain_events),
        Tick(
            "sessions",
            10.0,
            lambda: forget_dead_sessions(older_than=utcnow() - SESSION_SILENCE),
        ),
        Tick("purge", 3600.0, lambda: purge_spent(now=utcnow())),
        Tick("web_passwords", 60.0, lambda: expire_web_passwords(now=utcnow())),
        Tick("weather", 60.0, lambda: order_due(now=utcnow())),
        Tick("weather_searches", 600.0, order_searches),
        Tick("weather_places", 86_400.0, forget_empty_places),
        Tick("remote", 2.0, lambda: end_due(now=utcnow())),
        Tick("wipes", 5.0, lambda: wipe_due(now=utcnow())),
        Tick("compare", 5.0, lambda: compare_due(now=utcnow())),
        Tick("old_secrets", 3600.0, lambda: expire_old_secrets(now=utcnow())),
        Tick("autop_waves", 5.0, lambda: begin_waves(now=utcnow())),
        Tick("upgrades", 2.0, lambda: run_campaigns(now=utcnow())),
        Tick("access", 1.0, lambda: order_access(now=utcnow())),
        Tick("access_plans", 5.0, lambda: plan_due(now=utcnow())),
        Tick(
            "access_removed",
            86_400.0,
            lambda: forget_removed(before=utcnow() - REMOVED_SHOWN),
        ),
        Tick("imports", 600.0, lambda: purge_imports(now=utcnow())),
        Tick("found", 3600.0, lambda: forget_old_finds(now=utcnow())),
        Tick("support", 30.0, order_fetch),
        Tick("reminders", 3600.0, lambda: send_due_reminders(now=utcnow())),
        Tick("purge_notices", 3600.0, lambda: purge_old(now=utcnow())),
        Tick("sweep_files", 86_400.0, lambda: sweep_files(now=utcnow())),
        Tick("sweep_images", 86_400.0, lambda: sweep_images(now=utcnow())),
        Tick("prune_upgrades", 3600.0, order_prune),
        Tick("purge_log", 600.0, order_purge),
        Tick("sweep_captures", 86_400.0, lambda: sweep_captures(now=utcnow())),
        Tick("exports", 60.0, lambda: purge_exports(now=utcnow())),
        Tick("sweep_exports", 86_400.0, lambda: sweep_exports(now=utcnow())),
        Tick("late_messages", 60.0, lambda: order_late(now=utcnow())),
        Tick("old_messages", 600.0, lambda: give_up_old(now=utcnow())),
        Tick("purge_mail", 3600.0, lambda: purge_delivered(now=utcnow())),
    ]


class Clock:
    """Runs the ticks until stopped; a hint on the bus brings the events forward."""

    def __init__(self) -> None:
        self._wake = threading.Event()
        self._stopping = False
        self._ticks = ticks()
        self._events = next(tick for tick in self._ticks if tick.name == "events")

    @property
    def is_stopping(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopping

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def _hinted(self, subject: str, payload: Payload) -> None:
        del payload
        if subject == "events.waiting":
            soon = time.monotonic() + GATHER_SECONDS
            if soon < self._events.due:
                self._events.due = soon
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
            connection.close()

    def _once(self) -> None:
        for tick in self._ticks:
            if tick.due > time.monotonic() or self._stopping:
                continue
            tick.due = time.monotonic() + tick.every
            try:
                close_old_connections()
                tick.run()
            except Exception:
                log.exception("tick_failed", tick=tick.name)
                connection.close()
