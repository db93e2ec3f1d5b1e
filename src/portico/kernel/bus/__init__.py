"""Hints between processes: "row 17 is there". A lost hint costs a second, never data.

Subjects are dotted words (``command.requested``, ``device.changed``); payloads are small
JSON objects without secrets. Handlers run in the bus's own thread and must be short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import structlog

log = structlog.get_logger(__name__)

Payload = dict[str, Any]
Handler = Callable[[str, Payload], None]

# A datagram of the local bus and a comfortable NATS message; hints are ids.
MAX_PAYLOAD_BYTES = 8 * 1024


class Bus(Protocol):
    """One installation's bus, as one process sees it."""

    def publish(self, subject: str, payload: Payload) -> None:
        """Send without waiting; drops the hint when the bus is out of reach."""

    def listen(self, handler: Handler) -> Callable[[], None]:
        """Call ``handler`` for every hint, own ones included; returns how to stop."""

    def close(self) -> None:
        """Release threads and sockets."""


def deliver(handlers: Iterable[Handler], subject: str, payload: Payload) -> None:
    """Hand one hint to ``handlers``; one that fails is logged, the bus goes on."""
    for handler in tuple(handlers):
        try:
            handler(subject, payload)
        except Exception:
            log.exception("bus_handler_failed", subject=subject)


class _Installed:
    bus: Bus | None = None


def install_bus(bus: Bus) -> None:
    """Plug in the process's bus; ``config.wiring`` does it."""
    _Installed.bus = bus


def current_bus() -> Bus:
    """The installed bus."""
    if _Installed.bus is None:
        raise RuntimeError("no bus installed; see config.wiring")
    return _Installed.bus


def publish(subject: str, **payload: Any) -> None:
    """Hint at once; inside a transaction use ``kernel.outbox.publish_on_commit``."""
    current_bus().publish(subject, payload)
