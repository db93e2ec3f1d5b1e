"""The tick of upgrades: campaigns begin, go from wave to wave, and stop by themselves.

Safe to run by several workers at once, and to be killed anywhere: what is done is decided
by conditional moves, and everything that waits has a time at which it is looked at again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from portico.firmware.enums import (
    CampaignState,
    PauseReason,
    UpgradeState,
    WaveState,
    Why,
)
from portico.firmware.models import DeviceUpgrade, UpgradeCampaign, UpgradeWave
from portico.firmware.rules import is_over_limit
from portico.firmware.services.checking import check_flights
from portico.firmware.services.moving import (
    CHUNK,
    move,
    move_campaign,
    move_wave,
    tell,
)
from portico.firmware.services.offering import Offering
from portico.firmware.services.pausing import hold_campaign, tell_company
from portico.firmware.states import FLYING, OPEN
from portico.notices.enums import NoticeKind

# Devices of one campaign that are looked at in one run, in each of the two groups.
BATCH: Final = CHUNK
# Longer than any phase beyond the point of no return.
_LAST_FLIGHTS: Final = timedelta(days=1)
_RUNS: Final = (CampaignState.RUNNING, CampaignState.PAUSED)
_WAITS: Final = (UpgradeState.QUEUED, UpgradeState.WAITING)


def run_campaigns(*, now: datetime) -> None:
    """Do what is due in all campaigns."""
    due = UpgradeCampaign.objects.filter(
        state=CampaignState.SCHEDULED, starts_at__lte=now
    )
    for campaign in due.select_related("version").order_by("starts_at", "created_at"):
        _start(campaign, now)
    # Of a stopped one those that could not be taken back any more go on to their end.
    ending = Q(state=CampaignState.STOPPED, ended_at__gte=now - _LAST_FLIGHTS)
    live = UpgradeCampaign.objects.filter(Q(state__in=_RUNS) | ending)
    for campaign in live.select_related("version", "created_by").order_by("created_at"):
        run_campaign(campaign, now=now)


@transaction.atomic
def _start(campaign: UpgradeCampaign, now: datetime) -> None:
    if move_campaign(campaign, CampaignState.RUNNING, now=now, started_at=now):
        _claim(campaign, now)


def _claim(campaign: UpgradeCampaign, now: datetime) -> None:
    """Each device for one campaign; a constraint sees to it."""
    rows = DeviceUpgrade.objects.filter(
        campaign=campaign, state__in=OPEN, is_claimed=False
    )
    taken = DeviceUpgrade.objects.filter(is_claimed=True, device__isnull=False)
    rows.filter(device__isnull=False).exclude(device__in=taken.values("device")).update(
        is_claimed=True
    )
    for part in _parts(rows):
        move(part, UpgradeState.SKIPPED, reason=Why.OTHER_CAMPAIGN, now=now)


def _parts(rows: QuerySet[DeviceUpgrade]) -> Iterator[list[DeviceUpgrade]]:
    """All of ``rows`` in parts; what is done with a part takes it out of them."""
    while part := list(rows.order_by("pk")[:CHUNK]):
        yield part


def run_campaign(campaign: UpgradeCampaign, *, now: datetime) -> None:
    """Do what is due in ``campaign``, a bounded number of its devices."""
    if campaign.state == CampaignState.RUNNING and campaign.version.known_bad:
        hold_campaign(campaign, PauseReason.WITHDRAWN, now=now)
    due = (
        DeviceUpgrade.objects.filter(
            campaign=campaign, is_claimed=True, next_at__lte=now
        )
        .select_related(
            "device__site",
            "device__presence",
            "device__access",
            "device__provisioning_file",
        )
        .order_by("next_at", "pk")
    )
    flying = list(due.filter(state__in=FLYING)[:BATCH])
    if flying:
        check_flights(campaign, flying, now)
    if campaign.state in _RUNS:
        _advance(campaign, now)
    if campaign.state == CampaignState.RUNNING:
        waiting = list(due.filter(state__in=_WAITS)[:BATCH])
        if waiting:
            Offering(campaign, waiting, now).run()


@transaction.atomic
def _advance(campaign: UpgradeCampaign, now: datetime) -> None:
    """From wave to wave; a campaign that fails too often stops here."""
    waves = list(UpgradeWave.objects.filter(campaign=campaign).order_by("number"))
    if campaign.state == CampaignState.RUNNING and _is_over(campaign, waves):
        _trip(campaign, waves, now)
    for wave in waves:
        _advance_wave(campaign, wave, now)
    if campaign.state == CampaignState.RUNNING:
        _next_wave(campaign, waves, now)
    is_over = all(
        wave.state == WaveState.PASSED and not wave.remaining for wave in waves
    )
    if is_over and move_campaign(
        campaign, CampaignState.COMPLETED, now=now, ended_at=now
    ):
        tell_company(campaign, NoticeKind.UPGRADE_FINISHED, now)


def _is_over(campaign: UpgradeCampaign, waves: list[UpgradeWave]) -> bool:
    failed = sum(wave.failed for wave in waves)
    return is_over_limit(
        failed=failed,
        tried=failed + sum(wave.succeeded for wave in waves),
        forgiven=campaign.forgiven,
        percent=campaign.error_percent,
        sample=campaign.error_sample,
        cap=campaign.error_cap,
    )


def _trip(campaign: UpgradeCampaign, waves: list[UpgradeWave], now: datetime) -> None:
    for wave in waves:
        if wave.state in {WaveState.RUNNING, WaveState.SOAKING}:
            move_wave(wave, WaveState.TRIPPED)
    hold_campaign(campaign, PauseReason.ERROR_LIMIT, now=now)


def _advance_wave(campaign: UpgradeCampaign, wave: UpgradeWave, now: datetime) -> None:
    if wave.state == WaveState.RUNNING and wave.holding <= 0:
        until = now + timedelta(minutes=campaign.soak_minutes)
        move_wave(wave, WaveState.SOAKING, soak_until=until)
        tell({campaign.pk})
    is_soaked = wave.soak_until is not None and now >= wave.soak_until
    if wave.state == WaveState.SOAKING and is_soaked:
        move_wave(wave, WaveState.PASSED)
        tell({campaign.pk})


def _next_wave(
    campaign: UpgradeCampaign, waves: list[UpgradeWave], now: datetime
) -> None:
    """The first wave that waits begins, once all before it have passed."""
    for wave in waves:
        if wave.state == WaveState.PASSED:
            continue
        if wave.state == WaveState.WAITING and move_wave(
            wave, WaveState.RUNNING, started_at=now
        ):
            rows = DeviceUpgrade.objects.filter(wave=wave, state__in=_WAITS)
            rows.filter(next_at=None).update(next_at=now)
            tell({campaign.pk})
        return


def is_consistent(campaign: UpgradeCampaign) -> bool:
    """Whether the counters of the waves equal the rows; for tests and the operator."""
    for wave in UpgradeWave.objects.filter(campaign=campaign):
        rows = DeviceUpgrade.objects.filter(wave=wave)
        still = rows.filter(state__in=OPEN)
        told = (wave.total, wave.remaining, wave.holding, wave.succeeded, wave.failed)
        true = (
            rows.count(),
            still.count(),
            still.filter(is_late=False).count(),
            rows.filter(state=UpgradeState.SUCCEEDED).count(),
            rows.filter(
                state__in=[UpgradeState.FAILED, UpgradeState.TIMED_OUT]
            ).count(),
        )
        if told != true:
            return False
    return True
