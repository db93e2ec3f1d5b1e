"""Campaigns are held, go on, and end; what that means for devices on their way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from portico.firmware.models import (
    DeviceUpgrade,
    Preparation,
    UpgradeCampaign,
    UpgradeWave,
)
from portico.firmware.services.moving import CHUNK, move, move_campaign, move_wave
from portico.notices.enums import NoticeKind
from portico.notices.services.telling import notify
from portico.provisioning.services.autop import withdraw_lines

_ON_THEIR_WAY = (UpgradeState.OFFERED, UpgradeState.DOWNLOADING)
_WAITS = (UpgradeState.QUEUED, UpgradeState.WAITING)


@transaction.atomic
def hold_campaign(
    campaign: UpgradeCampaign, reason: PauseReason, *, now: datetime
) -> bool:
    """Offer nothing more; what was not written yet is taken back.

    Devices past the point of no return go on to their end.
    """
    if not move_campaign(
        campaign, CampaignState.PAUSED, now=now, pause_reason=reason, next_at=now
    ):
        return False
    while part := _held(campaign, _ON_THEIR_WAY, most=CHUNK):
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
    """Stop for good: what was not written yet never will be.

    What is on its way is taken back here and now. Of many that only wait the worker
    cancels the rest, part by part; nothing is offered to them any more.
    """
    if not move_campaign(
        campaign,
        CampaignState.STOPPED,
        now=now,
        ended_at=now,
        next_at=now,
        pause_reason="",
    ):
        return False
    Preparation.objects.filter(campaign=campaign).delete()
    # All are held before the first is moved: their waves come last, as everywhere.
    flying = _held(campaign, _ON_THEIR_WAY)
    _cancel([*flying, *_held(campaign, _WAITS, most=CHUNK)], now)
    for wave in UpgradeWave.objects.filter(campaign=campaign):
        if wave.state not in {WaveState.PASSED, WaveState.CANCELLED}:
            move_wave(wave, WaveState.CANCELLED)
    return True


@transaction.atomic
def cancel_some(campaign: UpgradeCampaign, *, now: datetime) -> int:
    """Of a stopped campaign: a part of what still waits; returns how many."""
    part = _held(campaign, _WAITS, most=CHUNK)
    _cancel(part, now)
    return len(part)


def _cancel(rows: Sequence[DeviceUpgrade], now: datetime) -> None:
    _withdraw(rows, now)
    # Waves are written in one order, so that nobody waits for one across another.
    by_wave = sorted(rows, key=lambda row: (row.wave_id, row.pk))
    for start in range(0, len(by_wave), CHUNK):
        part = by_wave[start : start + CHUNK]
        move(part, UpgradeState.CANCELLED, reason=Why.STOPPED, now=now)


def _held(
    campaign: UpgradeCampaign, states: Iterable[UpgradeState], most: int | None = None
) -> list[DeviceUpgrade]:
    """Held, so that what is read is what is moved."""
    rows = DeviceUpgrade.objects.filter(campaign=campaign, state__in=list(states))
    held = rows.select_for_update(of=("self",), no_key=True).order_by("pk")
    return list(held[:most])


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
