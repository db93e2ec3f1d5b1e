"""Linked sites (SITE-7): one account lives in several houses, and is locked while it does."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from portico.access.services.temp_keys import create_temp_key
from portico.accounts.models import AppSession, PasswordLink, User
from portico.accounts.services.app_sessions import AppTokens, open_session
from portico.accounts.services.passwords import set_password
from portico.audit.models import AuditEntry
from portico.devices.enums import DenialReason
from portico.kernel.clock import utcnow
from portico.portals.installer.forms.resident import ContactForm
from portico.sites.models import Entitlement, Resident, SipAccount, Site
from portico.sites.services.assignments import assign_sites
from portico.sites.services.registration import HouseData, register_house
from portico.sites.services.residents import mark_registered
from portico.tenancy.enums import Role
from tests.factories import (
    PASSWORD,
    make_device,
    make_family_member,
    make_installer,
    make_person,
    make_site,
    run_jobs,
    set_prices,
)
from tests.mails import last_mail, mails_to, path_in
from tests.portals.conftest import client_of
from tests.portals.support import CHANGED, shown_form, text_of
from tests.portals.test_house_form import HOUSE, OPTIONS, step_of
from tests.portals.test_house_import import as_csv, house, upload

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

NEW = "/installer/sites/new/"
EMAIL, PHONE = "anna@example.com", "+4915123456789"
OFFER = "Link this site to that account"
TAKEN = "Another account has this email."
PERSON = {
    "name": "Somebody",
    "email": "Anna@Example.COM",
    "country": "DE",
    "phone": "",
    "language": "en",
}


@pytest.fixture
def villa(installer: User) -> Site:
    """Anna's house; she has a password, and is registered."""
    site = make_site(
        installer,
        "Anna Weber",
        email=EMAIL,
        phone=PHONE,
        country="DE",
        room_name="Villa Weber",
        language="de",
    )
    user = site.residents.get().user
    set_password(user=user, password=PASSWORD)
    mark_registered(user=user, now=utcnow())
    return site


@pytest.fixture
def anna(villa: Site) -> User:
    return villa.residents.get().user


def new_person(site: Site) -> str:
    return f"/installer/sites/{site.pk}/people/new/"


def page_of(resident: Resident, act: str) -> str:
    return f"/installer/sites/{resident.site_id}/people/{resident.pk}/{act}/"


def settings_of(site: Site) -> str:
    return f"/installer/sites/{site.pk}/settings/"


def people_page(site: Site) -> str:
    return f"/installer/sites/{site.pk}/"


def linked(site: Site, installer: User, user: User) -> Resident:
    """``user`` lives in ``site``, too, and all mails about it are out."""
    form = PERSON | {"email": str(user.email), "linked": str(user.pk)}
    answer = client_of(installer).post(new_person(site), form)
    assert answer.status_code == 302
    run_jobs()
    return site.residents.get(user=user)


def everything() -> dict[str, object]:
    users = User.objects.order_by("pk").values()
    return {
        "users": [one | {"last_login": None} for one in users],
        "people": list(Resident.objects.order_by("pk").values()),
        "sites": list(Site.objects.order_by("pk").values()),
        "sips": SipAccount.objects.count(),
        "links": PasswordLink.objects.count(),
    }


def doors(tokens: AppTokens) -> set[str]:
    answer = Client().get("/userconf", {"token": tokens.token}).json()
    return {door["mac"] for door in answer["datas"]["dev_list"]}


# Linking


