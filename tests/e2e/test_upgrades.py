"""An upgrade as a person makes it: from a saved filter to the report, and through it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from portico.firmware.models import FirmwareVersion, UpgradeCampaign
from tests.e2e.keyboard import follow, heading, press
from tests.e2e.screen import WIDTHS, Screen, assert_shown_well, take_width
from tests.factories.filters import make_filter
from tests.factories.firmware import NEW, make_version
from tests.firmware.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(transactional_db: None) -> World:
    return World(houses=4)


@pytest.fixture
def version(world: World) -> FirmwareVersion:
    return make_version()


def at_step(screen: Screen, name: str) -> None:
    expect(screen.page.locator("[aria-current=step]")).to_contain_text(name)
    screen.page.wait_for_load_state("load")


def tell(screen: Screen, campaign: UpgradeCampaign) -> None:
    """What the gateway tells a page when a campaign changes."""
    screen.hint("upgrade.changed", campaign=campaign.pk)


@WIDTHS
def test_wizard_from_a_saved_filter_to_the_end(
    screen: Screen,
    world: World,
    version: FirmwareVersion,
    width: int,
) -> None:
    make_filter(world.installer, "All R29", model="R29")
    take_width(screen, width)
    screen.sign_in(world.installer)
    page = screen.page
    screen.open("/installer/upgrade/wizard/")
    page.get_by_label("All that a saved filter finds").check()
    expect(page.get_by_label("Saved filter", exact=True)).to_be_visible()
    expect(page.get_by_text("4 devices are found: R29 4.").last).to_be_visible()
    assert_shown_well(screen, "devices")
    press(page, "Next")
    at_step(screen, "Version")
    page.get_by_label("Firmware Version").select_option(label=f"R29 · {NEW}")
    assert_shown_well(screen, "version")
    press(page, "Next")
    at_step(screen, "Waves and guards")
    page.get_by_label("Name").fill("Spring")
    page.get_by_label("Waves", exact=True).fill("25, 60")
    press(page, "Next")
    at_step(screen, "Waves and guards")
    expect(page.get_by_text("all of them together 100 %")).to_be_visible()
    assert_shown_well(screen, "an error in the plan")
    page.get_by_label("Waves", exact=True).fill("25, 75")
    press(page, "Next")
    at_step(screen, "Dry run")
    assert_shown_well(screen, "dry run")
    press(page, "Back")
    at_step(screen, "Waves and guards")
    expect(page.get_by_label("Name")).to_have_value("Spring")
    press(page, "Next")
    at_step(screen, "Dry run")
    press(page, "Next")
    at_step(screen, "Confirm")
    assert_shown_well(screen, "confirm")
    page.get_by_role("button", name="Start the upgrade").dblclick()

    expect(page.get_by_role("heading", level=1)).to_have_text("Spring")
    campaign = UpgradeCampaign.objects.get()
    assert campaign.upgrades.count() == 4
    expect(page.get_by_text("Begins in a moment")).to_be_visible()
    assert_shown_well(screen, "report of what waits")


def test_report_is_live_and_pause_resume_and_stop_work_by_keyboard(
    screen: Screen, world: World, version: FirmwareVersion
) -> None:
    campaign = world.order(world.devices, version, waves=(50, 50), name="Spring")
    screen.sign_in(world.installer)
    page = screen.page
    screen.open(f"/installer/upgrade/{campaign.pk}/")
    expect(page.get_by_text("Begins in a moment")).to_be_visible()
    world.tick(seconds=1)
    world.tick(seconds=1)
    tell(screen, campaign)
    expect(page.get_by_text("0 of 4 have the version")).to_be_visible()
    first = campaign.upgrades.filter(state="offered").earliest("pk").device
    assert first is not None
    world.writes(first)
    tell(screen, campaign)
    expect(page.get_by_text("1 device is installing now")).to_be_visible()

    follow(page, "Pause")
    heading(page, "Pause this upgrade?")
    expect(page.get_by_text("They are past the point of no return")).to_be_visible()
    assert_shown_well(screen, "pause")
    press(page, "Pause")
    expect(page.get_by_text("Paused by hand: 0 of 4 have the version")).to_be_visible()
    assert_shown_well(screen, "report of what is paused")
    follow(page, "Resume")
    heading(page, "Resume this upgrade?")
    press(page, "Resume")
    heading(page, "Spring")
    follow(page, "Stop")
    heading(page, "Stop this upgrade for good?")
    assert_shown_well(screen, "stop")
    press(page, "Stop")
    expect(page.get_by_text(re.compile("Stopped: 0 of 4"))).to_be_visible()
    page.get_by_role("link", name="Show them").click()
    expect(page.get_by_role("row", name="Cancelled")).to_have_count(3)
    assert screen.complaints == []


def test_new_offers_the_devices_of_the_version_that_is_chosen(
    screen: Screen, world: World, version: FirmwareVersion
) -> None:
    screen.sign_in(world.installer)
    page = screen.page
    screen.open("/installer/upgrade/new/")
    expect(page.get_by_text("Choose the version first")).to_be_visible()
    page.get_by_label("Firmware Version").select_option(label=f"R29 · {NEW}")
    page.get_by_label(world.devices[0].pretty_mac).check()
    page.get_by_label("At a time").check()
    page.get_by_label("Start").fill("2099-01-01T02:00")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Choose a time within half a year.")).to_be_visible()
    # Nothing that was chosen is lost.
    expect(page.get_by_label(world.devices[0].pretty_mac)).to_be_checked()
    assert_shown_well(screen, "an error in the form")
    page.get_by_label("Now").check()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Begins in a moment")).to_be_visible()
    assert UpgradeCampaign.objects.get().upgrades.count() == 1
    assert screen.complaints == []
