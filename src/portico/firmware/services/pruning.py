"""The steps of upgrades that ended long ago are deleted; what became of each stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from portico.firmware.enums import CampaignState
from portico.firmware.models import DeviceUpgrade, UpgradeCampaign, UpgradeStep
from portico.kernel.queue import enqueue

PRUNE: Final = "firmware.prune"
# From the end of the campaign on. To look into a fault, and to compare with last year's.
STEPS_KEPT: Final = timedelta(days=365)
# Devices whose steps go in one statement; each has some five to twenty.
_BATCH: Final = 100
# Of one run; then another is ordered, so that a stopping worker need not wait long.
_MOST_BATCHES: Final = 200
_OVER: Final = (CampaignState.COMPLETED, CampaignState.STOPPED)


def order_prune() -> None:
    """Let a worker delete what is due, one at a time."""
    enqueue(PRUNE, unique_key=PRUNE)


def prune_steps(*, now: datetime) -> None:
    """Delete what has been kept for long enough."""
    for count, _ in enumerate(_batches(now), 1):
        if count == _MOST_BATCHES:
            order_prune()
            return


def _batches(now: datetime) -> Iterator[int]:
    """Delete one batch after the other, as long as there is something due."""
    due = UpgradeCampaign.objects.filter(
        state__in=_OVER,
        # Not one that still waits for devices which could not be taken back.
        next_at=None,
        ended_at__lt=now - STEPS_KEPT,
        is_pruned=False,
    )
    for campaign in due.order_by("ended_at"):
        rows = DeviceUpgrade.objects.filter(campaign=campaign).order_by("pk")
        ids = list(rows.values_list("pk", flat=True))
        for start in range(0, len(ids), _BATCH):
            steps = UpgradeStep.objects.filter(upgrade__in=ids[start : start + _BATCH])
            if gone := steps.delete()[0]:
                yield gone
        UpgradeCampaign.objects.filter(pk=campaign.pk).update(is_pruned=True)
