"""The People tab of a house: who lives there, and how each is let in (ORG-3, SITE-10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client

from portico.access.models import TempKey
from portico.access.services.temp_keys import create_temp_key
from portico.accounts.models import AppSession, PasswordLink, PhoneCode, User
from portico.accounts.services.app_sessions import open_session, order_phone_code
from portico.audit.models import AuditEntry
from portico.jobs.models import Job
from portico.kernel.clock import utcnow
from portico.mail.models import OutboundMessage
from portico.mail.ports import install_sms, sms_transport
from portico.sites.enums import Feature
from portico.sites.models import Entitlement, Resident, SipAccount, Site
from portico.sites.services.entitlements import grant
from portico.tenancy.enums import Role
from portico.tenancy.services.companies import offer_access
from portico.tenancy.services.portal_visits import grant_access
from tests.factories import (
    PASSWORD,
    make_device,
    make_distributor,
    make_family_member,
    make_installer,
    make_person,
    make_site,
    organization_of,
    run_jobs,
    set_prices,
)
from tests.mails import last_mail, mails_to, path_in
from tests.portals.conftest import client_of
from tests.portals.support import CHANGED, assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

MIA = {
    "name": "Mia Ryan",
    "email": "mia@example.com",
    "country": "DE",
    "phone": "",
    "language": "en",
}


def people(site: Site, tail: str = "") -> str:
    return f"/installer/sites/{site.pk}/{tail}"


def form_of(resident: Resident, **changes: str) -> dict[str, str]:
    """What the page of ``resident`` sends when nothing but ``changes`` is typed."""
    user = User.objects.get(pk=resident.user_id)
    shown = {
        "name": user.name,
        "email": user.email or "",
        "country": "DE",
        "phone": user.phone or "",
        "language": user.language,
        "version": str(user.version),
    }
    return shown | changes


def one(resident: Resident, act: str) -> str:
    return people(resident.site, f"people/{resident.pk}/{act}/")


def is_in(token: str) -> bool:
    page = Client().get("/userconf", {"token": token})
    return bool(page.json()["result"] == 0)


def test_a_family_member_is_added_sees_his_link_and_is_registered(
    browser: Client, site: Site
) -> None:
    make_device(site, User.objects.get(username="ida"))
    run_jobs()
    page = text_of(browser.get(people(site)))
    assert "No family members yet. 3 are free" in page
    assert people(site, "people/new/") in page
    answer = browser.post(people(site, "people/new/"), MIA, follow=True)
    shown = text_of(answer)
    assert "Mia Ryan is added. A link to set a password goes to mia@example.com." in (
        shown
    )
    mia = Resident.objects.get(user__email="mia@example.com")
    assert (mia.role, mia.site) == ("member", site)
    master = site.residents.get(role="master")
    for text in ("Mia Ryan", "Family member", mia.sip.number, master.sip.number):
        assert text in shown
    assert shown.count("Unregistered") == 2
    assert Job.objects.filter(name="provisioning.people_changed").exists()

    mail = last_mail("mia@example.com")
    assert "Ryan's home" in mail.subject
    link = path_in(mail)
    passwords = {"password": PASSWORD, "repeated": PASSWORD}
    assert "Your password is set" in text_of(Client().post(link, passwords))
    assert Client().post(link, passwords).status_code == 410
    assert text_of(browser.get(people(site))).count("Unregistered") == 1
    entry = AuditEntry.objects.get(action="resident.added")
    assert entry.after["email"] == "mia@example.com"
    assert entry.site_id == site.pk


def test_a_new_house_lets_its_master_in(browser: Client) -> None:
    form = MIA | {
        "call_mode": "sip",
        "time_format": "24h",
        "time_zone": "",
        "language": "en",
    }
    page = browser.post("/installer/sites/new/", form, follow=True)
    assert "A link to set a password goes to mia@example.com." in text_of(page)
    link = path_in(last_mail("mia@example.com"))
    assert link.startswith("/password/set/")
    Client().post(link, {"password": PASSWORD, "repeated": PASSWORD})
    assert Resident.objects.get(user__email="mia@example.com").registered_at


@pytest.fixture
def sms() -> Iterator[list[tuple[str, str]]]:
    """What the installation's provider was handed: numbers and texts."""
    sent: list[tuple[str, str]] = []

    def provider(*, recipient: str, text: str, message_id: int) -> None:
        del message_id
        sent.append((recipient, text))

    before = sms_transport()
    install_sms(provider)
    yield sent
    install_sms(before)


