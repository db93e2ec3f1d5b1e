"""Opening, entering and ending remote control; every session is in the audit log."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.enums import CommandChannel, CommandKind, CommandState
from portico.devices.models import Device
from portico.devices.rules import why_no_orders
from portico.devices.selectors import bridge_of, visible_devices
from portico.devices.services.orders import request_order
from portico.kernel.clock import to_ms
from portico.kernel.ids import new_secret, secret_digest
from portico.kernel.outbox import publish_on_commit
from portico.remote.enums import EndReason
from portico.remote.errors import NotYours, RemoteUnavailable
from portico.remote.models import RemoteSession
from portico.remote.rules import (
    ATTACH_WITHIN,
    ENTRY_LIFETIME,
    LIFETIME,
    SAME_CLICK,
    new_label,
)
from portico.remote.selectors import live_session, session_for_bridge

ENDED = "device.remote_control_ended"


@dataclass(frozen=True, slots=True)
class Entry:
    """A session and the token that lets one browser in, once."""

    session: RemoteSession
    token: str


def open_session(*, actor: User, device: Device, now: datetime) -> Entry:
    """Order the bridge to open a way to ``device``, and let ``actor``'s browser in.

    A running session of the device ends, unless it is the same person's second click.

    :raises RemoteUnavailable: no bridge, or it or the device is offline.
    """
    if why_not := why_no_orders(device, bridge_of(device.site)):
        raise RemoteUnavailable(why_not)
    running = live_session(device, now)
    if running is not None and _is_same_click(running, actor, now):
        return Entry(running, _new_entry(running, now))
    try:
        session = _begin(actor, device, now)
    except IntegrityError:  # somebody was quicker: his is the one to end
        session = _begin(actor, device, now)
    return Entry(session, _new_entry(session, now))


def renew_entry(*, actor: User, session: RemoteSession, now: datetime) -> Entry:
    """A new entry for who has opened ``session``; earlier ones are worth nothing.

    :raises RemoteUnavailable: it is over. :raises NotYours: another has opened it.
    """
    if session.is_over or session.expires_at <= now:
        raise RemoteUnavailable
    if session.opened_by_id != actor.pk:
        raise NotYours
    return Entry(session, _new_entry(session, now))


def enter(*, label: str, token: str, now: datetime) -> str | None:
    """Spend an entry's token; the cookie's secret, or None: it opens nothing (more)."""
    secret = new_secret()
    entered = RemoteSession.objects.filter(
        label=label,
        entry_digest=secret_digest(token),
        entry_expires_at__gt=now,
        ended_at=None,
        expires_at__gt=now,
    ).update(
        entry_digest="",
        entry_expires_at=None,
        cookie_digest=secret_digest(secret),
        entered_at=now,
    )
    return secret if entered else None


@transaction.atomic
def end_session(
    *,
    actor: User | None,
    session: RemoteSession,
    why: EndReason = EndReason.ENDED,
    now: datetime,
) -> bool:
    """End ``session``; False: it was over."""
    moment = min(now, session.expires_at)
    ended = RemoteSession.objects.filter(pk=session.pk, ended_at=None).update(
        ended_at=moment,
        end_reason=why,
        ended_by_name=_name(actor) if actor else "",
        entry_digest="",
        bridge_digest="",
    )
    if not ended:
        return False
    session.refresh_from_db()
    after = {
        "why": str(why.value),
        "requests": session.requests,
        "bytes": session.bytes_sent,
    }
    record(
        actor=actor,
        action=ENDED,
        subject=session,
        organization_id=session.site.organization_id,
        site_id=session.site_id,
        after=after,
        now=now,
    )
    _announce(session)
    return True


def end_due(*, now: datetime) -> int:
    """End what has no more right to run; returns how many.

    Safe to run by many at once.
    """
    count = 0
    for session in _running().order_by("expires_at")[:500]:
        why = _why_over(session, now)
        if why is not None:
            count += end_session(actor=None, session=session, why=why, now=now)
    return count


def order_data(
    *, device_id: int, command_id: uuid.UUID, now: datetime
) -> dict[str, str | int] | None:
    """What the bridge is told with its order: the session, its secret, until when.

    None: the session is over. Told once: the order is sent once.
    """
    secret = new_secret()
    rows = RemoteSession.objects.filter(
        device=device_id,
        command=command_id,
        ended_at=None,
        expires_at__gt=now,
        bridge_digest="",
    )
    session = rows.first()
    if session is None or not rows.update(bridge_digest=secret_digest(secret)):
        return None
    return {
        "session": str(session.pk),
        "secret": secret,
        "until": to_ms(session.expires_at),
        "label": session.label,
    }


@transaction.atomic
def attach(
    *, session_id: uuid.UUID, bridge_id: uuid.UUID, secret: str, now: datetime
) -> RemoteSession | None:
    """The bridge has come for ``session_id``; None: it is not for it, or it had come."""
    session = session_for_bridge(session_id, bridge_id, secret, now)
    if session is None:
        return None
    rows = RemoteSession.objects.filter(
        pk=session_id,
        attached_at=None,
        ended_at=None,
        bridge_digest=secret_digest(secret),
    )
    if not rows.update(attached_at=now, bridge_digest=""):
        return None
    _announce(session)
    return session


def note_use(*, session_id: uuid.UUID, requests: int, sent: int) -> None:
    """Add to what a session has carried."""
    RemoteSession.objects.filter(pk=session_id).update(
        requests=F("requests") + requests, bytes_sent=F("bytes_sent") + sent
    )


def end_by_id(*, session_id: uuid.UUID, why: EndReason, now: datetime) -> None:
    """End a session whose connection is gone."""
    session = RemoteSession.objects.select_related("site").filter(pk=session_id).first()
    if session is not None:
        end_session(actor=None, session=session, why=why, now=now)


def still_runs(*, session_ids: Collection[uuid.UUID], now: datetime) -> set[uuid.UUID]:
    """Those of ``session_ids`` that may go on; the others have been ended."""
    going: set[uuid.UUID] = set()
    for session in _running().filter(pk__in=session_ids):
        why = _why_over(session, now)
        if why is None:
            going.add(session.pk)
        else:
            end_session(actor=None, session=session, why=why, now=now)
    return going


@transaction.atomic
def _begin(actor: User, device: Device, now: datetime) -> RemoteSession:
    """:raises IntegrityError: another session has begun. :raises RemoteUnavailable."""
    former = RemoteSession.objects.filter(device=device, ended_at=None)
    for session in former.select_related("site"):
        overdue = session.expires_at <= now
        why = EndReason.EXPIRED if overdue else EndReason.REPLACED
        end_session(actor=None if overdue else actor, session=session, why=why, now=now)
    command = request_order(
        actor=actor,
        device=device,
        kind=CommandKind.REMOTE_CONTROL,
        channel=CommandChannel.PORTAL,
        now=now,
    )
    if command.state != CommandState.REQUESTED:
        # The bridge is on its way for the former session: one order at a time.
        raise RemoteUnavailable(
            command.why
            or _("The device's pages are being opened this moment. Try again.")
        )
    session = RemoteSession.objects.create(
        device=device,
        site=device.site,
        device_name=str(device)[:127],
        command=command,
        opened_by=actor,
        opened_by_name=_name(actor),
        opened_at=now,
        expires_at=now + LIFETIME,
        label=new_label(),
    )
    _announce(session)
    return session


def _running() -> QuerySet[RemoteSession]:
    rows = RemoteSession.objects.filter(ended_at=None)
    return rows.select_related("site", "device__site", "opened_by", "command")


def _new_entry(session: RemoteSession, now: datetime) -> str:
    token = new_secret()
    RemoteSession.objects.filter(pk=session.pk, ended_at=None).update(
        entry_digest=secret_digest(token), entry_expires_at=now + ENTRY_LIFETIME
    )
    return token


def _is_same_click(session: RemoteSession, actor: User, now: datetime) -> bool:
    is_new = session.opened_at > now - SAME_CLICK and session.attached_at is None
    return is_new and session.opened_by_id == actor.pk


def _why_over(session: RemoteSession, now: datetime) -> EndReason | None:
    """Why a session must not go on, if so."""
    if session.expires_at <= now:
        return EndReason.EXPIRED
    device, person = session.device, session.opened_by
    if device is None:
        return EndReason.DEVICE_REMOVED
    bridge = bridge_of(session.site)
    if bridge is None or bridge.enrolled_at is None:
        return EndReason.BRIDGE_REMOVED
    if session.attached_at is None and _has_failed(session, now):
        return EndReason.REFUSED
    seen = person is not None and visible_devices(person).filter(pk=device.pk).exists()
    return None if seen else EndReason.RIGHT_LOST


def _has_failed(session: RemoteSession, now: datetime) -> bool:
    """Whether the bridge will not come any more."""
    state = session.command.state if session.command else ""
    if state in {CommandState.DENIED, CommandState.FAILED, CommandState.TIMED_OUT}:
        return True
    return session.opened_at <= now - ATTACH_WITHIN


def _name(actor: User) -> str:
    return str(actor.name or actor)[:127]


def _announce(session: RemoteSession) -> None:
    publish_on_commit(
        "remote.changed",
        session=str(session.pk),
        device=session.device_id,
        site=str(session.site_id),
    )
