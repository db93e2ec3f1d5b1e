"""Setting > Notification: the own email and the push switch (SET-3)."""

from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from tests.factories import make_installer
from tests.mails import code_in, last_mail, mails_to, path_in
from tests.portals.conftest import client_of
from tests.portals.shared.support import fresh, signed_in
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

HERE = "/installer/setting/notification/"
OLD, NEW = "ida@example.com", "ida@work.example"


@pytest.fixture
def user() -> User:
    return make_installer("ida")


@pytest.fixture
def browser(user: User) -> Client:
    return fresh(signed_in(user))


def send(browser: Client) -> None:
    browser.post(HERE, {"act": "send", "email": NEW})


def test_a_new_address_counts_when_it_is_confirmed_and_the_old_one_is_told(
    browser: Client, user: User
) -> None:
    send(browser)
    page = text_of(browser.get(HERE))
    assert f"We sent a mail to {NEW}" in page
    user.refresh_from_db()
    assert user.email == OLD
    assert mails_to(OLD) == []
    code = code_in(last_mail(NEW))
    browser.post(HERE, {"act": "confirm", "code": code})
    user.refresh_from_db()
    assert user.email == NEW
    told = last_mail(OLD)
    assert NEW in str(told.body)
    entry = AuditEntry.objects.get(action="account.email_confirmed")
    assert (entry.before["email"], entry.after["email"]) == (OLD, NEW)
    again = browser.post(HERE, {"act": "confirm", "code": code}, follow=True)
    assert "no longer works" in text_of(again)


def test_what_was_sent_to_the_old_address_is_worthless_then(browser: Client) -> None:
    Client().post("/password/forgot/", {"name": "ida"})
    reset = path_in(last_mail(OLD))
    send(browser)
    Client().post(path_in(last_mail(NEW)))
    assert Client().get(reset).status_code == 410


def test_changing_the_address_asks_again_who_it_is(user: User) -> None:
    browser = signed_in(user)
    asked = browser.post(HERE, {"act": "send", "email": NEW})
    assert asked.headers["Location"].startswith("/installer/setting/confirm/")
    assert mails_to(NEW) == []
    where = asked.headers["Location"]
    browser.post(where, {"password": "correct horse battery"})
    assert code_in(last_mail(NEW))


@pytest.mark.parametrize("email", ["x", "a@b.example\nBcc: c@d.example"])
def test_what_is_no_address_is_refused(browser: Client, email: str) -> None:
    page = text_of(browser.post(HERE, {"act": "send", "email": email}))
    assert 'id="id_email_error"' in page


def test_the_push_switch(user: User) -> None:
    browser = client_of(user)
    for ticked, enabled in (({}, False), ({}, False), ({"push": "on"}, True)):
        browser.post(HERE, {"act": "push"} | ticked)
        user.refresh_from_db()
        assert user.notification_push is enabled
    switched = AuditEntry.objects.filter(action="account.notification_push_switched")
    assert switched.count() == 2
