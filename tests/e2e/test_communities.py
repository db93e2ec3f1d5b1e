"""A community in a real browser: made, handed to its manager, seen, and taken away."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from portico.accounts.models import User
from portico.devices.models import Device
from portico.events.models import Visit
from portico.kernel.clock import utcnow
from portico.sites.models import Site
from tests.e2e.screen import (
    WIDTHS,
    Screen,
    Screens,
    assert_fine,
    assert_shown_well,
    take_width,
)
from tests.factories import (
    PASSWORD,
    make_bridge,
    make_community,
    make_device,
    make_event,
    make_installer,
    make_manager,
    make_picture,
    make_seen,
    run_jobs,
)
from tests.mails import code_in, last_mail, path_in

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

EMAIL = "petra@parkhof.example"


def fill(screen: Screen, fields: dict[str, str]) -> None:
    for label, text in fields.items():
        screen.page.get_by_label(label, exact=True).fill(text)


def arrive(screen: Screen) -> None:
    """Follow the invitation, set a password, pass the gates."""
    page = screen.page
    screen.open(path_in(last_mail(EMAIL)))
    fill(screen, {"New password": PASSWORD, "New password again": PASSWORD})
    page.get_by_role("button", name="Set password").click()
    fill(screen, {"User name or email": EMAIL, "Password": PASSWORD})
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Agree", exact=True).click()
    page.get_by_role("button", name="Send a code").click()
    expect(page.get_by_text(f"We sent a mail to {EMAIL}")).to_be_visible()
    page.get_by_label("Code", exact=True).fill(code_in(last_mail(EMAIL)))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Communities")


def make_parkhof(desk: Screen, ida: User) -> Device:
    """The installer makes a community and hands it to Petra; its gate has a log."""
    desk.sign_in(ida)
    desk.page.get_by_role("link", name="Add Community").click()
    fill(desk, {"Name": "Parkhof", "Address": "Parkallee 1, Hamburg"})
    desk.page.get_by_role("button", name="Submit").click()
    expect(desk.page.get_by_text("Parkhof is created.")).to_be_visible()
    site = Site.objects.get()
    device = make_device(site, ida, name="Main gate")
    make_seen(device)
    make_event(device, "face_granted", user="Mia")

    desk.open("/installer/users/managers/new/")
    switch = desk.page.get_by_label("See door and call logs")
    expect(switch).to_be_hidden()
    desk.page.get_by_label("Parkhof", exact=True).check()
    expect(switch).to_be_checked()
    fill(desk, {"Name": "Petra", "Email": EMAIL})
    desk.page.get_by_role("button", name="Create").click()
    expect(desk.page.get_by_role("cell", name="Parkhof", exact=True)).to_be_visible()
    return device


def switch_off(desk: Screen, what: str) -> None:
    """On Petra's form."""
    desk.page.get_by_role("link", name="Petra").click()
    desk.page.get_by_label(what, exact=True).uncheck()
    desk.page.get_by_role("button", name="Save").click()
    expect(desk.page.get_by_text("Saved.")).to_be_visible()


def test_from_the_installers_form_to_the_managers_page_and_back(
    screens: Screens, transactional_db: None
) -> None:
    desk, his = screens(), screens()
    device = make_parkhof(desk, make_installer("ida", name="Hausmann GmbH"))
    site = device.site
    arrive(his)
    his.page.get_by_role("link", name="Parkhof").click()
    expect(his.page.get_by_role("link", name="Main gate")).to_be_visible()
    expect(his.page.get_by_role("cell", name="Online")).to_be_visible()
    his.page.get_by_role("link", name="Door log").click()
    expect(his.page.get_by_text("Mia · face")).to_be_visible()
    # Live, as on the installer's page.
    make_event(device, "card_refused", card="••••4711")
    his.hint("log.changed", site=site.pk)
    his.page.get_by_role("button", name="1 new").click()
    expect(his.page.get_by_text("4711")).to_be_visible()

    switch_off(desk, "See door and call logs")
    his.page.reload()
    expect(his.page.get_by_text("Mia · face")).to_have_count(0)
    expect(his.page.get_by_role("heading", level=1)).to_have_text("Not found")
    his.open(f"/manager/communities/{site.pk}/devices/")
    expect(his.page.get_by_role("link", name="Main gate")).to_be_visible()
    expect(his.page.get_by_role("link", name="Door log")).to_have_count(0)

    switch_off(desk, "Parkhof")
    his.open("/manager/")
    expect(his.page.get_by_text("No communities yet")).to_be_visible()
    assert desk.complaints == []
    # A page that was open when the right went says what it could no longer get.
    assert [word for word in his.complaints if "404" not in word] == []


