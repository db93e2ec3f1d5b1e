"""Two gateways, one database: what arrives at one is done by the one that can."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import httpx
import pytest

from portico.devices.enums import CommandChannel, CommandState
from portico.devices.models import Bridge
from portico.devices.services.commands import request_open
from portico.kernel.bus import Bus, install_bus
from portico.kernel.bus.local import LocalBus
from portico.kernel.bus.nats import NatsBus
from portico.kernel.clock import utcnow
from portico.protocols.bridge import messages as wire
from portico.provisioning.models import ProvisioningFile
from tests.factories import make_device, make_installer, make_site, run_jobs
from tests.gateway.bridges import HandBridge, enrol
from tests.gateway.server import RunningGateway, running_gateway
from tests.nats import running_nats, short_folder
from tests.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


@pytest.fixture(params=["local", "nats"])
def buses(request: pytest.FixtureRequest) -> Iterator[list[Bus]]:
    """What three processes see of one bus: two gateways and web."""
    if request.param == "local":
        folder = short_folder()
        made: list[Bus] = [LocalBus(folder) for _ in range(3)]
        yield made
        for each in made:
            each.close()
        shutil.rmtree(folder)
        return
    with running_nats() as url:
        connected = [NatsBus([url]) for _ in range(3)]
        assert all(each.wait_ready(10) for each in connected)
        yield list(connected)
        for each in connected:
            each.close()


@pytest.fixture
def gateways(buses: list[Bus]) -> Iterator[tuple[RunningGateway, RunningGateway]]:
    install_bus(buses[2])
    with (
        running_gateway(buses[0], gateway_id="one") as one,
        running_gateway(buses[1], gateway_id="two") as two,
    ):
        yield one, two


def test_command_reaches_the_gateway_that_holds_the_bridge(
    gateways: tuple[RunningGateway, RunningGateway],
) -> None:
    one, two = gateways
    installer = make_installer()
    site = make_site(installer)
    device = make_device(site, installer)
    bridge_id, private, _ = enrol(one, site, installer)
    with HandBridge(two, bridge_id, private) as bridge:
        bridge.authenticate()
        command = request_open(
            actor=installer,
            relay=device.relays.get(number=1),
            channel=CommandChannel.PORTAL,
            now=utcnow(),
        )
        bridge.acknowledge(bridge.expect(wire.Command))
        bridge.expect(wire.Ack)

    command.refresh_from_db()
    assert command.state == CommandState.ACKNOWLEDGED


def test_bridge_that_moves_ends_its_session_at_the_other_gateway(
    gateways: tuple[RunningGateway, RunningGateway],
) -> None:
    one, two = gateways
    installer = make_installer()
    bridge_id, private, _ = enrol(one, make_site(installer), installer)
    with (
        HandBridge(one, bridge_id, private) as older,
        HandBridge(two, bridge_id, private) as newer,
    ):
        older.authenticate()
        newer.authenticate()

        assert older.closed() == 4409
    eventually(lambda: not Bridge.objects.get().is_online)


def test_changed_file_is_dropped_from_every_gateways_memory(
    gateways: tuple[RunningGateway, RunningGateway],
) -> None:
    installer = make_installer()
    device = make_device(make_site(installer), installer)
    run_jobs()
    path = f"/p/{device.secrets.file_secret}/{device.mac}.cfg"
    tags = {httpx.get(f"{g.base}{path}").headers["etag"] for g in gateways}
    assert len(tags) == 1
    eventually(lambda: ProvisioningFile.objects.get().fetched_at)
    run_jobs()

    for gateway in gateways:
        address = f"{gateway.base}{path}"
        eventually(lambda: httpx.get(address).headers["etag"] not in tags)  # noqa: B023
