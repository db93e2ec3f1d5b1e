from __future__ import annotations

import uuid

from portico.devices.services.commands import LOG_COMMAND
from portico.events.services import logbook
from portico.kernel.clock import utcnow
from portico.kernel.queue import job


@job(LOG_COMMAND)
def log_command(command_id: str) -> None:
    logbook.log_command(command_id=uuid.UUID(command_id), now=utcnow())
