"""The browsers that somebody is signed in with, and those that skip the second step."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module

from django.conf import settings
from django.db import transaction
from django.db.models import F

from portico.accounts.models import PortalSession, TrustedBrowser, User
from portico.audit.services import record
from portico.kernel.context import origin
from portico.kernel.errors import NotVisible
from portico.kernel.ids import new_secret, secret_digest

# The list tells "some minutes ago"; a row per page would be a write per page.
TOUCH_EVERY = timedelta(minutes=5)
TRUST_LIFETIME = timedelta(days=30)


@transaction.atomic
def note_session(*, user: User, session_key: str, agent: str, now: datetime) -> None:
    """Write down that ``user`` is at work in this session."""
    where = origin.get().address
    seen = {"last_seen_at": now, "address": where}
    mine = PortalSession.objects.filter(session_key=session_key, user=user)
    if mine.update(**seen):
        return
    # A key of somebody else: he signed out of this browser, and it went on from there.
    PortalSession.objects.filter(session_key=session_key).delete()
    row = PortalSession.objects.create(
        user=user, session_key=session_key, agent=agent[:255], created_at=now, **seen
    )
    record(actor=user, action="sign_in.portal", subject=row, now=now)


def forget_session(*, session_key: str) -> None:
    """The session ends by itself: its owner signs out."""
    PortalSession.objects.filter(session_key=session_key).delete()


@transaction.atomic
def end_session(*, user: User, session_id: int, now: datetime) -> None:
    """End one session of ``user``; what it was opened with is worthless from now on.

    :raises NotVisible: he has no such session.
    """
    row = PortalSession.objects.filter(user=user, pk=session_id).first()
    if row is None:
        raise NotVisible
    _delete_stored([row.session_key])
    record(actor=user, action="session.ended", subject=row, now=now)
    row.delete()


@transaction.atomic
def end_other_sessions(*, user: User, now: datetime) -> None:
    """End all sessions of ``user``; whoever calls renews the one that goes on."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    drop_sessions(user=user)
    record(actor=user, action="session.others_ended", subject=user, now=now)


def drop_sessions(*, user: User) -> None:
    """Delete what is kept of all sessions of ``user``."""
    rows = PortalSession.objects.filter(user=user)
    _delete_stored(list(rows.values_list("session_key", flat=True)))
    rows.delete()


def _delete_stored(keys: list[str]) -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    for key in keys:
        store(key).delete()


def trust_browser(*, user: User, agent: str, now: datetime) -> str:
    """The secret by which this browser is known for thirty days; it is not stored."""
    secret = new_secret()
    with transaction.atomic():
        row = TrustedBrowser.objects.create(
            user=user,
            digest=secret_digest(secret),
            agent=agent[:255],
            address=origin.get().address,
            created_at=now,
            expires_at=now + TRUST_LIFETIME,
        )
        record(actor=user, action="browser.trusted", subject=row, now=now)
    return secret


def is_trusted(*, user: User, secret: str, now: datetime) -> bool:
    """Whether ``secret`` was given to a browser that ``user`` trusts."""
    rows = TrustedBrowser.objects.filter(user=user, digest=secret_digest(secret))
    return bool(secret) and rows.filter(expires_at__gt=now).exists()


@transaction.atomic
def distrust_browser(*, user: User, browser_id: int, now: datetime) -> None:
    """Ask for the second step in that browser again.

    :raises NotVisible: ``user`` trusts no such browser.
    """
    row = TrustedBrowser.objects.filter(user=user, pk=browser_id).first()
    if row is None:
        raise NotVisible
    record(actor=user, action="browser.distrusted", subject=row, now=now)
    row.delete()


def distrust_all(*, user: User) -> None:
    """Ask for the second step everywhere."""
    TrustedBrowser.objects.filter(user=user).delete()
