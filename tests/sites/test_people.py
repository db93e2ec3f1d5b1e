"""The people of a house under parallel use: of two one wins, and the other is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from portico.access.services.leaving import let_member_go
from portico.accounts.models import PasswordLink, User
from portico.audit.models import AuditEntry
from portico.kernel.clock import utcnow
from portico.kernel.errors import ChangedMeanwhile, NotVisible
from portico.sites.errors import EmailTaken, MasterStays
from portico.sites.models import Resident, SipAccount, Site
from portico.sites.rules import served_people
from portico.sites.services.people import (
    add_family_member,
    change_resident,
    delete_family_member,
    send_new_link,
)
from portico.sites.services.registration import PersonData
from tests.accounts.parallel import at_once
from tests.factories import (
    make_family_member,
    make_installer,
    make_site,
    set_prices,
)

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

THREADS = 4


@pytest.fixture
def ida(transactional_db: None) -> User:
    return make_installer("ida")


@pytest.fixture
def site(ida: User) -> Site:
    return make_site(ida, "Ryan")


def outcomes(act: Callable[[int], object]) -> Counter[type[object]]:
    """How often each kind of result came of the same thing done at one moment."""
    return Counter(type(result) for result in at_once(act, THREADS))


def test_of_many_who_add_only_one_gets_the_last_free_place(
    ida: User, site: Site
) -> None:
    set_prices(additional_app=100)
    for _ in range(site.free_members - 1):
        make_family_member(site, ida)

    def add(number: int) -> Resident:
        data = PersonData(name="Mia", email=f"mia{number}@example.com")
        return add_family_member(actor=ida, site=site, data=data, now=utcnow())

    assert outcomes(add) == {Resident: THREADS}
    people = list(site.residents.all())
    served = served_people(site, people, list(site.entitlements.all()), utcnow())
    assert len(served) == 1 + site.free_members


def test_of_many_who_add_where_it_costs_nothing_all_are_served(
    ida: User, site: Site
) -> None:
    for _ in range(site.free_members - 1):
        make_family_member(site, ida)

    def add(number: int) -> Resident:
        data = PersonData(name="Mia", email=f"mia{number}@example.com")
        return add_family_member(actor=ida, site=site, data=data, now=utcnow())

    assert outcomes(add) == {Resident: THREADS}
    people = list(site.residents.all())
    served = served_people(site, people, list(site.entitlements.all()), utcnow())
    assert served == {person.pk for person in people}
    assert site.entitlements.filter(feature="additional_app").count() == THREADS - 1


def test_of_many_with_one_email_one_gets_it(ida: User) -> None:
    sites = [make_site(ida) for _ in range(THREADS)]

    def add(number: int) -> Resident:
        data = PersonData(name="Mia", email="mia@example.com")
        return add_family_member(actor=ida, site=sites[number], data=data, now=utcnow())

    assert outcomes(add) == {Resident: 1, EmailTaken: THREADS - 1}
    assert PasswordLink.objects.filter(user__email="mia@example.com").count() == 1


def test_of_many_who_save_what_they_saw_one_wins(ida: User, site: Site) -> None:
    member = make_family_member(site, ida)
    shown = User.objects.get(pk=member.user_id)

    def change(number: int) -> None:
        change_resident(
            actor=ida,
            resident=Resident.objects.get(pk=member.pk),
            data=PersonData(name=f"Mia {number}", email=str(shown.email)),
            version=shown.version,
            now=utcnow(),
        )

    assert outcomes(change) == {type(None): 1, ChangedMeanwhile: THREADS - 1}
    (entry,) = AuditEntry.objects.filter(action="resident.changed")
    assert User.objects.get(pk=member.user_id).name == entry.after["name"]


def test_of_many_who_delete_one_does(ida: User, site: Site) -> None:
    member = make_family_member(site, ida)

    def delete(_: int) -> None:
        resident = Resident.objects.select_related("user", "sip", "site").get(
            pk=member.pk
        )
        let_member_go(actor=ida, resident=resident, now=utcnow())

    found = outcomes(delete)
    assert found[type(None)] == 1
    assert set(found) <= {type(None), NotVisible, Resident.DoesNotExist}
    assert AuditEntry.objects.filter(action="resident.deleted").count() == 1


def test_links_that_are_ordered_at_once_leave_one_that_works(
    ida: User, site: Site
) -> None:
    member = make_family_member(site, ida)

    def order(_: int) -> object:
        resident = Resident.objects.get(pk=member.pk)
        return send_new_link(actor=ida, resident=resident, now=utcnow())

    at_once(order, THREADS)
    assert PasswordLink.objects.filter(user=member.user, used_at=None).count() == 1


def test_sip_numbers_are_never_given_again(ida: User, site: Site) -> None:
    numbers = []
    for _ in range(3):
        member = make_family_member(site, ida)
        numbers.append(member.sip.number)
        delete_family_member(actor=ida, resident=member, now=utcnow())
    assert numbers == sorted(set(numbers))
    assert not SipAccount.objects.filter(number__in=numbers).exists()


def test_the_master_stays(ida: User, site: Site) -> None:
    with pytest.raises(MasterStays):
        let_member_go(actor=ida, resident=site.residents.get(), now=utcnow())
    assert site.residents.count() == 1
    assert not AuditEntry.objects.filter(action="resident.deleted").exists()
