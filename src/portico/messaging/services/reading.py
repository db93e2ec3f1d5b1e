"""What a resident's app has fetched, and what he has read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models.functions import Coalesce

from portico.messaging.models import Receipt
from portico.sites.models import Resident


def mark_delivered(
    *, homes: Collection[Resident], receipt_ids: Collection[int], now: datetime
) -> None:
    """Note that his app has these of his messages; the first time counts."""
    Receipt.objects.filter(
        resident__in=homes, pk__in=receipt_ids, delivered_at=None
    ).update(delivered_at=now)


def mark_read(
    *, homes: Collection[Resident], receipt: Receipt | None, now: datetime
) -> None:
    """Note that he has read one message, or with None all; the first time counts."""
    rows = Receipt.objects.filter(resident__in=homes, read_at=None)
    if receipt is not None:
        rows = rows.filter(pk=receipt.pk)
    rows.update(read_at=now, delivered_at=Coalesce("delivered_at", now))
