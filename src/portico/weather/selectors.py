"""The weather of a house."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from portico.sites.models import Site
from portico.weather.models import Location, Place
from portico.weather.ports import weather_provider

# Older weather is none.
FRESH = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class DayAhead:
    """One day; degrees Celsius, WMO code."""

    day: date
    code: int
    high: float
    low: float


@dataclass(frozen=True, slots=True)
class HouseWeather:
    """What a house's people see; degrees Celsius, WMO code."""

    place: str
    temperature: float
    code: int
    is_day: bool
    heard_at: datetime
    days: tuple[DayAhead, ...]


def weather_of(site: Site, now: datetime) -> HouseWeather | None:
    """The weather at ``site``; None: no provider, no address, or nothing heard lately."""
    if weather_provider() is None:
        return None
    rows = Location.objects.select_related("place").filter(site=site)
    location = rows.first()
    if location is None or location.place is None:
        return None
    return _told(location, location.place, now)


def _told(location: Location, place: Place, now: datetime) -> HouseWeather | None:
    if place.heard_at is None or place.temperature is None or place.code is None:
        return None
    if now - place.heard_at > FRESH:
        return None
    return HouseWeather(
        place=location.name,
        temperature=place.temperature,
        code=place.code,
        is_day=place.is_day,
        heard_at=place.heard_at,
        days=tuple(
            DayAhead(
                date.fromisoformat(one["day"]), one["code"], one["high"], one["low"]
            )
            for one in place.days
        ),
    )


def facts(told: HouseWeather) -> dict[str, object]:
    """What is known, in plain values; degrees Celsius, WMO codes."""
    return {
        "place": told.place,
        "temperature": told.temperature,
        "code": told.code,
        "is_day": told.is_day,
        "heard_at": told.heard_at.isoformat(),
        "days": [
            {
                "day": one.day.isoformat(),
                "code": one.code,
                "high": one.high,
                "low": one.low,
            }
            for one in told.days
        ],
    }
