from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.test import Client
from pydantic import SecretStr
from pytest_django.fixtures import Settings

from portico.accounts.models import User
from portico.devices.models import Bridge
from portico.portals.shared.demo import ACTS
from portico.sites.models import Site
from tests.factories import make_device
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


class Control(ThreadingHTTPServer):
    """Stands in for the simulator's control address; keeps what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Control

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = json.loads(self.rfile.read(length))
        self.server.asked.append((self.path, self.headers["Authorization"], body))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b'{"error": "the unit is off"}')

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.end_headers()
        shown = [
            {
                "Text": f"{name}\n\n<b>Hello</b>",
                "Date": "2026-11-22",
                "Time": "12:00:00",
            }
            for name in ("Older", "Newer")
        ]
        self.wfile.write(json.dumps({"messages": shown}).encode())

    def log_message(self, *_words: Any) -> None:
        """Say nothing: the tests look at what was asked."""


@pytest.fixture
def control(settings: Settings) -> Iterator[Control]:
    server = Control()
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    settings.DEMO = True
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(
        update={
            "simulator_control": server.url,
            "simulator_token": SecretStr("t0ken"),
        }
    )
    yield server
    server.shutdown()
    server.server_close()


def test_virtual_unit_is_started_with_its_own_address(
    browser: Client, installer: User, site: Site, control: Control
) -> None:
    device = make_device(site, installer, model="")
    browser.post(f"/installer/devices/{device.mac}/virtual/")
    path, authorization, body = control.asked[0]
    assert (path, authorization) == ("/devices", "Bearer t0ken")
    assert (body["mac"], body["model"]) == (device.mac, "R29C")
    assert body["url"].endswith(f"/p/{device.secrets.file_secret}/")


def test_every_act_is_passed_on(
    browser: Client, installer: User, site: Site, control: Control
) -> None:
    device = make_device(site, installer)
    url = f"/installer/devices/{device.mac}/virtual/act/"
    for act in ACTS[device.kind]:
        browser.post(url, {"act": act.key})
    assert [body for _, _, body in control.asked] == [a.body for a in ACTS[device.kind]]
    assert browser.post(url, {"act": "explode"}).status_code == 404


def test_a_virtual_monitor_shows_its_messages(
    browser: Client, installer: User, site: Site, control: Control
) -> None:
    monitor = make_device(site, installer, model="C313")
    page = f"/installer/devices/{monitor.mac}/"
    shown = f"{page}virtual/messages/"
    assert f'hx-get="{shown}"' in text_of(browser.get(page))
    text = text_of(browser.get(shown))
    assert text.index("Newer") < text.index("Older")
    assert "&lt;b&gt;Hello&lt;/b&gt;" in text

    control.status = 404
    assert "No messages yet" in text_of(browser.get(shown))
    door = make_device(site, installer)
    assert (
        browser.get(f"/installer/devices/{door.mac}/virtual/messages/").status_code
        == 404
    )


def test_virtual_bridge_is_started_with_a_fresh_token(
    browser: Client, site: Site, control: Control
) -> None:
    browser.post(f"/installer/sites/{site.pk}/bridge/virtual/")
    path, _, body = control.asked[0]
    assert path == "/bridges"
    assert body["server"] == "http://127.0.0.1:8000"
    assert len(body["token"]) == 24
    assert Bridge.objects.filter(site=site, revoked_at=None).count() == 1


def test_what_the_simulator_refuses_is_told(
    browser: Client, installer: User, site: Site, control: Control
) -> None:
    device = make_device(site, installer)
    url = f"/installer/devices/{device.mac}/virtual/act/"
    control.status = 404
    page = text_of(browser.post(url, {"act": "pin"}, follow=True))
    assert "Start it first." in page
    control.status = 409
    page = text_of(browser.post(url, {"act": "pin"}, follow=True))
    assert "the unit is off" in page


def test_without_a_simulator_the_button_says_so(
    browser: Client, installer: User, site: Site, settings: Settings
) -> None:
    settings.DEMO = True
    device = make_device(site, installer)
    url = f"/installer/devices/{device.mac}/virtual/"
    assert "No simulator runs" in text_of(browser.post(url, follow=True))


def test_outside_the_demo_nothing_of_this_exists(
    browser: Client, installer: User, site: Site
) -> None:
    device = make_device(site, installer)
    assert browser.post(f"/installer/devices/{device.mac}/virtual/").status_code == 404
    assert (
        browser.post(f"/installer/sites/{site.pk}/bridge/virtual/").status_code == 404
    )
    assert "Virtual unit" not in text_of(
        browser.get(f"/installer/devices/{device.mac}/")
    )
    assert not Bridge.objects.exists()
