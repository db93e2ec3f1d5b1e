"""Where weather comes from: plugged in by the wiring, absent by default."""

from __future__ import annotations

from typing import Protocol

from portico.protocols.open_meteo import Spot, Weather


class ProviderFailed(Exception):
    """The provider is away, slow, or does not say what it should."""


class WeatherProvider(Protocol):
    """Finds places, and tells their weather."""

    def find(self, name: str, *, country: str) -> Spot | None:
        """The place called ``name`` (in ``country``, ISO 3166, if given); None: none.

        :raises ProviderFailed: see there.
        """

    def weather(self, latitude: float, longitude: float) -> Weather:
        """The weather at a place in degrees. :raises ProviderFailed: see there."""


_installed: list[WeatherProvider] = []


def install_weather(provider: WeatherProvider | None) -> None:
    """Use ``provider`` from now on; None: there is no weather."""
    _installed[:] = [] if provider is None else [provider]


def weather_provider() -> WeatherProvider | None:
    """The provider; None: none is configured."""
    return _installed[0] if _installed else None
