from __future__ import annotations

import pytest
from django.db import connection
from django.db.models.signals import pre_delete
from django.test import Client

from portico.accounts.models import PasswordLink, User
from portico.audit.models import AuditEntry
from portico.firmware.models import UpgradeCampaign
from portico.houses.services.turnover import delete_house
from portico.kernel.clock import utcnow
from portico.mail.models import OutboundMessage
from portico.provisioning.models import AutopOrder
from portico.sites.models import Site
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.errors import NotEmpty
from portico.tenancy.models import Membership, Organization
from portico.tenancy.services.companies import delete_company
from tests.accounts.parallel import at_once
from tests.factories import (
    make_device,
    make_distributor,
    make_installer,
    make_member,
    make_operator,
    make_organization,
    make_seen,
    make_site,
    organization_of,
    unset_password,
)
from tests.factories.autop import make_commands
from tests.factories.firmware import make_campaign, make_version
from tests.portals.conftest import client_of
from tests.portals.support import CHANGED, assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

NEW = {
    "name": "Hausmann GmbH",
    "time_zone": "Europe/Berlin",
    "person": "Heike Hausmann",
    "username": "heike",
    "email": "Heike@Hausmann.example",
    "language": "de",
}


@pytest.fixture
def distributor(db: None) -> User:
    return make_distributor("dana", "Nord Distribution")


@pytest.fixture
def desk(distributor: User) -> Client:
    return client_of(distributor)


def company(name: str) -> Organization:
    return Organization.objects.get(name=name)


def test_operator_makes_a_distributor_who_makes_a_sub_distributor_who_makes_an_installer(
    db: None,
) -> None:
    """The whole chain, each invited by mail and each seeing what is below him."""
    operator = client_of(make_operator())
    page = operator.post("/operator/companies/new/distributor/", NEW, follow=True)
    assert "The invitation goes to Heike@Hausmann.example." in text_of(page)
    heike = User.objects.get(username="heike")
    assert heike.email == "heike@hausmann.example"
    assert (heike.language, heike.time_zone) == ("de", "Europe/Berlin")
    assert not heike.has_usable_password()
    assert OutboundMessage.objects.filter(recipient=heike.email).count() == 1
    heike.email_confirmed_at = heike.created_at
    User.objects.filter(pk=heike.pk).update(
        email_confirmed_at=heike.created_at,
        policy_version=make_operator().policy_version,
    )

    client = client_of(User.objects.get(pk=heike.pk))
    sub = NEW | {"name": "Sub", "username": "sven", "email": "sven@sub.example"}
    client.post("/distributor/companies/new/sub_distributor/", sub)
    below = Membership.objects.get(user__username="sven")
    assert below.organization.parent == company("Hausmann GmbH")
    assert below.organization.kind == OrganizationKind.SUB_DISTRIBUTOR
    User.objects.filter(username="sven").update(
        email_confirmed_at=heike.created_at,
        policy_version=make_operator().policy_version,
    )

    client = client_of(User.objects.get(username="sven"))
    inst = NEW | {"name": "Inst", "username": "ina", "email": "ina@inst.example"}
    client.post("/distributor/companies/new/installer/", inst)
    assert company("Inst").parent == company("Sub")
    assert company("Inst").path.startswith(company("Hausmann GmbH").path)
    names = {
        entry.object_name
        for entry in AuditEntry.objects.filter(action="organization.created")
    }
    assert {"Hausmann GmbH", "Sub", "Inst"} <= names


@pytest.mark.parametrize("kind", ["operator", "distributor", "nonsense"])
def test_a_distributor_makes_only_what_stands_below_him(
    desk: Client, kind: str
) -> None:
    assert desk.post(f"/distributor/companies/new/{kind}/", NEW).status_code == 404
    assert not User.objects.filter(username="heike").exists()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("username", "dana", "Another account has this user name."),
        ("username", "DANA", "Another account has this user name."),
        ("username", "a b", "3 to 63 letters"),
        ("email", "dana@example.com", "Another account has this email."),
        ("email", "heike@x.example\nBcc: a@b.example", "Enter a valid email"),
        ("time_zone", "Mars/Olympus", "Choose a time zone"),
        ("name", "", "required"),
    ],
)
def test_what_cannot_be_is_told_at_its_field_and_makes_nothing(
    desk: Client, field: str, value: str, message: str
) -> None:
    before = Organization.objects.count()
    page = desk.post("/distributor/companies/new/installer/", NEW | {field: value})

    assert page.status_code == 200
    assert message in text_of(page)
    assert "Heike Hausmann" in text_of(page)  # nothing typed is lost
    assert Organization.objects.count() == before
    assert not User.objects.filter(username="heike").exists()
    assert not OutboundMessage.objects.exists()


