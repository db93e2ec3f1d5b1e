"""Linked sites in a real browser: offered, ticked, locked, and left."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from portico.accounts.services.passwords import set_password
from portico.sites.models import Site
from tests.e2e.screen import (
    WIDTHS,
    Screen,
    assert_fine,
    assert_shown_well,
    take_width,
)
from tests.factories import PASSWORD, make_installer, make_site, run_jobs

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

EMAIL = "anna@example.com"


def link_a_new_house(screen: Screen) -> None:
    """Refused with the reason and an offer; ticked, it goes on."""
    page = screen.page
    screen.open("/installer/sites/new/")
    page.get_by_label("Name", exact=True).fill("Anna Weber")
    page.get_by_label("Room Name").fill("Cottage")
    page.get_by_label("Email", exact=True).fill("Anna@Example.com")
    page.get_by_role("button", name="Next").click()
    offer = page.get_by_role("group", name="Anna Weber of Villa Weber has this email.")
    expect(offer).to_be_visible()
    assert_shown_well(screen, "the offer")
    offer.get_by_label("Link this site to that account").check()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="Video Storage")).to_be_visible()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Link this site to that account")).to_be_visible()
    assert_shown_well(screen, "the review")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text(f"A mail that says so goes to {EMAIL}.")).to_be_visible()


def link_a_member(screen: Screen, site: Site) -> None:
    page = screen.page
    screen.open(f"/installer/sites/{site.pk}/people/new/")
    page.get_by_label("Name", exact=True).fill("Anna")
    page.get_by_label("Email", exact=True).fill(EMAIL)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("Link this site to that account").check()
    assert_shown_well(screen, "the offer for a member")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("Anna Weber is added.")).to_be_visible()


@WIDTHS
def test_a_house_is_linked_to_an_account_and_shown_so(
    screen: Screen, width: int
) -> None:
    ida = make_installer("ida")
    villa = make_site(
        ida,
        "Anna Weber",
        email=EMAIL,
        phone="+4915123456789",
        country="DE",
        room_name="Villa Weber",
    )
    user = villa.residents.get().user
    set_password(user=user, password=PASSWORD)
    ryan = make_site(ida, "Ryan")
    take_width(screen, width)
    screen.sign_in(ida)
    link_a_new_house(screen)
    link_a_member(screen, ryan)
    run_jobs()
    homes = user.residents.order_by("pk").values_list("site__room_name", flat=True)
    assert list(homes) == ["Villa Weber", "Cottage", "Ryan's home"]

    member, house = ryan.residents.get(user=user), f"/installer/sites/{ryan.pk}/"
    for path in (
        house,
        f"{house}people/{member.pk}/edit/",
        f"{house}people/{member.pk}/delete/",
        f"/installer/sites/{villa.pk}/reset/",
        f"/installer/sites/{villa.pk}/delete/",
        f"/installer/sites/{villa.pk}/settings/",
    ):
        assert_fine(screen, path)
    for label in ("Email", "Country/Region", "Mobile Number"):
        expect(screen.page.get_by_label(label, exact=True)).to_be_disabled()
    reason = (
        "Cannot be changed while the account has linked sites: Cottage, Ryan's home."
    )
    expect(screen.page.get_by_text(reason)).to_have_count(3)
