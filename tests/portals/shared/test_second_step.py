"""The code by mail after the password (ACC-2)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from portico.accounts.models import EmailCode, PortalSession, TrustedBrowser, User
from portico.accounts.services.portal_sessions import TRUST_LIFETIME
from portico.accounts.services.second_factors import require_email_code
from portico.audit.models import AuditEntry
from portico.kernel.clock import utcnow
from tests.factories import make_distributor, make_installer
from tests.mails import code_in, last_mail, mails_to, wrong
from tests.portals.shared.support import enter, is_in
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

MINUTE = timedelta(minutes=1)


@pytest.fixture
def user() -> User:
    distributor = make_distributor()
    user = make_installer("ida", distributor=distributor)
    require_email_code(actor=distributor, user=user, required=True, now=utcnow())
    return user


def code_of(user: User) -> str:
    return code_in(last_mail(user.email))


def try_code(client: Client, code: str, **more: str) -> str:
    response = client.post("/sign-in/code/", {"code": code} | more)
    return text_of(response) if response.status_code == 200 else ""


def age(user: User, by: timedelta) -> None:
    """Let the codes of ``user`` be older."""
    for row in EmailCode.objects.filter(user=user):
        row.created_at -= by
        row.expires_at -= by
        row.save()


def test_the_password_alone_opens_nothing(user: User) -> None:
    client = Client()
    assert enter(client, "ida").headers["Location"] == "/sign-in/code/"
    assert not is_in(client)
    assert client.get("/").status_code == 302
    page = text_of(client.get("/sign-in/code/"))
    assert "i•••@example.com" in page
    assert str(user.email) not in page


@pytest.mark.parametrize("way", ["disabled", "deleted"])
def test_an_account_that_goes_meanwhile_signs_nobody_in(user: User, way: str) -> None:
    client, rows = Client(), User.objects.filter(pk=user.pk)
    enter(client, "ida")
    code = code_of(user)
    rows.update(is_active=False) if way == "disabled" else rows.delete()
    answer = client.post("/sign-in/code/", {"code": code})
    assert answer.headers["Location"] == "/sign-in/"
    rows.update(is_active=True)
    assert not is_in(client)
    assert not PortalSession.objects.exists()


def test_the_code_signs_in_and_leads_to_the_page_that_was_asked_for(
    user: User,
) -> None:
    client = Client()
    data = {"login": "ida", "password": "correct horse battery"}
    client.post("/sign-in/?next=/installer/sites/", data)
    response = client.post("/sign-in/code/", {"code": code_of(user)})
    assert response.headers["Location"] == "/installer/sites/"
    assert is_in(client)


def test_a_code_works_once(user: User) -> None:
    first, second = Client(), Client()
    enter(first, "ida")
    code = code_of(user)
    enter(second, "ida")
    try_code(first, code)
    assert is_in(first)
    assert "no longer works" in try_code(second, code)
    assert not is_in(second)


def test_five_wrong_codes_end_it(user: User) -> None:
    client = Client()
    enter(client, "ida")
    code = code_of(user)
    for _ in range(5):
        assert "This code is wrong." in try_code(client, wrong(code))
    assert "no longer works" in try_code(client, code)
    assert not is_in(client)


def test_a_code_ends_after_ten_minutes(user: User) -> None:
    client = Client()
    enter(client, "ida")
    code = code_of(user)
    age(user, timedelta(minutes=10))
    assert "no longer works" in try_code(client, code)
    assert not is_in(client)


def test_a_foreign_code_is_wrong(user: User) -> None:
    other = make_installer("otto")
    require_email_code(actor=user, user=other, required=True, now=utcnow())
    mine, his = Client(), Client()
    enter(mine, "ida")
    enter(his, "otto")
    foreign = code_of(other)
    if foreign != code_of(user):
        assert "This code is wrong." in try_code(mine, foreign)
    assert not is_in(mine)


@pytest.mark.parametrize(
    "code", ["", "12345", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16", "1" * 300]
)
def test_what_is_no_code_costs_no_try(user: User, code: str) -> None:
    client = Client()
    enter(client, "ida")
    page = try_code(client, code)
    assert 'id="id_code_error"' in page
    assert EmailCode.objects.get(user=user).tries_left == 5


def test_another_code_waits_a_minute_and_replaces_the_first(user: User) -> None:
    client = Client()
    enter(client, "ida")
    first = code_of(user)
    client.post("/sign-in/code/again/")
    assert len(mails_to(user.email)) == 2  # one says that the code was switched on
    assert 'data-wait="60"' in text_of(client.get("/sign-in/code/"))
    age(user, MINUTE)
    client.post("/sign-in/code/again/")
    second = code_of(user)
    if first != second:
        assert "wrong" in try_code(client, first)
    try_code(client, second)
    assert is_in(client)


def test_the_password_again_sends_no_second_mail_at_once(user: User) -> None:
    for _ in range(3):
        enter(Client(), "ida")
    assert EmailCode.objects.filter(user=user).count() == 1


def test_codes_are_limited_by_the_hour(user: User) -> None:
    client = Client()
    enter(client, "ida")
    for _ in range(20):
        age(user, MINUTE)
        client.post("/sign-in/code/again/")
    page = text_of(client.get("/sign-in/code/"))
    assert "Too many codes were sent" in page
    assert EmailCode.objects.filter(user=user).count() == 10


def test_a_trusted_browser_is_not_asked_and_others_are(user: User) -> None:
    trusted = Client()
    enter(trusted, "ida")
    try_code(trusted, code_of(user), trust="on")
    cookie = trusted.cookies[f"portico_trusted_{user.pk}"]
    assert cookie["httponly"]
    assert cookie["max-age"] == TRUST_LIFETIME.total_seconds()
    trusted.post("/sign-out/")
    enter(trusted, "ida")
    assert is_in(trusted)
    other = Client()
    enter(other, "ida")
    assert not is_in(other)


@pytest.mark.parametrize("way", ["expired", "removed", "password", "foreign"])
def test_trust_ends(user: User, way: str) -> None:
    client = Client()
    enter(client, "ida")
    try_code(client, code_of(user), trust="on")
    if way == "expired":
        TrustedBrowser.objects.update(expires_at=utcnow())
    elif way == "removed":
        key = TrustedBrowser.objects.get().pk
        client.post(f"/installer/setting/two-factor/browsers/{key}/remove/")
    elif way == "password":
        data = {"current": "correct horse battery"}
        data |= dict.fromkeys(("password", "repeated"), "another fine battery")
        client.post("/installer/setting/password/", data)
    else:
        TrustedBrowser.objects.update(user=make_installer("otto"))
    client.post("/sign-out/")
    is_new = way == "password"
    enter(client, "ida", "another fine battery" if is_new else "correct horse battery")
    assert not is_in(client)


def test_starting_over_forgets_the_password(user: User) -> None:
    client = Client()
    enter(client, "ida")
    assert client.post("/sign-in/start-over/").headers["Location"] == "/sign-in/"
    assert client.get("/sign-in/").status_code == 200
    response = client.post("/sign-in/code/", {"code": code_of(user)})
    assert response.headers["Location"] == "/sign-in/"
    assert not is_in(client)


def test_the_code_confirms_the_mailbox(user: User) -> None:
    User.objects.filter(pk=user.pk).update(email_confirmed_at=None)
    client = Client()
    enter(client, "ida")
    try_code(client, code_of(user))
    user.refresh_from_db()
    assert user.email_confirmed_at is not None


def test_the_order_is_told_to_who_has_been_here(user: User) -> None:
    told = last_mail(user.email)
    assert "requires a code by email" in str(told.body)
    assert "knows your password" not in str(told.body)
    new = make_installer("nora")
    new.set_unusable_password()
    new.save()
    require_email_code(actor=user, user=new, required=True, now=utcnow())
    assert mails_to(new.email) == []


def test_who_was_ordered_cannot_switch_it_off(user: User) -> None:
    client = Client()
    enter(client, "ida")
    try_code(client, code_of(user))
    client.post("/installer/setting/confirm/", {"password": "correct horse battery"})
    page = text_of(client.get("/installer/setting/two-factor/"))
    assert "The company that made your account requires it" in page
    off = client.post("/installer/setting/two-factor/email/", {"chosen": "no"})
    assert off.status_code == 409
    user.refresh_from_db()
    assert user.email_code_required


def test_the_own_switch_asks_for_the_password_first(settings: Settings) -> None:
    user = make_installer("ida")
    chosen = User.objects.filter(pk=user.pk, email_code_chosen=True)
    client = Client()
    enter(client, "ida")
    where = "/installer/setting/two-factor/email/"
    asked = client.post(where, {"chosen": "yes"})
    assert asked.headers["Location"].startswith("/installer/setting/confirm/")
    assert not chosen.exists()
    page = client.post(asked.headers["Location"], {"password": "wrong"})
    assert "not your current password" in text_of(page)
    done = client.post(asked.headers["Location"], {"password": "correct horse battery"})
    assert done.headers["Location"] == "/installer/setting/two-factor/"
    assert chosen.exists()
    assert "switched on" in str(last_mail(user.email).body)
    assert AuditEntry.objects.filter(action="account.email_code_on").count() == 1
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    asked = client.post(where, {"chosen": "no"})
    assert asked.headers["Location"].startswith("/installer/setting/confirm/")


def test_two_hundred_wrong_passwords_from_everywhere_lock_the_account() -> None:
    make_installer("ida")
    client = Client()
    pages = []
    for number in range(200):
        data = {"login": "ida", "password": f"guess {number}"}
        address = f"198.51.100.{number}"
        pages.append(text_of(client.post("/sign-in/", data, REMOTE_ADDR=address)))
    assert sum("name, email or password is wrong" in page for page in pages) == 5
    assert sum("Too many failed attempts" in page for page in pages) == 195
    data = {"login": "ida", "password": "correct horse battery"}
    page = client.post("/sign-in/", data, REMOTE_ADDR="203.0.113.9")
    assert "Too many failed attempts" in text_of(page)
    assert not is_in(client)


def test_two_hundred_wrong_passwords_from_one_address_lock_the_address() -> None:
    for number in range(10):
        make_installer(f"ida{number}")
    client = Client()
    statuses = []
    for number in range(200):
        data = {"login": f"ida{number % 10}", "password": f"guess {number}"}
        statuses.append(client.post("/sign-in/", data).status_code)
    assert statuses.count(429) == 140
    assert not is_in(client)
