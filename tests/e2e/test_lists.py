"""A list under somebody's hands: columns, the bell, by keyboard."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from portico.kernel.clock import utcnow
from portico.sites.enums import Feature
from portico.sites.models import Entitlement
from tests.e2e.screen import Screen
from tests.factories import make_installer, make_notice, make_site, organization_of
from tests.factories.cameras import make_premium

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def test_a_column_is_switched_off_by_keyboard_and_stays_off(
    screen: Screen,
    transactional_db: None,
) -> None:
    ida = make_installer("ida")
    make_site(ida, "Ryan")
    screen.sign_in(ida)
    screen.open("/installer/sites/")
    page = screen.page
    people = page.get_by_role("columnheader", name="People")
    expect(people).to_be_visible()
    page.get_by_role("button", name="Columns").focus()
    page.keyboard.press("Enter")
    box = page.get_by_label("People")
    expect(box).to_be_visible()
    box.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Apply").press("Enter")
    expect(people).to_have_count(0)
    screen.open("/installer/sites/?sort=-name")
    expect(page.get_by_role("columnheader", name="Name", exact=True)).to_have_attribute(
        "aria-sort", "descending"
    )
    expect(people).to_have_count(0)
    assert screen.complaints == []


def test_the_end_of_a_service_stays_ahead(
    screen: Screen, transactional_db: None
) -> None:
    ida = make_installer("ida")
    make_premium(make_site(ida, "Ryan"))
    ends = utcnow() + timedelta(days=20, hours=5)
    Entitlement.objects.filter(feature=Feature.PREMIUM).update(ends_at=ends)
    screen.sign_in(ida)
    screen.open("/installer/sites/")
    end = screen.page.get_by_text("in 20 days")
    expect(end).to_be_visible()
    # The script that keeps ages true has been there.
    end.evaluate("element => { element.textContent = 'just now'; }")
    expect(end).to_be_visible()


def test_the_bell_counts_live(
    screen: Screen,
    transactional_db: None,
) -> None:
    ida = make_installer("ida")
    screen.sign_in(ida)
    bell = screen.page.locator(".bell")
    expect(bell).to_have_attribute("aria-label", "Notifications, none unread")
    make_notice(ida)
    screen.hint("notices.changed", organization=organization_of(ida).pk)
    expect(bell).to_have_attribute("aria-label", "Notifications, 1 unread")
    screen.page.get_by_role("link", name="Notifications, 1 unread").click()
    screen.page.get_by_role("button", name="Mark all read").click()
    expect(bell).to_have_attribute("aria-label", "Notifications, none unread")
    assert screen.complaints == []
