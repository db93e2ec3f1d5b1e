from __future__ import annotations

from portico.events.models.event import Event
from portico.events.models.log_entry import LogEntry

__all__ = ["Event", "LogEntry"]
