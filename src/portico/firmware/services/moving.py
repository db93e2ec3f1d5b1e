"""The one way in which an upgrade of a device, a wave or a campaign changes its state.

A move counts only from the state that was read; the counters of the wave and the log of
steps are written with it. Whoever comes second moves nothing.
"""

from __future__ import annotations

import functools
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from portico.firmware.enums import CampaignState, UpgradeState, WaveState
from portico.firmware.models import (
    DeviceUpgrade,
    UpgradeCampaign,
    UpgradeStep,
    UpgradeWave,
)
from portico.firmware.states import CAMPAIGNS, DEVICES, ENDED, ERRORS, WAVES
from portico.kernel.outbox import publish_on_commit

# Rows that are written in one statement.
CHUNK = 500


@transaction.atomic
def move(
    upgrades: Sequence[DeviceUpgrade],
    to: UpgradeState,
    *,
    reason: str = "",
    now: datetime,
    **fields: Any,
) -> list[DeviceUpgrade]:
    """Bring ``upgrades`` from the states that they were read in to ``to``.

    Returns those that were moved, as they are now.

    :raises ValueError: there is no such transition.
    """
    for upgrade in upgrades:
        if to not in DEVICES[UpgradeState(upgrade.state)]:
            raise ValueError(upgrade.state, to)
    moved = _unchanged(upgrades)
    if not moved:
        return []
    has_ended = to in ENDED
    changes = {"state": to, "reason": reason, "changed_at": now, **fields}
    if has_ended:
        changes |= {
            "is_claimed": False,
            "next_at": None,
            "deadline_at": None,
            "ended_at": now,
        }
    DeviceUpgrade.objects.filter(pk__in=[each.pk for each in moved]).update(**changes)
    news = [each for each in moved if (each.state, each.reason) != (to, reason)]
    for each in moved:
        for name, value in changes.items():
            setattr(each, name, value)
    UpgradeStep.objects.bulk_create(
        UpgradeStep(upgrade=each, at=now, state=to, reason=reason, attempt=each.attempt)
        for each in news
    )
    if has_ended:
        _count(moved, to)
    tell({each.campaign_id for each in news})
    return moved


def _unchanged(upgrades: Sequence[DeviceUpgrade]) -> list[DeviceUpgrade]:
    """Those that are as they were read, held until the end of the transaction."""
    read = {each.pk: (each.state, each.attempt) for each in upgrades}
    rows = DeviceUpgrade.objects.select_for_update(of=("self",), no_key=True)
    held = rows.filter(pk__in=list(read)).order_by("pk")
    return [each for each in held if (each.state, each.attempt) == read[each.pk]]


def _count(ended: Iterable[DeviceUpgrade], to: UpgradeState) -> None:
    totals = Counter(each.wave_id for each in ended)
    held = Counter(each.wave_id for each in ended if not each.is_late)
    for wave_id, count in sorted(totals.items()):
        changes: dict[str, Any] = {
            "remaining": F("remaining") - count,
            "holding": F("holding") - held[wave_id],
        }
        if to == UpgradeState.SUCCEEDED:
            changes["succeeded"] = F("succeeded") + count
        elif to in ERRORS:
            changes["failed"] = F("failed") + count
        UpgradeWave.objects.filter(pk=wave_id).update(**changes)


@transaction.atomic
def let_go(upgrades: Sequence[DeviceUpgrade]) -> None:
    """Their waves go on without them; they are waited for on their own."""
    late = [each for each in _unchanged(upgrades) if not each.is_late]
    DeviceUpgrade.objects.filter(pk__in=[each.pk for each in late]).update(is_late=True)
    for wave_id, count in sorted(Counter(each.wave_id for each in late).items()):
        rows = UpgradeWave.objects.filter(pk=wave_id)
        rows.update(holding=F("holding") - count)


def move_wave(wave: UpgradeWave, to: WaveState, **fields: Any) -> bool:
    """:raises ValueError: there is no such transition."""
    if to not in WAVES[WaveState(wave.state)]:
        raise ValueError(wave.state, to)
    rows = UpgradeWave.objects.filter(pk=wave.pk, state=wave.state)
    if not rows.update(state=to, **fields):
        return False
    wave.state = to
    for name, value in fields.items():
        setattr(wave, name, value)
    return True


def move_campaign(
    campaign: UpgradeCampaign, to: CampaignState, *, now: datetime, **fields: Any
) -> bool:
    """:raises ValueError: there is no such transition."""
    if to not in CAMPAIGNS[CampaignState(campaign.state)]:
        raise ValueError(campaign.state, to)
    rows = UpgradeCampaign.objects.filter(pk=campaign.pk, state=campaign.state)
    changes = {"state": to, "changed_at": now, **fields}
    if not rows.update(**changes):
        return False
    for name, value in changes.items():
        setattr(campaign, name, value)
    tell({campaign.pk})
    return True


def tell(campaign_ids: Iterable[uuid.UUID]) -> None:
    """Hint to pages that these campaigns changed."""
    for pk in campaign_ids:
        publish_on_commit(
            "upgrade.changed", campaign=str(pk), organization=_company_of(pk)
        )


@functools.lru_cache(maxsize=1024)
def _company_of(campaign_id: uuid.UUID) -> int | None:
    """It never changes."""
    rows = UpgradeCampaign.objects.filter(pk=campaign_id)
    return rows.values_list("organization", flat=True).first()
