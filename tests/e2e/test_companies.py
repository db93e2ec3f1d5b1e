"""Companies and people in a real browser: made, let in, and every page as it looks."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from portico.accounts.models import User
from portico.kernel.clock import utcnow
from portico.tenancy.enums import Role
from portico.tenancy.services.companies import offer_access
from portico.tenancy.services.portal_visits import grant_access
from tests.e2e.screen import WIDTHS, Screen, Screens, assert_fine, take_width
from tests.factories import (
    PASSWORD,
    make_device,
    make_distributor,
    make_installer,
    make_operator,
    make_person,
    make_site,
    organization_of,
)
from tests.mails import code_in, last_mail, path_in

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def fill(screen: Screen, fields: dict[str, str]) -> None:
    for label, text in fields.items():
        screen.page.get_by_label(label, exact=True).fill(text)


def test_from_the_operator_to_a_sub_installer(
    screens: Screens, transactional_db: None
) -> None:
    """A distributor is made, follows his mail, makes an installer, he a sub-installer."""
    make_operator("otto")
    desk = screens()
    desk.sign_in(User.objects.get(username="otto"))
    desk.page.get_by_role("link", name="Companies", exact=True).click()
    desk.page.get_by_role("link", name="Distributor").first.click()
    fill(
        desk,
        {
            "Company": "Nord Distribution",
            "Contact": "Dana North",
            "User name": "dana",
            "Email": "dana@nord.example",
        },
    )
    desk.page.get_by_role("button", name="Create").click()
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("Nord Distribution")
    expect(desk.page.get_by_text("No password yet")).to_be_visible()

    dana = arrive(screens(), "dana")
    dana.page.get_by_role("link", name="Customers", exact=True).click()
    dana.page.get_by_role("link", name="Installer").first.click()
    fill(
        dana,
        {
            "Company": "Hausmann GmbH",
            "Contact": "Heike",
            "User name": "heike",
            "Email": "heike@hausmann.example",
        },
    )
    dana.page.get_by_role("button", name="Create").click()
    expect(dana.page.get_by_role("heading", level=1)).to_have_text("Hausmann GmbH")
    dana.page.get_by_role("button", name="Switch on: Permission to pay").click()
    expect(
        dana.page.get_by_role("button", name="Switch off: Permission to pay")
    ).to_be_visible()

    heike = arrive(screens(), "heike")
    heike.page.get_by_role("link", name="Users").click()
    heike.page.get_by_role("link", name="New", exact=True).click()
    fill(heike, {"Name": "Sam", "User name": "samsub", "Email": "sam@h.example"})
    heike.page.get_by_role("button", name="Create").click()
    expect(heike.page.get_by_text("Sam is added.")).to_be_visible()

    sam = arrive(screens(), "samsub")
    column = sam.page.get_by_role("navigation", name="Modules")
    expect(column.get_by_role("link", name="Sites")).to_be_visible()
    expect(column.get_by_role("link", name="Users")).to_have_count(0)
    for screen in (desk, dana, heike, sam):
        assert screen.complaints == []


def arrive(screen: Screen, username: str) -> Screen:
    """Follow the invitation, set a password, pass the gates, land on the dashboard."""
    page, email = screen.page, User.objects.get(username=username).email
    screen.open(path_in(last_mail(email)))
    fill(screen, {"New password": PASSWORD, "New password again": PASSWORD})
    page.get_by_role("button", name="Set password").click()
    fill(screen, {"User name or email": username, "Password": PASSWORD})
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Agree", exact=True).click()
    if "provider" in page.url:
        page.get_by_role("button", name="Save and go on").click()
    page.get_by_role("button", name="Send a code").click()
    expect(page.get_by_text(f"We sent a mail to {email}")).to_be_visible()
    page.get_by_label("Code", exact=True).fill(code_in(last_mail(email)))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        re.compile("Dashboard|Overview")
    )
    return screen


def test_a_distributor_enters_with_consent_and_is_put_out_when_it_ends(
    screens: Screens, transactional_db: None
) -> None:
    dana = make_distributor("dana", "Nord Distribution")
    ida = make_installer("ida", distributor=dana, name="Inst")
    site = make_site(ida, "Ryan")
    company = organization_of(ida)
    offer_access(actor=dana, company=company, offered=True, now=utcnow())
    desk, home = screens(), screens()
    home.sign_in(ida)
    home.open("/installer/setting/access/")
    home.page.get_by_role(
        "button", name="Switch on: Your distributor may enter"
    ).click()
    expect(home.page.get_by_text("may enter your portal now")).to_be_visible()

    desk.sign_in(dana)
    desk.open(f"/distributor/companies/{company.pk}/")
    desk.page.get_by_role("button", name="Enter portal").click()
    expect(desk.page.get_by_text("You are in the portal of Inst.")).to_be_visible()
    desk.page.get_by_role("link", name="Sites").click()
    expect(desk.page.get_by_role("link", name=site.name)).to_be_visible()

    grant_access(actor=ida, granted=False, now=utcnow())
    desk.page.reload()
    expect(desk.page.get_by_text("The visit has ended.")).to_be_visible()
    assert "/distributor/" in desk.page.url


@WIDTHS
def test_pages_are_accessible(
    screens: Screens, transactional_db: None, width: int
) -> None:
    dana = make_distributor("dana", "Nord Distribution")
    ida = make_installer("ida", distributor=dana, name="Inst")
    site = make_site(ida, "Ryan")
    make_device(site, ida)
    company, now = organization_of(ida), utcnow()
    sam = make_person(ida, Role.SUB_INSTALLER, "samsub")
    petra = make_person(ida, Role.MANAGER, "petra")
    offer_access(actor=dana, company=company, offered=True, now=now)
    grant_access(actor=ida, granted=True, now=now)
    otto = make_operator("otto")
    one = f"/distributor/companies/{company.pk}/"
    walks = {
        dana: [
            "/distributor/companies/",
            "/distributor/companies/?q=nobody",
            "/distributor/companies/new/installer/",
            one,
            f"{one}edit/",
            f"{one}delete/",
            "/distributor/users/",
            "/distributor/users/team/new/",
            "/distributor/sites/",
            "/distributor/devices/",
        ],
        otto: ["/operator/companies/", "/operator/sites/", "/operator/devices/"],
        ida: [
            "/installer/users/",
            "/installer/users/managers/",
            "/installer/users/sub-installers/new/",
            f"/installer/users/{petra.pk}/edit/",
            f"/installer/users/{sam.pk}/delete/",
            "/installer/setting/access/",
            *(
                f"/installer/setting/company/{part}/"
                for part in ("billing", "log", "emails", "service")
            ),
        ],
    }
    for user, paths in walks.items():
        screen = screens()
        take_width(screen, width)
        screen.sign_in(user)
        for path in paths:
            assert_fine(screen, path)
    desk = screens()
    take_width(desk, width)
    desk.sign_in(dana)
    desk.open(one)
    desk.page.get_by_role("button", name="Enter portal").click()
    expect(desk.page.get_by_text("You are in the portal of Inst.")).to_be_visible()
    assert_fine(desk, "/installer/")
