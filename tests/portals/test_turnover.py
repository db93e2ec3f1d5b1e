"""Reset and Delete of a house on the installer's pages."""

from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.sites.models import Site
from tests.factories import (
    make_device,
    make_event,
    make_family_member,
    make_site,
    run_jobs,
)
from tests.mails import mails_to
from tests.portals.support import shown_form, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def test_a_house_is_reset_after_its_name_was_typed_and_let_again(
    browser: Client, installer: User
) -> None:
    site = make_site(installer, "Ryan", email="ryan@example.com", country="DE")
    make_family_member(site, installer, "Mia")
    make_event(make_device(site, installer), "motion")
    url = f"/installer/sites/{site.pk}/reset/"
    page = text_of(browser.get(url))
    for text in ("Mia", "when they end", "here and on the devices", "stays free"):
        assert text in page
    assert "not the name" in text_of(browser.post(url, {"typed": "Ryan"}))
    assert site.residents.count() == 2
    response = browser.post(url, {"typed": "Ryan's home"})
    settings = f"/installer/sites/{site.pk}/settings/"
    assert response.headers["Location"] == settings
    page = text_of(browser.get(settings))
    assert "is empty. Enter the new tenant" in page
    assert site.residents.count() == 1
    assert not site.log.exists()
    run_jobs()
    assert mails_to("ryan@example.com") == []
    # The new tenant: the same form, and he is welcomed.
    form = shown_form(page)
    assert form["email"] == [""]
    page = text_of(browser.post(settings, form))
    assert "Enter an email or a mobile number." in page
    new = {"name": "Noah", "room_name": "Noah's home", "email": "noah@example.com"}
    assert browser.post(settings, form | new | {"country": "DE"}).status_code == 302
    run_jobs()
    assert len(mails_to("noah@example.com")) == 1
    assert "Unregistered" in text_of(browser.get(f"/installer/sites/{site.pk}/"))


def test_a_house_is_deleted_after_its_name_was_typed(
    browser: Client, installer: User
) -> None:
    site, other = make_site(installer, "Ryan"), make_site(installer, "Noah")
    make_family_member(site, installer, "Mia")
    make_device(site, installer, name="Front door")
    url = f"/installer/sites/{site.pk}/delete/"
    page = text_of(browser.get(url))
    for text in ("Ryan", "Mia", "Front door", "paid for already"):
        assert text in page
    assert "not the name" in text_of(browser.post(url, {"typed": "Noah"}))
    assert Site.objects.count() == 2
    response = browser.post(url, {"typed": "Ryan's home"})
    assert response.headers["Location"] == "/installer/sites/"
    assert Site.objects.get() == other
    # The second click finds nothing.
    assert browser.post(url, {"typed": "Ryan's home"}).status_code == 404
    page = text_of(browser.get("/installer/setting/audit/?q=Ryan"))
    assert "Ryan&#x27;s home" in page
