"""A visitor's key with a dynamic QR code, from the installer's form to the phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from portico.access.models import TempKey
from portico.access.services.temp_keys import revoke_temp_key
from portico.kernel.clock import utcnow
from tests.access.live_house import door
from tests.e2e.screen import (
    WIDTHS,
    Screen,
    Screens,
    assert_shown_well,
    take_width,
)
from tests.factories import make_device, make_installer, make_site
from tests.factories.access import make_dynamic_key
from tests.factories.cameras import make_premium

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@WIDTHS
def test_from_the_form_to_the_visitors_phone(
    screens: Screens, transactional_db: None, width: int
) -> None:
    desk, phone = screens(), screens()
    ida = make_installer("ida")
    site = make_premium(make_site(ida, "Ryan"))
    make_device(site, ida, model="X916", relays=[door(1)])
    for screen in (desk, phone):
        take_width(screen, width)
    desk.sign_in(ida)
    desk.open(f"/installer/sites/{site.pk}/keys/new/")
    desk.page.get_by_label("Name", exact=True).fill("Gran")
    desk.page.get_by_label("Door 1, Front door").check()
    desk.page.get_by_label("Dynamic QR Code").check()
    assert_shown_well(desk, "form of a key")
    desk.page.get_by_role("button", name="Submit").click()
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("Gran")
    link = desk.page.locator("#link").inner_text().strip()
    assert_shown_well(desk, "key with its address")

    phone.page.goto(link)
    code = phone.page.get_by_role("img", name="QR code of this moment")
    expect(code).to_be_visible()
    assert_shown_well(phone, "visitor's page")
    revoke_temp_key(actor=ida, key=TempKey.objects.get(), now=utcnow())
    # The page notices by itself.
    expect(phone.page.get_by_text("opens nothing any more")).to_be_visible()
    expect(code).to_have_count(0)
    assert_shown_well(phone, "page of a key that is over")


def test_the_code_on_the_page_changes_by_itself(
    screen: Screen, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portico.access.links import visitor_word

    monkeypatch.setattr("portico.portals.shared.views.visitor_key.PERIOD", 2)
    monkeypatch.setattr("portico.protocols.rolling.PERIOD", 2)
    ida = make_installer("ida")
    device = make_device(make_site(ida), ida, model="X916", relays=[door(1)])
    screen.open(f"/key/{visitor_word(make_dynamic_key(device, ida))}/")
    code = screen.page.get_by_role("img", name="QR code of this moment")
    seen = {code.get_attribute("src")}
    while len(seen) < 3:
        expect(code).not_to_have_attribute("src", str(code.get_attribute("src")))
        seen.add(code.get_attribute("src"))
    assert screen.complaints == []
