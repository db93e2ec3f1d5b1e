"""One account in several houses under parallel use: of two one wins (SITE-7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from portico.access.services.leaving import let_member_go
from portico.accounts.models import User
from portico.houses.services.turnover import delete_house, reset_house
from portico.kernel.clock import utcnow
from portico.kernel.errors import ChangedMeanwhile
from portico.sites.errors import AccountLinked, EmailTaken
from portico.sites.models import Resident, SipAccount, Site
from portico.sites.services.people import add_family_member, change_resident
from portico.sites.services.registration import PersonData
from tests.accounts.parallel import at_once
from tests.factories import make_family_member, make_installer, make_site

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

THREADS = 4
# Which of two is first is chance.
ROUNDS = 5


@pytest.fixture
def ida(transactional_db: None) -> User:
    return make_installer("ida")


def data_of(user: User) -> PersonData:
    return PersonData(name="?", email=str(user.email), link_to=user.pk)


def move_in(ida: User, site: Site, user: User) -> Resident:
    data = data_of(user)
    return add_family_member(actor=ida, site=site, data=data, now=utcnow())


def outcomes(acts: Sequence[Callable[[], object]]) -> Counter[type[object]]:
    """What came of these things done at one moment."""
    results = at_once(lambda number: acts[number](), len(acts))
    return Counter(type(result) for result in results)


def test_of_many_who_link_the_same_house_one_does(ida: User) -> None:
    user = make_site(ida).residents.get().user
    site = make_site(ida)
    found = outcomes([partial(move_in, ida, site, user)] * THREADS)
    assert found == {Resident: 1, EmailTaken: THREADS - 1}
    assert site.residents.filter(user=user).count() == 1
    # Two houses with a family's number each, and what lives in them.
    assert SipAccount.objects.count() == 2 + Resident.objects.count()


def test_many_houses_are_linked_at_once(ida: User) -> None:
    user = make_site(ida).residents.get().user
    sites = [make_site(ida) for _ in range(THREADS)]
    acts = [partial(move_in, ida, site, user) for site in sites]
    assert outcomes(acts) == {Resident: THREADS}
    numbers = {one.sip_id for one in Resident.objects.filter(user=user)}
    assert len(numbers) == 1 + THREADS


def test_an_account_is_linked_or_gets_another_email(ida: User) -> None:
    for number in range(ROUNDS):
        home = make_site(ida).residents.select_related("user", "site", "sip").get()
        user, other = home.user, make_site(ida)
        old = user.email
        new = PersonData(name=user.name, email=f"new{number}@example.com")

        def change(home: Resident = home, new: PersonData = new) -> None:
            change_resident(
                actor=ida,
                resident=home,
                data=new,
                version=home.user.version,
                now=utcnow(),
            )

        def link(other: Site = other, user: User = user) -> Resident:
            return move_in(ida, other, user)

        found = outcomes([change, link])
        assert set(found) <= {type(None), Resident, AccountLinked, ChangedMeanwhile}
        kept = User.objects.get(pk=user.pk)
        is_linked = kept.residents.count() == 2
        assert is_linked == (kept.email == old)
        # The mailbox that he has left is somebody else's by now, who was added.
        assert other.residents.filter(user__email=old).exists()


def test_an_account_is_linked_or_goes_with_its_last_house(ida: User) -> None:
    for _ in range(ROUNDS):
        site, other = make_site(ida), make_site(ida)
        member = make_family_member(site, ida)
        user = member.user

        def leave(member: Resident = member) -> None:
            now = utcnow()
            let_member_go(actor=ida, resident=member, now=now)

        def link(other: Site = other, user: User = user) -> Resident:
            return move_in(ida, other, user)

        found = outcomes([leave, link])
        assert found == {type(None): 1, Resident: 1}
        homes = Resident.objects.filter(user__email=user.email)
        assert [home.site for home in homes] == [other]
        assert not User.objects.filter(residents=None, membership=None).exists()


def test_houses_of_one_account_end_at_once(ida: User) -> None:
    for act in (delete_house, reset_house):
        for _ in range(ROUNDS):
            sites = [make_site(ida) for _ in range(3)]
            users = [site.residents.get().user for site in sites]
            for site in sites:
                for user in users:
                    if not site.residents.filter(user=user).exists():
                        move_in(ida, site, user)
            now = utcnow()
            acts = [partial(act, actor=ida, site=site, now=now) for site in sites]
            assert outcomes(acts) == {type(None): 3}
            assert not User.objects.filter(residents=None, membership=None).exists()
            left = Resident.objects.filter(site__in=sites).select_related("user")
            assert len(left) == (3 if act is reset_house else 0)
            assert all(one.user.email is None for one in left)


def test_the_database_lets_nobody_live_twice_in_a_house(ida: User) -> None:
    home = make_site(ida).residents.get()
    sip = SipAccount.objects.create(number="1", password="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        Resident.objects.create(
            site=home.site, user=home.user, role="member", sip=sip, created_at=utcnow()
        )
