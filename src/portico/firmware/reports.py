"""What pages tell of upgrades in numbers."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Count, Prefetch, Q, QuerySet, Sum

from portico.devices.models import Device
from portico.firmware.enums import Projection, UpgradeState
from portico.firmware.models import (
    DeviceUpgrade,
    FirmwareVersion,
    UpgradeCampaign,
    UpgradeStep,
    UpgradeWave,
)
from portico.firmware.newest import is_newer, newest_versions
from portico.firmware.states import PROJECTIONS


@dataclass(frozen=True, slots=True)
class Totals:
    """How far a campaign is, from the counters of its waves."""

    total: int
    remaining: int
    succeeded: int
    failed: int

    @property
    def ended(self) -> int:
        return self.total - self.remaining


def totals_of(campaign_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Totals]:
    """Of each of these campaigns; one query."""
    rows = UpgradeWave.objects.filter(campaign__in=campaign_ids).order_by()
    sums = rows.values_list("campaign").annotate(
        Sum("total"), Sum("remaining"), Sum("succeeded"), Sum("failed")
    )
    return {pk: Totals(*numbers) for pk, *numbers in sums}


def counts_by_wave(campaign: UpgradeCampaign) -> dict[int, dict[UpgradeState, int]]:
    """By wave how many devices are in which state; one query."""
    rows = DeviceUpgrade.objects.filter(campaign=campaign).order_by()
    found: dict[int, dict[UpgradeState, int]] = {}
    for wave, state, count in rows.values_list("wave", "state").annotate(Count("pk")):
        found.setdefault(wave, {})[UpgradeState(state)] = count
    return found


def names_in(
    campaign: UpgradeCampaign, states: Collection[UpgradeState], most: int
) -> list[str]:
    """The first ``most`` devices in one of ``states``."""
    rows = DeviceUpgrade.objects.filter(campaign=campaign, state__in=states)
    return list(rows.order_by("pk").values_list("device_name", flat=True)[:most])


def shares_of(campaign: UpgradeCampaign) -> tuple[int, ...]:
    """Its waves as they were asked for, in percent, 100 together.

    Of one from before that was kept: what its waves are.
    """
    if campaign.shares:
        return tuple(int(share) for share in campaign.shares.split(","))
    rows = UpgradeWave.objects.filter(campaign=campaign).order_by("number")
    return shares(list(rows.values_list("total", flat=True)))


def shares(totals: Sequence[int]) -> tuple[int, ...]:
    """``totals`` in percent of their sum, each at least 1, 100 together.

    The last one takes what rounding leaves.
    """
    whole = sum(totals) or 1
    first = [max(1, 100 * one // whole) for one in totals[:-1]]
    while sum(first) > 99:
        first.pop()
    return (*first, 100 - sum(first))


def with_steps(upgrades: QuerySet[DeviceUpgrade]) -> QuerySet[DeviceUpgrade]:
    """Each with what happened to it, oldest first, as its ``steps``."""
    steps = UpgradeStep.objects.order_by("pk")
    return upgrades.prefetch_related(Prefetch("steps", steps))


def search_upgrades_by(
    upgrades: QuerySet[DeviceUpgrade], *, text: str = "", mac: str = ""
) -> QuerySet[DeviceUpgrade]:
    """Narrow by a word of device or site, or by a part of a MAC."""
    if not text:
        return upgrades
    found = Q(device_name__icontains=text) | Q(site_name__icontains=text)
    return upgrades.filter(found | Q(device_mac__contains=mac) if mac else found)


def projection_of(upgrade: DeviceUpgrade) -> Projection:
    """What the guide calls its state."""
    return PROJECTIONS[UpgradeState(upgrade.state)]


def outdated(devices: QuerySet[Device]) -> QuerySet[Device]:
    """Those of ``devices`` for which there is a newer version; two queries."""
    rows = devices.exclude(model="").exclude(firmware="").order_by()
    known = list(rows.values_list("model", "firmware").distinct())
    newest = newest_versions({model for model, _ in known})
    behind: dict[str, list[str]] = {}
    for model, firmware in known:
        if is_newer(newest.get(model), firmware):
            behind.setdefault(model, []).append(firmware)
    wanted = Q(pk__in=())
    for model, versions in behind.items():
        wanted |= Q(model=model, firmware__in=versions)
    return devices.filter(wanted)


def update_for(
    newest: dict[str, FirmwareVersion], device: Device
) -> FirmwareVersion | None:
    """The version that ``device`` could have instead of its own."""
    version = newest.get(device.model)
    return version if is_newer(version, device.firmware) else None
