"""Authenticator app, passkeys and recovery codes (ACC-2), seen as HTTP."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client
from pytest_django.fixtures import Settings

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from tests.authenticator import SoftKey
from tests.factories import PASSWORD, make_installer
from tests.mails import last_mail
from tests.portals.shared.support import enter, fresh, is_in, new_browser, signed_in
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

HERE = "/installer/setting/two-factor/"


@pytest.fixture
def user() -> User:
    return make_installer("ida")


@pytest.fixture
def browser(user: User) -> Client:
    return fresh(signed_in(user))


def digits(secret: str, *, periods: int = 0) -> str:
    """What the app shows, now or ``periods`` half minutes away."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + periods)))


def add_totp(browser: Client) -> str:
    """Set up the app; its secret."""
    page = text_of(browser.get(f"{HERE}app/add/"))
    secret = page.split('id="totp-key">')[1].split("<")[0]
    answer = browser.post(f"{HERE}app/add/", {"code": digits(secret)})
    assert answer.headers["Location"] == f"{HERE}codes/"
    return secret


def recovery_codes(browser: Client) -> list[str]:
    page = text_of(browser.get(f"{HERE}codes/"))
    if 'id="recovery-codes"' not in page:
        return []
    part = page.split('id="recovery-codes">')[1].split("</ol>")[0]
    return [item.split("</li>")[0] for item in part.split("<li>")[1:]]


def challenge(page: str) -> dict[str, Any]:
    text = page.split('id="passkey-options" type="application/json">')[1]
    found: dict[str, Any] = json.loads(text.split("</script>")[0])
    return found


def add_passkey(browser: Client, *, alone: bool = True) -> SoftKey:
    key = SoftKey()
    options = challenge(text_of(browser.get(f"{HERE}passkeys/add/")))
    data = {"name": "Phone", "credential": json.dumps(key.create(options))}
    data |= {"passwordless": "on"} if alone else {}
    answer = browser.post(f"{HERE}passkeys/add/", data)
    assert answer.status_code == 302, text_of(answer)
    return key


def answer_of(key: SoftKey, options: dict[str, Any]) -> dict[str, str]:
    return {"credential": json.dumps(key.get(options))}


def sign_in_alone(client: Client, key: SoftKey) -> None:
    options = client.get("/sign-in/passkey/").json()["request_options"]
    client.post("/sign-in/passkey/", answer_of(key, options))


def test_the_app_is_asked_for_after_the_password(browser: Client, user: User) -> None:
    secret = add_totp(browser)
    sealed = Authenticator.objects.get(user=user, type="totp").data["secret"]
    assert secret not in sealed
    client = new_browser()
    assert enter(client, "ida").headers["Location"] == "/sign-in/factor/"
    assert not is_in(client)
    page = client.post("/sign-in/factor/", {"code": digits(secret, periods=9)})
    assert "This did not match" in text_of(page)
    client.post("/sign-in/factor/", {"code": digits(secret)})
    assert is_in(client)
    second = new_browser()
    enter(second, "ida")
    second.post("/sign-in/factor/", {"code": digits(secret)})
    assert not is_in(second)  # the same code, replayed


@pytest.mark.django_db(transaction=True)
def test_the_app_is_told_by_mail_and_audited_and_removed(
    browser: Client, user: User
) -> None:
    add_totp(browser)
    assert "authenticator app was added" in str(last_mail(user.email).body)
    assert AuditEntry.objects.filter(action="account.totp_activated").count() == 1
    browser.post(f"{HERE}app/remove/")
    assert "authenticator app was removed" in str(last_mail(user.email).body)
    assert not Authenticator.objects.filter(user=user).exists()
    client = new_browser()
    enter(client, "ida")
    assert is_in(client)


def test_factors_replace_the_code_by_mail(browser: Client, user: User) -> None:
    add_totp(browser)
    User.objects.filter(pk=user.pk).update(email_code_required=True)
    assert enter(new_browser(), "ida").headers["Location"] == "/sign-in/factor/"


def test_codes_of_the_app_are_guessed_in_vain(browser: Client) -> None:
    secret = add_totp(browser)
    client = new_browser()
    enter(client, "ida")
    for _ in range(5):
        client.post("/sign-in/factor/", {"code": digits(secret, periods=9)})
    page = client.post("/sign-in/factor/", {"code": digits(secret)})
    assert "Too many failed attempts" in text_of(page)
    assert not is_in(client)


@pytest.mark.django_db(transaction=True)
def test_the_second_step_may_be_skipped_in_a_trusted_browser(browser: Client) -> None:
    secret = add_totp(browser)
    client = new_browser()
    enter(client, "ida")
    client.post("/sign-in/factor/", {"code": digits(secret), "trust": "on"})
    client.post("/sign-out/")
    enter(client, "ida")
    assert is_in(client)
    # A factor that changes ends the trust.
    browser.post(f"{HERE}codes/")
    client.post("/sign-out/")
    enter(client, "ida")
    assert not is_in(client)


def test_recovery_codes_are_shown_once_and_work_once(browser: Client) -> None:
    add_totp(browser)
    codes = recovery_codes(browser)
    assert len(set(codes)) == 10
    assert recovery_codes(browser) == []
    for expected in (True, False):
        client = new_browser()
        enter(client, "ida")
        client.post("/sign-in/factor/", {"code": codes[0]})
        assert is_in(client) is expected
    browser.post(f"{HERE}codes/")
    renewed = recovery_codes(browser)
    assert len(renewed) == 10
    client = new_browser()
    enter(client, "ida")
    client.post("/sign-in/factor/", {"code": codes[1]})
    assert not is_in(client)
    client.post("/sign-in/factor/", {"code": renewed[0]})
    assert is_in(client)


