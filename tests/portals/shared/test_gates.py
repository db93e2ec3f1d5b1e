"""Privacy policy and email confirmation before the portal opens (ACC-3, ACC-4)."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as project
from django.test import Client
from pytest_django.fixtures import Settings

from portico.accounts.models import (
    EmailCode,
    PolicyConsent,
    ServiceProviderInformation,
    User,
)
from portico.accounts.selectors import staff_by_id
from portico.audit.models import AuditEntry
from portico.kernel.clock import utcnow
from portico.mail.models import OutboundMessage
from tests.factories import make_distributor, make_installer, make_user
from tests.mails import code_in, last_mail, mails_to, path_in, wrong
from tests.portals.conftest import client_of
from tests.portals.routes import ROUTES
from tests.portals.shared.support import enter, is_in
from tests.portals.support import HTMX, text_of
from tests.portals.test_tenancy import World, world  # noqa: F401 -- a fixture

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

PRIVACY, EMAIL = "/welcome/privacy/", "/welcome/email/"


@pytest.fixture
def newcomer() -> User:
    """An installer who has never been here."""
    user = make_installer("ida")
    User.objects.filter(pk=user.pk).update(policy_version="", email_confirmed_at=None)
    return user


def agree(client: Client) -> str:
    return client.post(PRIVACY, {"decision": "agree"}).headers["Location"]


def send(client: Client, email: str) -> None:
    client.post(EMAIL, {"act": "send", "email": email})


@pytest.mark.parametrize("gate", ["privacy", "email"])
def test_no_page_of_a_portal_opens_before_the_gates(
    world: World,  # noqa: F811 -- the fixture
    gate: str,
) -> None:
    changes = {"policy_version": ""} if gate == "privacy" else {}
    User.objects.update(email_confirmed_at=None, **changes)
    clients = {name: client_of(user) for name, user in world.owners.items()}
    before = AuditEntry.objects.count()
    for name, route in ROUTES.items():
        client = clients[route.owner]
        for method in (client.get, client.post):
            response = method(world.url(name))
            if response.status_code != 405:
                assert response.headers.get("Location") == f"/welcome/{gate}/", name
    assert AuditEntry.objects.count() == before


def test_the_gates_come_in_order_and_end_at_the_page_that_was_asked_for(
    newcomer: User,
) -> None:
    client = Client()
    enter(client, "ida")
    assert client.get("/installer/sites/").headers["Location"] == PRIVACY
    assert client.get(EMAIL).headers["Location"] == PRIVACY
    assert agree(client) == "/welcome/provider/"
    skipped = client.get("/")
    assert skipped.headers["Location"] == EMAIL
    send(client, "ida@work.example")
    mail = last_mail("ida@work.example")
    done = client.post(EMAIL, {"act": "confirm", "code": code_in(mail)})
    assert done.headers["Location"] == "/installer/sites/"
    assert is_in(client)
    newcomer.refresh_from_db()
    assert newcomer.email == "ida@work.example"


def test_consent_is_kept_with_version_time_and_address(newcomer: User) -> None:
    client = client_of(newcomer)
    response = client.post(PRIVACY, {"decision": "agree"}, REMOTE_ADDR="192.0.2.9")
    assert response.status_code == 302
    consent = PolicyConsent.objects.get()
    assert consent.user == newcomer
    assert consent.version == project.PRIVACY_POLICY_VERSION
    assert consent.address == "192.0.2.9"
    assert utcnow() - consent.at < timedelta(minutes=1)


def test_agreeing_twice_is_one_consent(newcomer: User) -> None:
    client = client_of(newcomer)
    agree(client)
    first = PolicyConsent.objects.get().at
    agree(client)
    assert PolicyConsent.objects.get().at == first
    assert AuditEntry.objects.filter(action="policy.accepted").count() == 1


def test_a_new_version_asks_again_and_keeps_the_old_consent(
    newcomer: User, settings: Settings
) -> None:
    User.objects.filter(pk=newcomer.pk).update(email_confirmed_at=utcnow())
    client = client_of(newcomer)
    agree(client)
    assert is_in(client)
    settings.PRIVACY_POLICY_VERSION = "2031-01"
    assert client.get("/installer/").headers["Location"] == PRIVACY
    assert "It has changed since" in text_of(client.get(PRIVACY))
    agree(client)
    assert is_in(client)
    assert PolicyConsent.objects.filter(user=newcomer).count() == 2


def test_the_version_changes_with_the_text() -> None:
    """Who changes what the policy says must let everybody agree again."""
    known = {"2026-11": "e732f79a7c338e9b"}
    path = "portals/templates/shared/_policy.html"
    text = Path(project.PACKAGE, path).read_bytes()
    digest = hashlib.sha256(text).hexdigest()[:16]
    assert known[project.PRIVACY_POLICY_VERSION] == digest


def test_disagreeing_signs_out_and_is_noted(newcomer: User) -> None:
    client = Client()
    enter(client, "ida")
    response = client.post(PRIVACY, {"decision": "disagree"})
    assert response.headers["Location"] == "/sign-in/"
    assert "Without agreeing" in text_of(client.get("/sign-in/"))
    assert client.get(PRIVACY).headers["Location"].startswith("/sign-in/")
    assert not PolicyConsent.objects.exists()
    assert AuditEntry.objects.filter(action="policy.refused").count() == 1
    newcomer.refresh_from_db()
    assert newcomer.policy_version == ""


def test_service_provider_information_is_optional_kept_and_changed_later(
    newcomer: User,
) -> None:
    client = client_of(newcomer)
    agree(client)
    bad = client.post("/welcome/provider/", {"email": "nonsense"})
    assert 'id="id_email_error"' in text_of(bad)
    data = {"company": "Ida's doors", "phone": "+49 30 1", "website": "doors.example"}
    client.post("/welcome/provider/", data)
    row = ServiceProviderInformation.objects.get(user=newcomer)
    assert (row.company, row.website) == ("Ida's doors", "https://doors.example")
    User.objects.filter(pk=newcomer.pk).update(email_confirmed_at=utcnow())
    assert "Ida&#x27;s doors" in text_of(client.get("/installer/privacy/"))
    client.post("/installer/privacy/provider/", {"company": "Ida & Co"})
    row.refresh_from_db()
    assert (row.company, row.phone) == ("Ida & Co", "")


def test_a_distributor_serves_no_end_users() -> None:
    user = make_distributor("dora")
    User.objects.filter(pk=user.pk).update(policy_version="")
    assert agree(client_of(user)) == "/"
    page = text_of(client_of(user).get("/distributor/privacy/"))
    assert "Service Provider Information" not in page


def test_the_address_is_confirmed_by_link_in_any_browser_once(newcomer: User) -> None:
    client = client_of(newcomer)
    agree(client)
    send(client, str(newcomer.email))
    path = path_in(last_mail(newcomer.email))
    stranger = Client()
    assert stranger.get(path).status_code == 200
    newcomer.refresh_from_db()
    assert newcomer.email_confirmed_at is None
    assert "Mails about your account go to" in text_of(stranger.post(path))
    assert is_in(client)
    assert stranger.post(path).status_code == 410


@pytest.mark.parametrize("way", ["late", "replaced", "unknown", "disabled"])
def test_a_link_that_is_no_good_confirms_nothing(newcomer: User, way: str) -> None:
    client = client_of(newcomer)
    agree(client)
    send(client, str(newcomer.email))
    path = path_in(last_mail(newcomer.email))
    if way == "late":
        EmailCode.objects.update(expires_at=utcnow())
    elif way == "replaced":
        send(client, "ida@work.example")
    elif way == "unknown":
        path = "/email/confirm/AAAAAAAAAAAAAAAAAAAAAAAA/"
    else:
        User.objects.filter(pk=newcomer.pk).update(is_active=False)
    assert Client().post(path).status_code == 410
    newcomer.refresh_from_db()
    assert newcomer.email_confirmed_at is None


def test_five_wrong_codes_and_foreign_codes_confirm_nothing(newcomer: User) -> None:
    other = make_installer("otto")
    User.objects.filter(pk=other.pk).update(email_confirmed_at=None)
    client, his = client_of(newcomer), client_of(other)
    agree(client)
    send(client, str(newcomer.email))
    send(his, str(other.email))
    mine = code_in(last_mail(newcomer.email))
    foreign = code_in(last_mail(other.email))
    tries = [foreign if foreign != mine else wrong(mine), *[wrong(mine)] * 4]
    for code in tries:
        page = client.post(EMAIL, {"act": "confirm", "code": code})
        assert "This code is wrong." in text_of(page)
    page = client.post(EMAIL, {"act": "confirm", "code": mine})
    assert "no longer works" in text_of(page)
    newcomer.refresh_from_db()
    assert newcomer.email_confirmed_at is None


@pytest.mark.parametrize(
    "email",
    [
        "ida@example.com\nBcc: eve@example.com",
        "ida@example.com\r\nX: y",
        "ida",
        "",
        "a@b@c",
        f"{'a' * 300}@example.com",
    ],
)
def test_what_is_no_address_is_refused_at_the_form(newcomer: User, email: str) -> None:
    client = client_of(newcomer)
    agree(client)
    page = client.post(EMAIL, {"act": "send", "email": email})
    assert 'id="id_email_error"' in text_of(page)
    assert not OutboundMessage.objects.exists()


def test_an_address_of_another_account_is_told_to_its_mailbox_only(
    newcomer: User,
) -> None:
    other = make_user("otto")
    client = client_of(newcomer)
    agree(client)
    send(client, "OTTO@example.com")
    taken = text_of(client.get(EMAIL))
    assert "We sent a mail to otto@example.com" in taken
    mail = last_mail(other.email)
    assert mail.subject == "This email belongs to another account"
    newcomer.refresh_from_db()
    assert newcomer.email == "ida@example.com"


def test_of_two_who_want_one_address_the_first_gets_it(newcomer: User) -> None:
    other = make_installer("otto")
    User.objects.filter(pk=other.pk).update(email_confirmed_at=None)
    first, second = client_of(newcomer), client_of(other)
    agree(first)
    for client in (first, second):
        send(client, "doors@work.example")
    mine, his = map(code_in, mails_to("doors@work.example"))
    first.post(EMAIL, {"act": "confirm", "code": mine})
    page = second.post(EMAIL, {"act": "confirm", "code": his})
    assert "Another account has this email." in text_of(page)
    other.refresh_from_db()
    assert other.email_confirmed_at is None


def test_mails_to_one_address_are_limited(newcomer: User) -> None:
    client = client_of(newcomer)
    agree(client)
    data = {"act": "send", "email": "victim@example.com"}
    pages = [client.post(EMAIL, data) for _ in range(8)]
    assert "Too many codes were sent" in text_of(pages[-1])
    assert len(mails_to("victim@example.com")) == 5


def test_parts_of_pages_and_forms_are_sent_to_the_gate_too(newcomer: User) -> None:
    client = client_of(newcomer)
    part = client.get("/installer/latest/", headers=HTMX)
    assert part.headers["HX-Redirect"] == PRIVACY
    assert client.get("/installer/latest/").headers["Location"] == PRIVACY


def test_live_views_wait_for_the_gates_as_well(newcomer: User) -> None:
    newcomer.refresh_from_db()
    key, session = str(newcomer.pk), newcomer.get_session_auth_hash()
    assert staff_by_id(key, session) is None
    now = utcnow()
    version = project.PRIVACY_POLICY_VERSION
    User.objects.update(policy_version=version, email_confirmed_at=now)
    assert staff_by_id(key, session) == newcomer


def test_nobody_else_has_gates() -> None:
    for path in (PRIVACY, EMAIL, "/welcome/provider/"):
        assert Client().get(path).headers["Location"].startswith("/sign-in/?next=")
        assert client_of(make_user()).get(path).headers["Location"] == "/"
    passed = client_of(make_installer())
    assert passed.get(PRIVACY).headers["Location"] == "/"
    assert passed.get(EMAIL).headers["Location"] == "/"