def test_a_visit_brings_itself_up_to_date(
    screens: Screens, transactional_db: None
) -> None:
    ida = make_installer("ida")
    site = make_community(ida, "Parkhof")
    device = make_device(site, ida, name="Main gate")
    opened = utcnow()
    make_event(device, "relay_triggered", relay=1, at=opened)
    petra = make_manager(ida, site, username="petra")
    screen = screens()
    screen.sign_in(petra)
    screen.open(f"/manager/communities/{site.pk}/log/")
    expect(screen.page.get_by_text("Somebody")).to_be_visible()
    # However long all this took, it is the same visit.
    make_event(device, "face_granted", user="Mia", at=opened)
    visit = Visit.objects.get().pk
    screen.hint("log.changed", site=site.pk, visit=visit)
    expect(screen.page.get_by_text("Mia · face")).to_be_visible()
    assert screen.complaints == []


@WIDTHS
def test_pages_are_accessible(
    screens: Screens, transactional_db: None, width: int
) -> None:
    ida = make_installer("ida", name="Hausmann GmbH")
    site = make_community(ida, "Parkhof", address="Parkallee 1, 20095 Hamburg")
    empty = make_community(ida, "Seehof")
    device = make_device(site, ida, name="Main gate")
    make_device(site, ida, name="Hall", model="C313")
    run_jobs()
    make_bridge(site, ida)
    make_seen(device)
    make_picture(device, ida)
    make_event(device, "face_granted", user="Mia")
    make_event(device, "card_refused", card="••••4711")
    petra = make_manager(ida, site, empty, username="petra", may_see_images=False)
    paul = make_manager(ida, site, username="paul")
    one = f"/installer/sites/{site.pk}/"
    his, device_page = (
        f"/manager/communities/{site.pk}/",
        f"/manager/devices/{device.mac}/",
    )
    walks: dict[User, list[str]] = {
        ida: [
            "/installer/",
            "/installer/sites/communities/",
            "/installer/sites/communities/?q=nowhere",
            "/installer/sites/communities/new/",
            *(f"{one}{tab}" for tab in ("", "devices/", "doors/", "bridge/", "log/")),
            f"/installer/sites/{empty.pk}/devices/",
            f"/installer/sites/communities/{site.pk}/edit/",
            f"/installer/sites/communities/{site.pk}/delete/",
            "/installer/users/managers/",
            f"/installer/users/{petra.membership.pk}/edit/",
        ],
        petra: [
            "/manager/",
            "/manager/?q=nowhere",
            his,
            f"{his}devices/",
            f"/manager/communities/{empty.pk}/devices/",
            f"{his}log/",
            device_page,
            "/manager/setting/",
            "/manager/setting/two-factor/",
            "/manager/setting/sessions/",
            "/manager/notifications/",
            "/manager/privacy/",
        ],
        paul: [device_page],
    }
    for user, paths in walks.items():
        screen = screens()
        take_width(screen, width)
        screen.sign_in(user)
        for path in paths:
            assert_fine(screen, path)
            expect(screen.page).not_to_have_title(
                re.compile("not found", re.IGNORECASE)
            )
    stranger = screens()
    take_width(stranger, width)
    stranger.sign_in(make_installer("otto"))
    assert_fine(stranger, "/installer/sites/communities/")
    assert_fine(stranger, "/installer/users/managers/new/")
    refused = screens()
    take_width(refused, width)
    refused.sign_in(ida)
    refused.open(f"/installer/sites/communities/{site.pk}/delete/")
    fill(refused, {"Type the name to confirm: Parkhof": "Parkhof"})
    refused.page.get_by_role("button", name="Delete").click()
    expect(refused.page.get_by_text("still has devices")).to_be_visible()
    assert_shown_well(refused, "delete")
