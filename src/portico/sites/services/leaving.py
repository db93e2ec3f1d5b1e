"""The people of a house leave it: for a change of tenant, or with the house."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F

from portico.accounts.models import User
from portico.accounts.services.people import forget_ways_in
from portico.audit.services import record
from portico.kernel.ids import new_secret
from portico.sites.enums import ResidentRole
from portico.sites.models import Entitlement, Resident, SipAccount, Site
from portico.sites.services.linking import forget_accounts, hold_people
from portico.sites.services.people import delete_family_member
from portico.sites.services.residents import new_account, people_changed

# What a new tenant enters anew.
_FORGOTTEN = ("country", "landline_1", "landline_2", "landline_3")


@transaction.atomic
def empty_house(*, actor: User, site: Site, now: datetime) -> None:
    """Take the people out of ``site`` (SITE-8); call inside the whole reset.

    Family members go. The master's account stays, unregistered and with no way in, until
    he gets another email or number; one with linked sites stays with those, and another
    that is so stands in its place. Services, call type, times, language, plans and devices
    stay as they are.
    """
    hold_people(site)
    members = Resident.objects.filter(site=site, role=ResidentRole.MEMBER)
    for member in members.select_related("site", "user", "sip"):
        delete_family_member(actor=actor, resident=member, now=now)
    master = Resident.objects.select_related("user", "sip").get(
        site=site, role=ResidentRole.MASTER
    )
    before = {name: getattr(site, name) for name in _FORGOTTEN}
    before |= {"email": master.user.email, "phone": master.user.phone}
    left = _left_behind(master, site, now)
    Resident.objects.filter(pk=master.pk).update(registered_at=None, user=left)
    for sip in (master.sip, site.family_sip):
        if sip is not None:
            sip.password = new_secret()
            sip.save(update_fields=["password"])
    emptied = dict.fromkeys(_FORGOTTEN, "")
    rows = Site.objects.filter(pk=site.pk)
    rows.update(version=F("version") + 1, reset_at=now, **emptied)
    site.refresh_from_db()
    people_changed(site=site)
    record(
        actor=actor,
        action="site.reset",
        subject=site,
        organization_id=site.organization_id,
        site_id=site.pk,
        before=before,
        after={"members": 0},
        now=now,
    )


def _left_behind(master: Resident, site: Site, now: datetime) -> User:
    """The account without a way in that the house keeps."""
    user = master.user
    if Resident.objects.filter(user=user).exclude(pk=master.pk).exists():
        return new_account(
            site=site,
            name=user.name,
            language=site.language,
            time_format=site.time_format,
        )
    forget_ways_in(user=user, now=now)
    return user


@transaction.atomic
def delete_site_with_people(*, actor: User, site: Site, now: datetime) -> None:
    """Delete ``site`` and the accounts of its people; its devices are gone already.

    Accounts with linked sites stay with those.
    """
    hold_people(site)
    people = list(Resident.objects.filter(site=site).select_related("user", "sip"))
    master = next(one.user for one in people if one.role == ResidentRole.MASTER)
    record(
        actor=actor,
        action="site.deleted",
        subject=site,
        organization_id=site.organization_id,
        site_id=site.pk,
        before={
            "name": site.name,
            "address": site.address,
            "email": master.email,
            "phone": master.phone,
            "people": [str(one.user) for one in people],
        },
        now=now,
    )
    Entitlement.objects.filter(site=site).delete()
    Resident.objects.filter(site=site).delete()
    Site.objects.filter(pk=site.pk).delete()
    numbers = [one.sip_id for one in people]
    if site.family_sip_id is not None:
        numbers.append(site.family_sip_id)
    SipAccount.objects.filter(pk__in=numbers).delete()
    forget_accounts(user_ids=[one.user_id for one in people], now=now)
