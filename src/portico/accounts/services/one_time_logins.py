"""Links that sign an account in once."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from portico.accounts.errors import LinkSpent
from portico.accounts.models import OneTimeLogin, User
from portico.audit.services import record
from portico.kernel.ids import new_secret, secret_digest

# Long enough to fetch a coffee during the first start, short enough for a terminal.
LIFETIME = timedelta(hours=1)


def issue_one_time_login(*, user: User, now: datetime) -> str:
    """Return the secret of a new link for ``user``; it is not stored."""
    secret = new_secret()
    OneTimeLogin.objects.create(
        user=user,
        digest=secret_digest(secret),
        created_at=now,
        expires_at=now + LIFETIME,
    )
    return secret


@transaction.atomic
def redeem_one_time_login(*, secret: str, now: datetime) -> User:
    """Spend the link and return whom it signs in.

    :raises LinkSpent: used, expired or unknown, or the account is disabled.
    """
    # On its own columns alone: of two updates through a join PostgreSQL lets both win.
    links = OneTimeLogin.objects.filter(
        digest=secret_digest(secret), used_at=None, expires_at__gt=now
    )
    link = links.filter(user__is_active=True).select_related("user").first()
    if link is None or not links.filter(pk=link.pk).update(used_at=now):
        raise LinkSpent
    record(actor=link.user, action="sign_in.one_time", subject=link.user, now=now)
    return link.user
