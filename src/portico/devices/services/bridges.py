"""Bridges: invited by the installer, enrolled with a token, then known by their key."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.errors import BridgeExists, EnrolmentRefused
from portico.devices.models import Bridge
from portico.devices.services.registration import publish_files
from portico.kernel.ids import new_secret, secret_digest
from portico.kernel.outbox import publish_on_commit
from portico.sites.models import Site

# The installer sets the box up the same day, or asks for a new token.
TOKEN_LIFETIME = timedelta(hours=24)


@transaction.atomic
def invite_bridge(
    *, actor: User, site: Site, name: str, now: datetime
) -> tuple[Bridge, str]:
    """Make room for a bridge in ``site``; returns it with its enrolment token.

    A bridge that was invited but never came is replaced.

    :raises BridgeExists: an enrolled bridge serves the house; remove it first.
    """
    waiting = site.bridges.filter(revoked_at=None, enrolled_at=None)
    waiting.update(revoked_at=now)
    token = new_secret()
    try:
        with transaction.atomic():
            bridge = Bridge.objects.create(
                site=site,
                name=name.strip() or _("Bridge"),
                token_digest=secret_digest(token),
                token_expires_at=now + TOKEN_LIFETIME,
                created_at=now,
            )
    except IntegrityError:
        raise BridgeExists(_("This site has a bridge. Remove it first.")) from None
    _audit(actor, bridge, "bridge.invited", now)
    return bridge, token


@transaction.atomic
def enrol_bridge(*, token: str, public_key: str, version: str, now: datetime) -> Bridge:
    """Spend ``token`` for the box that holds the private half of ``public_key``.

    Repeating it with the same key gives the same bridge: its answer may have been lost.

    :raises EnrolmentRefused: unknown, expired, revoked, or spent by another key.
    """
    mine = Bridge.objects.filter(token_digest=secret_digest(token), revoked_at=None)
    mine.filter(enrolled_at=None, token_expires_at__gt=now).update(
        enrolled_at=now, public_key=public_key, version=version[:31]
    )
    bridge = mine.filter(public_key=public_key, enrolled_at__isnull=False).first()
    if bridge is None:
        raise EnrolmentRefused(_("This token is unknown, used or expired."))
    _audit(None, bridge, "bridge.enrolled", now)
    return bridge


@transaction.atomic
def remove_bridge(*, actor: User, bridge: Bridge, now: datetime) -> None:
    """Revoke ``bridge``: its session ends and its key is worth nothing.

    The devices' files are published anew, so that they report directly again.
    """
    if not Bridge.objects.filter(pk=bridge.pk, revoked_at=None).update(
        revoked_at=now, is_online=False, session=""
    ):
        return
    bridge.site.found_units.all().delete()
    _audit(actor, bridge, "bridge.removed", now)
    publish_on_commit("bridge.revoked", bridge=str(bridge.pk))
    _publish_files(bridge)


@transaction.atomic
def begin_session(
    *, bridge: Bridge, session: str, lan_url: str, version: str, now: datetime
) -> bool:
    """Note that ``session`` serves the bridge now; an older session has to end.

    False: the bridge was removed meanwhile.
    """
    moved = bridge.lan_url != lan_url[:127]
    if not Bridge.objects.filter(pk=bridge.pk, revoked_at=None).update(
        session=session,
        lan_url=lan_url[:127],
        version=version[:31],
        is_online=True,
        last_seen_at=now,
    ):
        return False
    publish_on_commit("bridge.session", bridge=str(bridge.pk), session=session)
    _announce(bridge, online=True)
    if moved:
        _publish_files(bridge)
    return True


@transaction.atomic
def end_session(*, bridge: Bridge, session: str, now: datetime) -> None:
    """Note that ``session`` is over, unless a newer one has taken its place."""
    ended = Bridge.objects.filter(pk=bridge.pk, session=session).update(
        session="", is_online=False, last_seen_at=now
    )
    if ended:
        _announce(bridge, online=False)


def touch_sessions(*, sessions: list[str], now: datetime) -> None:
    """The bridges of ``sessions`` are still there, also those that were given up."""
    for start in range(0, len(sessions), 500):
        mine = Bridge.objects.filter(
            session__in=sessions[start : start + 500], revoked_at=None
        )
        for bridge in mine.filter(is_online=False):
            with transaction.atomic():
                _announce(bridge, online=True)
        mine.update(last_seen_at=now, is_online=True)


def forget_dead_sessions(*, older_than: datetime) -> int:
    """Bridges whose gateway died without saying so count as offline.

    The session's name stays: if its gateway was only asleep, its next touch mends it.
    """
    dead = Bridge.objects.filter(is_online=True, last_seen_at__lt=older_than)
    for bridge in dead[:500]:
        with transaction.atomic():
            _announce(bridge, online=False)
    return dead.update(is_online=False)


def _publish_files(bridge: Bridge) -> None:
    publish_files(site_id=bridge.site_id)


def _announce(bridge: Bridge, *, online: bool) -> None:
    publish_on_commit(
        "bridge.changed",
        bridge=str(bridge.pk),
        site=str(bridge.site_id),
        online=online,
    )


def _audit(actor: User | None, bridge: Bridge, action: str, now: datetime) -> None:
    record(
        actor=actor,
        action=action,
        subject=bridge,
        organization_id=bridge.site.organization_id,
        site_id=bridge.site_id,
        now=now,
    )