def test_without_a_factor_there_are_no_recovery_codes(browser: Client) -> None:
    assert browser.get(f"{HERE}codes/").status_code == 404


@pytest.mark.parametrize("path", ["app/add/", "app/remove/", "passkeys/add/", "codes/"])
def test_changes_ask_again_who_it_is(user: User, path: str, settings: Settings) -> None:
    browser = signed_in(user)
    for method in (browser.get, browser.post):
        answer = method(f"{HERE}{path}")
        expected = f"/installer/setting/confirm/?next={HERE.replace('/', '%2F')}"
        assert answer.headers["Location"].startswith(expected)
    fresh(browser)
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    assert browser.get(f"{HERE}{path}").status_code == 302


def test_asking_again_is_limited_and_takes_any_factor(browser: Client) -> None:
    secret = add_totp(browser)
    codes = recovery_codes(browser)
    where = "/installer/setting/confirm/"
    assert browser.post(where, {"code": codes[0]}).status_code == 302
    assert browser.post(where, {"code": "123"}).status_code == 200
    for _ in range(5):
        browser.post(where, {"password": "wrong"})
    page = browser.post(where, {"password": PASSWORD})
    assert "Too many tries" in text_of(page)
    assert secret


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example"])
def test_asking_again_leads_nowhere_else(browser: Client, next_page: str) -> None:
    where = f"/installer/setting/confirm/?next={next_page}"
    answer = browser.post(where, {"password": PASSWORD})
    assert answer.headers["Location"] == HERE


def test_a_passkey_signs_in_alone(browser: Client, user: User) -> None:
    key = add_passkey(browser)
    assert "Signs in alone" in text_of(browser.get(HERE))
    client = new_browser()
    sign_in_alone(client, key)
    assert is_in(client)
    assert user.portal_sessions.count() == 2


def test_a_passkey_is_a_second_step(browser: Client) -> None:
    key = add_passkey(browser, alone=False)
    client = new_browser()
    enter(client, "ida")
    options = challenge(text_of(client.get("/sign-in/factor/")))
    client.post("/sign-in/factor/", answer_of(key, options))
    assert is_in(client)


def test_an_answer_is_good_for_its_challenge_only(browser: Client) -> None:
    key = add_passkey(browser)
    first, second = new_browser(), new_browser()
    options = first.get("/sign-in/passkey/").json()["request_options"]
    answer = answer_of(key, options)
    second.get("/sign-in/passkey/")
    second.post("/sign-in/passkey/", answer)
    assert not is_in(second)
    first.post("/sign-in/passkey/", answer)
    assert is_in(first)
    first.post("/sign-out/")
    first.post("/sign-in/passkey/", answer)
    assert not is_in(first)


@pytest.mark.parametrize("way", ["foreign", "other origin", "disabled", "removed"])
def test_a_passkey_that_is_no_good_signs_nobody_in(
    browser: Client, user: User, way: str
) -> None:
    key = add_passkey(browser)
    if way == "foreign":
        key = SoftKey(handle=key.handle, credential_id=key.credential_id)
    elif way == "other origin":
        key.origin = "https://evil.example"
    elif way == "disabled":
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        Authenticator.objects.filter(user=user).delete()
    client = new_browser()
    sign_in_alone(client, key)
    assert not is_in(client)
    assert "This passkey is not known here." in text_of(client.get("/sign-in/"))


@pytest.mark.parametrize(
    "credential", ["", "x", "{}", "[]", "null", '{"id": 1}', '{"response": {}}']
)
def test_garbage_instead_of_a_passkey_is_refused(
    browser: Client, credential: str
) -> None:
    add_passkey(browser, alone=False)
    data = {"credential": credential}
    client = new_browser()
    client.get("/sign-in/passkey/")
    assert client.post("/sign-in/passkey/", data).status_code == 302
    enter(client, "ida")
    client.get("/sign-in/factor/")
    assert client.post("/sign-in/factor/", data).status_code == 200
    browser.get(f"{HERE}passkeys/add/")
    assert browser.post(f"{HERE}passkeys/add/", data).status_code == 200
    where = "/installer/setting/confirm/"
    browser.get(where)
    assert browser.post(where, data).status_code == 200
    assert not is_in(client)


def test_a_passkey_is_renamed_and_removed(browser: Client, user: User) -> None:
    add_passkey(browser)
    row = Authenticator.objects.get(user=user, type="webauthn")
    browser.post(f"{HERE}passkeys/{row.pk}/", {"name": "Blue key"})
    assert "Blue key" in text_of(browser.get(HERE))
    browser.post(f"{HERE}passkeys/{row.pk}/remove/")
    assert not Authenticator.objects.filter(user=user).exists()
    assert "passkey was removed" in str(last_mail(user.email).body)


def test_passkeys_are_tried_as_often_as_passwords() -> None:
    client = new_browser()
    data = {"credential": "{}"}
    statuses = [client.post("/sign-in/passkey/", data).status_code for _ in range(70)]
    assert statuses == [302] * 60 + [429] * 10