def test_a_family_member_gets_the_account_that_he_has(
    browser: Client, site: Site, villa: Site, anna: User
) -> None:
    before = everything()
    page = text_of(browser.post(new_person(site), PERSON))
    assert TAKEN in page
    assert "Anna Weber of Villa Weber has this email." in page
    box = re.search(
        rf'<input type="checkbox" name="linked" value="{anna.pk}"[^>]*>', page
    )
    assert box is not None
    assert "checked" not in box[0]
    assert OFFER in page
    assert everything() == before

    answer = browser.post(
        new_person(site), PERSON | {"linked": str(anna.pk)}, follow=True
    )
    said = f"Anna Weber is added. A mail that says so goes to {EMAIL}."
    assert said in text_of(answer)
    assert User.objects.count() == len(before["users"])  # type: ignore[arg-type]  # a list
    first, second = Resident.objects.filter(user=anna).order_by("pk")
    assert (first.site, second.site, second.role) == (villa, site, "member")
    assert first.sip.number != second.sip.number
    assert second.registered_at is not None
    kept = User.objects.get(pk=anna.pk)
    assert (kept.name, kept.email, kept.phone) == ("Anna Weber", EMAIL, PHONE)
    assert (kept.password, kept.language) == (anna.password, "de")
    mail = last_mail(EMAIL)
    assert mail.subject == "„Ryan's home“ wurde Ihrem Konto hinzugefügt"
    assert "/password/" not in str(mail.body)
    assert not PasswordLink.objects.filter(user=anna).exists()
    entry = AuditEntry.objects.get(action="resident.linked")
    assert (entry.site_id, entry.after["role"]) == (site.pk, "member")
    # Once he lives there he does not move in again.
    page = text_of(browser.post(new_person(site), PERSON | {"linked": str(anna.pk)}))
    assert TAKEN in page
    assert OFFER not in page
    assert site.residents.count() == 2


def test_a_new_house_gets_the_account_of_its_master_in_three_steps(
    browser: Client, villa: Site, anna: User
) -> None:
    house = HOUSE | {"email": "", "phone": "0151 234 567 89"}
    before = everything()
    page = text_of(browser.post(NEW, house | {"to": "options"}))
    assert step_of(page) == "house"
    assert "Another account has this mobile number." in page
    assert "Anna Weber of Villa Weber has this mobile number." in page
    page = text_of(browser.post(NEW, house | {"to": "options", "linked": str(anna.pk)}))
    assert step_of(page) == "options"
    assert "errorlist" not in page
    # Every step carries the tick on, and back.
    form = shown_form(page) | OPTIONS
    review = text_of(browser.post(NEW, form | {"to": "review"}))
    assert step_of(review) == "review"
    assert "Anna Weber of Villa Weber has this mobile number." in review
    assert OFFER in review
    back = text_of(browser.post(NEW, shown_form(review) | {"to": "house"}))
    box = re.search(rf'type="checkbox" name="linked" value="{anna.pk}"[^>]*', back)
    assert box is not None
    assert "checked" in box[0]
    assert "errorlist" not in back
    assert everything() == before

    form = shown_form(review) | {"to": "submit"}
    assert browser.post(NEW, form).status_code == 302
    site = Site.objects.get(name="Ryan")
    master = site.residents.get()
    assert (master.user, master.role) == (anna, "master")
    assert master.sip != villa.residents.get().sip
    assert site.family_sip not in {master.sip, villa.family_sip}
    kept = User.objects.get(pk=anna.pk)
    assert (kept.name, kept.email, kept.phone) == ("Anna Weber", EMAIL, PHONE)
    assert len(mails_to(EMAIL)) == 1


def test_who_has_no_password_yet_gets_a_link_to_set_one(
    browser: Client, installer: User, site: Site
) -> None:
    villa = make_site(installer, "Anna Weber", email=EMAIL)
    anna = villa.residents.get().user
    form = PERSON | {"linked": str(anna.pk)}
    answer = browser.post(new_person(site), form, follow=True)
    assert f"A link to set a password goes to {EMAIL}." in text_of(answer)
    assert not Resident.objects.exclude(registered_at=None).exists()
    link = path_in(last_mail(EMAIL))
    Client().post(link, {"password": PASSWORD, "repeated": PASSWORD})
    assert Resident.objects.filter(user=anna, registered_at=None).count() == 0
    assert Resident.objects.filter(user=anna).count() == 2


def test_without_an_email_the_page_says_that_nothing_was_sent(
    browser: Client, site: Site, anna: User
) -> None:
    User.objects.filter(pk=anna.pk).update(email=None)
    form = PERSON | {"email": "", "phone": PHONE, "linked": str(anna.pk)}
    answer = browser.post(new_person(site), form, follow=True)
    assert "No mail was sent: the account has no email." in text_of(answer)
    assert site.residents.filter(user=anna).exists()


