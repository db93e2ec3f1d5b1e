"""Every read of firmware and upgrades starts here."""

from __future__ import annotations

import uuid

from django.db.models import Count, Max, Q, QuerySet

from portico.accounts.models import User
from portico.devices.models import Device
from portico.devices.selectors import visible_devices
from portico.firmware.enums import CampaignState, Projection, UpgradeState
from portico.firmware.models import (
    DeviceUpgrade,
    FirmwareVersion,
    Preparation,
    UpgradeCampaign,
    UpgradeStep,
    UpgradeWave,
)
from portico.firmware.states import ERRORS, in_state
from portico.kernel.errors import NotVisible
from portico.sites.selectors import visible_sites
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.selectors import membership_of, organization_of


def firmware_versions() -> QuerySet[FirmwareVersion]:
    """All releases; they are the same for everybody."""
    return FirmwareVersion.objects.select_related("artifact")


def get_version(version_id: int | str) -> FirmwareVersion:
    """:raises NotVisible: there is none."""
    try:
        return firmware_versions().get(pk=version_id)
    except (FirmwareVersion.DoesNotExist, ValueError):
        raise NotVisible from None


def visible_campaigns(actor: User) -> QuerySet[UpgradeCampaign]:
    """Those of his company of which every device is in a site that he may see.

    Of one that is being prepared, or whose houses are deleted, that cannot be told: to a
    sub-installer it is somebody else's, unless he has ordered it.
    """
    company = organization_of(actor, OrganizationKind.INSTALLER)
    rows = DeviceUpgrade.objects.filter(campaign__organization=company)
    others = rows.filter(site__isnull=False).exclude(site__in=visible_sites(actor))
    found = UpgradeCampaign.objects.select_related("version__artifact").filter(
        organization=company
    )
    found = found.exclude(pk__in=others.values("campaign"))
    membership = membership_of(actor)
    if membership is None or membership.role != Role.SUB_INSTALLER:
        return found
    is_told = Q(pk__in=rows.values("campaign")) & ~Q(state=CampaignState.PREPARING)
    is_gone = Q(pk__in=rows.filter(site__isnull=True).values("campaign"))
    return found.filter(Q(created_by=actor) | (is_told & ~is_gone))


def get_visible_campaign(actor: User, campaign_id: uuid.UUID) -> UpgradeCampaign:
    """:raises NotVisible: there is none for him."""
    found = visible_campaigns(actor).filter(pk=campaign_id).first()
    if found is None:
        raise NotVisible
    return found


def failing_campaigns() -> int:
    """How many the worker has put off because of an error of Portico's own."""
    due = UpgradeCampaign.objects.filter(next_at__isnull=False, failures__gt=0)
    return due.count()


def preparation_of(campaign: UpgradeCampaign) -> Preparation | None:
    """How far it is with writing down its devices; None: all are."""
    rows = Preparation.objects.filter(campaign=campaign)
    return rows.defer("targets").first()


def visible_upgrades(actor: User) -> QuerySet[DeviceUpgrade]:
    """The records of the list, of devices in sites that he may see."""
    company = organization_of(actor, OrganizationKind.INSTALLER)
    return DeviceUpgrade.objects.select_related(
        "campaign__version", "device", "site", "wave"
    ).filter(
        campaign__organization=company,
        site__in=visible_sites(actor),
        is_hidden=False,
    )


def get_visible_upgrade(actor: User, upgrade_id: int) -> DeviceUpgrade:
    """:raises NotVisible: there is none for him."""
    found = visible_upgrades(actor).filter(pk=upgrade_id).first()
    if found is None:
        raise NotVisible
    return found


def search_upgrades(
    upgrades: QuerySet[DeviceUpgrade],
    *,
    status: str = "",
    project: str = "",
    site: str = "",
    version: str = "",
) -> QuerySet[DeviceUpgrade]:
    """As the guide searches them; empty: all."""
    if status in Projection.values:
        upgrades = upgrades.filter(state__in=in_state(Projection(status)))
    if project:
        upgrades = upgrades.filter(campaign__project=project)
    if site := site.strip():
        upgrades = upgrades.filter(site_name__icontains=site)
    if version := version.strip():
        upgrades = upgrades.filter(campaign__version__version__icontains=version)
    return upgrades


def upgrades_of(campaign: UpgradeCampaign) -> QuerySet[DeviceUpgrade]:
    return DeviceUpgrade.objects.select_related("device", "wave").filter(
        campaign=campaign
    )


def counts_by_state(campaign: UpgradeCampaign) -> dict[UpgradeState, int]:
    """How many devices are in each state; states that none is in are left out."""
    rows = DeviceUpgrade.objects.filter(campaign=campaign).order_by()
    found = rows.values_list("state").annotate(count=Count("pk"))
    return {UpgradeState(state): count for state, count in found}


def waves_of(campaign: UpgradeCampaign) -> QuerySet[UpgradeWave]:
    return UpgradeWave.objects.filter(campaign=campaign).order_by("number")


def steps_of(upgrade: DeviceUpgrade) -> QuerySet[UpgradeStep]:
    """What happened to it, oldest first."""
    return UpgradeStep.objects.filter(upgrade=upgrade).order_by("pk")


def upgrades_at(device: Device) -> QuerySet[DeviceUpgrade]:
    """What was done to a device, newest first."""
    rows = DeviceUpgrade.objects.filter(device=device).order_by("-pk")
    return rows.select_related("campaign__version")


def failed_devices(actor: User, campaign: UpgradeCampaign) -> list[int]:
    """Devices that failed, timed out or were aborted, and still are his."""
    states = (*ERRORS, UpgradeState.ABORTED)
    rows = DeviceUpgrade.objects.filter(campaign=campaign, state__in=states)
    mine = visible_devices(actor).filter(pk__in=rows.values("device"))
    return list(mine.order_by("pk").values_list("pk", flat=True))


def failed_upgrades(actor: User) -> QuerySet[DeviceUpgrade]:
    """Newest upgrades of his devices that failed, and that nothing has followed."""
    mine = DeviceUpgrade.objects.filter(
        site__in=visible_sites(actor), device__isnull=False
    )
    last = mine.order_by().values("device").annotate(last=Max("pk")).values("last")
    return visible_upgrades(actor).filter(pk__in=last, state__in=ERRORS)
