"""The dashboards in a real browser: what they count, and the chart that is drawn."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, expect

from portico.accounts.models import User
from portico.kernel.clock import utcnow
from portico.sites.models import Entitlement
from tests.e2e.screen import WIDTHS, Screen, Screens, assert_fine, take_width
from tests.factories import (
    make_bridge,
    make_dead_letter,
    make_device,
    make_distributor,
    make_event,
    make_installer,
    make_mac,
    make_operator,
    make_seen,
    make_site,
    make_ticket,
    run_jobs,
    unset_password,
)
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

# Paints of one sort that the chart holds: red, green and blue.
_COLOURS = """canvas => {
  const {width, height} = canvas;
  const copy = Object.assign(document.createElement("canvas"), {width, height});
  const context = copy.getContext("2d", {willReadFrequently: true});
  context.drawImage(canvas, 0, 0);
  const {data} = context.getImageData(0, 0, width, height);
  const found = new Set();
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] === 255) found.add(`rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})`);
  return [...found];
}"""
_TOKEN = """name => {
  const probe = document.createElement("i");
  document.body.append(probe);
  probe.style.color = `var(${name})`;
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}"""


@pytest.fixture
def installer(transactional_db: None) -> User:
    """Somebody with things to do, and some days behind him."""
    ida, now = make_installer("ida"), utcnow()
    site = make_site(ida, "Ryan")
    device = make_device(site, ida)
    run_jobs()
    make_bridge(site, ida)
    make_seen(device, at=now - timedelta(days=2))
    make_device(site, ida, name="New")
    for days in (0, 3, 3, 9):
        at = now - timedelta(days=days)
        make_event(device, "face_granted", user="Mia", at=at)
        make_event(device, "call_started", at=at)
    make_event(device, "tamper")
    ends = now + timedelta(days=5)
    Entitlement.objects.filter(site=make_site(ida)).update(ends_at=ends)
    return ida


def wanted_colours(screen: Screen) -> set[str]:
    """What the theme that is on wants the bars to be painted with."""
    names = ("--p-chart-1", "--p-chart-2")
    return {screen.page.evaluate(_TOKEN, name) for name in names}


def is_painted(screen: Screen, canvas: Locator) -> bool:
    return wanted_colours(screen) <= set(canvas.evaluate(_COLOURS))


def width_of(canvas: Locator) -> float:
    box = canvas.bounding_box()
    assert box is not None
    return box["width"]


@WIDTHS
def test_installers_dashboard_draws_its_chart(
    screen: Screen, installer: User, width: int
) -> None:
    take_width(screen, width)
    screen.sign_in(installer)
    assert_fine(screen, "/installer/")
    canvas = screen.page.locator("[data-chart] canvas")
    box = canvas.bounding_box()
    assert box is not None
    assert (box["width"] > 200, box["height"] > 150) == (True, True)
    assert is_painted(screen, canvas)
    before = wanted_colours(screen)

    # The canvas follows theme and width.
    screen.page.get_by_role("button", name="Switch between light and dark").click()
    eventually(lambda: is_painted(screen, canvas), "the chart kept its colours")
    assert before.isdisjoint(canvas.evaluate(_COLOURS))
    screen.page.set_viewport_size({"width": width - 60, "height": 844})
    eventually(lambda: width_of(canvas) < box["width"], "the chart kept its width")
    assert screen.complaints == []


def test_chart_tells_of_the_day_under_the_pointer_and_has_a_table(
    screen: Screen, installer: User
) -> None:
    screen.sign_in(installer)
    screen.open("/installer/")
    plot = screen.page.locator("[data-chart] .u-over")
    box = plot.bounding_box()
    assert box is not None
    plot.hover(position={"x": box["width"] - 5, "y": 20})
    told = screen.page.locator("#activity-day")
    expect(told).to_have_text(re.compile(": Door openings 1, Calls 1$"))
    screen.page.get_by_text("The figures as a table").click()
    table = screen.page.get_by_role("table", name="Door openings and calls")
    expect(table.get_by_role("row")).to_have_count(15)
    cells = table.get_by_role("row").last.get_by_role("cell")
    expect(cells.nth(1)).to_have_text("1")
    expect(cells.nth(2)).to_have_text("1")
    table.get_by_role("link").last.click()
    # The opening; the call with its alarm.
    expect(screen.page.locator(".visit")).to_have_count(2)
    assert screen.complaints == []


def test_things_to_do_lead_to_their_rows(screen: Screen, installer: User) -> None:
    screen.sign_in(installer)
    screen.page.get_by_role(
        "link", name="device has been offline for longer than 24 hours"
    ).click()
    expect(screen.page.get_by_role("link", name="Front door")).to_be_visible()
    expect(screen.page.get_by_role("link", name="New", exact=True)).to_have_count(0)
    chips = screen.page.get_by_role("list", name="Offline for longer than")
    expect(chips.locator("[aria-current]")).to_have_text("24 hours")
    assert_fine(screen, "/installer/sites/?service=expiring&accounts=unregistered")
    assert_fine(screen, "/installer/setting/company/dashboard/")


@WIDTHS
def test_dashboards_above_are_accessible(
    screens: Screens, transactional_db: None, width: int
) -> None:
    dana, otto = make_distributor("dana", "Nord Distribution"), make_operator("otto")
    ida = make_installer("ida", distributor=dana)
    invited = make_installer(distributor=dana)
    User.objects.filter(pk=invited.pk).update(email_confirmed_at=None)
    unset_password(invited)
    make_seen(make_device(make_site(ida), ida))
    make_mac(dana)
    make_ticket(ida)
    make_ticket(dana)
    make_dead_letter()
    for user, page in ((dana, "/distributor/"), (otto, "/operator/")):
        screen = screens()
        take_width(screen, width)
        screen.sign_in(user)
        assert_fine(screen, page)
        assert_fine(screen, f"{page}support/?turn=ours")
        assert_fine(screen, f"{page}companies/?invitation=open")
