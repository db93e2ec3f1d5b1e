"""Third-party cameras in a browser: pages that everybody can use, and the form."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from portico.accounts.models import User
from portico.devices.models import Camera
from portico.sites.models import Site
from tests.e2e.pages import DOOR
from tests.e2e.screen import WIDTHS, Screen, assert_fine, take_width
from tests.factories import make_bridge, make_device, make_installer, make_site
from tests.factories.cameras import (
    CAMERA_ADDRESS,
    CAMERA_PASSWORD,
    end_premium,
    make_camera,
    make_camera_picture,
    make_premium,
)

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def installer(transactional_db: None) -> User:
    return make_installer("ida")


@pytest.fixture
def house(installer: User) -> Site:
    site = make_premium(make_site(installer, "Ryan"))
    make_device(site, installer)
    make_bridge(site, installer)
    return site


@WIDTHS
def test_pages_of_cameras_are_accessible(
    screen: Screen, house: Site, installer: User, width: int
) -> None:
    door = house.devices.get()
    shown = make_camera(house, installer, linked=[door.pk])
    make_camera_picture(shown, installer, DOOR.read_bytes())
    make_camera(house, installer, name="Gate" * 10, address="rtsp://" + "x" * 60)
    take_width(screen, width)
    screen.sign_in(installer)
    cameras = f"/installer/sites/{house.pk}/cameras/"
    for path in ("", "new/", f"{shown.pk}/edit/", f"{shown.pk}/delete/"):
        assert_fine(screen, cameras + path)
    end_premium(house)
    for path in ("", "new/"):
        assert_fine(screen, cameras + path)
    assert_fine(screen, f"/installer/sites/{house.pk}/devices/")


def test_camera_is_added_corrected_and_tested(
    screen: Screen, house: Site, installer: User
) -> None:
    screen.sign_in(installer)
    page = screen.page
    screen.open(f"/installer/sites/{house.pk}/devices/")
    page.get_by_role("link", name="Third-Party Devices").click()
    page.get_by_role("link", name="New").click()
    expect(page.get_by_label("Owner")).to_be_disabled()
    page.get_by_label("Device Name").fill("Garden")
    page.get_by_label("RTSP Address").fill("rtsp://root:top@secret@127.0.0.1/x")
    page.get_by_label("Front door").check()
    page.get_by_role("button", name="Submit").click()

    expect(page.get_by_text("leads to the bridge itself")).to_be_visible()
    assert "secret" not in page.content()
    expect(page.get_by_label("Front door")).to_be_checked()
    page.get_by_label("RTSP Address").fill(CAMERA_ADDRESS)
    page.get_by_label("User Name").fill("admin")
    page.get_by_label("Password").fill(CAMERA_PASSWORD)
    page.get_by_role("button", name="Submit").click()

    expect(page.get_by_role("heading", name="Garden")).to_be_visible()
    page.get_by_role("button", name="Test Garden").click()
    expect(page.get_by_text("requested")).to_be_visible()
    camera = Camera.objects.get()
    assert camera.password == CAMERA_PASSWORD
    assert camera.commands.count() == 1
    assert CAMERA_PASSWORD not in page.content()
