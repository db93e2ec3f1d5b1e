"""Campaigns are held, go on, and end; what that means for devices on their way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from portico.firmware.enums import (
    CampaignState,
    PauseReason,
    UpgradeState,
    WaveState,
    Why,
)
from portico.firmware.models import DeviceUpgrade, UpgradeCampaign, UpgradeWave
from portico.firmware.services.moving import CHUNK, move, move_campaign, move_wave
from portico.notices.enums import NoticeKind
from portico.notices.services.telling import notify
from portico.provisioning.services.autop import withdraw_lines

_ON_THEIR_WAY = (UpgradeState.OFFERED, UpgradeState.DOWNLOADING)
_UNTOUCHED = (UpgradeState.QUEUED, UpgradeState.WAITING, *_ON_THEIR_WAY)


@transaction.atomic
def hold_campaign(
    campaign: UpgradeCampaign, reason: PauseReason, *, now: datetime
) -> bool:
    """Offer nothing more; what was not written yet is taken back.

    Devices past the point of no return go on to their end.
    """
    if not move_campaign(campaign, CampaignState.PAUSED, now=now, pause_reason=reason):
        return False
    while part := _part(campaign, _ON_THEIR_WAY):
        _withdraw(part, now)
        move(
            part,
            UpgradeState.QUEUED,
            now=now,
            next_at=now,
            command_id=None,
            autop_item=None,
            deadline_at=None,
        )
    if reason != PauseReason.MANUAL:
        tell_company(campaign, NoticeKind.UPGRADE_STOPPED, now)
    return True


@transaction.atomic
def end_campaign(campaign: UpgradeCampaign, *, now: datetime) -> bool:
    """Stop for good: what was not written yet never will be."""
    if not move_campaign(
        campaign, CampaignState.STOPPED, now=now, ended_at=now, pause_reason=""
    ):
        return False
    while part := _part(campaign, _UNTOUCHED):
        _withdraw(part, now)
        move(part, UpgradeState.CANCELLED, reason=Why.STOPPED, now=now)
    for wave in UpgradeWave.objects.filter(campaign=campaign):
        if wave.state not in {WaveState.PASSED, WaveState.CANCELLED}:
            move_wave(wave, WaveState.CANCELLED)
    return True


def _part(
    campaign: UpgradeCampaign, states: Iterable[UpgradeState]
) -> list[DeviceUpgrade]:
    rows = DeviceUpgrade.objects.filter(campaign=campaign, state__in=list(states))
    # Held, so that what is read is what is moved.
    return list(
        rows.select_for_update(of=("self",), no_key=True).order_by("pk")[:CHUNK]
    )


def _withdraw(rows: Iterable[DeviceUpgrade], now: datetime) -> None:
    items = [row.autop_item_id for row in rows if row.autop_item_id is not None]
    if items:
        withdraw_lines(item_ids=items, now=now)


def tell_company(campaign: UpgradeCampaign, kind: NoticeKind, now: datetime) -> None:
    """A campaign is finished, or has stopped by itself and waits for somebody."""
    waves = UpgradeWave.objects.filter(campaign=campaign)
    sums = waves.aggregate(done=Sum("succeeded"), failed=Sum("failed"))
    notify(
        organization_id=campaign.organization_id,
        kind=kind,
        params={
            "name": str(campaign),
            "done": sums["done"] or 0,
            "failed": sums["failed"] or 0,
            "campaign": str(campaign.pk),
        },
        key=f"{kind}:{campaign.pk}:{campaign.forgiven}",
        now=now,
    )
