from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from portico.accounts.models import User
from portico.exports.enums import UNDER_WAY, ExportState
from portico.exports.models import Export
from portico.kernel.errors import NotVisible
from portico.tenancy.selectors import membership_of

Row = TypeVar("Row", bound=Model)

# Rows that are read, and told of, at a time.
CHUNK = 500


def exports_of(actor: User) -> QuerySet[Export]:
    """What ``actor`` has asked for where he works now, newest first; nobody else's."""
    membership = membership_of(actor)
    company = membership.organization_id if membership else None
    mine = Export.objects.filter(requested_by=actor.pk, organization=company)
    return mine.order_by("-requested_at", "-pk")


def get_export(actor: User, export_id: uuid.UUID) -> Export:
    """One of :func:`exports_of`. :raises NotVisible: it is none of them."""
    found = exports_of(actor).filter(pk=export_id).first()
    if found is None:
        raise NotVisible
    return found


def get_file(actor: User, export_id: uuid.UUID) -> Export:
    """One that can be downloaded. :raises NotVisible: it cannot."""
    found = get_export(actor, export_id)
    if found.state != ExportState.DONE:
        raise NotVisible
    return found


def count_under_way(actor: User) -> int:
    """How many files ``actor`` waits for."""
    return exports_of(actor).filter(state__in=UNDER_WAY).count()


def chunks_down(rows: QuerySet[Row], field: str) -> Iterator[list[Row]]:
    """``rows`` from the highest ``field`` down, some at a time, each in its own query.

    Every query goes on behind the last row; an index of ``field`` and key serves it.
    """
    rows = rows.order_by(f"-{field}", "-pk")
    part = list(rows[:CHUNK])
    while part:
        yield part
        last, value = part[-1], getattr(part[-1], field)
        behind = Q(**{f"{field}__lt": value}) | Q(**{field: value, "pk__lt": last.pk})
        part = list(rows.filter(behind, **{f"{field}__lte": value})[:CHUNK])
