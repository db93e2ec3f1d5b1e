"""The weather of a house's address: in portal, app API and on the monitor (SITE-11)."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.accounts.services.app_sessions import open_session
from portico.kernel.clock import utcnow
from portico.sites.models import Site
from portico.sites.services.houses import change_house
from portico.sites.services.registration import HouseData
from portico.weather.models import Location, Place
from portico.weather.open_meteo import OpenMeteo
from portico.weather.ports import ProviderFailed, install_weather
from portico.weather.selectors import weather_of
from portico.weather.services import asking
from tests.appapi.support import App
from tests.factories import make_community, make_installer, make_site, run_jobs
from tests.portals.conftest import client_of
from tests.portals.support import text_of
from tests.weather.server import FORECAST, HAMBURG, FakeWeather

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

ADDRESS = "Lindenweg 4, 20095 Hamburg"


@pytest.fixture
def ida(db: None) -> User:
    return make_installer("ida")


@pytest.fixture
def browser(ida: User) -> Client:
    return client_of(ida)


def house(ida: User, address: str = ADDRESS, country: str = "DE") -> Site:
    return make_site(ida, address=address, country=country)


def in_app(site: Site) -> dict[str, Any] | None:
    user = site.residents.get(role="master").user
    token = open_session(user=user, client="test", now=utcnow()).token
    found: dict[str, Any] | None = (
        App(token).get("/userconf")["datas"]["app_conf"].get("weather")
    )
    return found


def test_a_new_house_has_its_weather_in_portal_and_app(
    ida: User, browser: Client, weather: FakeWeather
) -> None:
    site = house(ida)
    run_jobs()
    # The whole last part of the address is not a place to the service, the town is.
    assert weather.names() == ["20095 Hamburg", "Hamburg"]
    page = text_of(browser.get(f"/installer/sites/{site.pk}/"))
    assert "8 °C, rain" in page
    assert 'title="Hamburg"' in page
    told = in_app(site)
    assert told is not None
    assert (told["place"], told["temperature"], told["code"]) == ("Hamburg", 7.6, 61)
    assert told["days"][2] == {"day": "2026-11-24", "code": 0, "high": 6.0, "low": -1.3}


def test_houses_near_each_other_ask_once(ida: User, weather: FakeWeather) -> None:
    for _ in range(3):
        house(ida)
    run_jobs()
    assert Place.objects.count() == 1
    forecasts = [path for path, _ in weather.asked if path == "/v1/forecast"]
    assert len(forecasts) == 1
    # No house's own position leaves: a tenth of a degree is some ten kilometres.
    query = weather.asked[-1][1]
    asked = next(q for path, q in weather.asked if path == "/v1/forecast")
    assert (asked["latitude"], asked["longitude"]) == ("53.6", "10.0")
    assert query


def test_another_address_is_another_place(ida: User, weather: FakeWeather) -> None:
    site = house(ida)
    run_jobs()
    weather.places["Kiel"] = HAMBURG | {"name": "Kiel", "latitude": 54.3}
    master = site.residents.get().user
    data = HouseData(
        name=site.name, email=str(master.email), country="DE", address="Hafen 1, Kiel"
    )
    change_house(
        actor=ida,
        site=site,
        data=data,
        version=site.version,
        master_version=master.version,
        now=utcnow(),
    )
    run_jobs()
    assert Location.objects.get().name == "Kiel"
    asking.forget_empty_places()
    assert Place.objects.get().latitude == 543


def test_it_is_heard_again_every_half_hour(ida: User, weather: FakeWeather) -> None:
    site = house(ida)
    run_jobs()
    weather.forecast = copy.deepcopy(FORECAST)
    weather.forecast["current"]["temperature_2m"] = -3.2
    for minutes, degrees in ((20, 7.6), (31, -3.2)):
        then = utcnow() + timedelta(minutes=minutes)
        asking.order_due(now=then)
        place = Place.objects.get()
        asking.ask(place_id=place.pk, now=then)
        told = weather_of(site, then)
        assert told is not None
        assert told.temperature == degrees


def shown(ida: User, site: Site, now: datetime) -> bool:
    page = text_of(client_of(ida).get(f"/installer/sites/{site.pk}/"))
    assert (in_app(site) is not None) == ("°C" in page)
    assert (weather_of(site, now) is not None) == ("°C" in page)
    return "°C" in page


def test_without_a_provider_nothing_is_shown_and_nothing_fails(ida: User) -> None:
    install_weather(None)
    site = house(ida)
    run_jobs()
    asking.order_due(now=utcnow())
    asking.order_searches()
    assert not shown(ida, site, utcnow())
    assert not Location.objects.exists()


def test_houses_from_before_are_found_once_a_provider_is_there(
    ida: User, weather: FakeWeather
) -> None:
    provider = OpenMeteo(search_url=weather.url, forecast_url=weather.url)
    install_weather(None)
    site, park = house(ida), make_community(ida, address=ADDRESS)
    run_jobs()
    install_weather(provider)
    asking.order_searches()
    run_jobs()
    assert shown(ida, site, utcnow())
    assert not Location.objects.filter(site=park).exists()
    before = len(weather.asked)
    asking.order_searches()
    run_jobs()
    assert len(weather.asked) == before


def test_an_address_that_nobody_knows_shows_nothing(
    ida: User, weather: FakeWeather
) -> None:
    site = house(ida, "Nowhere 7, Atlantis")
    run_jobs()
    assert weather.names() == ["Atlantis", "Nowhere 7", "Nowhere"]
    assert Location.objects.get().place is None
    assert not shown(ida, site, utcnow())
    # A place of that name in another country is not it.
    other = house(ida, "Hamburg", country="US")
    run_jobs()
    assert Location.objects.get(site=other).place is None


WRONG: list[dict[str, Any]] = [
    {"raw": b"<html>busy</html>"},
    {"raw": b"[]"},
    {"raw": b'{"current": {}}'},
    {"status": 500},
    {"status": 429},
    {"raw": b"x" * 300_000},
    {"forecast": FORECAST | {"current": {"temperature_2m": 4000, "weather_code": 1}}},
    {"forecast": FORECAST | {"current": {"temperature_2m": "7", "weather_code": 1}}},
    {"forecast": FORECAST | {"current": {"temperature_2m": 7, "weather_code": None}}},
    {"forecast": FORECAST | {"daily": {"time": ["never"]}}},
]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_keeps_the_old_until_it_is_too_old(
    ida: User, weather: FakeWeather, wrong: dict[str, Any]
) -> None:
    site = house(ida)
    run_jobs()
    heard = Place.objects.get().heard_at
    for name, value in wrong.items():
        setattr(weather, name, value)
    place = Place.objects.get()
    then = utcnow() + timedelta(minutes=31)
    asking.ask(place_id=place.pk, now=then)
    place.refresh_from_db()
    assert (place.heard_at, place.failures) == (heard, 1)
    assert place.due_at > then
    assert weather_of(site, then) is not None
    assert weather_of(site, then + timedelta(hours=4)) is None
    # Asked later and later, but it is asked again, and then all is well.
    for name in wrong:
        setattr(weather, name, getattr(FakeWeather(), name))
    asking.ask(place_id=place.pk, now=place.due_at)
    place.refresh_from_db()
    assert place.failures == 0


def test_a_slow_provider_is_not_waited_for(
    ida: User, weather: FakeWeather, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portico.weather.open_meteo.TIMEOUT_SECONDS", 0.2)
    site = house(ida)
    run_jobs()
    weather.delay = 1.5
    place = Place.objects.get()
    asking.ask(place_id=place.pk, now=place.due_at)
    place.refresh_from_db()
    assert place.failures == 1
    assert shown(ida, site, utcnow())


def test_a_search_that_fails_comes_again(ida: User, weather: FakeWeather) -> None:
    weather.status = 503
    site = house(ida)
    with pytest.raises(ProviderFailed):
        run_jobs()
    assert not Location.objects.exists()
    assert not shown(ida, site, utcnow())
    weather.status = 200
    asking.locate(site_id=site.pk, now=utcnow())
    run_jobs()
    assert Location.objects.get().name == "Hamburg"


def test_a_provider_that_is_away_is_no_error_of_a_page(ida: User) -> None:
    install_weather(
        OpenMeteo(search_url="http://127.0.0.1:9", forecast_url="http://127.0.0.1:9")
    )
    try:
        site = house(ida)
        with pytest.raises(ProviderFailed):
            run_jobs()
        assert not shown(ida, site, utcnow())
    finally:
        install_weather(None)
