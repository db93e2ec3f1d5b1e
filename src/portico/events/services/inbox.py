"""Events become durable: the gateway's group commit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from portico.events.enums import EventSource

# An action URL's key: twelve bytes of its fingerprint, then its second; the gateway and
# the table's constraint catch a repetition within that second, the worker near it.
FINGERPRINT_BYTES = 12


def direct_key(fingerprint: bytes, received_at: datetime) -> bytes:
    """The key under which one report by action URL is stored once."""
    second = int(received_at.timestamp()) & 0xFFFFFFFF
    return fingerprint[:FINGERPRINT_BYTES] + second.to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """One event as the gateway hands it over; ``data`` is masked."""

    device_id: int
    source: EventSource
    kind: str
    data: dict[str, Any]
    dedupe: bytes
    occurred_at: datetime
    received_at: datetime


_INSERT = (
    "INSERT INTO events_event"
    " (device_id, source, kind, data, dedupe, occurred_at, received_at)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (dedupe) DO NOTHING"
)


def store_events(events: Sequence[IncomingEvent]) -> int:
    """Write ``events`` in one transaction; returns how many were not known yet.

    :raises django.db.DatabaseError: none of them was written.
    """
    adapt = connection.ops.adapt_datetimefield_value
    rows = [
        (
            event.device_id,
            str(event.source),
            event.kind,
            json.dumps(event.data),
            event.dedupe,
            adapt(event.occurred_at),
            adapt(event.received_at),
        )
        for event in events
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(_INSERT, rows)
        written: int = cursor.rowcount
    return max(0, written)
