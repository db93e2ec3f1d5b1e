"""The two answers of a weather service of the Open-Meteo shape, read without trust.

Source: open-meteo.com/en/docs and its geocoding page. ``/v1/search?name=&count=`` answers
``{"results": [{"name", "latitude", "longitude", "country_code"}]}``, without ``results``
when nothing is found; ``/v1/forecast?latitude=&longitude=&current=&daily=`` answers
``{"current": {"temperature_2m", "weather_code", "is_day"}, "daily": {"time": […], …}}``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

CURRENT: Final = "temperature_2m,weather_code,is_day"
DAILY: Final = "weather_code,temperature_2m_max,temperature_2m_min"
DAYS: Final = 3
# WMO code table 4677, as far as forecasts use it.
_MOST_CODE: Final = 99
_COLDEST, _HOTTEST = -95.0, 65.0


class BadAnswer(ValueError):
    """The service did not say what it should."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place that was found; degrees north and east."""

    name: str
    country: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Day:
    """The forecast of one day; degrees Celsius."""

    day: date
    code: int
    high: float
    low: float


@dataclass(frozen=True, slots=True)
class Weather:
    """What it is like now, and the next days; degrees Celsius, WMO code."""

    temperature: float
    code: int
    is_day: bool
    days: tuple[Day, ...]


def names_in(address: str) -> list[str]:
    """What a search for places may know of a street address, the most telling first.

    "Lindenweg 4, 20095 Hamburg" gives "20095 Hamburg", "Hamburg", "Lindenweg 4",
    "Lindenweg": the service knows places and post codes, not streets.
    """
    names: list[str] = []
    for part in reversed(address.replace("\n", ",").split(",")):
        words = part.split()
        plain = [word for word in words if not any(sign.isdigit() for sign in word)]
        for name in (" ".join(words), " ".join(plain)):
            if len(name) > 1 and name not in names:
                names.append(name)
    return names


def read_spot(answer: object, *, country: str = "") -> Spot | None:
    """The first place of a search; None: nothing was found.

    :raises BadAnswer: it is none of the service's answers.
    """
    results = _mapping(answer).get("results", [])
    if not isinstance(results, Sequence) or isinstance(results, str):
        raise BadAnswer("results")
    for one in results:
        found = _mapping(one)
        code = str(found.get("country_code", ""))
        if country and code and code != country:
            continue
        return Spot(
            name=str(found.get("name", ""))[:127],
            country=code[:2],
            latitude=_number(found.get("latitude"), -90, 90),
            longitude=_number(found.get("longitude"), -180, 180),
        )
    return None


def read_weather(answer: object) -> Weather:
    """What a forecast says. :raises BadAnswer: it is none, or not of this world."""
    data = _mapping(answer)
    current, daily = _mapping(data.get("current")), _mapping(data.get("daily"))
    return Weather(
        temperature=_degrees(current.get("temperature_2m")),
        code=_code(current.get("weather_code")),
        is_day=current.get("is_day") != 0,
        days=tuple(_days(daily)),
    )


def _days(daily: Mapping[str, Any]) -> list[Day]:
    columns = [
        daily.get(name)
        for name in ("time", "weather_code", "temperature_2m_max", "temperature_2m_min")
    ]
    if not all(isinstance(column, list) for column in columns):
        raise BadAnswer("daily")
    try:
        return [
            Day(date.fromisoformat(day), _code(code), _degrees(high), _degrees(low))
            for day, code, high, low in zip(*columns, strict=True)
        ][:DAYS]
    except (TypeError, ValueError) as error:
        raise BadAnswer("daily") from error


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadAnswer("no object")
    return value


def _number(value: object, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadAnswer("no number")
    if not math.isfinite(value) or not least <= value <= most:
        raise BadAnswer("out of range")
    return float(value)


def _degrees(value: object) -> float:
    return _number(value, _COLDEST, _HOTTEST)


def _code(value: object) -> int:
    return int(_number(value, 0, _MOST_CODE))