@pytest.mark.usefixtures("sms")
def test_without_a_way_the_page_says_why_nothing_was_sent(
    browser: Client, site: Site
) -> None:
    install_sms(None)
    form = MIA | {"email": "", "phone": "0151 23456789"}
    before = OutboundMessage.objects.count()
    page = browser.post(people(site, "people/new/"), form, follow=True)
    why = "there is no email, and this installation sends no SMS"
    assert why in text_of(page)
    mia = Resident.objects.get(user__phone="+4915123456789")
    assert why in text_of(browser.post(one(mia, "reset"), follow=True))
    assert OutboundMessage.objects.count() == before
    assert not PasswordLink.objects.filter(user=mia.user).exists()


def test_with_a_number_alone_the_link_goes_by_sms(
    browser: Client, site: Site, sms: list[tuple[str, str]]
) -> None:
    form = MIA | {"email": "", "phone": "0151 23456789"}
    page = browser.post(people(site, "people/new/"), form, follow=True)
    run_jobs()
    assert "goes to +4915123456789 by SMS." in text_of(page)
    ((recipient, text),) = sms
    assert recipient == "+4915123456789"
    link = text[text.index("/password/set/") :]
    passwords = {"password": PASSWORD, "repeated": PASSWORD}
    assert "Your password is set" in text_of(Client().post(link, passwords))


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"email": "", "phone": ""}, "id_email", "Enter an email or a mobile number."),
        ({"phone": "12"}, "id_phone", "not a phone number of the chosen country"),
        ({"name": ""}, "id_name", "This field is required."),
        ({"email": "NOVAK@example.com"}, "id_email", "Another account has this email."),
        ({"phone": "+49 171 1234567"}, "id_phone", "Another account has this mobile"),
    ],
)
def test_errors_stand_at_their_field_for_new_and_changed_people(
    browser: Client,
    installer: User,
    site: Site,
    change: dict[str, str],
    field: str,
    message: str,
) -> None:
    make_site(installer, "Novak", email="novak@example.com", phone="+491711234567")
    member = make_family_member(site, installer)
    calls = {
        people(site, "people/new/"): MIA | change,
        one(member, "edit"): form_of(member, **change),
    }
    before = list(User.objects.order_by("pk").values())
    for url, form in calls.items():
        page = text_of(browser.post(url, form))
        error = page.split(f'id="{field}_error"')[1].split("</ul>")[0]
        assert message in error
        assert 'aria-invalid="true"' in page
    assert list(User.objects.order_by("pk").values()) == before


def test_the_fourth_family_member_says_what_it_costs_and_stays_inactive(
    browser: Client, installer: User, site: Site
) -> None:
    set_prices(additional_app=150)
    for _ in range(3):
        make_family_member(site, installer)
    url = people(site, "people/new/")
    assert "Additional App, which costs €1.50 a month" in text_of(browser.get(url))
    assert browser.post(url, MIA).status_code == 302
    page = text_of(browser.get(people(site)))
    assert page.count(">Inactive<") == 1
    mia = page.split("Mia Ryan</a>")[1].split("</tr>")[0]
    assert ">Inactive<" in mia
    grant(
        actor=None,
        site=site,
        feature=Feature.ADDITIONAL_APP,
        months=1,
        resident=site.residents.get(user__name="Mia Ryan"),
        now=utcnow(),
    )
    assert ">Inactive<" not in text_of(browser.get(people(site)))


def test_the_fourth_family_member_is_active_where_he_costs_nothing(
    browser: Client, installer: User, site: Site
) -> None:
    for _ in range(3):
        make_family_member(site, installer)
    url = people(site, "people/new/")
    assert "which costs nothing here" in text_of(browser.get(url))
    assert browser.post(url, MIA).status_code == 302
    assert ">Inactive<" not in text_of(browser.get(people(site)))


def test_a_house_without_service_gets_no_family_member(
    browser: Client, site: Site
) -> None:
    Entitlement.objects.update(ends_at=utcnow() - timedelta(days=1))
    page = browser.post(people(site, "people/new/"), MIA)
    assert "while the app service of the house runs" in text_of(page)
    assert site.residents.count() == 1


def test_of_two_who_edit_a_person_the_second_is_told(
    browser: Client, installer: User, site: Site
) -> None:
    member = make_family_member(site, installer)
    shown = text_of(browser.get(one(member, "edit")))
    assert f'name="version" value="{member.user.version}"' in shown
    first, second = form_of(member, name="Mia"), form_of(member, name="Noah")
    assert browser.post(one(member, "edit"), first).status_code == 302
    page = text_of(browser.post(one(member, "edit"), second))
    assert CHANGED in page
    assert 'value="Noah"' in page
    assert User.objects.get(pk=member.user_id).name == "Mia"
    assert AuditEntry.objects.filter(action="resident.changed").count() == 1
    without = {key: text for key, text in second.items() if key != "version"}
    page = text_of(browser.post(one(member, "edit"), without))
    assert CHANGED in page