def test_two_who_edit_at_once_do_not_overwrite_each_other(
    desk: Client, distributor: User
) -> None:
    boss = make_installer("ida", distributor=distributor, name="Before")
    url = f"/distributor/companies/{organization_of(boss).pk}/edit/"
    form = {"name": "First", "time_zone": "Europe/Berlin", "version": "1"}
    assert desk.post(url, form).status_code == 302
    second = desk.post(url, form | {"name": "Second"})

    assert CHANGED in text_of(second)
    assert "Second" in text_of(second)
    assert company("First").version == 2


def test_a_company_with_something_below_is_not_deleted(
    desk: Client, distributor: User
) -> None:
    boss = make_installer("ida", distributor=distributor, name="Inst")
    make_site(boss)
    url = f"/distributor/companies/{organization_of(boss).pk}/delete/"
    page = desk.post(url, {"typed": "Inst"})

    assert "still has companies, sites or devices" in text_of(page)
    assert company("Inst").pk
    assert User.objects.filter(username="ida").exists()


def test_an_empty_company_is_deleted_with_its_accounts_after_typing_its_name(
    desk: Client, distributor: User
) -> None:
    boss = make_installer("ida", distributor=distributor, name="Inst")
    session = client_of(boss)
    url = f"/distributor/companies/{organization_of(boss).pk}/delete/"
    assert "This is not the name" in text_of(desk.post(url, {"typed": "inst"}))
    assert desk.post(url, {"typed": "Inst"}).status_code == 302

    assert not Organization.objects.filter(name="Inst").exists()
    assert not User.objects.filter(username="ida").exists()
    assert session.get("/installer/").status_code == 302  # signed out
    entry = AuditEntry.objects.get(action="organization.deleted")
    assert entry.before["people"] == ["ida"]


def test_a_company_that_has_worked_on_devices_can_be_deleted() -> None:
    dana = make_distributor("dana")
    boss = make_installer(distributor=dana)
    device = make_device(make_site(boss), boss, model="R29")
    make_campaign(boss, [device], make_version())
    make_commands(boss, [device])
    delete_house(actor=boss, site=device.site, now=utcnow())
    company = organization_of(boss)
    delete_company(actor=dana, company=company, now=utcnow())
    assert not Organization.objects.filter(pk=company.pk).exists()
    assert not UpgradeCampaign.objects.exists()
    assert not AutopOrder.objects.exists()


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="there one writes after the other"
)
@pytest.mark.django_db(transaction=True)
def test_a_house_that_is_added_meanwhile_keeps_its_company() -> None:
    dana = make_distributor("dana")
    boss = make_installer(distributor=dana)
    one = organization_of(boss)

    def add_a_house(**_: object) -> None:
        assert isinstance(at_once(lambda _: make_site(boss), 1)[0], Site)

    # Everything below was looked for, and nothing was found.
    pre_delete.connect(add_a_house, sender=Organization)
    try:
        with pytest.raises(NotEmpty):
            delete_company(actor=dana, company=one, now=utcnow())
    finally:
        pre_delete.disconnect(add_a_house, sender=Organization)
    assert Site.objects.get().organization == one
    assert User.objects.filter(pk=boss.pk).exists()
    assert not AuditEntry.objects.filter(action="organization.deleted").exists()


def test_switches_are_kept_and_audited(desk: Client, distributor: User) -> None:
    boss = make_installer("ida", distributor=distributor, name="Inst")
    one = f"/distributor/companies/{organization_of(boss).pk}/"
    for switch, field in (
        ("payment", "may_pay"),
        ("access", "access_offered"),
        ("code", "requires_email_code"),
    ):
        for on in (True, False):
            desk.post(f"{one}{switch}/", {"on": "yes" if on else "no"})
            assert getattr(company("Inst"), field) is on
            boss.refresh_from_db()
            assert boss.email_code_required is (on and switch == "code")
    assert AuditEntry.objects.filter(action__endswith="_set").count() == 6


def test_those_who_join_later_need_the_code_as_well(
    desk: Client, distributor: User
) -> None:
    boss = make_installer("ida", distributor=distributor, name="Inst")
    one = f"/distributor/companies/{organization_of(boss).pk}/"
    desk.post(f"{one}code/", {"on": "yes"})
    new = {
        "person": "Sub",
        "username": "subby",
        "email": "s@x.example",
        "language": "en",
    }
    client_of(boss).post("/installer/users/sub-installers/new/", new)

    assert User.objects.get(username="subby").email_code_required


def test_the_last_owner_is_not_disabled_and_others_are_signed_out(
    desk: Client, distributor: User
) -> None:
    boss = make_installer("ida", distributor=distributor, name="Inst")
    one = f"/distributor/companies/{organization_of(boss).pk}/people/"
    switch = f"{one}{boss.membership.pk}/switch/"
    page = desk.post(switch, {"on": "no"}, follow=True)
    assert "keeps one owner who can sign in" in text_of(page)

    second = make_member(organization_of(boss), "ivo")
    session = client_of(second)
    switch = f"{one}{second.membership.pk}/switch/"
    desk.post(switch, {"on": "no"})
    assert session.get("/installer/").status_code == 302
    desk.post(switch, {"on": "yes"})
    assert User.objects.get(username="ivo").is_active


