"""Events become durable: the gateway's group commit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from django.db import connection, transaction

from portico.events.enums import EventSource

# An action URL's key: its second, then twelve bytes of its fingerprint; the gateway and
# the table's constraint catch a repetition within that second, the worker near it. The
# second comes first, so that new keys are neighbours in the index.
_SECOND_BYTES = 4
_FINGERPRINT_BYTES = 12


def direct_key(fingerprint: bytes, received_at: datetime) -> bytes:
    """The key under which one report by action URL is stored once."""
    second = int(received_at.timestamp()) & 0xFFFFFFFF
    return second.to_bytes(_SECOND_BYTES, "big") + fingerprint[:_FINGERPRINT_BYTES]


def fingerprint_in(key: bytes | memoryview) -> bytes:
    """What :func:`direct_key` was made of, without the time."""
    return bytes(key)[_SECOND_BYTES:]


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


# One statement for many rows: between two statements the writer's thread gives the
# interpreter to the gateway's loop, and under load waits milliseconds to get it back.
_ROWS_PER_STATEMENT = 250
_INSERT = (
    "INSERT INTO events_event"
    " (device_id, source, kind, data, dedupe, occurred_at, received_at)"
    " VALUES {rows} ON CONFLICT (dedupe) DO NOTHING"
)
_ROW = "(%s, %s, %s, %s, %s, %s, %s)"


def store_events(events: Sequence[IncomingEvent]) -> int:
    """Write ``events`` in one transaction; returns how many were not known yet.

    :raises django.db.DatabaseError: none of them was written.
    """
    adapt = connection.ops.adapt_datetimefield_value
    values = [
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
    written = 0
    with transaction.atomic(), connection.cursor() as cursor:
        for start in range(0, len(values), _ROWS_PER_STATEMENT):
            part = values[start : start + _ROWS_PER_STATEMENT]
            insert = _INSERT.format(rows=", ".join([_ROW] * len(part)))
            cursor.execute(insert, list(chain.from_iterable(part)))
            written += max(0, cursor.rowcount)
    return written