def test_of_two_who_edit_a_sub_installer_the_second_is_told(
    browser: Client, installer: User, site: Site
) -> None:
    sam = make_person(installer, Role.SUB_INSTALLER, "samsub")
    url = f"/installer/users/{sam.pk}/edit/"
    form = {
        "person": "Sam",
        "username": "samsub",
        "email": "samsub@example.com",
        "language": "en",
        "version": str(sam.user.version),
    }
    assert browser.post(url, form).status_code == 302
    late = form | {"person": "Samuel", "sites": [str(site.pk)]}
    page = text_of(browser.post(url, late))
    assert CHANGED in page
    assert User.objects.get(username="samsub").name == "Sam"
    assert not sam.user.site_assignments.exists()
    # What somebody says of himself counts, too.
    his = client_of(User.objects.get(username="samsub"))
    own = {
        "name": "Sammy",
        "time_zone": "Europe/Berlin",
        "time_format": "24h",
        "language": "en",
    }
    form["version"] = str(User.objects.get(username="samsub").version)
    assert his.post("/installer/setting/", own).status_code == 302
    page = text_of(browser.post(url, form))
    assert CHANGED in page
    assert User.objects.get(username="samsub").name == "Sammy"


def test_another_email_signs_out_and_is_told_to_the_old_one(
    browser: Client, installer: User, site: Site
) -> None:
    member = make_family_member(site, installer, "Mia")
    old = str(member.user.email)
    tokens = open_session(user=member.user, client="", now=utcnow())
    browser.post(one(member, "reset"))
    link = path_in(last_mail(old))
    assert is_in(tokens.token)
    answer = browser.post(one(member, "edit"), form_of(member, email="New@Example.com"))
    assert answer.status_code == 302
    assert User.objects.get(pk=member.user_id).email == "new@example.com"
    assert not is_in(tokens.token)
    assert Client().get(link).status_code == 410
    assert "new@example.com" in str(last_mail(old).body)
    assert mails_to("new@example.com") == []  # he has a password
    entry = AuditEntry.objects.get(action="resident.changed")
    assert (entry.before["email"], entry.after["email"]) == (old, "new@example.com")


def test_another_number_signs_out_and_spends_its_codes(
    browser: Client, installer: User, site: Site
) -> None:
    member = make_family_member(site, installer)
    phone = {"phone": "0151 23456789"}
    browser.post(one(member, "edit"), form_of(member, **phone))
    open_session(user=member.user, client="", now=utcnow())
    order_phone_code(phone="+4915123456789", now=utcnow())
    assert browser.post(one(member, "edit"), form_of(member, name="Mia")).status_code
    assert (
        AppSession.objects.filter(revoked_at=None).count() == 1
    )  # a name ends nothing
    browser.post(one(member, "edit"), form_of(member, phone="0151 23456780"))
    assert not AppSession.objects.filter(revoked_at=None).exists()
    assert not PhoneCode.objects.filter(used_at=None).exists()


def test_a_mistyped_email_is_mended_and_the_link_follows(
    browser: Client, site: Site
) -> None:
    browser.post(people(site, "people/new/"), MIA | {"email": "mai@example.com"})
    mia = Resident.objects.get(user__email="mai@example.com")
    wrong = path_in(last_mail("mai@example.com"))
    browser.post(one(mia, "edit"), form_of(mia, email="mia@example.com"))
    assert Client().get(wrong).status_code == 410
    assert Client().get(path_in(last_mail("mia@example.com"))).status_code == 200
    # A stranger's mailbox, perhaps: it learns no more.
    assert len(mails_to("mai@example.com")) == 1


def test_reset_password_sends_one_link_that_works(
    browser: Client, installer: User, site: Site
) -> None:
    member = make_family_member(site, installer)
    tokens = open_session(user=member.user, client="", now=utcnow())
    answers = [browser.post(one(member, "reset"), follow=True) for _ in range(2)]
    assert f"goes to {member.user.email}" in text_of(answers[0])
    first, second = (path_in(mail) for mail in mails_to(member.user.email)[-2:])
    assert Client().get(first).status_code == 410
    assert is_in(tokens.token)  # nothing ends before he has a new one
    new = {"password": "quite another door", "repeated": "quite another door"}
    assert "Your password is set" in text_of(Client().post(second, new))
    assert not is_in(tokens.token)
    assert AuditEntry.objects.filter(action="resident.link_sent").count() == 2


def test_reset_password_has_its_limit(
    browser: Client, installer: User, site: Site
) -> None:
    member = make_family_member(site, installer)
    pages = [browser.post(one(member, "reset"), follow=True) for _ in range(6)]
    assert "Enough links were sent" not in text_of(pages[4])
    assert "Enough links were sent" in text_of(pages[5])
    assert len(mails_to(member.user.email)) == 5


