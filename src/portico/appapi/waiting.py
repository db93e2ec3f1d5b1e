"""Wait for a command's end in a thread of web: by hint, and by looking now and then."""

from __future__ import annotations

import threading
import time
import uuid
from collections import defaultdict

from portico.devices.enums import CommandState
from portico.devices.selectors import command_state
from portico.kernel.bus import Payload, current_bus

# A command that nobody sent is given up after 5 seconds, an unanswered one after 13; a
# person at a door has turned away long before that.
WAIT_SECONDS = 8.0
# If the hint is lost.
_LOOK_SECONDS = 0.25


class _Waiters:
    """The threads of this process that wait, by command."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: dict[str, set[threading.Event]] = defaultdict(set)
        self._is_listening = False

    def add(self, command: str) -> threading.Event:
        event = threading.Event()
        with self._lock:
            if not self._is_listening:
                current_bus().listen(self._hinted)
                self._is_listening = True
            self._events[command].add(event)
        return event

    def remove(self, command: str, event: threading.Event) -> None:
        with self._lock:
            self._events[command].discard(event)
            if not self._events[command]:
                del self._events[command]

    def _hinted(self, subject: str, payload: Payload) -> None:
        if subject != "command.changed":
            return
        with self._lock:
            for event in self._events.get(payload["command"], ()):
                event.set()


_waiters = _Waiters()


def wait_for(
    command_id: uuid.UUID, seconds: float = WAIT_SECONDS
) -> tuple[CommandState, str]:
    """State and reason of a command when it is answered, at the latest after a while."""
    event = _waiters.add(str(command_id))
    deadline = time.monotonic() + seconds
    try:
        while True:
            event.clear()
            command = command_state(command_id)
            if command is None:
                return CommandState.FAILED, ""
            left = deadline - time.monotonic()
            if command.is_finished or left <= 0:
                return CommandState(command.state), command.reason
            event.wait(min(left, _LOOK_SECONDS))
    finally:
        _waiters.remove(str(command_id), event)
