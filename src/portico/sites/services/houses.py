"""A house that there is: changed by its installer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.audit.services import record
from portico.kernel.errors import NotVisible
from portico.kernel.rows import hold, save_shown
from portico.sites.enums import Feature, ResidentRole
from portico.sites.errors import StaysOn
from portico.sites.links import links_of
from portico.sites.models import Resident, Site
from portico.sites.selectors import get_visible_site
from portico.sites.services.entitlements import give_if_free
from portico.sites.services.linking import check_unlinked
from portico.sites.services.people import change_resident
from portico.sites.services.registration import HouseData, PersonData, house_fields
from portico.sites.services.residents import address_changed, people_changed
from portico.sites.services.video import set_video


@transaction.atomic
def change_house(
    *,
    actor: User,
    site: Site,
    data: HouseData,
    version: int,
    master_version: int,
    now: datetime,
) -> None:
    """Save what is known of a house and of its family master (SITE-7).

    The versions are those that were shown. Units get their files anew. Of a master with
    linked sites nothing is changed: name and language are then the house's own.

    :raises NotVisible: no house of ``actor``.
    :raises AccountLinked: the master has linked sites, and another contact or country.
    :raises StaysOn: the smart home was on.
    :raises ChangedMeanwhile: somebody else has saved since.
    :raises ContactMissing, BadPhone, EmailTaken, PhoneTaken, PlanNeeded, TrialUsed: as at
        registration.
    """
    site = get_visible_site(actor, site.pk)
    if site.is_community:
        raise NotVisible
    if site.smart_home and not data.smart_home:
        raise StaysOn(_("Once on, the smart home cannot be switched off."))
    fields = house_fields(data, site.organization)
    before = {key: getattr(site, key) for key in fields}
    save_shown(site, version, fields)
    if data.premium_plan and not before["premium_plan"]:
        give_if_free(site=site, feature=Feature.PREMIUM, now=now)
    set_video(actor=actor, site=site, data=data.video, now=now)
    master = Resident.objects.select_related("user", "sip").get(
        site=site, role=ResidentRole.MASTER
    )
    master.site = site
    # Held: no site is linked to the account meanwhile.
    user = hold(master.user)
    known, country = {"country": before["country"]}, {"country": data.country}
    check_unlinked(actor=actor, resident=master, before=known, after=country)
    person: PersonData = data
    if links_of(actor, master):
        person = replace(data, name=user.name, language=user.language)
    change_resident(
        actor=actor, resident=master, data=person, version=master_version, now=now
    )
    if before == fields:
        return
    _move_clocks(site, before)
    people_changed(site=site)
    if (before["country"], before["address"]) != (site.country, site.address):
        address_changed(site=site)
    record(
        actor=actor,
        action="site.changed",
        subject=site,
        organization_id=site.organization_id,
        site_id=site.pk,
        before=before,
        after=fields,
        now=now,
    )


def _move_clocks(site: Site, before: Mapping[str, object]) -> None:
    """Those who kept the house's time keep it; who lives elsewhere, too, has his own."""
    elsewhere = Resident.objects.exclude(site=site)
    for key in ("time_zone", "time_format"):
        people = User.objects.filter(residents__site=site, **{key: before[key]})
        alone = people.exclude(residents__in=elsewhere)
        alone.update(**{key: getattr(site, key)})
