from __future__ import annotations

from collections.abc import Mapping

import pytest
from django.test import Client

from portico.accounts.models import PasswordLink, User
from portico.accounts.services.email_address import order_confirmation
from portico.audit.models import AuditEntry
from portico.kernel.clock import utcnow
from portico.mail.models import OutboundMessage
from portico.sites.models import Site
from portico.tenancy.enums import Role
from portico.tenancy.models import CompanySettings, Membership
from tests.factories import (
    make_device,
    make_installer,
    make_person,
    make_site,
    organization_of,
    unset_password,
)
from tests.mails import last_mail, mails_to, path_in
from tests.portals.conftest import client_of
from tests.portals.support import assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

NEW = {
    "person": "Sam Sub",
    "username": "samsub",
    "email": "sam@example.com",
    "language": "fr",
}


def member(username: str) -> Membership:
    return Membership.objects.get(user__username=username)


def save(browser: Client, person: Membership, form: Mapping[str, object]) -> None:
    """Send the form of ``person`` as it was shown just now."""
    version = User.objects.get(pk=person.user_id).version
    browser.post(
        f"/installer/users/{person.pk}/edit/", {**form, "version": str(version)}
    )


def test_sub_installer_sees_exactly_his_sites(browser: Client, site: Site) -> None:
    """Made, invited, limited to what is assigned, until that is taken away."""
    owner = User.objects.get(username="ida")
    other = make_site(owner, "Other")
    make_device(other, owner)
    page = browser.post(
        "/installer/users/sub-installers/new/",
        NEW | {"sites": [str(site.pk)]},
        follow=True,
    )
    assert "Sam Sub is added. The invitation goes to sam@example.com." in text_of(page)
    assert OutboundMessage.objects.get().recipient == "sam@example.com"
    sam = member("samsub")
    assert (sam.role, sam.user.language) == (Role.SUB_INSTALLER, "fr")

    User.objects.filter(pk=sam.user_id).update(
        policy_version=owner.policy_version, email_confirmed_at=owner.email_confirmed_at
    )
    his = client_of(User.objects.get(pk=sam.user_id))
    sites = text_of(his.get("/installer/sites/"))
    assert site.name in sites
    assert other.name not in sites
    assert his.get(f"/installer/sites/{other.pk}/").status_code == 404
    assert other.name not in text_of(his.get("/installer/devices/"))
    assert "/installer/users/" not in sites
    assert "/installer/subscriptions/" not in sites

    save(browser, sam, NEW | {"sites": [str(other.pk)]})
    assert his.get(f"/installer/sites/{site.pk}/").status_code == 404
    assert his.get(f"/installer/sites/{other.pk}/").status_code == 200
    entry = AuditEntry.objects.filter(action="member.sites_assigned").latest("pk")
    assert entry.before == {"sites": [str(site.pk)]}
    assert entry.after == {"sites": [str(other.pk)]}


def test_a_house_that_a_sub_installer_adds_is_his(browser: Client, site: Site) -> None:
    sam = make_person(User.objects.get(username="ida"), Role.SUB_INSTALLER, "samsub")
    his = client_of(sam.user)
    form = {
        "name": "Nora",
        "email": "nora@example.com",
        "call_mode": "sip",
        "time_zone": "Europe/Berlin",
        "time_format": "24h",
        "language": "en",
    }
    assert his.post("/installer/sites/new/", form).status_code == 302

    assert "Nora" in text_of(his.get("/installer/sites/"))
    assert site.name not in text_of(his.get("/installer/sites/"))
    assert "Nora" in text_of(browser.get("/installer/sites/"))


def test_sites_of_others_cannot_be_assigned(browser: Client) -> None:
    foreign = make_site(make_installer("otto"))
    form = NEW | {"sites": [str(foreign.pk)]}
    page = browser.post("/installer/users/sub-installers/new/", form)

    assert page.status_code == 200
    assert not User.objects.filter(username="samsub").exists()


def test_property_manager_has_the_guides_fields(browser: Client) -> None:
    form = {"person": "Petra", "email": "petra@example.com", "language": "pl"}
    switches = {"password_reminder": "on", "email_code": "on"}
    browser.post("/installer/users/managers/new/", form | switches)
    petra = Membership.objects.get(user__email="petra@example.com")
    assert petra.role == Role.MANAGER
    assert (petra.password_reminder, petra.user.email_code_required) == (True, True)
    assert petra.user.username is None

    save(browser, petra, form | {"person": "Petra P"})
    petra.refresh_from_db()
    assert petra.password_reminder is False
    user = User.objects.get(pk=petra.user_id)
    assert (user.name, user.email_code_required) == ("Petra P", False)
    assert "Petra P" in text_of(browser.get("/installer/users/managers/"))
    assert "Petra P" not in text_of(browser.get("/installer/users/"))


def test_a_changed_email_has_to_be_confirmed_again(browser: Client) -> None:
    boss = User.objects.get(username="ida")
    sam = make_person(boss, Role.SUB_INSTALLER, "samsub")
    form = NEW | {"person": "Sam", "language": "en"}
    save(browser, sam, form)

    user = User.objects.get(pk=sam.user_id)
    assert (user.email, user.email_confirmed_at) == ("sam@example.com", None)
    told = mails_to("samsub@example.com")[-1]
    assert "no longer here" in str(told.body)
    assert "sam@example.com" in str(told.body)


