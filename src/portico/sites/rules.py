"""What a site and its people may do."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext as _

from portico.kernel.errors import DomainError
from portico.sites.enums import ClipAccess, Feature, ResidentRole, ServiceState
from portico.sites.errors import NotActivated, PlanNeeded
from portico.sites.models import Entitlement, Resident, Site

# What a family master may bring along without paying (SITE-10), at first.
FREE_MEMBERS = 3
# What everybody may try before he pays, once per house (SITE-3).
VIDEO_TRIAL = timedelta(days=7)
# How long clips can still be fetched by their owner after the service has ended.
CLIPS_KEPT = timedelta(days=30)
_FOR_GOOD = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Service:
    """How a house stands to one feature.

    ``ends_at``: when it ends, or has ended; None while it runs for good or never began.
    """

    state: ServiceState
    ends_at: datetime | None = None

    @property
    def is_served(self) -> bool:
        return is_served(self.state)


def service(
    entitlements: Iterable[Entitlement],
    feature: Feature,
    now: datetime,
    *,
    resident_id: int | None = None,
) -> Service:
    """How a site stands to ``feature``, from its entitlements of all times.

    Periods that follow each other without a gap are one: their end is the last one's. An
    Additional App is ``resident_id``'s own.
    """
    mine = sorted(
        (
            one
            for one in entitlements
            if one.feature == feature and one.resident_id == resident_id
        ),
        key=lambda one: one.starts_at,
    )
    begun = [one for one in mine if one.starts_at <= now]
    live = [one for one in begun if one.ends_at is None or now < one.ends_at]
    if not live:
        if not begun:
            return Service(ServiceState.INACTIVE)
        ended = max(one.ends_at for one in begun if one.ends_at is not None)
        return Service(ServiceState.EXPIRED, ended)
    is_trial = all(one.is_trial for one in live)
    state = ServiceState.TRIAL if is_trial else ServiceState.ACTIVE
    return Service(state, _end_of_run(live, mine))


def _end_of_run(
    live: Iterable[Entitlement], mine: Iterable[Entitlement]
) -> datetime | None:
    end = max(one.ends_at or _FOR_GOOD for one in live)
    for one in mine:
        if one.starts_at <= end:
            end = max(end, one.ends_at or _FOR_GOOD)
    return None if end == _FOR_GOOD else end


def service_state(entitlements: Iterable[Entitlement], now: datetime) -> ServiceState:
    """The state of a site's app service, from its entitlements of all times."""
    return service(entitlements, Feature.APP, now).state


def is_served(state: ServiceState) -> bool:
    """Whether the app service answers; the devices themselves never depend on it."""
    return state in {ServiceState.ACTIVE, ServiceState.TRIAL}


def served_people(
    site: Site,
    people: Iterable[Resident],
    entitlements: Collection[Entitlement],
    now: datetime,
) -> set[int]:
    """The ids of those of ``people`` whose app works now (SITE-10).

    The master's and the free members', if the house is served; the members above that
    number need an Additional App each. Who has one takes no free place, and the oldest
    accounts take those.
    """
    if not is_served(service_state(entitlements, now)):
        return set()
    served, free = set[int](), site.free_members
    for person in sorted(people, key=lambda one: one.pk):
        extra = service(
            entitlements, Feature.ADDITIONAL_APP, now, resident_id=person.pk
        )
        if person.role == ResidentRole.MASTER or extra.is_served:
            served.add(person.pk)
        elif free > 0:
            served.add(person.pk)
            free -= 1
    return served


def app_works(resident: Resident, now: datetime) -> bool:
    """Whether the app of one person works now; see :func:`served_people`."""
    site = resident.site
    entitlements = list(site.entitlements.all())
    if resident.role == ResidentRole.MASTER:
        return is_served(service_state(entitlements, now))
    people = site.residents.all()
    return resident.pk in served_people(site, people, entitlements, now)


def no_more_members(state: ServiceState) -> DomainError | None:
    """Why a house gets no family member now; None: it may have one."""
    if is_served(state):
        return None
    return NotActivated(
        _("Family members can be added while the app service of the house runs.")
    )


def uses_premium(
    site: Site, entitlements: Iterable[Entitlement], now: datetime
) -> bool:
    """Whether the Premium Plan is chosen and runs."""
    return site.premium_plan and service(entitlements, Feature.PREMIUM, now).is_served


def live_landlines(
    site: Site, entitlements: Iterable[Entitlement], now: datetime
) -> list[str]:
    """The landlines that are called now, in their order; E.164."""
    if site.landline_service and uses_premium(site, entitlements, now):
        return site.landlines
    return []


def premium_missing(
    site: Site, entitlements: Iterable[Entitlement], now: datetime
) -> PlanNeeded | None:
    """Why the house has nothing of the Premium Plan now; None: it has."""
    if not site.premium_plan:
        return PlanNeeded(
            _("This is part of the Premium Plan, which this house does not have.")
        )
    match service(entitlements, Feature.PREMIUM, now).state:
        case ServiceState.INACTIVE:
            return PlanNeeded(
                _("This is part of the Premium Plan, which is not activated yet.")
            )
        case ServiceState.EXPIRED:
            return PlanNeeded(
                _("This is part of the Premium Plan, which has expired for this house.")
            )
    return None


def check_plan(
    *,
    premium: bool,
    landlines: Collection[str] = (),
    landline_service: bool = False,
    video: bool = False,
) -> None:
    """Whether what is chosen for a house fits together (SITE-2).

    :raises PlanNeeded: something needs the Premium Plan, which is not chosen.
    """
    if premium:
        return
    if landlines:
        text = _(
            "Landlines are part of the Premium Plan. Switch it on, or leave this out."
        )
        raise PlanNeeded(text, field="landline_1")
    if landline_service:
        text = _(
            "The landline service is part of the Premium Plan. Switch it on, or leave this"
            " out."
        )
        raise PlanNeeded(text, field="landline_service")
    if video:
        text = _(
            "Video storage is part of the Premium Plan. Switch it on, or leave this out."
        )
        raise PlanNeeded(text, field="video_storage")


@dataclass(frozen=True, slots=True)
class Clips:
    """What can be done with the recorded clips; ``until`` when that changes, if ever."""

    access: ClipAccess
    until: datetime | None = None


def clips_of(entitlements: Iterable[Entitlement], now: datetime) -> Clips:
    """What can be done with a house's clips (SITE-3): nobody is robbed of his pictures."""
    video = service(entitlements, Feature.VIDEO, now)
    if video.is_served:
        return Clips(ClipAccess.VIEW, video.ends_at)
    if video.ends_at is None:
        return Clips(ClipAccess.NONE)
    gone_at = video.ends_at + CLIPS_KEPT
    if now < gone_at:
        return Clips(ClipAccess.DOWNLOAD, gone_at)
    return Clips(ClipAccess.NONE)


def smart_home_address(site: Site, portal: str) -> str:
    """Where the house's Smart Home icon leads; ``portal`` is the installation's own."""
    return (site.smart_home_url or portal) if site.smart_home else ""
