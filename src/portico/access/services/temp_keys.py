"""Temp keys: codes for visitors and couriers (LOG-2).

The house's bridge checks all of them and counts their uses; keys that repeat and have no
count are on the units as well, which know hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from portico.access.enums import KeyKind, Repeat
from portico.access.errors import BadSchedule, BadTempKey, TakenValue
from portico.access.models import HeldValue, TempKey
from portico.access.rules import is_on_units
from portico.access.selectors import live_temp_keys, relays_of
from portico.access.services.credentials import new_code
from portico.access.services.planning import plan_site
from portico.access.services.schedules import check_days, check_hours
from portico.access.services.values import hold_key_value
from portico.accounts.models import User
from portico.audit.services import record
from portico.devices.enums import AccessMethod, RelayKind
from portico.devices.models import Relay
from portico.kernel.outbox import publish_on_commit
from portico.protocols import rolling
from portico.sites.errors import PlanNeeded
from portico.sites.models import Site
from portico.sites.rules import premium_missing
from portico.sites.selectors import entitlements_of

PIN_DIGITS = 8
MAX_USES = 100
# A roster's device holds 500 guests: room for all of a site's keys at one door, and for
# some that two residents make in the same moment.
MAX_LIVE_KEYS = 200
# A parcel comes today or tomorrow, and its bringer comes once.
COURIER_FOR = timedelta(hours=24)
_TRIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When a key that repeats opens; days are digits, 0 is Sunday."""

    repeat: Repeat
    days: str = ""
    time_from: time | None = None
    time_until: time | None = None


@transaction.atomic
def create_temp_key(  # noqa: PLR0913 -- what the form of a key holds
    *,
    actor: User,
    site: Site,
    name: str,
    relays: Sequence[Relay],
    starts_at: datetime,
    ends_at: datetime,
    uses_allowed: int | None,
    is_per_door: bool = False,
    hours: Hours | None = None,
    kind: KeyKind = KeyKind.VISITOR,
    is_dynamic: bool = False,
    now: datetime,
) -> TempKey:
    """Make a key with a random PIN for ``relays``.

    :param uses_allowed: None for as often as wanted, of a key that repeats.
    :param is_dynamic: with a QR code that changes all the time in place of the PIN.
    :raises PlanNeeded: a dynamic one, and the Premium Plan does not run.
    :raises BadTempKey: no name or relay, a relay of another site, an empty time range,
        senseless uses or hours, or too many keys that still open something.
    """
    if not name.strip() or not relays:
        raise BadTempKey(_("A key needs a name and a door."))
    if any(relay.device.site_id != site.pk for relay in relays):
        raise BadTempKey(_("A door of this key does not exist."))
    if starts_at >= ends_at or ends_at <= now:
        raise BadTempKey(
            _("A key must end after it begins, and after now."), field="ends_at"
        )
    repeat = hours.repeat if hours else Repeat.NEVER
    _check_uses(uses_allowed, repeat)
    if live_temp_keys([site], now).count() >= MAX_LIVE_KEYS:
        most = {"count": MAX_LIVE_KEYS}
        raise BadTempKey(_("This house already has %(count)d keys in force.") % most)
    if is_dynamic:
        _check_dynamic(site, relays, now)
    doors = len(relays) if is_per_door else 1
    key = (_secret if is_dynamic else _held)(
        TempKey(
            site=site,
            created_by=actor,
            kind=kind,
            name=name.strip()[:63],
            starts_at=starts_at,
            ends_at=ends_at,
            uses_allowed=uses_allowed,
            is_per_door=is_per_door,
            uses_in_all=None if uses_allowed is None else uses_allowed * doors,
            created_at=now,
            **_checked_hours(hours),
        ),
        now,
    )
    key.relays.set(relays)
    _changed(actor, key, "temp_key.created", now)
    return key


