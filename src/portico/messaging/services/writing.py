"""Messages are written, changed while they wait, and deleted."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.kernel.errors import NotVisible
from portico.kernel.queue import enqueue
from portico.kernel.rows import save_shown
from portico.messaging.enums import MessageState, Receivers
from portico.messaging.errors import (
    AlreadySent,
    FormUsed,
    NoResident,
    NoSites,
    NoWay,
)
from portico.messaging.models import Message
from portico.messaging.rules import MOST_SITES, check_time
from portico.messaging.selectors import (
    chosen_sites,
    get_visible_message,
    installer_of,
    visible_residents,
)
from portico.messaging.services.sending import SEND
from portico.messaging.words import plain_lines
from portico.sites.models import Resident, Site
from portico.sites.selectors import visible_sites
from portico.tenancy.enums import Role
from portico.tenancy.models import Membership


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageData:
    """A message as its form holds it; no ``send_at`` means now."""

    title: str
    text: str
    receivers: Receivers
    to_apps: bool = True
    to_monitors: bool = False
    site_ids: Sequence[uuid.UUID] = ()
    resident_id: int | None = None
    send_at: datetime | None = None


def write_message(
    *, actor: User, data: MessageData, token: uuid.UUID, now: datetime
) -> Message:
    """Write a message that is sent at its time; the same form again gives the same one.

    Who receives it is settled when it is sent.

    :raises NotVisible: ``actor`` is not an installer's, or a visitor there.
    :raises BadTime, NoWay, NoSites, NoResident: see there.
    :raises FormUsed: this form has written another message.
    """
    membership = _writer(actor)
    known = {"organization": membership.organization, "token": token}
    earlier = Message.objects.filter(**known).first()
    if earlier is None:
        try:
            return _write(actor, membership, data, token, now)
        except IntegrityError:  # the second of two clicks was quicker
            earlier = Message.objects.filter(**known).first()
            if earlier is None:
                raise
    if earlier.author_id != actor.pk or not _is_same(earlier, data):
        raise FormUsed(
            _("This form has sent a message already. Send again to make it a new one.")
        )
    return earlier


def _is_same(message: Message, data: MessageData) -> bool:
    is_now = data.send_at is None
    return (
        message.title == data.title
        and message.text == plain_lines(data.text)
        and message.receivers == data.receivers
        and (message.to_apps, message.to_monitors) == (data.to_apps, data.to_monitors)
        and message.resident_id == data.resident_id
        and set(chosen_sites(message)) == set(data.site_ids)
        and message.send_at == (message.created_at if is_now else data.send_at)
    )


@transaction.atomic
def _write(
    actor: User,
    membership: Membership,
    data: MessageData,
    token: uuid.UUID,
    now: datetime,
) -> Message:
    fields, sites = _checked(actor, data, now)
    message = Message.objects.create(
        organization=membership.organization,
        author=actor,
        author_name=str(actor.name or actor)[:255],
        is_of_company=membership.role != Role.SUB_INSTALLER,
        token=token,
        created_at=now,
        **fields,
    )
    message.sites.set(sites)
    _record(actor, message, "written", now, after=_told(message, len(sites)))
    _order(message, now)
    return message


@transaction.atomic
def change_message(
    *, actor: User, message: Message, data: MessageData, version: int, now: datetime
) -> None:
    """Write a message anew that has not been sent yet; ``version`` was shown.

    :raises NotVisible: not the actor's, or he is a visitor.
    :raises BadTime, NoWay, NoSites, NoResident: see there.
    :raises AlreadySent: sending has begun.
    :raises ChangedMeanwhile: somebody else has saved since.
    """
    held = _held(actor, message)
    if held is None or held.state != MessageState.SCHEDULED:
        raise AlreadySent(_("This message was sent meanwhile. Nothing was changed."))
    before = _told(held, held.sites.count())
    fields, sites = _checked(actor, data, now)
    save_shown(held, version, fields)
    held.sites.set(sites)
    after = _told(held, len(sites))
    _record(actor, held, "changed", now, before=before, after=after)
    _order(held, now)


@transaction.atomic
def delete_message(*, actor: User, message: Message, now: datetime) -> None:
    """Delete a message: unsent it never goes out, sent it vanishes from the inboxes.

    :raises NotVisible: not the actor's, or he is a visitor.
    """
    held = _held(actor, message)
    if held is None:
        raise NotVisible
    before = _told(held, held.sites.count()) | {"receivers_were": held.receipts.count()}
    _record(actor, held, "deleted", now, before=before)
    held.delete()


def _writer(actor: User) -> Membership:
    membership = installer_of(actor)
    if membership is None or membership.role == Role.VISITOR:
        raise NotVisible
    return membership


def _held(actor: User, message: Message) -> Message | None:
    """The message as it is now, held against whoever sends or changes it."""
    _writer(actor)
    get_visible_message(actor, message.pk)
    return Message.objects.select_for_update().filter(pk=message.pk).first()


def _checked(
    actor: User, data: MessageData, now: datetime
) -> tuple[dict[str, object], list[Site]]:
    if data.send_at is not None:
        check_time(data.send_at, now)
    if not (data.to_apps or data.to_monitors):
        raise NoWay(_("Choose the app, the indoor monitors, or both."))
    fields: dict[str, object] = {
        "title": data.title,
        "text": plain_lines(data.text),
        "receivers": data.receivers,
        "to_apps": data.to_apps,
        "to_monitors": data.to_monitors,
        "resident": None,
        "state": MessageState.SCHEDULED if data.send_at else MessageState.SENDING,
        "send_at": data.send_at or now,
    }
    if data.receivers == Receivers.SITES:
        return fields, _sites(actor, data)
    if data.receivers == Receivers.ONE:
        fields["resident"] = _resident(actor, data)
    return fields, []


def _sites(actor: User, data: MessageData) -> list[Site]:
    wanted = set(data.site_ids)
    if not wanted:
        raise NoSites(_("Choose at least one site."))
    if len(wanted) > MOST_SITES:
        raise NoSites(_("At most %(n)d sites at a time.") % {"n": MOST_SITES})
    found = list(visible_sites(actor).filter(pk__in=wanted))
    if len(found) != len(wanted):
        raise NoSites(_("One of these sites is no longer here. Choose again."))
    return found


def _resident(actor: User, data: MessageData) -> Resident:
    people = visible_residents(actor)
    wanted = data.resident_id
    found = None if wanted is None else people.filter(pk=wanted).first()
    if found is None:
        raise NoResident(_("Choose who receives it."))
    return found


def _order(message: Message, now: datetime) -> None:
    """Have it sent at its time; an earlier order for another time finds nothing due."""
    run_at = message.send_at if message.send_at > now else None
    enqueue(SEND, run_at=run_at, message_id=str(message.pk))


def _told(message: Message, sites: int) -> dict[str, object]:
    resident = message.resident
    return {
        "title": message.title,
        "receivers": str(message.receivers),
        "sites": sites,
        "user": "" if resident is None else str(resident.user),
        "apps": message.to_apps,
        "monitors": message.to_monitors,
        "send_at": message.send_at.isoformat(),
    }


def _record(
    actor: User,
    message: Message,
    verb: str,
    now: datetime,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    record(
        actor=actor,
        action=f"message.{verb}",
        subject=message,
        organization_id=message.organization_id,
        before=before,
        after=after,
        now=now,
    )
