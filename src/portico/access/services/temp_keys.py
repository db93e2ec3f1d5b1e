"""Temp keys: made by residents, checked by the house's bridge."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from portico.access.errors import BadTempKey
from portico.access.models import TempKey
from portico.access.selectors import live_temp_keys
from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.models import Relay
from portico.kernel.outbox import publish_on_commit
from portico.sites.models import Site

PIN_DIGITS = 8
MAX_USES = 100
# A roster's device holds 500 guests: room for all of a site's keys at one door, and for
# some that two residents make in the same moment.
MAX_LIVE_KEYS = 200


def _new_pin(site: Site, now: datetime) -> str:
    taken = {key.pin for key in live_temp_keys(site, now)}
    while True:
        # LOG-1's rules for PINs: not starting with 9, not all equal.
        pin = f"{secrets.randbelow(9 * 10 ** (PIN_DIGITS - 1)):0{PIN_DIGITS}d}"
        if pin not in taken and len(set(pin)) > 1:
            return pin


@transaction.atomic
def create_temp_key(
    *,
    actor: User,
    site: Site,
    name: str,
    relays: Sequence[Relay],
    starts_at: datetime,
    ends_at: datetime,
    uses_allowed: int,
    now: datetime,
) -> TempKey:
    """Make a key with a random PIN for ``relays``.

    :raises BadTempKey: no name or relay, a relay of another site, an empty time range,
        senseless uses, or too many keys that still open something.
    """
    if not name.strip() or not relays:
        raise BadTempKey(_("A key needs a name and a door."))
    if any(relay.device.site_id != site.pk for relay in relays):
        raise BadTempKey(_("A door of this key does not exist."))
    if starts_at >= ends_at or ends_at <= now:
        raise BadTempKey(_("A key must end after it begins, and after now."))
    if not 1 <= uses_allowed <= MAX_USES:
        raise BadTempKey(_("A key is used 1 to %(count)d times.") % {"count": MAX_USES})
    if live_temp_keys(site, now).count() >= MAX_LIVE_KEYS:
        most = {"count": MAX_LIVE_KEYS}
        raise BadTempKey(_("This house already has %(count)d keys in force.") % most)
    key = TempKey.objects.create(
        site=site,
        created_by=actor,
        name=name.strip()[:63],
        pin=_new_pin(site, now),
        starts_at=starts_at,
        ends_at=ends_at,
        uses_allowed=uses_allowed,
        created_at=now,
    )
    key.relays.set(relays)
    _changed(actor, key, "temp_key.created", now)
    return key


@transaction.atomic
def revoke_temp_key(*, actor: User, key: TempKey, now: datetime) -> None:
    """End ``key``; it opens nothing from the moment its bridge hears of it."""
    if TempKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        _changed(actor, key, "temp_key.revoked", now)


def _changed(actor: User, key: TempKey, action: str, now: datetime) -> None:
    record(
        actor=actor,
        action=action,
        subject=key,
        organization_id=key.site.organization_id,
        site_id=key.site_id,
        now=now,
    )
    publish_on_commit("roster.changed", site=str(key.site_id))
