from __future__ import annotations

from portico.events.models.capture import Capture
from portico.events.models.event import Event
from portico.events.models.log_entry import LogEntry
from portico.events.models.visit import Visit

__all__ = ["Capture", "Event", "LogEntry", "Visit"]
