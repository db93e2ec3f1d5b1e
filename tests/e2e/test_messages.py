"""Messages in a real browser: accessible, and nothing that was typed or chosen is lost."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from portico.accounts.models import User
from portico.kernel.clock import utcnow
from portico.messaging.models import Message
from portico.messaging.services.monitors import record_not_taken
from tests.e2e.screen import WIDTHS, Screen, assert_fine, assert_shown_well, take_width
from tests.factories import (
    make_device,
    make_installer,
    make_message,
    make_site,
    make_template,
    run_jobs,
)

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

LIST = "/installer/message/"
LONG = "\u05e9\u05dc\u05d5\u05dd 🚪 " + "Wartungsarbeiten" * 7


@pytest.fixture
def ida(transactional_db: None) -> User:
    ida = make_installer("ida")
    for name in ("Ryan", "Meyer", "Young"):
        make_site(ida, name, room_name=f"{name}'s")
    return ida


@WIDTHS
def test_pages_of_messages_are_accessible(
    screen: Screen, ida: User, width: int
) -> None:
    for name in ("Kitchen", "Hall"):
        make_device(
            ida.membership.organization.sites.all()[0], ida, model="C313", name=name
        )
    sent = make_message(ida, LONG, text=f"{LONG}\n{LONG}", to_monitors=True)
    run_jobs()
    refused = sent.receipts.exclude(device=None)[0]
    record_not_taken(receipt_id=refused.pk, claim="", status=405, now=utcnow())
    waits = make_message(ida, "Later", send_at=utcnow() + timedelta(days=1))
    template = make_template(ida, LONG)
    take_width(screen, width)
    screen.sign_in(ida)
    for path in (
        "",
        f"{sent.pk}/",
        f"{sent.pk}/delete/",
        f"{waits.pk}/",
        f"{waits.pk}/edit/",
        f"{waits.pk}/delete/",
        f"new/?template={template.pk}",
        "templates/",
        "templates/new/",
        f"templates/{template.pk}/edit/",
        f"templates/{template.pk}/delete/",
    ):
        assert_fine(screen, f"{LIST}{path}")
    # With everything that can be asked for, and with all that can be wrong.
    screen.open(f"{LIST}new/")
    for choice in ("Chosen sites", "Later"):
        screen.page.get_by_label(choice, exact=True).check()
    screen.page.get_by_role("button", name="Send", exact=True).click()
    expect(screen.page.get_by_text("Choose when it is sent.")).to_be_visible()
    assert_shown_well(screen, "new message with errors")
    screen.page.get_by_label("One user").check()
    assert_shown_well(screen, "new message to one user")


def test_what_is_typed_and_chosen_stays_while_one_looks_around(
    screen: Screen, ida: User
) -> None:
    make_template(ida, "Night upgrade")
    screen.sign_in(ida)
    screen.open(f"{LIST}new/")
    page = screen.page
    page.get_by_label("Template").select_option(label="Night upgrade")
    page.get_by_role("button", name="Fill in").click()
    title = page.get_by_label("Title")
    expect(title).to_have_value("Night upgrade")
    title.fill("Tonight")

    page.get_by_label("Chosen sites").check()
    search = page.get_by_label("Search sites")
    search.fill("meyer")
    expect(page.get_by_role("checkbox", name="Ryan's")).to_have_count(0)
    page.get_by_role("checkbox", name="Meyer's").check()
    search.fill("young")
    expect(page.get_by_role("checkbox", name="Young's")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Meyer's")).to_be_checked()
    expect(page.get_by_text("1 site chosen.")).to_be_visible()

    # Enter looks, and does not send.
    title.press("Enter")
    expect(page.get_by_text("1 site chosen.")).to_be_visible()
    expect(title).to_have_value("Tonight")
    assert not Message.objects.exists()

    page.get_by_role("button", name="Choose all found").click()
    expect(page.get_by_text("2 sites chosen.")).to_be_visible()
    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_url(re.compile(r"/message/[0-9a-f-]{36}/$"))
    message = Message.objects.get()
    names = message.sites.order_by("name").values_list("name", flat=True)
    assert (message.title, list(names)) == ("Tonight", ["Meyer", "Young"])

    # The page follows by itself.
    run_jobs()
    expect(page.get_by_role("row", name="Meyer")).to_be_visible()
