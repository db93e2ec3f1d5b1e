"""What has served its time leaves the database."""

from __future__ import annotations

from datetime import datetime, timedelta

from portico.accounts.models import AppSession, OneTimeLogin, PhoneCode, ThrottleWindow

# No limit counts over a longer time.
_WINDOWS = timedelta(days=1)
# Long enough to look into a complaint.
_SPENT = timedelta(days=7)


def purge_spent(*, now: datetime) -> None:
    """Delete limits, links, codes and app sessions that can never count again."""
    ThrottleWindow.objects.filter(started_at__lt=now - _WINDOWS).delete()
    for model in (OneTimeLogin, PhoneCode):
        model.objects.filter(expires_at__lt=now - _SPENT).delete()
    AppSession.objects.filter(refresh_until__lt=now - _SPENT).delete()
    AppSession.objects.filter(revoked_at__lt=now - _SPENT).delete()