def test_the_tick_is_for_one_account(
    browser: Client, installer: User, site: Site, anna: User
) -> None:
    """Who ticks for Anna and then types Ben's email has not been told of Ben."""
    make_site(installer, "Ben", email="ben@example.com")
    before = everything()
    form = PERSON | {"email": "ben@example.com", "linked": str(anna.pk)}
    page = text_of(browser.post(new_person(site), form))
    assert "Ben of Ben&#x27;s home has this email." in page
    assert not re.search(r'name="linked"[^>]*checked', page)
    assert everything() == before


def test_email_and_number_of_two_accounts_are_refused(
    browser: Client, installer: User, site: Site, anna: User
) -> None:
    ben = make_site(installer, "Ben", email="ben@example.com").residents.get().user
    before = everything()
    for user in (anna, ben):
        form = PERSON | {"email": "ben@example.com", "phone": PHONE}
        page = text_of(browser.post(new_person(site), form | {"linked": str(user.pk)}))
        assert TAKEN in page
        assert OFFER not in page
        page = text_of(browser.post(NEW, HOUSE | form | {"linked": str(user.pk)}))
        assert TAKEN in page
        assert OFFER not in page
    assert everything() == before


def test_both_of_one_account_are_his(browser: Client, site: Site, anna: User) -> None:
    page = text_of(browser.post(new_person(site), PERSON | {"phone": PHONE}))
    assert "Anna Weber of Villa Weber has this email and mobile number." in page
    form = PERSON | {"phone": PHONE, "linked": str(anna.pk)}
    assert browser.post(new_person(site), form).status_code == 302
    assert site.residents.filter(user=anna).exists()


@pytest.mark.parametrize("whose", ["foreign", "staff", "hidden", "disabled"])
def test_who_may_not_be_seen_is_refused_as_ever(
    installer: User, site: Site, villa: Site, anna: User, whose: str
) -> None:
    """Neither the page nor a crafted tick tells one from the other, or links anything."""
    actor = installer
    if whose == "foreign":
        villa = make_site(make_installer(), "Else", email="else@example.com")
        user = villa.residents.get().user
    elif whose == "staff":
        user = make_person(installer, Role.STAFF).user
    elif whose == "hidden":
        member = make_person(installer, Role.SUB_INSTALLER)
        assign_sites(actor=installer, member=member, site_ids=[site.pk], now=utcnow())
        actor, user = member.user, anna
    else:
        User.objects.filter(pk=anna.pk).update(is_active=False)
        user = anna
    before = everything()
    typed = {"email": str(user.email), "linked": str(user.pk)}
    for url, form in ((new_person(site), PERSON), (NEW, HOUSE | {"phone": ""})):
        page = text_of(client_of(actor).post(url, form | typed))
        error = page.split('id="id_email_error"')[1].split("</ul>")[0]
        assert TAKEN in error
        assert OFFER not in page
        assert villa.room_name not in page
    assert everything() == before


def test_a_sub_installer_links_what_he_works_on(
    installer: User, site: Site, villa: Site, anna: User
) -> None:
    member = make_person(installer, Role.SUB_INSTALLER)
    both = [site.pk, villa.pk]
    assign_sites(actor=installer, member=member, site_ids=both, now=utcnow())
    form = PERSON | {"linked": str(anna.pk)}
    assert client_of(member.user).post(new_person(site), form).status_code == 302
    assert site.residents.filter(user=anna).exists()


def test_an_import_refuses_as_before(browser: Client, anna: User) -> None:
    before = everything()
    page = upload(browser, as_csv([house(1, email="ANNA@example.com")]))
    assert "Another account has" in page
    assert OFFER not in page
    assert anna.name not in page
    assert everything() == before


