from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.weather.server import FakeWeather, configured_weather


@pytest.fixture
def weather() -> Iterator[FakeWeather]:
    """A configured provider: a local server of the Open-Meteo shape."""
    with configured_weather() as fake:
        yield fake
