"""Pictures that bridges send: who may, what is kept, and where it is seen."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from portico.devices.enums import CommandChannel, CommandKind, CommandState
from portico.devices.models import Command, Device, DevicePicture
from portico.devices.selectors import picture_file
from portico.devices.services.bridges import invite_bridge
from portico.devices.services.commands import mark_sent
from portico.devices.services.orders import request_order
from portico.kernel.clock import utcnow
from portico.protocols.bridge import signing
from portico.provisioning.models import ProvisioningFile
from portico.simulator.testing import SimulatorProcess
from tests.factories import JPEG, make_device, make_installer, make_site, run_jobs
from tests.gateway.bridges import enrol
from tests.gateway.server import RunningGateway
from tests.portals.conftest import client_of
from tests.portals.support import HTMX, text_of
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]
Settings = Any


class Home:
    """A house whose bridge is played by hand."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway = gateway
        self.installer = make_installer()
        self.site = make_site(self.installer)
        self.device: Device = make_device(self.site, self.installer)
        self.bridge_id, self.private, _ = enrol(gateway, self.site, self.installer)
        self.site.bridges.update(is_online=True, last_seen_at=utcnow())
        self.command: Command = request_order(
            actor=self.installer,
            device=self.device,
            kind=CommandKind.TAKE_PICTURE,
            channel=CommandChannel.PORTAL,
            now=utcnow(),
        )
        assert mark_sent(command_id=self.command.pk, now=utcnow())

    def send(
        self,
        jpeg: bytes = JPEG,
        *,
        command: object = None,
        signed: bytes | None = None,
        key: bytes | None = None,
        bridge: object = None,
        method: str = "POST",
    ) -> int:
        name = command or self.command.pk
        meant = name if isinstance(name, uuid.UUID) else self.command.pk
        body = jpeg if signed is None else signed
        signature = signing.sign_picture(key or self.private, meant, body)
        return httpx.request(
            method,
            f"{self.gateway.base}/bridge/v1/pictures/{name}",
            content=jpeg,
            headers={
                "Portico-Bridge": str(bridge or self.bridge_id),
                "Portico-Signature": signing.to_base64url(signature),
            },
            trust_env=False,
        ).status_code


@pytest.fixture
def home(gateway: RunningGateway) -> Home:
    return Home(gateway)


def test_ordered_picture_is_kept_and_shown_to_its_installer(home: Home) -> None:
    assert home.send() == 204

    url = f"/installer/devices/{home.device.mac}/picture/newest.jpg"
    answer = client_of(home.installer).get(url)
    assert answer.content == JPEG
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-store"
    assert client_of(make_installer()).get(url).status_code == 404


def test_what_nobody_signed_or_ordered_is_refused(home: Home) -> None:
    other = signing.generate_private_key()
    refused = [
        home.send(key=other),
        home.send(signed=JPEG + b" "),
        home.send(command=uuid.uuid4()),
        home.send(command="../../../etc/passwd"),
        home.send(bridge=uuid.uuid4()),
        home.send(bridge="nobody"),
    ]

    assert refused == [404] * 6
    assert home.send(method="GET") == 405
    assert not DevicePicture.objects.exists()


def test_what_is_no_picture_or_too_large_is_refused(home: Home) -> None:
    assert home.send(b"<html></html>") == 422
    assert home.send(JPEG[:4] + b"x" * 300_000 + JPEG[-2:]) == 413
    assert not DevicePicture.objects.exists()


def test_picture_of_another_house_is_refused(home: Home) -> None:
    other = Home(home.gateway)

    assert home.send(command=other.command.pk) == 404
    assert not DevicePicture.objects.exists()


def test_flood_is_slowed(home: Home) -> None:
    answers = [home.send(bridge=uuid.uuid4()) for _ in range(15)]

    assert answers[0] == 404
    assert answers[-1] == 429


@pytest.fixture
def simulator() -> Iterator[SimulatorProcess]:
    with SimulatorProcess(arguments=("--time-scale", "50")) as running:
        yield running


def test_button_brings_a_picture_and_a_fetch(
    gateway: RunningGateway, simulator: SimulatorProcess, settings: Settings
) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(
        update={"public_url": gateway.base}
    )
    installer = make_installer()
    site = make_site(installer)
    device = make_device(site, installer, model="R20A")
    run_jobs()
    _, token = invite_bridge(actor=installer, site=site, name="Box", now=utcnow())
    simulator.start_bridge(gateway.base, token, "box")
    eventually(lambda: site.bridges.filter(is_online=True).exists())
    run_jobs()
    url = f"{gateway.base}/p/{device.secrets.file_secret}/"
    simulator.add_device(device.mac, "R20A", url)
    browser = client_of(installer)
    page = f"/installer/devices/{device.mac}/"

    def can_be_ordered() -> bool:
        # Its first file makes the unit restart; before that it may be online for a moment.
        run_jobs()
        file = ProvisioningFile.objects.get(device=device)
        is_up = simulator.device(device.mac)["phase"] == "online"
        shown = text_of(browser.get(f"{page}picture/"))
        return is_up and file.is_applied and "disabled" not in shown

    eventually(can_be_ordered, "the unit did not come online")

    def ordered(path: str) -> Command:
        answer = text_of(browser.post(f"{page}{path}", headers=HTMX))
        command = Command.objects.latest("requested_at")
        assert str(command.pk) in answer
        eventually(lambda: Command.objects.get(pk=command.pk).is_finished, path)
        command.refresh_from_db()
        return command

    taken = ordered("picture/")
    assert (taken.state, taken.reason) == (CommandState.ACKNOWLEDGED, "")
    assert picture_file(device)[:3] == b"\xff\xd8\xff"
    assert "newest.jpg" in text_of(browser.get(page))

    runs = simulator.device(device.mac)["autop_runs"]
    fetched = ordered("provisioning/fetch/")
    assert (fetched.state, fetched.reason) == (CommandState.ACKNOWLEDGED, "")
    eventually(lambda: simulator.device(device.mac)["autop_runs"] > runs)


def test_change_reaches_the_unit_without_anybody_asking(
    gateway: RunningGateway, simulator: SimulatorProcess, settings: Settings
) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(
        update={"public_url": gateway.base}
    )
    installer = make_installer()
    site = make_site(installer)
    # Its model is unknown until it tells: then its file is written anew.
    device = make_device(site, installer, model="")
    run_jobs()
    _, token = invite_bridge(actor=installer, site=site, name="Box", now=utcnow())
    simulator.start_bridge(gateway.base, token, "box")
    eventually(lambda: site.bridges.filter(is_online=True).exists())
    run_jobs()
    url = f"{gateway.base}/p/{device.secrets.file_secret}/"
    simulator.add_device(device.mac, "R20A", url)

    def is_up_to_date() -> bool:
        run_jobs()
        device.refresh_from_db()
        file = device.provisioning_file
        file.refresh_from_db()
        return device.model == "R20A" and file.is_fetched and file.is_applied

    eventually(is_up_to_date, "the unit stayed behind")
    name = "Config.DoorSetting.RELAY.RelayNameA"
    eventually(lambda: simulator.device(device.mac)["config"].get(name) == "Door 1")