def test_a_linked_member_counts_like_any_other(
    browser: Client, installer: User, site: Site, anna: User
) -> None:
    set_prices(additional_app=150)
    for _ in range(3):
        make_family_member(site, installer)
    resident = linked(site, installer, anna)
    assert "Inactive" in text_of(browser.get(people_page(site)))
    make_device(site, installer)
    tokens = open_session(user=anna, client="test", now=utcnow())
    (mac,) = doors(tokens)
    form = {"mac": mac, "relay": "0"}
    answer = Client().post(f"/opendoor?token={tokens.token}", form).json()
    assert answer["message"] == str(DenialReason.NO_SERVICE.label)
    assert not Entitlement.objects.filter(resident=resident).exists()


# Locked


def fields_of(page: str) -> dict[str, str]:
    """The tags of the locked fields."""
    names = ("email", "country", "phone")
    found = {
        n: re.search(rf'<(?:input|select)[^>]* name="{n}"[^>]*>', page) for n in names
    }
    return {name: tag[0] if tag else "" for name, tag in found.items()}


def test_contact_and_country_are_locked_and_say_why(
    browser: Client, installer: User, site: Site, villa: Site, anna: User
) -> None:
    for url in (settings_of(villa), page_of(villa.residents.get(), "edit")):
        tags = fields_of(text_of(browser.get(url)))
        assert not any("disabled" in tag for tag in tags.values())
    resident = linked(site, installer, anna)
    pages = {
        settings_of(villa): "Ryan&#x27;s home",
        page_of(villa.residents.get(), "edit"): "Ryan&#x27;s home",
        page_of(resident, "edit"): "Villa Weber",
    }
    for url, other in pages.items():
        page = text_of(browser.get(url))
        tags = fields_of(page)
        assert all(" disabled" in tag for tag in tags.values()), tags
        assert EMAIL in tags["email"]
        assert "+49 1512 3456789" in tags["phone"]
        reason = f"Cannot be changed while the account has linked sites: {other}."
        assert page.count(reason) == 3
        for name in tags:
            assert f'aria-describedby="id_{name}_helptext"' in tags[name]


def test_a_crafted_post_changes_nothing(
    browser: Client, installer: User, site: Site, villa: Site, anna: User
) -> None:
    resident = linked(site, installer, anna)
    shown = shown_form(text_of(browser.get(settings_of(villa))))
    crafted = {"email": "new@example.com", "phone": "0170 1234567", "country": "FR"}
    browser.post(settings_of(villa), shown | crafted)
    shown = shown_form(text_of(browser.get(page_of(resident, "edit"))))
    browser.post(page_of(resident, "edit"), shown | crafted)
    anna.refresh_from_db()
    villa.refresh_from_db()
    assert (anna.email, anna.phone, villa.country) == (EMAIL, PHONE, "DE")