def test_what_the_old_mailbox_was_sent_is_worthless_when_the_email_is_changed(
    browser: Client,
) -> None:
    boss = User.objects.get(username="ida")
    sam = make_person(boss, Role.SUB_INSTALLER, "samsub")
    Client().post("/password/forgot/", {"name": "samsub"})
    reset = path_in(last_mail("samsub@example.com"))
    order_confirmation(user=sam.user, email="else@example.com", now=utcnow())
    confirm = path_in(last_mail("else@example.com"))
    save(browser, sam, NEW)

    assert Client().get(reset).status_code == 410
    assert Client().post(confirm).status_code == 410
    assert User.objects.get(pk=sam.user_id).email == "sam@example.com"


def test_an_invitation_to_a_wrong_mailbox_dies_and_tells_nothing(
    browser: Client,
) -> None:
    wrong = NEW | {"email": "typo@example.com"}
    browser.post("/installer/users/sub-installers/new/", wrong)
    path = path_in(last_mail("typo@example.com"))
    save(browser, member("samsub"), NEW)

    assert Client().get(path).status_code == 410
    assert len(mails_to("typo@example.com")) == 1


def test_disabled_deleted_and_invited(browser: Client) -> None:
    boss = User.objects.get(username="ida")
    sam = make_person(boss, Role.SUB_INSTALLER, "samsub")
    session = client_of(sam.user)
    one = f"/installer/users/{sam.pk}/"
    browser.post(f"{one}switch/", {"on": "no"})
    assert "Disabled" in text_of(browser.get("/installer/users/"))
    assert session.get("/installer/").status_code == 302
    browser.post(f"{one}switch/", {"on": "yes"})
    page = text_of(browser.post(f"{one}invite/", follow=True))
    assert "This account has a password." in page
    assert "Send a new invitation" not in page
    assert not PasswordLink.objects.exists()
    unset_password(sam.user)
    assert "Send a new invitation" in text_of(browser.get("/installer/users/"))
    browser.post(f"{one}invite/")
    assert OutboundMessage.objects.get().recipient == "samsub@example.com"

    assert "not the name" in text_of(browser.post(f"{one}delete/", {"typed": "no"}))
    browser.post(f"{one}delete/", {"typed": sam.user.name})
    assert not User.objects.filter(pk=sam.user_id).exists()
    assert browser.get(f"{one}edit/").status_code == 404


def test_the_list_costs_the_same_for_any_number(browser: Client) -> None:
    boss = User.objects.get(username="ida")
    make_person(boss, Role.SUB_INSTALLER)

    def add() -> None:
        make_person(boss, Role.SUB_INSTALLER)
        make_person(boss, Role.SUB_INSTALLER)

    assert_constant_queries(browser, "/installer/users/", add)
    assert "Nothing matches" in text_of(browser.get("/installer/users/?q=zzz"))


# What the company sets up


def saved() -> CompanySettings:
    return CompanySettings.objects.get(organization__memberships__user__username="ida")


def test_company_settings_are_kept_field_by_field(browser: Client) -> None:
    billing = {
        "billing_company": "Hausmann GmbH",
        "billing_attention": "Frau Hausmann",
        "billing_address": "Lindenweg 5\r\n20095 Hamburg",
        "billing_phone": "+49 40 1",
        "billing_fax": "+49 40 2",
        "billing_email": "rechnung@example.com",
    }
    setting = "/installer/setting/company/"
    page = browser.post(f"{setting}billing/", billing, follow=True)
    assert "Saved." in text_of(page)
    for name, value in billing.items():
        assert getattr(saved(), name) == value
    assert "Frau Hausmann" in text_of(browser.get(f"{setting}billing/"))

    assert saved().log_unanswered_calls  # on by default
    days = dict.fromkeys(("door", "call", "alarm", "motion", "capture"), "30")
    kept = {f"keep_{kind}_days": value for kind, value in days.items()}
    browser.post(f"{setting}log/", kept)
    assert not saved().log_unanswered_calls
    browser.post(f"{setting}emails/", {"mail_expiry": "on"})
    assert (saved().mail_expiry, saved().mail_renewal) == (True, False)
    assert saved().billing_fax == "+49 40 2"
    entry = AuditEntry.objects.filter(action="company_settings.changed").latest("pk")
    assert (entry.before["mail_renewal"], entry.after["mail_renewal"]) == (True, False)


def test_feedback_needs_an_email(browser: Client) -> None:
    url = "/installer/setting/company/service/"
    form = {"service_phone": "+49 40 1", "receive_feedback": "on"}
    assert "Enter the email that feedback goes to." in text_of(browser.post(url, form))
    assert not CompanySettings.objects.exists()
    browser.post(url, form | {"service_email": "help@example.com"})
    assert saved().receive_feedback
    assert organization_of(User.objects.get(username="ida")).settings == saved()


def test_dashboard_leads_to_what_it_counts_and_creates_managers(
    browser: Client, site: Site
) -> None:
    make_device(site, User.objects.get(username="ida"))
    page = text_of(browser.get("/installer/"))
    assert "/installer/sites/?bridge=none" in page
    assert site.name in text_of(browser.get("/installer/sites/?bridge=none"))
    assert "/installer/users/managers/new/" in page

    sam = make_person(User.objects.get(username="ida"), Role.SUB_INSTALLER)
    assert "/installer/users/managers/new/" not in text_of(
        client_of(sam.user).get("/installer/")
    )
