"""Communities: made, changed and deleted by their installer."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from portico.accounts.enums import TimeFormat
from portico.accounts.models import User
from portico.audit.services import record
from portico.kernel.errors import NotVisible
from portico.kernel.rows import hold, save_shown
from portico.sites.enums import SiteKind
from portico.sites.errors import StillInUse
from portico.sites.models import Site
from portico.sites.selectors import get_visible_site
from portico.sites.services.assignments import assign_to_maker
from portico.sites.services.residents import people_changed
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.models import Organization
from portico.tenancy.selectors import organization_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityData:
    """What the form of a community holds; texts are already trimmed.

    An empty ``time_zone`` means the installer's.
    """

    name: str
    country: str = ""
    address: str = ""
    time_zone: str = ""
    language: str = "en"
    time_format: TimeFormat = TimeFormat.HOURS_24


@transaction.atomic
def register_community(*, actor: User, data: CommunityData, now: datetime) -> Site:
    """Create a community. It has no residents, no family number and no app service.

    :raises NotVisible: ``actor`` is not of an installer.
    """
    company = hold(organization_of(actor, OrganizationKind.INSTALLER))
    fields = _fields(data, company)
    site = Site.objects.create(
        organization=company, kind=SiteKind.COMMUNITY, created_at=now, **fields
    )
    assign_to_maker(actor=actor, site=site, now=now)
    _record(actor, site, "registered", {}, fields, now=now)
    return site


@transaction.atomic
def change_community(
    *, actor: User, site: Site, data: CommunityData, version: int, now: datetime
) -> None:
    """Save what is known of a community; its units get their files anew.

    ``version`` is the one that was shown.

    :raises NotVisible: no community of ``actor``.
    :raises ChangedMeanwhile: somebody else has saved since.
    """
    site = _community(actor, site)
    fields = _fields(data, site.organization)
    before = {key: getattr(site, key) for key in fields}
    save_shown(site, version, fields)
    if before == fields:
        return
    # Name, language and time stand in the files, as the people of a house do.
    people_changed(site=site)
    _record(actor, site, "changed", before, fields, now=now)


@transaction.atomic
def delete_community(*, actor: User, site: Site, now: datetime) -> None:
    """Delete a community with its door log and the assignment of its managers.

    :raises NotVisible: no community of ``actor``.
    :raises StillInUse: devices or a bridge are in it; nothing was deleted.
    """
    site = _community(actor, site)
    # Held, so that no device comes in between: its row would refer to this one.
    hold(site)
    if site.devices.exists():
        raise StillInUse(
            _("%(name)s still has devices. Delete them first; nothing was deleted.")
            % {"name": site.name}
        )
    if site.bridges.filter(revoked_at=None).exists():
        raise StillInUse(
            _("%(name)s still has a bridge. Remove it first; nothing was deleted.")
            % {"name": site.name}
        )
    managers = [str(row.user) for row in site.management.select_related("user")]
    before = {"name": site.name, "address": site.address, "managers": managers}
    _record(actor, site, "deleted", before, {}, now=now)
    Site.objects.filter(pk=site.pk).delete()


def _community(actor: User, site: Site) -> Site:
    found = get_visible_site(actor, site.pk)
    if not found.is_community:
        raise NotVisible
    return found


def _fields(data: CommunityData, company: Organization) -> dict[str, str]:
    zone = data.time_zone or company.time_zone
    if zone not in zoneinfo.available_timezones():
        raise NotVisible
    # A community goes by one name on all pages.
    return {**asdict(data), "room_name": data.name, "time_zone": zone}


def _record(
    actor: User,
    site: Site,
    verb: str,
    before: Mapping[str, object],
    after: Mapping[str, object],
    *,
    now: datetime,
) -> None:
    record(
        actor=actor,
        action=f"community.{verb}",
        subject=site,
        organization_id=site.organization_id,
        site_id=site.pk,
        before=before,
        after=after,
        now=now,
    )