def test_a_new_invitation_replaces_the_older(desk: Client, distributor: User) -> None:
    boss = make_installer("ida", distributor=distributor, name="Inst")
    unset_password(boss)
    one = f"/distributor/companies/{organization_of(boss).pk}/people/"
    page = desk.post(f"{one}{boss.membership.pk}/invite/", follow=True)

    assert "A link to set a password goes to ida@example.com." in text_of(page)
    assert OutboundMessage.objects.get().recipient == "ida@example.com"


def test_who_has_a_password_is_not_invited_again(
    desk: Client, distributor: User
) -> None:
    """The way into a portal is consent (SET-8), not a new password."""
    boss = make_installer("ida", distributor=distributor, name="Inst")
    one = f"/distributor/companies/{organization_of(boss).pk}/"
    assert "Send a new invitation" not in text_of(desk.get(one))
    invite = f"{one}people/{boss.membership.pk}/invite/"
    page = text_of(desk.post(invite, follow=True))

    assert "This account has a password." in page
    assert not PasswordLink.objects.exists()
    assert not OutboundMessage.objects.exists()


def test_lists_hold_what_is_below_and_nothing_else(
    desk: Client, distributor: User
) -> None:
    boss = make_installer("ida", distributor=distributor, name="Inst")
    site = make_site(boss, "Ryan")
    make_seen(make_device(site, boss))
    other = make_installer("otto", name="Strangers Ltd")
    make_device(make_site(other, "Foreign"), other)

    assert "Inst" in text_of(desk.get("/distributor/companies/"))
    assert "Strangers" not in text_of(desk.get("/distributor/companies/"))
    assert "Nothing matches" in text_of(desk.get("/distributor/companies/?q=xyz"))
    found = text_of(desk.get("/distributor/companies/?q=ida&kind=installer"))
    assert "Inst" in found
    sites = text_of(desk.get("/distributor/sites/"))
    assert site.name in sites
    assert "Foreign" not in sites
    assert "1 of 1 online" in sites
    devices = text_of(desk.get("/distributor/devices/"))
    assert site.name in devices
    assert "Foreign" not in devices


@pytest.mark.parametrize("page", ["companies", "sites", "devices"])
def test_lists_cost_the_same_for_any_number_of_rows(
    desk: Client, distributor: User, page: str
) -> None:
    def add(number: int = 1) -> None:
        for _ in range(number):
            boss = make_installer(distributor=distributor)
            make_device(make_site(boss), boss)

    add()
    assert_constant_queries(desk, f"/distributor/{page}/", lambda: add(2))


def test_a_sub_distributor_has_no_sub_distributors(distributor: User) -> None:
    kind = OrganizationKind.SUB_DISTRIBUTOR
    sub = make_member(make_organization(kind, organization_of(distributor)))
    client = client_of(sub)

    assert client.get("/distributor/companies/new/installer/").status_code == 200
    for kind_name in ("sub_distributor", "distributor"):
        url = f"/distributor/companies/new/{kind_name}/"
        assert client.get(url).status_code == 404
    assert client.get("/distributor/mac-library/").status_code == 404


def test_staff_who_are_not_owners_manage_customers_too(distributor: User) -> None:
    staff = make_member(organization_of(distributor), "stefan")
    Membership.objects.filter(user=staff).update(role=Role.STAFF)
    client = client_of(staff)

    assert client.post("/distributor/companies/new/installer/", NEW).status_code == 302


def test_a_team_of_colleagues_who_do_not_manage_the_team(
    desk: Client, distributor: User
) -> None:
    form = {
        "person": "Stefan",
        "username": "stefan",
        "email": "stefan@nord.example",
        "language": "en",
    }
    desk.post("/distributor/users/team/new/", form)
    stefan = Membership.objects.get(user__username="stefan")
    assert (stefan.role, stefan.organization) == (
        Role.STAFF,
        organization_of(distributor),
    )
    assert "Stefan" in text_of(desk.get("/distributor/users/"))
    assert desk.get("/distributor/users/managers/").status_code == 404

    User.objects.filter(pk=stefan.user_id).update(
        policy_version=distributor.policy_version,
        email_confirmed_at=distributor.email_confirmed_at,
    )
    his = client_of(User.objects.get(pk=stefan.user_id))
    assert his.get("/distributor/companies/").status_code == 200
    assert his.get("/distributor/users/").status_code == 404
    assert "/distributor/users/" not in text_of(his.get("/distributor/companies/"))
