"""Indoor monitors: which gateway sends what, and what became of it.

A row is the truth, the bus a hint. Of gateways that want the same one wins by a
conditional update; what it leaves behind when it dies is due again after a while.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Q
from django.db.models.functions import Coalesce

from portico.messaging.models import Receipt
from portico.messaging.rules import KEPT_FOR_MONITORS, is_final
from portico.messaging.selectors import receipts_with_monitors

# 64 times T1 of RFC 3261, in which a sender repeats itself, and time to note the end.
CLAIMED_FOR = timedelta(seconds=40)
# After an answer that may change, and after none from a monitor that is registered. One
# that registers anew is asked at once.
TRY_AGAIN = timedelta(minutes=5)


def waiting_monitors(*, just_came: Collection[int], now: datetime) -> dict[int, int]:
    """What is due for monitors that are online or ``just_came``: device by receipt."""
    due = Q(due_at__lte=now, device__presence__is_online=True)
    free = Q(due_at__lte=now) | Q(claim="")
    rows = Receipt.objects.filter(
        due | Q(free, device__in=just_came) if just_came else due, due_at__isnull=False
    )
    return dict(rows.values_list("pk", "device").order_by("pk"))


def claim_receipts(
    *, receipt_ids: Collection[int], claim: str, now: datetime
) -> list[Receipt]:
    """Take what nobody else has taken, with message, device and its SIP number."""
    wanted = list(receipt_ids)
    free = Q(due_at__lte=now) | Q(claim="")
    Receipt.objects.filter(free, pk__in=wanted, due_at__isnull=False).update(
        claim=claim, due_at=now + CLAIMED_FOR, sent_at=Coalesce("sent_at", now)
    )
    return receipts_with_monitors(wanted, claim)


def record_taken(*, receipt_id: int, now: datetime) -> None:
    """The monitor has it. Also when it was given up meanwhile: it does have it."""
    Receipt.objects.filter(pk=receipt_id, delivered_at=None).update(
        delivered_at=now, due_at=None, given_up_at=None, refusal=None
    )


def record_not_taken(
    *, receipt_id: int, claim: str, status: int, now: datetime
) -> None:
    """The monitor refused with ``status``, or with 0 did not answer."""
    mine = Receipt.objects.filter(pk=receipt_id, claim=claim, delivered_at=None)
    if status and is_final(status):
        mine.update(due_at=None, given_up_at=now, refusal=status)
    else:
        mine.update(due_at=now + TRY_AGAIN, claim="")


def give_up_old(*, now: datetime) -> int:
    """Give up what no monitor fetched in time; returns how many."""
    late = Receipt.objects.filter(
        due_at__isnull=False, created_at__lte=now - KEPT_FOR_MONITORS
    )
    return late.update(due_at=None, given_up_at=now)