@pytest.mark.parametrize("field", ["email", "phone", "country"])
def test_the_service_refuses_what_the_form_lets_through(
    browser: Client,
    installer: User,
    site: Site,
    villa: Site,
    anna: User,
    field: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if the site were linked while the form is checked."""
    resident = linked(site, installer, anna)
    before = everything()
    monkeypatch.setattr(ContactForm, "lock_contact", lambda *_: None)
    value = {"email": "new@example.com", "phone": "+33123456789", "country": "FR"}
    urls = [settings_of(villa)]
    if field != "country":  # of a person it is not kept
        urls.append(page_of(resident, "edit"))
    for url in urls:
        shown = shown_form(text_of(browser.get(url)))
        page = text_of(browser.post(url, shown | {field: value[field]}))
        error = page.split(f'id="id_{field}_error"')[1].split("</ul>")[0]
        assert "Cannot be changed while the account has linked sites" in error
    assert everything() == before


def test_who_edits_while_a_site_is_linked_is_told(
    browser: Client, installer: User, site: Site, villa: Site, anna: User
) -> None:
    urls = [settings_of(villa), page_of(villa.residents.get(), "edit")]
    shown = [shown_form(text_of(browser.get(url))) for url in urls]
    linked(site, installer, anna)
    for url, form in zip(urls, shown, strict=True):
        page = text_of(browser.post(url, form | {"email": "new@example.com"}))
        assert CHANGED in page
    anna.refresh_from_db()
    assert anna.email == EMAIL


def test_houses_that_one_may_not_see_are_a_number(
    installer: User, site: Site, villa: Site, anna: User
) -> None:
    resident = linked(site, installer, anna)
    cottage = make_site(installer, "Cottage")
    linked(cottage, installer, anna)
    member = make_person(installer, Role.SUB_INSTALLER)
    assign_sites(actor=installer, member=member, site_ids=[site.pk], now=utcnow())
    sub = client_of(member.user)
    for url in (
        page_of(resident, "edit"),
        people_page(site),
        page_of(resident, "delete"),
    ):
        page = text_of(sub.get(url))
        assert "2 other houses" in page, url
        assert "Villa Weber" not in page
        assert "Cottage" not in page
    assign_sites(
        actor=installer, member=member, site_ids=[site.pk, cottage.pk], now=utcnow()
    )
    page = text_of(sub.get(page_of(resident, "edit")))
    assert "has linked sites: Cottage&#x27;s home and 1 other." in page
    assert "Villa Weber" not in page


def test_settings_of_a_linked_master_are_the_house_s_own(
    browser: Client, installer: User, site: Site, villa: Site, anna: User
) -> None:
    """Name, language and times of the account belong to all of its houses."""
    linked(site, installer, anna)
    url = settings_of(villa)
    shown = shown_form(text_of(browser.get(url)))
    changes = {"name": "Villa", "language": "fr", "time_zone": "Asia/Tokyo"}
    assert browser.post(url, shown | changes).status_code == 302
    villa.refresh_from_db()
    assert (villa.name, villa.language, villa.time_zone) == (
        "Villa",
        "fr",
        "Asia/Tokyo",
    )
    kept = User.objects.get(pk=anna.pk)
    assert (kept.name, kept.language, kept.time_zone) == (
        "Anna Weber",
        "de",
        anna.time_zone,
    )
    # And are shown as such the next time.
    shown = shown_form(text_of(browser.get(url)))
    assert (shown["name"], shown["language"]) == (["Villa"], ["fr"])


def test_another_name_reaches_the_units_of_all_houses(
    browser: Client, installer: User, site: Site, villa: Site, anna: User
) -> None:
    resident = linked(site, installer, anna)
    units = [make_device(one, installer, model="R20A") for one in (site, villa)]
    run_jobs()
    url = page_of(resident, "edit")
    shown = shown_form(text_of(browser.get(url)))
    assert browser.post(url, shown | {"name": "Anna Maria"}).status_code == 302
    run_jobs()
    for unit in units:
        unit.provisioning_file.refresh_from_db()
        assert 'Name="Anna Maria" Office=' in unit.provisioning_file.contacts
        assert 'Name="Anna Weber" Office=' not in unit.provisioning_file.contacts


# Seen


def test_pages_show_where_else_somebody_lives(
    browser: Client, installer: User, site: Site, villa: Site, anna: User
) -> None:
    assert "Linked" not in text_of(browser.get(people_page(site)))
    linked(site, installer, anna)
    for here, there in ((site, villa), (villa, site)):
        page = text_of(browser.get(people_page(here)))
        # In the head of the house, and in the person's row.
        assert len(re.findall(r"</svg>Linked</span>", page)) == 2
        assert page.count(f'href="{people_page(there)}"') == 2
        doors_page = text_of(browser.get(f"{people_page(here)}doors/"))
        assert doors_page.count(f'href="{people_page(there)}"') == 1


# Left


def test_a_linked_member_leaves_one_house_and_keeps_the_other(
    browser: Client, installer: User, site: Site, villa: Site, anna: User
) -> None:
    here, there = make_device(site, installer), make_device(villa, installer)
    resident = linked(site, installer, anna)
    tokens = open_session(user=anna, client="test", now=utcnow())
    assert doors(tokens) == {here.mac, there.mac}
    keys = [
        create_temp_key(
            actor=anna,
            site=device.site,
            name="Guest",
            relays=list(device.relays.all()),
            starts_at=utcnow(),
            ends_at=utcnow().replace(year=2099),
            uses_allowed=1,
            now=utcnow(),
        )
        for device in (here, there)
    ]
    page = text_of(browser.get(page_of(resident, "delete")))
    assert "The account stays, as it has linked sites: Villa Weber." in page
    sip = resident.sip_id
    answer = browser.post(page_of(resident, "delete"), {"typed": "Anna Weber"})
    assert answer.status_code == 302

    assert not site.residents.filter(user=anna).exists()
    assert not SipAccount.objects.filter(pk=sip).exists()
    kept = User.objects.get(pk=anna.pk)
    assert (kept.email, kept.password) == (EMAIL, anna.password)
    assert AppSession.objects.get(user=anna).revoked_at is None
    assert doors(tokens) == {there.mac}
    form = {"mac": here.mac, "relay": "0"}
    answer = Client().post(f"/opendoor?token={tokens.token}", form)
    assert answer.json()["message"] == "not_found"
    for key in keys:
        key.refresh_from_db()
    assert [key.revoked_at is not None for key in keys] == [True, False]
    # With one house left the account is edited as ever.
    page = text_of(browser.get(settings_of(villa)))
    assert not any("disabled" in tag for tag in fields_of(page).values())


def test_who_lives_nowhere_else_goes_with_his_account(
    browser: Client, installer: User, site: Site, anna: User, villa: Site
) -> None:
    resident = linked(site, installer, anna)
    browser.post(page_of(resident, "delete"), {"typed": "Anna Weber"})
    answer = browser.post(
        f"/installer/sites/{villa.pk}/delete/", {"typed": "Villa Weber"}
    )
    assert answer.status_code == 302
    assert not User.objects.filter(pk=anna.pk).exists()


def test_a_deleted_house_leaves_the_linked_account(
    browser: Client, installer: User, site: Site, villa: Site, anna: User
) -> None:
    there = make_device(site, installer)
    make_device(villa, installer)
    resident = linked(site, installer, anna)
    tokens = open_session(user=anna, client="test", now=utcnow())
    url = f"/installer/sites/{villa.pk}/delete/"
    assert "this house in the app of: Anna Weber. Their accounts stay" in text_of(
        browser.get(url)
    )
    assert browser.post(url, {"typed": "Villa Weber"}).status_code == 302
    assert list(Resident.objects.filter(user=anna)) == [resident]
    assert doors(tokens) == {there.mac}
    assert User.objects.get(pk=anna.pk).email == EMAIL


def test_a_reset_house_leaves_the_linked_master_his_account(
    browser: Client, installer: User, site: Site, villa: Site, anna: User
) -> None:
    there = make_device(site, installer)
    make_device(villa, installer)
    linked(site, installer, anna)
    tokens = open_session(user=anna, client="test", now=utcnow())
    before = User.objects.filter(pk=anna.pk).values().get()
    url = f"/installer/sites/{villa.pk}/reset/"
    assert "signed in, and open nothing here: Anna Weber." in text_of(browser.get(url))
    assert browser.post(url, {"typed": "Villa Weber"}).status_code == 302

    assert User.objects.filter(pk=anna.pk).values().get() == before
    assert doors(tokens) == {there.mac}
    master = villa.residents.get()
    assert (master.role, master.registered_at) == ("master", None)
    assert master.user != anna
    assert (master.user.name, master.user.email, master.user.phone) == (
        "Anna Weber",
        None,
        None,
    )
    assert not master.user.has_usable_password()
    # The new tenant is entered as after any reset.
    shown = shown_form(text_of(browser.get(settings_of(villa))))
    tenant = {"name": "Tom", "email": "tom@example.com", "country": "DE"}
    assert browser.post(settings_of(villa), shown | tenant).status_code == 302
    assert villa.residents.get().user.email == "tom@example.com"
    assert "/password/set/" in str(last_mail("tom@example.com").body)
    assert User.objects.filter(pk=anna.pk).values().get() == before


def test_services_ask_who_it_is_that_links(installer: User, anna: User) -> None:
    """A foreign installer with the right id gets today's refusal from the service, too."""
    stranger = make_installer()
    data = HouseData(name="X", email=EMAIL, link_to=anna.pk)
    before = everything()
    with pytest.raises(Exception, match=TAKEN):
        register_house(actor=stranger, data=data, now=utcnow())
    assert everything() == before
