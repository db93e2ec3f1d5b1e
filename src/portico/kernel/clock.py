"""Time as Portico handles it: aware, in UTC, passed in as ``now``."""

from __future__ import annotations

from datetime import UTC, datetime


def utcnow() -> datetime:
    """The current moment; for edges and jobs only, services are handed ``now``."""
    return datetime.now(UTC)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970, the bridge protocol's form of a time."""
    return round(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    """The moment that :func:`to_ms` gave ``milliseconds`` for."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
