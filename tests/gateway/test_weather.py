"""The weather on the home screen of a virtual indoor monitor (SITE-11)."""

from __future__ import annotations

import contextlib

import httpx
import pytest
from pytest_django.fixtures import Settings

from portico.kernel.clock import utcnow
from portico.simulator.testing import SimulatorError, SimulatorProcess
from portico.weather.models import Place
from tests.factories import make_device, make_installer, make_site, run_jobs
from tests.gateway.server import RunningGateway
from tests.gateway.test_files import address
from tests.waiting import eventually
from tests.weather.server import configured_weather

pytestmark = [pytest.mark.integration]


def quick_units() -> SimulatorProcess:
    """A simulator whose units reboot in no time."""
    return SimulatorProcess(arguments=("--time-scale", "200"))


def test_a_monitor_shows_the_weather_of_its_house(
    gateway: RunningGateway, settings: Settings
) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(
        update={"public_url": gateway.base}
    )
    ida = make_installer()
    with configured_weather(), quick_units() as simulator:
        site = make_site(ida, address="Lindenweg 4, Hamburg", country="DE")
        monitor, door = make_device(site, ida, model="C313"), make_device(site, ida)
        url = address(gateway, monitor, "weather.json")
        assert httpx.get(url, trust_env=False).status_code == 404
        run_jobs()
        answer = httpx.get(url, trust_env=False)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "private, no-cache"
        # A door phone has no home screen, and a wrong secret opens nothing.
        for wrong in (
            address(gateway, door, "weather.json"),
            f"{gateway.base}/p/{'x' * 43}/weather.json",
        ):
            assert httpx.get(wrong, trust_env=False).status_code == 404

        simulator.add_device(monitor.mac, "C313", url.removesuffix("weather.json"))

        def on_screen() -> object:
            with contextlib.suppress(SimulatorError):  # the first contact reboots it
                simulator.act(monitor.mac, "autop")
                return simulator.device(monitor.mac)["weather"]
            return None

        def shows() -> bool:
            shown = on_screen()
            return isinstance(shown, dict) and shown.get("temperature") == 7.6

        eventually(shows)
        # Nothing heard for long: the screen shows none.
        Place.objects.update(heard_at=utcnow().replace(year=2020))
        eventually(lambda: on_screen() == {})
