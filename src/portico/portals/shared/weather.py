"""The weather in words and pictures: WMO code table 4677, as forecasts use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from portico.weather.selectors import weather_of

if TYPE_CHECKING:
    from datetime import datetime

    from django_stubs_ext import StrOrPromise

    from portico.sites.models import Site


@dataclass(frozen=True, slots=True)
class Sky:
    """A kind of weather: its words and its icon."""

    words: StrOrPromise
    icon: str


# From this code on.
_SKIES: tuple[tuple[int, Sky], ...] = (
    (95, Sky(_("thunderstorm"), "cloud-bolt")),
    (85, Sky(_("snow showers"), "cloud-snow")),
    (80, Sky(_("showers"), "cloud-rain")),
    (71, Sky(_("snow"), "cloud-snow")),
    (66, Sky(_("freezing rain"), "cloud-rain")),
    (61, Sky(_("rain"), "cloud-rain")),
    (51, Sky(_("drizzle"), "cloud-rain")),
    (45, Sky(_("fog"), "cloud-fog")),
    (3, Sky(_("overcast"), "cloud")),
    (1, Sky(_("partly cloudy"), "sun-high")),
    (0, Sky(_("clear"), "sun")),
)
_CLEAR_NIGHT = Sky(_("clear"), "moon-stars")


def sky(code: int, *, is_day: bool = True) -> Sky:
    """What a WMO code means."""
    if code == 0 and not is_day:
        return _CLEAR_NIGHT
    return next(found for least, found in _SKIES if code >= least)


@dataclass(frozen=True, slots=True)
class Shown:
    """The weather of a house as a page's header says it; degrees Celsius."""

    place: str
    degrees: int
    sky: Sky


def shown_weather(site: Site, now: datetime) -> Shown | None:
    """The weather of ``site`` now; None: there is nothing to show."""
    told = weather_of(site, now)
    if told is None:
        return None
    degrees = round(told.temperature)
    return Shown(told.place, degrees, sky(told.code, is_day=told.is_day))
