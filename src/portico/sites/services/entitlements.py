"""Services of a house begin, go on and end.

Whoever grants comes through :func:`grant`: the operator's switch now, payments later.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.kernel.errors import NotVisible
from portico.kernel.rows import hold
from portico.sites.enums import Feature, ResidentRole, ServiceState
from portico.sites.errors import BadPeriod, TrialUsed
from portico.sites.models import Entitlement, Resident, Site
from portico.sites.rules import VIDEO_TRIAL, Service, service
from portico.sites.selectors import price_list

MOST_MONTHS = 60


def months_later(moment: datetime, months: int) -> datetime:
    """The same day of the month, ``months`` later; the last one where there is none such."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


@transaction.atomic
def grant(
    *,
    actor: User | None,
    site: Site,
    feature: Feature,
    months: int | None,
    resident: Resident | None = None,
    key: str = "",
    now: datetime,
) -> Service:
    """Let the house have ``feature`` for ``months`` more, or for good (None).

    The months begin when what runs now ends, so that nothing paid for is lost. A ``key``
    that the house has been granted something for already changes nothing. ``actor`` None:
    Portico itself. An Additional App is for ``resident``.

    :raises BadPeriod: not 1 to 60 months.
    :raises NotVisible: a community, or ``resident`` is no family member of the house.
    """
    if months is not None and not 1 <= months <= MOST_MONTHS:
        raise BadPeriod(
            _("Choose 1 to %(most)d months, or no end.") % {"most": MOST_MONTHS}
        )
    _check_place(site, feature, resident)
    before = _held(site, feature, resident, now)
    if key and Entitlement.objects.filter(site=site, key=key).exists():
        return before
    starts_at = now
    if before.is_served:
        if before.ends_at is None:  # better than for good there is not
            return before
        starts_at = before.ends_at
    Entitlement.objects.create(
        site=site,
        feature=feature,
        resident=resident,
        starts_at=starts_at,
        ends_at=None if months is None else months_later(starts_at, months),
        key=key,
    )
    return _changed(
        actor, site, feature, resident, before=before, verb="granted", now=now
    )


@transaction.atomic
def begin_trial(*, actor: User | None, site: Site, now: datetime) -> Service:
    """Let the house try Video Storage for 7 days.

    :raises TrialUsed: it has had Video Storage before.
    """
    before = _held(site, Feature.VIDEO, None, now)
    if before.state != ServiceState.INACTIVE:
        raise TrialUsed(_("This house has had its free days of Video Storage already."))
    Entitlement.objects.create(
        site=site,
        feature=Feature.VIDEO,
        starts_at=now,
        ends_at=now + VIDEO_TRIAL,
        is_trial=True,
    )
    return _changed(
        actor, site, Feature.VIDEO, None, before=before, verb="tried", now=now
    )


@transaction.atomic
def end_service(
    *,
    actor: User | None,
    site: Site,
    feature: Feature,
    resident: Resident | None = None,
    now: datetime,
) -> Service:
    """End ``feature`` now; what was granted for later is gone, too."""
    _check_place(site, feature, resident)
    before = _held(site, feature, resident, now)
    mine = Entitlement.objects.filter(site=site, feature=feature, resident=resident)
    mine.filter(starts_at__gt=now).delete()
    mine.exclude(ends_at__lte=now).update(ends_at=now)
    if not before.is_served:
        return before
    return _changed(
        actor, site, feature, resident, before=before, verb="ended", now=now
    )


def give_if_free(
    *, site: Site, feature: Feature, resident: Resident | None = None, now: datetime
) -> None:
    """Grant ``feature`` for good if it costs nothing here. Call inside a transaction."""
    if price_list().monthly(feature) == 0:
        grant(
            actor=None,
            site=site,
            feature=feature,
            months=None,
            resident=resident,
            now=now,
        )


def _check_place(site: Site, feature: Feature, resident: Resident | None) -> None:
    if site.is_community or (feature == Feature.ADDITIONAL_APP) != bool(resident):
        raise NotVisible
    if resident is not None and (
        resident.site_id != site.pk or resident.role != ResidentRole.MEMBER
    ):
        raise NotVisible


def _held(
    site: Site, feature: Feature, resident: Resident | None, now: datetime
) -> Service:
    """How the house stands, with its row held: of two who grant, one comes second."""
    hold(site)
    return _read(site, feature, resident, now)


def _read(
    site: Site, feature: Feature, resident: Resident | None, now: datetime
) -> Service:
    rows = list(Entitlement.objects.filter(site=site, feature=feature))
    person = resident.pk if resident else None
    return service(rows, feature, now, resident_id=person)


def _changed(
    actor: User | None,
    site: Site,
    feature: Feature,
    resident: Resident | None,
    *,
    before: Service,
    verb: str,
    now: datetime,
) -> Service:
    after = _read(site, feature, resident, now)
    record(
        actor=actor,
        action=f"service.{verb}",
        subject=resident.user if resident else site,
        organization_id=site.organization_id,
        site_id=site.pk,
        before=_words(feature, before),
        after=_words(feature, after),
        now=now,
    )
    return after


def _words(feature: Feature, held: Service) -> dict[str, object]:
    return {
        "service": feature.value,
        "state": held.state.value,
        "ends_at": held.ends_at.isoformat() if held.ends_at else None,
    }