def test_a_deleted_family_member_is_out_at_once_and_his_email_is_free(
    browser: Client, installer: User, site: Site
) -> None:
    device = make_device(site, installer)
    member = make_family_member(site, installer, "Mia")
    tokens = open_session(user=member.user, client="", now=utcnow())
    master = site.residents.get(role="master").user
    for actor in (member.user, master):
        create_temp_key(
            actor=actor,
            site=site,
            name=f"of {actor.name}",
            relays=[device.relays.get()],
            starts_at=utcnow(),
            ends_at=utcnow() + timedelta(days=1),
            uses_allowed=5,
            now=utcnow(),
        )
    run_jobs()
    url = one(member, "delete")
    assert "1 guest code that this person made ends." in text_of(browser.get(url))
    page = text_of(browser.post(url, {"typed": "Noah"}))
    assert "This is not the name. Nothing was deleted." in page
    assert is_in(tokens.token)

    page = text_of(browser.post(url, {"typed": "Mia"}, follow=True))
    assert "Mia is deleted." in page
    assert not is_in(tokens.token)
    assert list(site.residents.values_list("role", flat=True)) == ["master"]
    assert not User.objects.filter(email=member.user.email).exists()
    keys = TempKey.objects.filter(revoked_at=None)
    assert list(keys.values_list("name", flat=True)) == [f"of {master.name}"]
    assert Job.objects.filter(name="provisioning.people_changed").exists()
    entry = AuditEntry.objects.get(action="resident.deleted")
    assert entry.before["email"] == member.user.email
    assert entry.object_name == "Mia"
    assert browser.post(url, {"typed": "Mia"}).status_code == 404

    browser.post(people(site, "people/new/"), MIA | {"email": str(member.user.email)})
    again = Resident.objects.get(user__email=member.user.email)
    assert int(again.sip.number) > int(member.sip.number)
    assert SipAccount.objects.filter(number=member.sip.number).count() == 0


def test_the_master_is_not_deleted_alone(browser: Client, site: Site) -> None:
    master = site.residents.get()
    assert one(master, "delete") not in text_of(browser.get(people(site)))
    typed = {"typed": master.user.name}
    assert browser.post(one(master, "delete"), typed).status_code == 404
    assert site.residents.count() == 1


def test_a_person_of_another_house_is_not_found(
    browser: Client, installer: User, site: Site
) -> None:
    other = make_family_member(make_site(installer, "Novak"), installer)
    for act in ("edit", "delete", "reset"):
        url = people(site, f"people/{other.pk}/{act}/")
        assert browser.post(url, form_of(other)).status_code == 404


def test_a_sub_installer_does_it_in_his_houses(installer: User, site: Site) -> None:
    sam = make_person(installer, Role.SUB_INSTALLER)
    his = client_of(sam.user)
    assert his.post(people(site, "people/new/"), MIA).status_code == 404
    sam.user.site_assignments.create(site=site, assigned_at=utcnow())
    assert his.post(people(site, "people/new/"), MIA).status_code == 302
    mia = Resident.objects.get(user__email="mia@example.com")
    answer = his.post(one(mia, "edit"), form_of(mia, name="Mia"))
    assert answer.status_code == 302
    assert his.post(one(mia, "reset")).status_code == 302
    assert his.post(one(mia, "delete"), {"typed": "Mia"}).status_code == 302
    assert site.residents.count() == 1


def test_a_visitor_sends_a_link_and_changes_nobody() -> None:
    dana = make_distributor("dana")
    ida = make_installer("ida", distributor=dana)
    site = make_site(ida, "Ryan")
    member = make_family_member(site, ida, "Mia")
    company = organization_of(ida)
    offer_access(actor=dana, company=company, offered=True, now=utcnow())
    grant_access(actor=ida, granted=True, now=utcnow())
    desk = client_of(dana)
    desk.post(f"/distributor/companies/{company.pk}/enter/")
    page = text_of(desk.get(people(site)))
    assert member.sip.number in page
    for act in ("edit", "delete"):
        assert one(member, act) not in page
    assert people(site, "people/new/") not in page
    before = list(User.objects.order_by("pk").values("name", "email", "version"))
    for url in (
        people(site, "people/new/"),
        one(member, "edit"),
        one(member, "delete"),
    ):
        form = form_of(member, email="dana@example.org") | {"typed": "Mia"}
        assert desk.post(url, form).status_code == 404
    after = list(User.objects.order_by("pk").values("name", "email", "version"))
    assert after == before
    # It goes to the resident's own mailbox, whoever orders it.
    assert desk.post(one(member, "reset")).status_code == 302
    entry = AuditEntry.objects.get(action="resident.link_sent")
    assert (entry.actor_id, entry.on_behalf_of_id) == (dana.pk, company.pk)


def test_people_cost_the_same_for_one_and_for_three(
    browser: Client, installer: User, site: Site
) -> None:
    def add_two() -> None:
        for _ in range(2):
            make_family_member(site, installer)

    assert_constant_queries(browser, people(site), add_two)
