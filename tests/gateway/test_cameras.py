"""The test of a third-party camera, from its button to the picture on the page."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portico.devices.enums import CommandState
from portico.devices.models import Camera, CameraPicture, Command
from portico.devices.services.bridges import invite_bridge
from portico.devices.services.cameras import try_camera
from portico.events.models import LogEntry
from portico.kernel.clock import to_ms, utcnow
from portico.protocols.bridge import messages as wire
from portico.protocols.bridge.envelope import NO_UNIT
from portico.simulator.virtual import VirtualUnit
from tests.bridge.process import bridge
from tests.bridge.test_cameras import HOME, RTSP
from tests.factories import make_installer, make_site, new_mac
from tests.factories.cameras import CAMERA_ADDRESS, CAMERA_PASSWORD, make_camera
from tests.gateway.bridges import HandBridge, enrol
from tests.gateway.server import RunningGateway
from tests.portals.conftest import client_of
from tests.portals.support import HTMX, text_of
from tests.waiting import LONGEST_SECONDS, eventually

pytestmark = [pytest.mark.integration]


class RunningHouse:
    """A bridge's own process, and a camera in its network, beside the test."""

    def __init__(self) -> None:
        self.port = 0
        self.errors = ""
        self.up = threading.Event()
        self.down = threading.Event()

    async def run(self, server: str, token: str, data: Path) -> None:
        config = {f"{RTSP}Username": "admin", f"{RTSP}Password": CAMERA_PASSWORD}
        unit = VirtualUnit.start(mac=new_mac(), model="R20A", config=config, rtsp=True)
        box = bridge(server, data, token=token, prelude=HOME)
        async with unit as camera, box as process:
            self.port = camera.rtsp_port
            self.up.set()
            await asyncio.to_thread(self.down.wait)
            self.errors = str(process.log) + "".join(process.errors)


@contextmanager
def running_house(server: str, token: str, data: Path) -> Iterator[RunningHouse]:
    house = RunningHouse()
    thread = threading.Thread(
        target=lambda: asyncio.run(house.run(server, token, data)), daemon=True
    )
    thread.start()
    try:
        assert house.up.wait(LONGEST_SECONDS)
        yield house
    finally:
        house.down.set()
        thread.join(LONGEST_SECONDS)


def test_button_brings_the_cameras_picture(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    installer = make_installer()
    site = make_site(installer)
    _, token = invite_bridge(actor=installer, site=site, name="Box", now=utcnow())
    browser = client_of(installer)
    with running_house(gateway.base, token, tmp_path) as house:
        eventually(lambda: site.bridges.filter(is_online=True).exists())
        address = f"rtsp://cam.home:{house.port}/live/ch00_1"
        camera = make_camera(site, installer, address=address)
        url = f"/installer/sites/{site.pk}/cameras/{camera.pk}/"

        def outcome() -> tuple[str, str]:
            browser.post(url, headers=HTMX)
            command = Command.objects.latest("requested_at")
            eventually(lambda: Command.objects.get(pk=command.pk).is_finished)
            command.refresh_from_db()
            return command.state, command.reason

        assert outcome() == (CommandState.ACKNOWLEDGED, "")
        assert browser.get(f"{url}newest.jpg").content.startswith(b"\xff\xd8\xff")
        assert "newest.jpg" in text_of(browser.get(url, headers=HTMX))
        # It stands at no door: the door log knows nothing of it.
        assert not LogEntry.objects.exists()
        Camera.objects.update(password="other")
        assert outcome() == (CommandState.DENIED, "unauthorized")
        assert "The camera refused" in text_of(browser.get(url, headers=HTMX))
    assert CAMERA_PASSWORD not in house.errors
    assert not [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and CAMERA_PASSWORD.encode() in path.read_bytes()
    ]


def test_secrets_are_told_to_the_houses_bridge_alone(gateway: RunningGateway) -> None:
    installer = make_installer()
    site, other = make_site(installer), make_site(installer)
    bridge_id, private, _ = enrol(gateway, site, installer)
    foreign_id, foreign_key, _ = enrol(gateway, other, installer)
    with (
        HandBridge(gateway, bridge_id, private) as box,
        HandBridge(gateway, foreign_id, foreign_key) as foreign,
    ):
        box.authenticate()
        foreign.authenticate()
        eventually(lambda: site.bridges.filter(is_online=True).exists())
        eventually(lambda: other.bridges.filter(is_online=True).exists())
        camera = make_camera(site, installer)
        command = try_camera(actor=installer, camera=camera, now=utcnow())

        told = box.expect(wire.Command)
        assert told.id == command.pk
        assert (told.mac, told.kind) == (NO_UNIT, "camera_picture")
        assert told.data == {
            "url": CAMERA_ADDRESS,
            "user": "admin",
            "password": CAMERA_PASSWORD,
        }
        # What a bridge of before answers.
        failed, at = wire.CommandState.FAILED, to_ms(utcnow())
        box.send(wire.CommandResult(told.id, failed, "bad_command", at, 1))
        assert box.expect(wire.Ack).ids == (told.id,)
        own = try_camera(
            actor=installer, camera=make_camera(other, installer), now=utcnow()
        )
        # The first that it hears is its own.
        assert foreign.expect(wire.Command).id == own.pk
    command.refresh_from_db()
    assert (command.state, command.reason) == (CommandState.FAILED, "bad_command")
    assert CAMERA_PASSWORD not in str(Command.objects.values())
    assert not CameraPicture.objects.exists()
