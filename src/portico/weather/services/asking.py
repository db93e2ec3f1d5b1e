"""Finding houses, and asking for the weather there: in jobs, never while somebody waits."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Concat, Trim

from portico.kernel.queue import enqueue
from portico.protocols.open_meteo import Spot, names_in
from portico.sites.enums import SiteKind
from portico.sites.models import Site
from portico.sites.services.residents import ADDRESS_CHANGED
from portico.weather.models import Location, Place
from portico.weather.ports import ProviderFailed, WeatherProvider, weather_provider

log = structlog.get_logger(__name__)

ASK = "weather.ask"
# The service's own figures change every quarter of an hour.
EVERY = timedelta(minutes=30)
_LONGEST_PAUSE = timedelta(hours=6)
# For one address: the service knows few of its parts.
_MOST_SEARCHES = 4
BATCH = 200


def order_due(*, now: datetime) -> None:
    """Order the weather that is due, of places where houses are."""
    if weather_provider() is None:
        return
    due = Place.objects.filter(due_at__lte=now, locations__isnull=False)
    for place_id in due.values_list("pk", flat=True).distinct()[:BATCH]:
        enqueue(ASK, unique_key=f"weather:{place_id}", place_id=place_id)


def order_searches() -> None:
    """Order the search for houses that have an address and no place yet.

    A change of address orders its own; these are from before a provider was configured,
    or were searched for while it was away.
    """
    if weather_provider() is None:
        return
    known = Location.objects.filter(site=OuterRef("pk")).values("searched")[:1]
    wanted = Trim(Concat(F("country"), Value(" "), F("address")))
    houses = Site.objects.filter(kind=SiteKind.SINGLE_FAMILY).exclude(address="")
    rows = houses.annotate(known=Subquery(known), wanted=wanted)
    rows = rows.filter(Q(known=None) | ~Q(known=F("wanted"))).order_by("pk")
    for site_id in rows.values_list("pk", flat=True)[:BATCH]:
        key = f"address:{site_id}"
        enqueue(ADDRESS_CHANGED, unique_key=key, site_id=str(site_id))


def locate(*, site_id: uuid.UUID, now: datetime) -> None:
    """Find out where a house is, if its address is new.

    :raises ProviderFailed: the job comes again.
    """
    provider, site = weather_provider(), Site.objects.filter(pk=site_id).first()
    if provider is None or site is None or site.is_community:
        return
    wanted = f"{site.country} {site.address}".strip()
    location = Location.objects.filter(site=site).first()
    if location is not None and location.searched == wanted:
        return
    spot = _find(provider, site)
    with transaction.atomic():
        Location.objects.update_or_create(
            site=site,
            defaults={
                "searched": wanted,
                "place": _place(spot, now) if spot else None,
                "name": spot.name if spot else "",
                "searched_at": now,
            },
        )


def _find(provider: WeatherProvider, site: Site) -> Spot | None:
    for name in names_in(site.address)[:_MOST_SEARCHES]:
        spot = provider.find(name, country=site.country)
        if spot is not None:
            return spot
    return None


def _place(spot: Spot, now: datetime) -> Place:
    """The square that ``spot`` is in, asked for at once when it is new."""
    place, is_new = Place.objects.get_or_create(
        latitude=round(spot.latitude * 10),
        longitude=round(spot.longitude * 10),
        defaults={"due_at": now},
    )
    if is_new:
        enqueue(ASK, unique_key=f"weather:{place.pk}", place_id=place.pk)
    return place


def ask(*, place_id: int, now: datetime) -> None:
    """Hear the weather of a place; a provider that fails is asked later and later."""
    provider, place = weather_provider(), Place.objects.filter(pk=place_id).first()
    if provider is None or place is None or place.due_at > now:
        return
    try:
        told = provider.weather(place.latitude / 10, place.longitude / 10)
    except ProviderFailed as error:
        log.warning("weather_failed", place=str(place), error=str(error))
        pause = min(EVERY * 2 ** min(place.failures, 8), _LONGEST_PAUSE)
        Place.objects.filter(pk=place.pk).update(
            due_at=now + pause, failures=F("failures") + 1
        )
        return
    days = [
        {"day": one.day.isoformat(), "code": one.code, "high": one.high, "low": one.low}
        for one in told.days
    ]
    Place.objects.filter(pk=place.pk).update(
        temperature=told.temperature,
        code=told.code,
        is_day=told.is_day,
        days=days,
        heard_at=now,
        due_at=now + EVERY,
        failures=0,
    )


def forget_empty_places() -> None:
    """Delete the places where no house is any more."""
    Place.objects.filter(locations=None).delete()
