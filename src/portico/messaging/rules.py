"""What may be asked for, and what a monitor's answer means."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from portico.messaging.errors import BadTime

# More are written to as "all users", or in two messages.
MOST_SITES = 500
# Who plans further ahead has mistyped the year.
MOST_AHEAD = timedelta(days=366)
# An indoor monitor that was away for so long gets no old news.
KEPT_FOR_MONITORS = timedelta(days=7)
# SIP answers after which the same message may be taken later: busy, away, overloaded.
TEMPORARY = frozenset({408, 480, 486, 491, 500, 503, 504, 600})


def check_time(send_at: datetime, now: datetime) -> None:
    """Whether a message may be scheduled for then. :raises BadTime: it may not."""
    if send_at <= now:
        raise BadTime(_("This time is in the past."))
    if send_at > now + MOST_AHEAD:
        raise BadTime(_("At most a year ahead."))


def is_final(status: int) -> bool:
    """Whether a monitor that refused with ``status`` will never take the message."""
    return status not in TEMPORARY
