"""Words that a company keeps for its messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.kernel.errors import NotVisible
from portico.kernel.rows import save_shown
from portico.messaging.errors import TitleTaken
from portico.messaging.models import MessageTemplate
from portico.messaging.selectors import get_visible_template, installer_of
from portico.messaging.words import plain_lines
from portico.tenancy.enums import Role
from portico.tenancy.models import Organization


def add_template(
    *, actor: User, title: str, text: str, now: datetime
) -> MessageTemplate:
    """Keep words for later.

    :raises NotVisible: ``actor`` is not an installer's, or a visitor there.
    :raises TitleTaken: the company has a template of that title.
    """
    fields = _fields(title, text, now)
    template = MessageTemplate(organization=_company(actor), **fields)
    with _titled_once():
        template.save(force_insert=True)
        _record(actor, template, "added", now)
    return template


def change_template(
    *,
    actor: User,
    template: MessageTemplate,
    title: str,
    text: str,
    version: int,
    now: datetime,
) -> None:
    """Change kept words; messages that were written with them stay as they are.

    ``version`` is the one that was shown.

    :raises NotVisible, TitleTaken: as :func:`add_template`.
    :raises ChangedMeanwhile: somebody else has saved since.
    """
    _company(actor)
    shown = get_visible_template(actor, template.pk)
    with _titled_once():
        save_shown(shown, version, _fields(title, text, now))
        _record(actor, shown, "changed", now)


@transaction.atomic
def delete_template(*, actor: User, template: MessageTemplate, now: datetime) -> None:
    """Forget kept words. :raises NotVisible: as :func:`add_template`."""
    _company(actor)
    held = get_visible_template(actor, template.pk)
    _record(actor, held, "deleted", now)
    held.delete()


def _company(actor: User) -> Organization:
    membership = installer_of(actor)
    if membership is None or membership.role == Role.VISITOR:
        raise NotVisible
    return membership.organization


def _fields(title: str, text: str, now: datetime) -> dict[str, object]:
    return {"title": title, "text": plain_lines(text), "changed_at": now}


@contextmanager
def _titled_once() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        raise TitleTaken(_("Another template has this title.")) from None


def _record(actor: User, template: MessageTemplate, verb: str, now: datetime) -> None:
    record(
        actor=actor,
        action=f"message_template.{verb}",
        subject=template,
        organization_id=template.organization_id,
        after={"title": template.title},
        now=now,
    )
