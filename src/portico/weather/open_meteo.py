"""The adapter for services of the Open-Meteo shape."""

from __future__ import annotations

from typing import Any

import httpx

from portico.protocols.open_meteo import (
    CURRENT,
    DAILY,
    DAYS,
    BadAnswer,
    Spot,
    Weather,
    read_spot,
    read_weather,
)
from portico.weather.ports import ProviderFailed

# Nobody waits for it, but a job's worker does.
TIMEOUT_SECONDS = 10.0
_MOST_BYTES = 200_000


class OpenMeteo:
    """Asks ``<search>/v1/search`` and ``<forecast>/v1/forecast``."""

    def __init__(self, *, search_url: str, forecast_url: str) -> None:
        self._search = f"{search_url.rstrip('/')}/v1/search"
        self._forecast = f"{forecast_url.rstrip('/')}/v1/forecast"

    def find(self, name: str, *, country: str) -> Spot | None:
        """See the port."""
        asked = {"name": name, "count": "10", "language": "en", "format": "json"}
        try:
            return read_spot(_get(self._search, asked), country=country)
        except BadAnswer as error:
            raise ProviderFailed(str(error)) from error

    def weather(self, latitude: float, longitude: float) -> Weather:
        """See the port."""
        asked = {
            "latitude": f"{latitude:.1f}",
            "longitude": f"{longitude:.1f}",
            "current": CURRENT,
            "daily": DAILY,
            "forecast_days": str(DAYS),
            "timezone": "auto",
        }
        try:
            return read_weather(_get(self._forecast, asked))
        except BadAnswer as error:
            raise ProviderFailed(str(error)) from error


def _get(url: str, asked: dict[str, str]) -> Any:
    try:
        answer = httpx.get(url, params=asked, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        if len(answer.content) > _MOST_BYTES:
            raise ProviderFailed("too long an answer")
        return answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ProviderFailed(str(error)[:200]) from error
