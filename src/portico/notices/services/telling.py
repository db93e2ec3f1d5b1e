"""Notices are written in the transaction that causes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from portico.audit.services import Actor, record
from portico.kernel.outbox import publish_on_commit
from portico.kernel.queue import enqueue
from portico.notices.enums import IMPORTANT, Audience, NoticeKind
from portico.notices.models import Notice
from portico.notices.words import words_of

# The job that mails a notice; whoever knows people defines it.
MAIL = "notices.mail"
# Older ones are in nobody's way and no use to anybody.
KEPT = timedelta(days=365)


def notify(
    *,
    organization_id: int,
    kind: NoticeKind,
    params: Mapping[str, str | int],
    now: datetime,
    user_id: int | None = None,
    key: str = "",
) -> Notice | None:
    """Tell a company, or one person of it; None: told before under this ``key``.

    ``params`` are what the words of ``kind`` name. Of an important kind it is also mailed.

    :raises KeyError: a parameter is missing.
    """
    words_of(kind, params)
    notice = Notice(
        organization_id=organization_id,
        user_id=user_id,
        kind=kind,
        params=dict(params),
        names=_names(params),
        is_important=kind in IMPORTANT,
        key=key,
        created_at=now,
    )
    try:
        with transaction.atomic():
            notice.save(force_insert=True)
            _spread(notice)
    except IntegrityError:
        if not Notice.objects.filter(organization_id=organization_id, key=key).exists():
            raise
        return None
    return notice


def _names(params: Mapping[str, str | int]) -> str:
    return " ".join(str(value) for value in params.values())


def _spread(notice: Notice) -> None:
    # To everybody's page where there is no company: what it holds each asks for itself.
    publish_on_commit("notices.changed", organization=notice.organization_id)
    if notice.is_important:
        enqueue(MAIL, notice_id=notice.pk)


@transaction.atomic
def announce(
    *,
    actor: Actor,
    audience: Audience,
    title: str,
    text: str,
    by_mail: bool,
    now: datetime,
) -> Notice:
    """The operator tells all companies of ``audience`` something."""
    notice = Notice.objects.create(
        audience=audience,
        kind=NoticeKind.PLATFORM_UPDATE,
        params={"title": title, "text": text},
        names=_names({"title": title, "text": text}),
        is_important=by_mail,
        created_at=now,
    )
    _spread(notice)
    after = {"title": title, "text": text, "audience": audience, "mail": by_mail}
    record(
        actor=actor, action="announcement.written", subject=notice, after=after, now=now
    )
    return notice


@transaction.atomic
def withdraw(*, actor: Actor, notice_id: int, now: datetime) -> bool:
    """Take an announcement back; whether it was there."""
    rows = Notice.objects.filter(pk=notice_id, organization_id=None, withdrawn_at=None)
    if not rows.update(withdrawn_at=now):
        return False
    notice = Notice.objects.get(pk=notice_id)
    record(actor=actor, action="announcement.withdrawn", subject=notice, now=now)
    publish_on_commit("notices.changed", organization=None)
    return True


def purge_old(*, now: datetime) -> None:
    """Delete notices that are long past."""
    Notice.objects.filter(created_at__lt=now - KEPT).delete()
