"""What is known about the request being served: for logs and the audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an act came from; empty in jobs."""

    address: str = ""
    request_id: str = ""
    # The company in whose portal somebody of another one acts, with its consent.
    on_behalf_of: int | None = None
    # The company in which somebody acts, for what is about himself alone.
    organization: int | None = None


_NOWHERE = Origin()
origin: ContextVar[Origin] = ContextVar("origin", default=_NOWHERE)


@contextmanager
def acting_in(organization_id: int) -> Iterator[None]:
    """What is done in the block and concerns no other company is that company's."""
    token = origin.set(replace(origin.get(), organization=organization_id))
    try:
        yield
    finally:
        origin.reset(token)
