"""The sessions of the pages: listed, ended, never fixed (SET-7)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from portico.accounts.models import PortalSession, User
from portico.accounts.services.one_time_logins import issue_one_time_login
from portico.accounts.services.purge import purge_spent
from portico.audit.models import AuditEntry
from portico.kernel.clock import utcnow
from portico.portals.shared.templatetags.accounts import agent_name
from tests.factories import make_installer
from tests.portals.shared.support import enter, is_in, signed_in
from tests.portals.support import assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

HERE = "/installer/setting/sessions/"


@pytest.fixture
def user() -> User:
    return make_installer("ida")


def cookie_of(client: Client) -> str:
    return client.cookies["portico_session"].value


def thief_with(cookie: str) -> Client:
    thief = Client()
    thief.cookies["portico_session"] = cookie
    return thief


def test_sessions_are_listed_with_device_address_and_time(user: User) -> None:
    client = Client(headers={"User-Agent": "Mozilla/5.0 (Windows NT) Edg/140.0"})
    data = {"login": "ida", "password": "correct horse battery"}
    client.post("/sign-in/", data, REMOTE_ADDR="192.0.2.5")
    page = text_of(client.get(HERE, REMOTE_ADDR="192.0.2.5"))
    assert "Edge on Windows" in page
    assert "192.0.2.5" in page
    assert "This one" in page
    assert "Sign out all others" not in page
    assert AuditEntry.objects.filter(action="sign_in.portal").count() == 1
    assert user.portal_sessions.get().session_key == cookie_of(client)


def test_one_session_is_ended_and_the_others_go_on(user: User) -> None:
    mine, lost = signed_in(user), signed_in(user)
    row = PortalSession.objects.get(session_key=cookie_of(lost))
    mine.post(f"{HERE}{row.pk}/end/")
    assert not is_in(lost)
    assert is_in(mine)
    assert not Session.objects.filter(pk=row.session_key).exists()
    assert AuditEntry.objects.filter(action="session.ended").count() == 1


def test_all_others_are_ended_even_those_that_nobody_listed(user: User) -> None:
    mine, lost, unlisted = signed_in(user), signed_in(user), Client()
    unlisted.force_login(user)
    before = cookie_of(mine)
    mine.post(f"{HERE}others/end/")
    assert is_in(mine)
    assert not is_in(lost)
    assert not is_in(unlisted)
    assert cookie_of(mine) != before
    assert user.portal_sessions.get().session_key == cookie_of(mine)


def test_another_accounts_session_is_not_there(user: User) -> None:
    other = signed_in(make_installer("otto"))
    row = PortalSession.objects.get(session_key=cookie_of(other))
    assert signed_in(user).post(f"{HERE}{row.pk}/end/").status_code == 404
    assert is_in(other)


@pytest.mark.parametrize("way", ["sign out", "end", "others", "password"])
def test_a_stolen_cookie_is_worthless_after(user: User, way: str) -> None:
    client, other = signed_in(user), signed_in(user)
    thief = thief_with(cookie_of(client))
    assert is_in(thief)
    if way == "sign out":
        client.post("/sign-out/")
    elif way == "end":
        row = PortalSession.objects.get(session_key=cookie_of(client))
        other.post(f"{HERE}{row.pk}/end/")
    elif way == "others":
        other.post(f"{HERE}others/end/")
    else:
        data = {"current": "correct horse battery"}
        data |= dict.fromkeys(("password", "repeated"), "another fine battery")
        other.post("/installer/setting/password/", data)
    assert not is_in(thief)
    assert is_in(other)


@pytest.mark.parametrize("way", ["password", "link"])
def test_a_session_cannot_be_fixed(user: User, way: str) -> None:
    attacker = Client()
    attacker.get("/sign-in/")
    session = attacker.session
    session["planted"] = True
    session.save()
    planted = str(session.session_key)
    victim = thief_with(planted)
    if way == "password":
        enter(victim, "ida")
    else:
        secret = issue_one_time_login(user=user, now=utcnow())
        victim.post(f"/sign-in/once/{secret}/")
    assert is_in(victim)
    assert cookie_of(victim) != planted
    assert not is_in(thief_with(planted))


def test_an_invented_session_key_is_not_taken_over(user: User) -> None:
    del user
    client = thief_with("a" * 32)
    enter(client, "ida")
    assert cookie_of(client) != "a" * 32


def test_the_second_step_needs_the_session_of_the_first(user: User) -> None:
    User.objects.filter(pk=user.pk).update(email_code_chosen=True)
    client = Client()
    client.get("/sign-in/")
    enter(client, "ida")
    stolen = cookie_of(client)
    assert not is_in(thief_with(stolen))


def test_use_is_noted_now_and_then(user: User) -> None:
    client = signed_in(user)
    long_ago = utcnow() - timedelta(hours=1)
    PortalSession.objects.update(last_seen_at=long_ago)
    is_in(client)
    assert PortalSession.objects.get().last_seen_at == long_ago
    session = client.session
    session["noted_at"] = long_ago.timestamp()
    session.save()
    is_in(client)
    assert PortalSession.objects.get().last_seen_at > long_ago


def test_signing_out_leaves_the_list(user: User) -> None:
    client = signed_in(user)
    client.post("/sign-out/")
    assert not user.portal_sessions.exists()


def test_another_person_in_the_same_browser_has_his_own_line(user: User) -> None:
    client = signed_in(user)
    make_installer("otto")
    client.post("/sign-out/")
    enter(client, "otto")
    assert PortalSession.objects.get().user.username == "otto"


def test_sessions_that_ended_by_themselves_are_purged(user: User) -> None:
    signed_in(user)
    purge_spent(now=utcnow() + timedelta(days=13))
    assert user.portal_sessions.exists()
    purge_spent(now=utcnow() + timedelta(days=15))
    assert not user.portal_sessions.exists()


def test_the_list_costs_the_same_for_many(user: User) -> None:
    client = signed_in(user)

    def add_two() -> None:
        signed_in(user)
        signed_in(user)

    assert_constant_queries(client, HERE, add_two)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18) Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/140.0 Mobile", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X) Firefox/140.0", "Firefox on macOS"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("<script>alert(1)</script>" * 9, "<script>alert(1)</script><script>alert(1"),
        ("", "Unknown device"),
    ],
)
def test_browsers_have_names(agent: str, name: str) -> None:
    assert agent_name(agent) == name
