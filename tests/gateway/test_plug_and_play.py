"""From a box of new units to devices that are online, by their own question alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from portico.devices.models import Device, FoundUnit
from portico.devices.selectors import device_by_id
from portico.devices.services.bridges import invite_bridge
from portico.kernel.clock import to_ms, utcnow
from portico.protocols.bridge import messages as wire
from portico.simulator.testing import SimulatorProcess
from tests.conftest import MemoryBus
from tests.factories import make_device, make_installer, make_mac, make_site, run_jobs
from tests.gateway.bridges import HandBridge, enrol
from tests.gateway.server import RunningGateway
from tests.portals.conftest import client_of
from tests.portals.support import text_of
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]

Settings = Any


class Home:
    """A house whose bridge and units are real programs; nobody types an address."""

    def __init__(self, gateway: RunningGateway, simulator: SimulatorProcess) -> None:
        self.simulator = simulator
        self.installer = make_installer()
        self.site = make_site(self.installer, "Ada")
        self.device = make_device(self.site, self.installer, model="R20A")
        run_jobs()
        _, token = invite_bridge(
            actor=self.installer, site=self.site, name="Box", now=utcnow()
        )
        simulator.start_bridge(gateway.base, token, "box")
        eventually(self._is_connected, "the bridge did not come")
        run_jobs()

    def _is_connected(self) -> bool:
        return self.site.bridges.filter(is_online=True).exists()

    def browser(self) -> Client:
        return client_of(self.installer)

    def is_online(self, device: Device) -> bool:
        run_jobs()
        found = Device.objects.select_related("presence").get(pk=device.pk)
        presence = getattr(found, "presence", None)
        return presence is not None and presence.is_online and presence.via == "bridge"

    def page(self, name: str) -> str:
        return text_of(self.browser().get(f"/installer/sites/{self.site.pk}/{name}/"))


@pytest.fixture
def home(gateway: RunningGateway, settings: Settings) -> Iterator[Home]:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(
        update={"public_url": gateway.base}
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        group = f"127.0.0.1:{free.getsockname()[1]}"
    with SimulatorProcess(arguments=("--pnp", group, "--time-scale", "50")) as running:
        yield Home(gateway, running)


def test_new_unit_comes_online_by_its_own_question(home: Home) -> None:
    mac = home.device.mac
    home.simulator.add_device(mac, "R20A")

    eventually(lambda: home.is_online(home.device), "it did not come online")
    told = home.simulator.device(mac)["url"]
    assert told.endswith(f"/p/{home.device.secrets.file_secret}/")
    # What it fetched ends the asking: from now on the address is its own.
    assert home.simulator.device(mac)["config"]["Config.Autoprovision.PNP.Enable"] == (
        "0"
    )

    home.simulator.act(mac, "reset_factory")
    eventually(
        lambda: (
            home.simulator.device(mac)["autop_runs"] >= 1
            and home.simulator.device(mac)["url"] == told
        ),
        "a unit that was reset did not find back",
        40,
    )
    assert not FoundUnit.objects.exists()


def test_stranger_is_shown_and_told_nothing_until_it_is_added(home: Home) -> None:
    entry = make_mac(home.installer, model="X916")
    home.simulator.add_device(entry.mac, "X916")
    eventually(lambda: FoundUnit.objects.filter(mac=entry.mac).exists())

    link = f"/installer/sites/{home.site.pk}/devices/new/?mac={entry.mac}"
    for name in ("bridge", "devices"):
        page = home.page(name)
        assert "Units found on this network" in page
        assert link in page
    assert home.simulator.device(entry.mac)["url"] == ""
    assert f'value="{entry.mac}"' in text_of(home.browser().get(link))

    entry.delete()
    device = make_device(home.site, home.installer, model="X916", mac=entry.mac)
    assert "Units found on this network" not in home.page("bridge")
    run_jobs()
    home.simulator.act(entry.mac, "reboot")
    eventually(lambda: home.is_online(device), "it did not come online")


def test_list_of_a_bridge_is_stored_once_each_and_announced(
    gateway: RunningGateway, bus: MemoryBus
) -> None:
    installer = make_installer()
    site = make_site(installer)
    bridge_id, private, _ = enrol(gateway, site, installer)
    at = to_ms(utcnow())
    home = wire.FoundUnit("0C1105AABB01", "R20A", "320.30", "192.168.1.20", at)
    public = wire.FoundUnit("0C1105AABB02", "R20A", "320.30", "8.8.8.8", at)

    with HandBridge(gateway, bridge_id, private) as bridge:
        bridge.authenticate()
        bridge.send(wire.Found((home, public)))
        bridge.send(wire.Found((home,)))
        eventually(lambda: ("units.found", {"site": str(site.pk)}) in bus.published)

    assert [unit.mac for unit in FoundUnit.objects.all()] == ["0C1105AABB01"]


def test_roster_carries_the_address_and_hides_it(gateway: RunningGateway) -> None:
    installer = make_installer()
    site = make_site(installer)
    made = make_device(site, installer)
    bridge_id, private, _ = enrol(gateway, site, installer)

    with HandBridge(gateway, bridge_id, private) as bridge:
        roster = bridge.authenticate()

    unit, device = roster.devices[0], device_by_id(made.pk)
    assert device is not None
    secrets = device.secrets
    assert (unit.provisioning or "").endswith(f"/p/{secrets.file_secret}/")
    assert (unit.rtsp_user, unit.rtsp_password) == ("video", secrets.rtsp_password)
    assert secrets.file_secret not in repr(roster)
    assert secrets.rtsp_password not in repr(roster)
