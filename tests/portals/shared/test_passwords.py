"""Forgotten passwords and first passwords (ACC-5, ACC-6)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portico.accounts.enums import Audience
from portico.accounts.models import (
    AppSession,
    PasswordLink,
    PhoneCode,
    TrustedBrowser,
    User,
)
from portico.accounts.services.app_sessions import open_session, order_phone_code
from portico.accounts.services.one_time_logins import issue_one_time_login
from portico.accounts.services.password_links import (
    INVITE_LIFETIME,
    RESET_LIFETIME,
    invite,
)
from portico.accounts.services.passwords import app_digest, digest_matches
from portico.accounts.services.portal_sessions import trust_browser
from portico.audit.models import AuditEntry
from portico.jobs.models import Job
from portico.kernel.clock import utcnow
from portico.mail.models import OutboundMessage
from portico.mail.ports import install_sms, sms_transport
from tests.factories import PASSWORD, make_installer, make_site, run_jobs
from tests.mails import last_mail, mails_to, path_in, wrong
from tests.portals.shared.support import enter, is_in, signed_in
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

NEW = "another fine battery"
PHONE = "+447400123456"


@pytest.fixture
def user() -> User:
    return make_installer("ida")


@pytest.fixture
def resident(user: User) -> User:
    data = {"email": "mia@example.com", "phone": PHONE, "country": "GB"}
    return make_site(user, "Mia", **data).residents.get().user


def ask(name: str, client: Client | None = None) -> str:
    response = (client or Client()).post("/password/forgot/", {"name": name})
    return text_of(response)


def link_of(user: User, name: str = "") -> str:
    ask(name or str(user.username))
    return path_in(last_mail(user.email))


def set_new(path: str, password: str = NEW, repeated: str = "") -> int:
    data = {"password": password, "repeated": repeated or password}
    return Client().post(path, data).status_code


@pytest.mark.parametrize("name", ["ida", "IDA", "ida@example.com", " Ida@Example.com "])
def test_a_forgotten_password_is_replaced_by_user_name_or_email(
    user: User, name: str
) -> None:
    path = link_of(user, name)
    page = text_of(Client().get(path))
    assert "For the account ida." in page
    client = Client()
    data = {"password": NEW, "repeated": NEW}
    assert client.post(path, data).headers["Location"] == "/sign-in/"
    assert "Your password is set." in text_of(client.get("/sign-in/"))
    enter(client, "ida", NEW)
    assert is_in(client)
    old = Client()
    enter(old, "ida", PASSWORD)
    assert not is_in(old)


def test_the_answer_does_not_tell_whether_there_is_an_account(user: User) -> None:
    disabled = make_installer("dora")
    User.objects.filter(pk=disabled.pk).update(is_active=False)
    names = ["ida", "nobody", "dora", "nobody@example.com", "x" * 254]
    ask("warm-up")
    pages, work = [], []
    for name in names:
        with CaptureQueriesContext(connection) as captured:
            pages.append(ask(name))
        work.append([query["sql"].split(" ")[0] for query in captured])
    assert len(set(pages)) == 1
    assert work == [work[0]] * len(names)
    assert Job.objects.filter(name="accounts.send_password_reset").count() == 6
    run_jobs()
    assert [m.recipient for m in OutboundMessage.objects.all()] == [user.email]


def test_a_link_works_once(user: User) -> None:
    path = link_of(user)
    assert set_new(path) == 302
    assert set_new(path, "a third fine battery") == 410
    user.refresh_from_db()
    assert user.check_password(NEW)


@pytest.mark.parametrize("way", ["late", "unknown", "disabled", "other used"])
def test_a_link_that_is_no_good_changes_nothing(user: User, way: str) -> None:
    path, second = link_of(user), link_of(user)
    if way == "late":
        PasswordLink.objects.update(expires_at=utcnow())
    elif way == "unknown":
        path = "/password/set/AAAAAAAAAAAAAAAAAAAAAAAA/"
    elif way == "disabled":
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        set_new(second, "a third fine battery")
    assert Client().get(path).status_code == 410
    assert set_new(path) == 410
    user.refresh_from_db()
    assert not user.check_password(NEW)


@pytest.mark.parametrize(
    ("password", "repeated", "message"),
    [
        ("short", "", "too short"),
        ("password123", "", "too common"),
        ("ida@example.com", "", "too similar"),
        (NEW, "something else", "differ"),
    ],
)
def test_a_weak_password_leaves_the_link_and_the_old_one(
    user: User, password: str, repeated: str, message: str
) -> None:
    path = link_of(user)
    data = {"password": password, "repeated": repeated or password}
    assert message in text_of(Client().post(path, data))
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert set_new(path) == 302


def test_everything_that_was_open_ends(user: User) -> None:
    browser = signed_in(user)
    tokens = open_session(user=user, client="app", now=utcnow())
    trust_browser(user=user, agent="", now=utcnow())
    other = link_of(user)
    once = f"/sign-in/once/{issue_one_time_login(user=user, now=utcnow())}/"
    assert set_new(link_of(user)) == 302
    assert not is_in(browser)
    assert Client().post(once).status_code == 410
    assert not user.portal_sessions.exists()
    assert AppSession.objects.get(user=user).revoked_at is not None
    assert tokens.token
    assert not TrustedBrowser.objects.exists()
    assert set_new(other) == 410
    assert "password was changed" in str(last_mail(user.email).body)
    assert AuditEntry.objects.filter(action="account.password_changed").count() == 1


def test_links_are_limited_by_name_and_by_address(user: User) -> None:
    for _ in range(5):
        ask("ida")
    refused = Client().post("/password/forgot/", {"name": "ida"})
    assert refused.status_code == 429
    assert len(mails_to(user.email)) == 5
    for number in range(25):
        ask(f"somebody{number}")
    assert Client().post("/password/forgot/", {"name": "else"}).status_code == 429
    far = Client(REMOTE_ADDR="192.0.2.8")
    assert far.post("/password/forgot/", {"name": "else"}).status_code == 200


def test_the_secret_is_not_kept_and_the_link_lives_an_hour(user: User) -> None:
    path = link_of(user)
    link = PasswordLink.objects.get()
    assert link.digest not in path
    assert link.expires_at - link.created_at == RESET_LIFETIME == timedelta(hours=1)
    assert not OutboundMessage.objects.exclude(body="").exists()


def test_an_invitation_sets_the_first_password_within_a_week(user: User) -> None:
    user.set_unusable_password()
    user.save()
    invite(actor=None, user=user, now=utcnow())
    invite(actor=None, user=user, now=utcnow())
    first, second = mails_to(user.email)
    assert "Your user name is ida." in str(second.body)
    assert set_new(path_in(first)) == 410
    link = PasswordLink.objects.get(used_at=None)
    assert link.expires_at - link.created_at == INVITE_LIFETIME
    assert set_new(path_in(second)) == 302
    client = Client()
    enter(client, "ida", NEW)
    assert is_in(client)


def test_a_resident_sets_password_and_app_digest_together(resident: User) -> None:
    client = Client()
    data = {"email": "mia@example.com"}
    page = text_of(client.post("/residents/password/", data))
    assert "If there is an account" in page
    path = path_in(last_mail(resident.email))
    done = client.post(path, {"password": NEW, "repeated": NEW})
    assert "Sign in with it in the app" in text_of(done)
    resident.refresh_from_db()
    assert resident.check_password(NEW)
    assert digest_matches(resident, app_digest(NEW))
    assert PasswordLink.objects.get().audience == Audience.RESIDENT


def order_sms(client: Client, number: str = "07400 123456") -> str:
    """Ask for a code; its digits, if one was sent."""
    before = OutboundMessage.objects.filter(channel="sms").count()
    data = {"country": "GB", "phone": number}
    answer = client.post("/residents/password/sms/", data)
    assert answer.headers["Location"] == "/residents/password/code/"
    sent = OutboundMessage.objects.filter(channel="sms").order_by("pk")
    if sent.count() == before:
        return ""
    return str(sent[before].body).split()[0]


def by_code(client: Client, code: str, password: str = NEW) -> str:
    data = {"code": code, "password": password, "repeated": password}
    return text_of(client.post("/residents/password/code/", data))


def test_a_resident_may_choose_a_code_by_sms(resident: User) -> None:
    tokens = open_session(user=resident, client="app", now=utcnow())
    client = Client()
    code = order_sms(client)
    assert "too short" in by_code(client, code, "short")
    assert "Your password is set" in by_code(client, code)
    resident.refresh_from_db()
    assert digest_matches(resident, app_digest(NEW))
    assert tokens.token
    assert AppSession.objects.get().revoked_at is not None
    again = Client()
    order_sms(again)
    assert "wrong or no longer works" in by_code(again, code)


def test_a_code_by_sms_dies_with_the_old_password(resident: User) -> None:
    order_phone_code(phone=PHONE, now=utcnow())
    assert set_new(link_of(resident, "mia@example.com")) == 302
    assert not PhoneCode.objects.filter(used_at=None).exists()


def test_sms_codes_are_guessed_in_vain_and_tell_nothing(resident: User) -> None:
    client, unknown = Client(), Client()
    code = order_sms(client)
    assert order_sms(unknown, "07400 123457") == ""
    shown = text_of(client.get("/residents/password/code/"))
    hidden = text_of(unknown.get("/residents/password/code/"))
    assert "•••456" in shown
    assert "•••457" in hidden
    for _ in range(5):
        assert "wrong or no longer works" in by_code(client, wrong(code))
        assert "wrong or no longer works" in by_code(unknown, wrong(code))
    assert "wrong or no longer works" in by_code(client, code)
    resident.refresh_from_db()
    assert not resident.check_password(NEW)


def test_without_a_provider_there_is_no_sms() -> None:
    before = sms_transport()
    install_sms(None)
    try:
        assert "by SMS" not in text_of(Client().get("/residents/password/"))
        answer = Client().get("/residents/password/sms/")
        assert answer.headers["Location"] == "/residents/password/"
    finally:
        install_sms(before)


def test_the_code_page_needs_a_number() -> None:
    answer = Client().get("/residents/password/code/")
    assert answer.headers["Location"] == "/residents/password/sms/"
