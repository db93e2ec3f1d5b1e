"""Once a month property managers are asked to change their password (ORG-2)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from portico.mail.services import send_letter
from portico.tenancy import letters
from portico.tenancy.models import Membership

EVERY = timedelta(days=30)
# The next tick takes the rest.
_AT_ONCE = 200


def send_due_reminders(*, now: datetime) -> int:
    """Order the mails that are due; returns how many. Safe to run by several at once."""
    due = Membership.objects.select_related("user").filter(
        password_reminder=True,
        reminded_at__lte=now - EVERY,
        user__is_active=True,
        user__email__isnull=False,
    )
    return sum(
        _remind(member, now) for member in due.order_by("reminded_at")[:_AT_ONCE]
    )


@transaction.atomic
def _remind(member: Membership, now: datetime) -> bool:
    mine = Membership.objects.filter(pk=member.pk, reminded_at=member.reminded_at)
    if not mine.update(reminded_at=now):
        return False  # another worker was quicker
    user = member.user
    send_letter(
        recipient=user.email or "",
        language=user.language,
        write=letters.password_reminder,
        now=now,
    )
    return True