def create_courier_key(*, actor: User, site: Site, now: datetime) -> TempKey:
    """One tap: a key that opens once within a day, at any door with a keypad or QR reader.

    :raises BadTempKey: the house has no such door, or too many keys.
    """
    methods = {AccessMethod.PIN, AccessMethod.QR}
    # Bridges open local relays for guests.
    local = [each for each in relays_of([site]) if each.kind == RelayKind.LOCAL]
    relays = [each for each in local if methods & set(each.access_methods)]
    if not relays:
        raise BadTempKey(
            _("No door of this house has the access method PIN or QR Code.")
        )
    return create_temp_key(
        actor=actor,
        site=site,
        name=_("Courier"),
        kind=KeyKind.COURIER,
        relays=relays,
        starts_at=now,
        ends_at=now + COURIER_FOR,
        uses_allowed=1,
        now=now,
    )


@transaction.atomic
def revoke_temp_key(*, actor: User, key: TempKey, now: datetime) -> None:
    """End ``key``; it opens nothing from the moment its bridge hears of it."""
    if _end(key, now):
        _changed(actor, key, "temp_key.revoked", now)


def end_key(*, actor: User, key: TempKey, now: datetime) -> None:
    """As :func:`revoke_temp_key`, for one who tells the units of the whole house later."""
    if _end(key, now):
        _note(actor, key, "temp_key.revoked", now)


def shown_code(key: TempKey, now: datetime) -> str:
    """What the QR code of ``key`` holds at this moment."""
    return rolling.code_now(key.secret, now) if key.is_dynamic else key.pin


def _check_dynamic(site: Site, relays: Sequence[Relay], now: datetime) -> None:
    refusal = premium_missing(site, entitlements_of(site), now)
    if refusal is not None:
        raise PlanNeeded(str(refusal), field="is_dynamic")
    blind = [one.name for one in relays if AccessMethod.QR not in one.access_methods]
    if blind:
        text = _("These doors do not read QR codes: %(doors)s.")
        raise BadTempKey(text % {"doors": ", ".join(blind)}, field="relays")


def _check_uses(uses: int | None, repeat: Repeat) -> None:
    if uses is None and repeat != Repeat.NEVER:
        return
    if uses is None or not 1 <= uses <= MAX_USES:
        most = {"count": MAX_USES}
        text = _("A key is used 1 to %(count)d times.") % most
        raise BadTempKey(text, field="uses_allowed")


def _checked_hours(hours: Hours | None) -> dict[str, object]:
    if hours is None or hours.repeat == Repeat.NEVER:
        return {}
    try:
        check_hours(hours.time_from, hours.time_until)
        is_weekly = hours.repeat == Repeat.WEEKLY
        days = check_days(hours.days) if is_weekly else ""
    except BadSchedule as error:
        raise BadTempKey(str(error), field=error.field) from None
    return {
        "repeat": hours.repeat,
        "days": days,
        "time_from": hours.time_from,
        "time_until": hours.time_until,
    }


def _secret(key: TempKey, now: datetime) -> TempKey:
    """``key``, saved with a secret; its codes begin as nobody's PIN does."""
    del now
    key.secret = rolling.new_secret()
    key.save(force_insert=True)
    return key


def _held(key: TempKey, now: datetime) -> TempKey:
    """``key``, saved with a PIN that nobody of the house has."""
    for attempt in range(_TRIES):
        key.pk, key.pin = None, new_code(PIN_DIGITS)
        try:
            with transaction.atomic():
                key.save(force_insert=True)
                hold_key_value(key=key, now=now)
        except TakenValue:
            if attempt == _TRIES - 1:
                raise
        else:
            break
    return key


def _end(key: TempKey, now: datetime) -> bool:
    if not TempKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        return False
    HeldValue.objects.filter(temp_key=key).delete()
    return True


def _changed(actor: User, key: TempKey, action: str, now: datetime) -> None:
    _note(actor, key, action, now)
    if is_on_units(key):
        plan_site(site=key.site, now=now)


def _note(actor: User, key: TempKey, action: str, now: datetime) -> None:
    record(
        actor=actor,
        action=action,
        subject=key,
        organization_id=key.site.organization_id,
        site_id=key.site_id,
        now=now,
    )
    publish_on_commit("roster.changed", site=str(key.site_id))
