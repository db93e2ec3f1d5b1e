from __future__ import annotations

import uuid

from portico.devices.services.commands import LOG_COMMAND
from portico.events.services import captures, lock_log, logbook, retention
from portico.kernel.clock import utcnow
from portico.kernel.queue import RetryPolicy, job
from portico.locks.services.opening import LOG_OPENING


@job(LOG_COMMAND)
def log_command(command_id: str) -> None:
    logbook.log_command(command_id=uuid.UUID(command_id), now=utcnow())


@job(LOG_OPENING)
def log_lock_opening(command_id: str) -> None:
    lock_log.log_opening(command_id=uuid.UUID(command_id), now=utcnow())


@job(captures.TAKE, retry=RetryPolicy(attempts=2))
def take_capture(entry_id: int) -> None:
    captures.take_capture(entry_id=entry_id, now=utcnow())


@job(retention.PURGE)
def purge() -> None:
    retention.purge_log(now=utcnow())
