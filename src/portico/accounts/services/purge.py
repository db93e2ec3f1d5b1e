"""What has served its time leaves the database."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from portico.accounts.models import (
    AppSession,
    EmailCode,
    OneTimeLogin,
    PasswordLink,
    PhoneCode,
    PortalSession,
    ThrottleWindow,
    TrustedBrowser,
)

# No limit counts over a longer time.
_WINDOWS = timedelta(days=1)
# Long enough to look into a complaint.
_SPENT = timedelta(days=7)


def purge_spent(*, now: datetime) -> None:
    """Delete limits, links, codes and sessions that can never count again."""
    ThrottleWindow.objects.filter(started_at__lt=now - _WINDOWS).delete()
    for model in (OneTimeLogin, PhoneCode, EmailCode, PasswordLink, TrustedBrowser):
        model.objects.filter(expires_at__lt=now - _SPENT).delete()
    AppSession.objects.filter(refresh_until__lt=now - _SPENT).delete()
    AppSession.objects.filter(revoked_at__lt=now - _SPENT).delete()
    # What Django keeps of a session ends by itself after that time.
    longest = timedelta(seconds=settings.SESSION_COOKIE_AGE)
    PortalSession.objects.filter(last_seen_at__lt=now - longest).delete()
