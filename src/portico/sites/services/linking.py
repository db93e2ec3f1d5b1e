"""One account in several houses (SITE-7): linked, locked, and left again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import F

from portico.accounts.models import User
from portico.accounts.services.password_links import end_access
from portico.audit.services import record
from portico.sites.enums import ResidentRole
from portico.sites.errors import AccountLinked
from portico.sites.links import LinkOffer, link_offer, links_of
from portico.sites.models import Resident, Site
from portico.sites.services.numbering import allocate_sip_account
from portico.sites.services.residents import people_changed


def held_offer(
    *, actor: User, contact: Mapping[str, str | None], site: Site, link_to: int | None
) -> LinkOffer | None:
    """The account ``link_to``, if ``site`` may be linked to it now.

    Nobody changes or deletes it, or links it elsewhere, until the transaction ends. It has
    to be the one that the actor was shown: another may have its email meanwhile.
    """
    if link_to is None:
        return None
    hold_accounts([link_to])
    offer = link_offer(actor, contact, site)
    return offer if offer is not None and offer.user.pk == link_to else None


def hold_accounts(user_ids: Collection[int]) -> None:
    """Hold these accounts, in one order, until the transaction ends."""
    rows = User.objects.select_for_update(no_key=True).filter(pk__in=user_ids)
    list(rows.order_by("pk").values_list("pk"))


def hold_people(site: Site) -> None:
    """Hold the accounts of all people of ``site``."""
    people = Resident.objects.filter(site=site)
    hold_accounts(list(people.values_list("user_id", flat=True)))


def link_account(
    *, actor: User, offer: LinkOffer, site: Site, role: ResidentRole, now: datetime
) -> Resident:
    """Make the account of :func:`held_offer` a resident of ``site``, too.

    It stays as it is; in this house it has a SIP number of its own, and is registered if
    it is elsewhere. Who is just editing the person is told that something has changed.
    """
    user = offer.user
    elsewhere = Resident.objects.filter(user=user)
    is_registered = elsewhere.exclude(registered_at=None).exists()
    resident = Resident.objects.create(
        site=site,
        user=user,
        role=role,
        sip=allocate_sip_account(),
        registered_at=now if is_registered else None,
        created_at=now,
    )
    User.objects.filter(pk=user.pk).update(version=F("version") + 1)
    record(
        actor=actor,
        action="resident.linked",
        subject=user,
        organization_id=site.organization_id,
        site_id=site.pk,
        after={"role": role.value, "sip": resident.sip.number},
        now=now,
    )
    people_changed(site=site)
    return resident


def check_unlinked(
    *,
    actor: User,
    resident: Resident,
    before: Mapping[str, object],
    after: Mapping[str, object],
) -> None:
    """Whether a house's form may change what differs; its account is held by who calls.

    :raises AccountLinked: the account lives elsewhere, too.
    """
    changed = next((key for key in after if before[key] != after[key]), None)
    if changed is None:
        return
    links = links_of(actor, resident)
    if links:
        raise AccountLinked(links.reason, field=changed)


def forget_accounts(*, user_ids: Collection[int], now: datetime) -> None:
    """Delete those of these accounts that live nowhere any more; end what they opened.

    The others stay signed in, and reach what they still have. They are held by who calls.
    """
    homeless = User.objects.filter(pk__in=user_ids, residents=None).order_by("pk")
    for user in homeless:
        end_access(user=user, now=now)
    User.objects.filter(pk__in=[user.pk for user in homeless]).delete()
