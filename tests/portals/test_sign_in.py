from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.accounts.services.one_time_logins import issue_one_time_login
from portico.kernel.clock import utcnow
from tests.factories import (
    PASSWORD,
    make_distributor,
    make_installer,
    make_operator,
    make_user,
)
from tests.portals.conftest import client_of
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def sign_in(client: Client, login: str, password: str) -> str:
    data = {"login": login, "password": password}
    response = client.post("/sign-in/", data, follow=True)
    return text_of(response)


@pytest.mark.parametrize("login", ["ida", "ida@example.com"])
def test_sign_in_by_user_name_or_email_leads_to_the_own_portal(login: str) -> None:
    make_installer("ida")
    client = Client()
    response = client.post(
        "/sign-in/", {"login": login, "password": PASSWORD}, follow=True
    )
    assert response.redirect_chain[-1][0] == "/installer/"


@pytest.mark.parametrize(
    ("make", "home"),
    [(make_operator, "/operator/"), (make_distributor, "/distributor/")],
)
def test_home_leads_to_the_portal_of_the_kind(make: object, home: str) -> None:
    assert callable(make)
    response = client_of(make()).get("/")
    assert response.status_code == 302
    assert response.headers["Location"] == home


def test_home_of_an_account_without_a_place_says_so() -> None:
    response = client_of(make_user("rita")).get("/")
    assert response.status_code == 200
    assert "This account is for the app" in text_of(response)


def test_wrong_unknown_and_disabled_look_the_same() -> None:
    make_installer("ida")
    disabled = make_installer("dora")
    User.objects.filter(pk=disabled.pk).update(is_active=False)
    wrong = [
        sign_in(Client(), "ida", "not the password"),
        sign_in(Client(), "nobody", "not the password"),
        sign_in(Client(), "nobody@example.com", "not the password"),
        sign_in(Client(), "dora", PASSWORD),
    ]
    for page in wrong:
        assert "User name, email or password is wrong." in page


def test_five_failures_lock_the_account_for_a_while() -> None:
    make_installer("ida")
    for _ in range(5):
        sign_in(Client(), "ida", "not the password")
    page = sign_in(Client(), "ida", PASSWORD)
    assert "Too many failed attempts" in page


def test_log_out_needs_a_post_and_ends_the_session() -> None:
    client = client_of(make_installer("ida"))
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").headers["Location"] == "/sign-in/"
    assert client.get("/installer/").status_code == 302


def test_one_time_link_is_not_spent_by_looking_and_works_once() -> None:
    user = make_installer("ida")
    secret = issue_one_time_login(user=user, now=utcnow())
    client = Client()
    for _ in range(3):
        assert client.get(f"/sign-in/once/{secret}/").status_code == 200
    response = client.post(f"/sign-in/once/{secret}/", follow=True)
    assert response.redirect_chain[-1][0] == "/installer/"
    again = Client().post(f"/sign-in/once/{secret}/")
    assert again.status_code == 410
    assert "no longer works" in text_of(again)


def test_one_time_sign_in_changes_the_session_key() -> None:
    secret = issue_one_time_login(user=make_installer("ida"), now=utcnow())
    client = Client()
    session = client.session
    session["before"] = True
    session.save()
    before = session.session_key
    client.post(f"/sign-in/once/{secret}/")
    assert client.session.session_key != before


def test_a_part_of_a_page_sends_the_browser_to_sign_in() -> None:
    response = Client().get(
        "/installer/devices/",
        headers={
            "HX-Request": "true",
            "HX-Current-URL": "http://testserver/installer/",
        },
    )
    assert response.headers["HX-Redirect"] == "/sign-in/?next=/installer/"


def test_pages_carry_a_strict_policy_and_are_private() -> None:
    response = client_of(make_installer("ida")).get("/installer/")
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert "private" in response.headers["Cache-Control"]
    assert "HX-Request" in response.headers["Vary"]
    assert " style=" not in text_of(response)
    assert "<script>" not in text_of(response)
